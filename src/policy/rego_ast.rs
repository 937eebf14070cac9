//! The syntax tree of policies, as far as the checks before an evaluation need it.

use regorus::unstable::{Expr, Module, Query, Ref, Rule, RuleHead, Span};

use super::rego_error::RegoError;

/// The error of what begins with this span.
pub(super) fn error(span: &Span, problem: String) -> RegoError {
    RegoError {
        place: format!("{}:{}:{}", span.source.file(), span.line, span.col),
        problem,
    }
}

/// The rules of a module and of the others with the same package.
pub(super) fn rules_of_package<'a>(
    modules: &'a [Ref<Module>],
    module: &Module,
) -> impl Iterator<Item = &'a Ref<Rule>> {
    let package = names(&module.package.refr).join(".");
    (modules.iter())
        .filter(move |other| names(&other.package.refr).join(".") == package)
        .flat_map(|other| &other.policy)
}

/// The names of a reference as far as they are fixed: `data`, `lib` and `f` of `data.lib.f[x]`. Empty if it does not begin
/// with a name.
pub(super) fn names(expr: &Expr) -> Vec<&str> {
    let (mut names, mut expr) = (Vec::new(), expr);
    loop {
        match expr {
            Expr::Var { span, .. } => {
                names.push(span.text());
                names.reverse();
                return names;
            }
            Expr::RefDot { refr, field, .. } => {
                names.push(field.0.text());
                expr = refr;
            }
            Expr::RefBrack { refr, index, .. } => {
                match &**index {
                    Expr::String { value, .. } | Expr::RawString { value, .. } => {
                        names.push(value.as_string().map_or("", |text| text));
                    }
                    // What is behind it is not fixed.
                    _ => names.clear(),
                }
                expr = refr;
            }
            _ => return Vec::new(),
        }
    }
}

/// What a reference begins with.
pub(super) fn root(mut expr: &Expr) -> &Expr {
    while let Expr::RefDot { refr, .. } | Expr::RefBrack { refr, .. } = expr {
        expr = refr;
    }
    expr
}

/// The expressions that an expression consists of, without what comprehensions and the names of functions have.
pub(super) fn parts(expr: &Expr) -> Vec<&Ref<Expr>> {
    match expr {
        Expr::Array { items, .. } | Expr::Set { items, .. } => items.iter().collect(),
        Expr::Object { fields, .. } => {
            let fields = fields.iter();
            fields.flat_map(|(_, key, value)| [key, value]).collect()
        }
        Expr::Call { params, .. } => params.iter().collect(),
        Expr::UnaryExpr { expr, .. } => vec![expr],
        Expr::RefDot { refr, .. } => vec![refr],
        Expr::RefBrack { refr, index, .. } => vec![refr, index],
        Expr::BinExpr { lhs, rhs, .. }
        | Expr::BoolExpr { lhs, rhs, .. }
        | Expr::ArithExpr { lhs, rhs, .. }
        | Expr::AssignExpr { lhs, rhs, .. } => vec![lhs, rhs],
        Expr::Membership {
            key,
            value,
            collection,
            ..
        } => key.iter().chain([value, collection]).collect(),
        _ => Vec::new(),
    }
}

/// The terms of a comprehension and its body.
pub(super) fn comprehension(expr: &Expr) -> Option<(Vec<&Ref<Expr>>, &Ref<Query>)> {
    match expr {
        Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
            Some((vec![term], query))
        }
        Expr::ObjectCompr {
            key, value, query, ..
        } => Some((vec![key, value], query)),
        _ => None,
    }
}

/// What a rule is called by, with its indices.
pub(super) fn head(rule: &Rule) -> &Ref<Expr> {
    match rule {
        Rule::Default { refr, .. }
        | Rule::Spec {
            head:
                RuleHead::Compr { refr, .. } | RuleHead::Set { refr, .. } | RuleHead::Func { refr, .. },
            ..
        } => refr,
    }
}

/// The name under which a module knows what it imports.
pub(super) fn aliases(module: &Module) -> impl Iterator<Item = (&str, Vec<&str>)> {
    module.imports.iter().filter_map(|import| {
        let path = names(&import.refr);
        let alias = import.r#as.as_ref().map(Span::text);
        Some((alias.or_else(|| path.last().copied())?, path))
    })
}

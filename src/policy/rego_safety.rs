//! Finds variables without a value, and functions that are not there. opa refuses such policies (`rego_unsafe_var_error`,
//! `rego_type_error`); regorus evaluates them all the same, to something else, and knows functions only when it calls them.
//!
//! A variable gets a value by an assignment, by `some … in`, as an index, or as the result of a function, unless behind
//! `not`. Where the order matters, the one that works is assumed.

use std::collections::{BTreeMap, BTreeSet};

use regorus::unstable::{
    AssignOp, BUILTINS, Expr, Literal, LiteralStmt, Module, Ref, Rule, RuleHead, Span,
};

use super::rego_ast::{aliases, comprehension, error, head, names, parts, root, rules_of_package};
use super::rego_error::RegoError;

type Names<'a> = BTreeSet<&'a str>;

/// The first variable without a value, or function that is not there.
pub(super) fn check(modules: &[Ref<Module>]) -> Result<(), RegoError> {
    let mut arities = BTreeMap::new();
    for module in modules {
        for rule in &module.policy {
            if let Rule::Spec {
                head: RuleHead::Func { refr, args, .. },
                ..
            } = &**rule
            {
                let path = [names(&module.package.refr), names(refr)].concat();
                arities.insert(path.join("."), args.len());
            }
        }
    }
    for module in modules {
        let rules = rules_of_package(modules, module);
        let rules = rules.filter_map(|rule| names(head(rule)).first().copied());
        let aliases: BTreeMap<&str, Vec<&str>> = aliases(module).collect();
        let checker = Checker {
            globals: rules.chain(aliases.keys().copied()).collect(),
            package: names(&module.package.refr),
            aliases,
            arities: &arities,
        };
        for rule in &module.policy {
            checker.rule(rule)?;
        }
    }
    Ok(())
}

/// What a module knows everywhere.
struct Checker<'a> {
    globals: Names<'a>,
    package: Vec<&'a str>,
    aliases: BTreeMap<&'a str, Vec<&'a str>>,
    /// How many arguments the functions of all modules have.
    arities: &'a BTreeMap<String, usize>,
}

impl<'a> Checker<'a> {
    fn rule(&self, rule: &'a Rule) -> Result<(), RegoError> {
        let Rule::Spec {
            head: rule_head,
            bodies,
            ..
        } = rule
        else {
            return Ok(());
        };
        let mut arguments = Names::new();
        // What a body must give values to.
        let mut outputs: Vec<&Expr> = indices(head(rule));
        let is_partial = match rule_head {
            RuleHead::Func { args, assign, .. } => {
                for arg in args {
                    give(arg, &mut arguments);
                }
                outputs.extend(assign.iter().map(|assign| &*assign.value));
                false
            }
            RuleHead::Compr { assign, refr, .. } => {
                outputs.extend(assign.iter().map(|assign| &*assign.value));
                matches!(&**refr, Expr::RefBrack { .. })
            }
            RuleHead::Set { key, .. } => {
                outputs.extend(key.iter().map(|key| &**key));
                true
            }
        };
        if bodies.is_empty() {
            return self.statements(&[], &arguments, &outputs);
        }
        for (number, body) in bodies.iter().enumerate() {
            let of_body: Vec<&Expr> = match &body.assign {
                assign if number > 0 && (!is_partial || assign.is_some()) => {
                    assign.iter().map(|assign| &*assign.value).collect()
                }
                _ => outputs.clone(),
            };
            self.statements(&body.query.stmts, &arguments, &of_body)?;
        }
        Ok(())
    }

    /// Checks a body inside of these variables, and the terms that need its variables.
    fn statements(
        &self,
        statements: &'a [LiteralStmt],
        outer: &Names<'a>,
        outputs: &[&'a Expr],
    ) -> Result<(), RegoError> {
        let mut given = outer.clone();
        loop {
            let before = given.len();
            for statement in statements {
                self.learn(statement, &mut given);
            }
            for output in outputs {
                self.learn_indices(output, &mut given);
            }
            if given.len() == before {
                break;
            }
        }
        for LiteralStmt {
            literal, with_mods, ..
        } in statements
        {
            match literal {
                Literal::SomeVars { .. } => {}
                Literal::Expr { expr, .. } => self.expression(expr, &given)?,
                Literal::NotExpr { expr, .. } => {
                    self.expression(expr, &given)?;
                    wildcard(expr).map_or(Ok(()), |span| Err(is_unsafe(span)))?;
                }
                Literal::SomeIn {
                    key,
                    value,
                    collection,
                    ..
                } => {
                    for part in key.iter().chain([value, collection]) {
                        self.expression(part, &given)?;
                    }
                }
                Literal::Every {
                    key,
                    value,
                    domain,
                    query,
                    ..
                } => {
                    self.expression(domain, &given)?;
                    let mut inner = given.clone();
                    inner.extend(key.iter().chain([value]).map(Span::text));
                    self.statements(&query.stmts, &inner, &[])?;
                }
            }
            for modifier in with_mods {
                self.expression(&modifier.r#as, &given)?;
            }
        }
        outputs
            .iter()
            .try_for_each(|output| self.expression(output, &given))
    }

    /// Checks that every variable of an expression has a value.
    fn expression(&self, expr: &'a Expr, given: &Names<'a>) -> Result<(), RegoError> {
        if let Some((terms, query)) = comprehension(expr) {
            let terms: Vec<&Expr> = terms.into_iter().map(|term| &**term).collect();
            return self.statements(&query.stmts, given, &terms);
        }
        match expr {
            Expr::Var { span, .. } if !self.is_name_known(span.text(), given) => {
                Err(is_unsafe(span))
            }
            expr => {
                if let Expr::Call { fcn, params, .. } = expr {
                    self.function(fcn, params.len())?;
                }
                let mut parts = parts(expr).into_iter();
                parts.try_for_each(|part| self.expression(part, given))
            }
        }
    }

    /// Checks that a function is there and takes so many arguments. One more stands for its result.
    fn function(&self, function: &Expr, given: usize) -> Result<(), RegoError> {
        let name = names(function).join(".");
        let problem = match self.arity(function) {
            None if name != "print" => format!("could not find function {name}"),
            Some(arity) if given != arity && given != arity + 1 => {
                format!("function {name} takes {arity} arguments, and this gives it {given}")
            }
            _ => return Ok(()),
        };
        Err(error(root(function).span(), problem))
    }

    fn is_name_known(&self, name: &str, given: &Names<'_>) -> bool {
        matches!(name, "_" | "input" | "data")
            || self.globals.contains(name)
            || given.contains(name)
    }

    /// Whether every variable of an expression has a value, so that the expression has one.
    fn is_known(&self, expr: &Expr, given: &Names<'_>) -> bool {
        match expr {
            Expr::Var { span, .. } => self.is_name_known(span.text(), given),
            expr => parts(expr)
                .into_iter()
                .all(|part| self.is_known(part, given)),
        }
    }

    /// Adds the variables that a statement gives values to.
    fn learn(&self, statement: &'a LiteralStmt, given: &mut Names<'a>) {
        match &statement.literal {
            Literal::SomeVars { .. } | Literal::NotExpr { .. } => {}
            Literal::Every { domain, .. } => self.learn_indices(domain, given),
            Literal::SomeIn {
                key,
                value,
                collection,
                ..
            } => {
                self.learn_indices(collection, given);
                if self.is_known(collection, given) {
                    let patterns = key.iter().chain([value]);
                    patterns.for_each(|pattern| give(pattern, given));
                }
            }
            Literal::Expr { expr, .. } => match &**expr {
                Expr::AssignExpr { op, lhs, rhs, .. } => {
                    self.learn_assigned(lhs, rhs, *op == AssignOp::Eq, given);
                }
                expr => {
                    self.learn_indices(expr, given);
                    if let Expr::Call { fcn, params, .. } = expr
                        && let Some((result, arguments)) = params.split_last()
                        && self.arity(fcn) == Some(arguments.len())
                        && arguments.iter().all(|one| self.is_known(one, given))
                    {
                        give(result, given);
                    }
                }
            },
        }
        for modifier in &statement.with_mods {
            self.learn_indices(&modifier.r#as, given);
        }
    }

    fn learn_assigned(
        &self,
        left: &'a Expr,
        right: &'a Expr,
        both_ways: bool,
        given: &mut Names<'a>,
    ) {
        if let (Expr::Array { items: left, .. }, Expr::Array { items: right, .. }) = (left, right) {
            for (left, right) in left.iter().zip(right) {
                self.learn_assigned(left, right, both_ways, given);
            }
            return;
        }
        self.learn_indices(left, given);
        self.learn_indices(right, given);
        if self.is_known(right, given) {
            give(left, given);
        }
        if both_ways && self.is_known(left, given) {
            give(right, given);
        }
    }

    /// Adds the variables that are indices of something known.
    fn learn_indices(&self, expr: &'a Expr, given: &mut Names<'a>) {
        for part in parts(expr) {
            self.learn_indices(part, given);
        }
        if let Expr::RefBrack { refr, index, .. } = expr
            && self.is_known(root(refr), given)
        {
            give(index, given);
        }
    }

    /// How many arguments a function has.
    fn arity(&self, function: &Expr) -> Option<usize> {
        let path = names(function);
        let first = path.first()?;
        let in_package = [&self.package[..], &path].concat().join(".");
        let imported = self.aliases.get(first);
        let imported = imported.map(|import| [&import[..], &path[1..]].concat().join("."));
        let full = path.join(".");
        let known = [Some(in_package), imported, Some(full.clone())];
        let mut known = known.iter().flatten();
        let arity = |path: &String| self.arities.get(path.strip_prefix("data.").unwrap_or(path));
        known
            .find_map(arity)
            .copied()
            .or_else(|| Some(usize::from(BUILTINS.get(full.as_str())?.1)))
    }
}

fn is_unsafe(variable: &Span) -> RegoError {
    let text = format!(
        "variable {} gets no value here, so this is never decided (opa: rego_unsafe_var_error)",
        variable.text()
    );
    error(variable, text)
}

/// An index `_`, which stands for any element, and for none behind `not`.
fn wildcard(expr: &Expr) -> Option<&Span> {
    match expr {
        Expr::Var { span, .. } => (span.text() == "_").then_some(span),
        expr => parts(expr).into_iter().find_map(|part| wildcard(part)),
    }
}

/// The indices in the name of a rule.
fn indices(mut expr: &Expr) -> Vec<&Expr> {
    let mut indices = Vec::new();
    loop {
        match expr {
            Expr::RefDot { refr, .. } => expr = refr,
            Expr::RefBrack { refr, index, .. } => {
                indices.push(&**index);
                expr = refr;
            }
            _ => return indices,
        }
    }
}

/// Adds the variables of a pattern.
fn give<'a>(pattern: &'a Expr, given: &mut Names<'a>) {
    match pattern {
        Expr::Var { span, .. } => drop(given.insert(span.text())),
        Expr::Array { items, .. } => items.iter().for_each(|item| give(item, given)),
        Expr::Object { fields, .. } => {
            for (_, _, value) in fields {
                give(value, given);
            }
        }
        _ => {}
    }
}

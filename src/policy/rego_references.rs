//! Finds references to packages and data that nothing loaded defines. Without its library a policy denies nothing.

use std::collections::BTreeSet;

use regorus::Value;
use regorus::unstable::{Expr, Literal, LiteralStmt, Module, Query, Ref, Rule, RuleHead};

use super::rego_ast::{comprehension, error, head, names, parts, root, rules_of_package};
use super::rego_error::RegoError;

/// The first reference to something that is not there. A rule with a default may refer to data that is not there.
pub(super) fn check(modules: &[Ref<Module>], data: &Value) -> Result<(), RegoError> {
    let packages: Vec<Vec<&str>> = modules
        .iter()
        .map(|module| names(&module.package.refr))
        .collect();
    let known = Known { packages, data };
    for module in modules {
        for import in &module.imports {
            if let ["data", path @ ..] = &names(&import.refr)[..] {
                known.check(path, &import.refr)?;
            }
        }
        let defaults: BTreeSet<Vec<&str>> = rules_of_package(modules, module)
            .filter(|rule| matches!(***rule, Rule::Default { .. }))
            .map(|rule| names(head(rule)))
            .collect();
        for rule in &module.policy {
            let is_optional = defaults.contains(&names(head(rule)));
            known.rule(rule, is_optional)?;
        }
    }
    Ok(())
}

/// What is loaded.
struct Known<'a> {
    packages: Vec<Vec<&'a str>>,
    data: &'a Value,
}

impl Known<'_> {
    fn check(&self, path: &[&str], expr: &Expr) -> Result<(), RegoError> {
        let Some(first) = path.first() else {
            return Ok(());
        };
        // `package` begins with the name alone.
        let is_package = |package: &Vec<&str>| {
            let shorter = package.len().min(path.len());
            package[..shorter] == path[..shorter]
        };
        let is_data = self.data[*first] != Value::Undefined;
        if is_data || self.packages.iter().any(is_package) {
            return Ok(());
        }
        let path = path.join(".");
        let problem = format!(
            "nothing that is loaded defines data.{path}: give the file of package {path}, or of this data, to --policy too"
        );
        Err(error(root(expr).span(), problem))
    }

    fn rule(&self, rule: &Rule, is_optional: bool) -> Result<(), RegoError> {
        let Rule::Spec {
            head: rule_head,
            bodies,
            ..
        } = rule
        else {
            return Ok(());
        };
        let check = |expr: &Ref<Expr>| self.expression(expr, is_optional);
        match rule_head {
            RuleHead::Compr { assign, .. } | RuleHead::Func { assign, .. } => {
                assign.iter().try_for_each(|assign| check(&assign.value))?;
            }
            RuleHead::Set { key, .. } => key.iter().try_for_each(check)?,
        }
        for body in bodies {
            body.assign
                .iter()
                .try_for_each(|assign| check(&assign.value))?;
            self.query(&body.query, is_optional)?;
        }
        Ok(())
    }

    fn query(&self, query: &Query, is_optional: bool) -> Result<(), RegoError> {
        let check = |expr: &Ref<Expr>| self.expression(expr, is_optional);
        for LiteralStmt {
            literal, with_mods, ..
        } in &query.stmts
        {
            match literal {
                Literal::SomeVars { .. } => {}
                Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => check(expr)?,
                Literal::SomeIn { collection, .. } => check(collection)?,
                Literal::Every { domain, query, .. } => {
                    check(domain)?;
                    self.query(query, is_optional)?;
                }
            }
            // `with data.x as …` says what data is.
            with_mods
                .iter()
                .try_for_each(|modifier| check(&modifier.r#as))?;
        }
        Ok(())
    }

    fn expression(&self, expr: &Expr, is_optional: bool) -> Result<(), RegoError> {
        if let Expr::Call { fcn, .. } = expr
            && let ["data", path @ ..] = &names(fcn)[..]
        {
            self.check(path, fcn)?;
        }
        if matches!(expr, Expr::RefDot { .. } | Expr::RefBrack { .. }) {
            if let ["data", path @ ..] = &names(expr)[..]
                && !is_optional
            {
                self.check(path, expr)?;
            }
            return self.indices(expr, is_optional);
        }
        if let Some((terms, query)) = comprehension(expr) {
            self.query(query, is_optional)?;
            return (terms.into_iter()).try_for_each(|term| self.expression(term, is_optional));
        }
        (parts(expr).into_iter()).try_for_each(|part| self.expression(part, is_optional))
    }

    /// Checks what stands in the brackets of a reference.
    fn indices(&self, expr: &Expr, is_optional: bool) -> Result<(), RegoError> {
        match expr {
            Expr::RefDot { refr, .. } => self.indices(refr, is_optional),
            Expr::RefBrack { refr, index, .. } => {
                self.expression(index, is_optional)?;
                self.indices(refr, is_optional)
            }
            Expr::Var { .. } => Ok(()),
            expr => self.expression(expr, is_optional),
        }
    }
}

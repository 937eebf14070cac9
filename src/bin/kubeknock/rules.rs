//! `kubeknock rules`: lists and explains the rules.

use anyhow::bail;
use kubeknock::policy::{RULES, retired, rule};
use kubeknock::report::rule_text;

use crate::args::RulesArgs;
use crate::stdout;
use crate::suggest::did_you_mean;

/// Lists all rules, or explains the given ones.
pub(crate) fn run(args: &RulesArgs) -> anyhow::Result<u8> {
    let mut rules = Vec::new();
    for id in &args.ids {
        let Some(rule) = rule(id) else {
            if let Some(retired) = retired(id) {
                bail!("{retired}");
            }
            let hint = did_you_mean(id, RULES.iter().map(|rule| rule.id));
            bail!("unknown rule {id:?}; `kubeknock rules` lists all rules{hint}");
        };
        rules.push(rule);
    }
    stdout::print(|out| {
        if rules.is_empty() {
            let mut list = RULES.iter();
            return list.try_for_each(|rule| {
                writeln!(out, "{:30} {:9} {}", rule.id, rule.severity, rule.title)
            });
        }
        let mut explained = rules.iter();
        explained.try_for_each(|rule| out.write_all(rule_text::text(rule).as_bytes()))
    })?;
    Ok(0)
}

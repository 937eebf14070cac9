//! `kubeknock rules`: the rules that findings come from.

use std::io::{self, BufWriter, Write};

use anyhow::bail;
use kubeknock::policy::{RULES, rule};
use kubeknock::report::explain;

use crate::args::RulesArgs;
use crate::suggest::did_you_mean;

/// Lists all rules, or explains those that are named.
pub(crate) fn run(args: &RulesArgs) -> anyhow::Result<u8> {
    let mut rules = Vec::new();
    for id in &args.ids {
        let Some(rule) = rule(id) else {
            let hint = did_you_mean(id, RULES.iter().map(|rule| rule.id));
            bail!("{id:?} is no rule; kubeknock rules lists them{hint}");
        };
        rules.push(rule);
    }
    let mut out = BufWriter::new(io::stdout());
    let written = if rules.is_empty() {
        RULES
            .iter()
            .try_for_each(|rule| writeln!(out, "{:30} {:9} {}", rule.id, rule.severity, rule.title))
    } else {
        rules
            .iter()
            .try_for_each(|rule| out.write_all(explain::text(rule).as_bytes()))
    };
    match written.and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(0),
        outcome => Ok(outcome.map(|()| 0)?),
    }
}

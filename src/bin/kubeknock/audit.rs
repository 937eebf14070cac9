//! `kubeknock audit`: finds the requests of a scan in audit logs.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::{Context as _, bail};
use kubeknock::audit::log::{self, Counts, Facts};
use kubeknock::audit::policy::Policy;
use kubeknock::audit::{Matcher, Outcome};
use kubeknock::input;
use kubeknock::model::Pattern;
use kubeknock::policy::{FAILED, NOT_COVERED, PASSED};
use kubeknock::report::audit::{write_json, write_markdown, write_table};

use crate::args::{AuditArgs, AuditFormat};
use crate::outputs::Choices;
use crate::saved::SavedFile;
use crate::say;

/// The largest audit policy that is read, in bytes.
const MAX_POLICY: u32 = 1024 * 1024;

/// Reads the logs and returns the exit code.
pub(crate) fn run(args: &AuditArgs) -> anyhow::Result<u8> {
    let stdin = Path::new("-");
    let from_stdin = args.logs.iter().chain([&args.report]);
    if from_stdin.filter(|path| *path == stdin).count() > 1 {
        bail!("only one of the logs and the report can be read from standard input");
    }
    let named = args
        .endpoint
        .iter()
        .map(|name| Pattern::new(name).context("--endpoint: empty name"));
    let named = named.collect::<anyhow::Result<_>>()?;
    let policy = args.audit_policy.as_deref().map(policy).transpose()?;
    let outputs = Choices::open(&args.output, args.format.as_deref())?;

    let mut report = SavedFile::open(&args.report, &[])?;
    let (scan, _) = report.scan(&mut |_| {})?;
    let mut matcher = Matcher::new(&scan.config, named);
    report.records(&mut |record| matcher.record(&record))?;
    if let Some(unknown) = matcher.unknown_names().next() {
        let targets: Vec<&str> = matcher.targets().take(10).collect();
        bail!(
            "--endpoint {unknown}: no endpoint of {} has this name; it has {}",
            report.name(),
            targets.join(", ")
        );
    }

    let (mut counts, mut facts) = (Counts::default(), Facts::default());
    for path in &args.logs {
        let mut input = open(path)?;
        log::read(&mut input, &mut counts, &mut facts, &mut |event| {
            matcher.event(event);
        })
        .with_context(|| format!("cannot read {}", path.display()))?;
    }
    let audit = matcher.finish(counts, &facts, policy.as_ref());
    let mut decision = audit.decide(args.fail_on.0);
    if counts.events == 0 {
        decision.sentence = format!("no audit event in the log; {}", decision.sentence);
    }
    let code = match decision.outcome {
        Outcome::Passed => PASSED,
        Outcome::Failed => FAILED,
        Outcome::NotCovered => NOT_COVERED,
    };
    let mut is_said = false;
    outputs.write(|format, on_stdout, out| match format {
        AuditFormat::Table => {
            is_said |= on_stdout;
            write_table(out, &audit, &decision, code)
        }
        AuditFormat::Markdown => {
            is_said |= on_stdout;
            write_markdown(out, &audit, &decision, code)
        }
        AuditFormat::Json => write_json(out, &audit, &decision, code),
    })?;
    if !is_said {
        let sentence = format!("exit {code}: {}", decision.sentence);
        if code == PASSED {
            say::note(sentence);
        } else {
            say::reason(sentence);
        }
    }
    Ok(code)
}

fn open(path: &Path) -> anyhow::Result<Box<dyn Read>> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Box::new(file))
}

/// Reads an audit policy. Keys that the server does not know are said: rules with them match more than they should.
fn policy(path: &Path) -> anyhow::Result<Policy> {
    let name = path.display();
    let text = open(path).and_then(|file| {
        input::text(file, MAX_POLICY).with_context(|| format!("cannot read {name}"))
    })?;
    let policy = Policy::parse(&text).map_err(|error| {
        let (line, column) = (error.place.line, error.place.column);
        anyhow::anyhow!("{name}:{line}:{column}: {}", error.problem)
    })?;
    for (place, key) in policy.unknown_keys() {
        say::note(format_args!(
            "{name}:{}:{}: API servers ignore the unknown key {key:?}",
            place.line, place.column
        ));
    }
    Ok(policy)
}

//! `kubeknock inspect`: predicts from configuration files what anonymous callers may do. Sends nothing.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use kubeknock::config::ScanConfig;
use kubeknock::input;
use kubeknock::inspect::{
    Comparison, Input, Inspection, Outcome, TextOptions, write_json, write_text,
};
use kubeknock::model::{
    EndpointReport, Finding, Identity, ScanSummary, Source, TargetNames, Verdict,
};
use kubeknock::policy::{
    COULD_NOT_RUN, Decision, Evaluation, FAILED, FailOn, Gate, PASSED, RULES, ScanEnd,
};
use kubeknock::record::{ScanInfo, Spool};
use kubeknock::report::{Format, GateResult, Results, escape};

use crate::args::InspectArgs;
use crate::outputs::{Outputs, color};
use crate::saved::SavedFile;
use crate::settings_file::SettingsFile;
use crate::{policies, say};

/// The largest file that is read.
const MAX_SIZE: u32 = 64 * 1024 * 1024;
/// Endpoints that an error lists.
const LISTED: usize = 20;
/// Characters of a name.
const MAX_NAME: usize = 120;

/// Predicts, compares, writes the reports, and returns the exit code of the gate.
pub(crate) fn run(args: &InspectArgs, file: &SettingsFile) -> anyhow::Result<u8> {
    let outputs = Outputs::open(&args.output, &[])?;
    let is_of_endpoints = |format: &Format| matches!(format, Format::Csv | Format::Shadowserver);
    if let Some(format) = outputs.formats().find(is_of_endpoints) {
        bail!(
            "-o: {format} has a row for each endpoint and no findings, and inspect asks no endpoint; use json or sarif"
        );
    }
    let paths: Vec<&Path> = args.files.iter().map(PathBuf::as_path).collect();
    outputs.check_inputs(&paths)?;
    let policies = policies::open(&args.policies.policy)?;
    let inputs: Vec<Input> = paths
        .iter()
        .map(|path| read(path))
        .collect::<Result<_, _>>()?;
    let mut inspection = Inspection::of(&inputs, Timestamp::now());
    if let Some(report) = &args.against {
        for record in records(report, args.endpoint.as_deref())? {
            inspection.compare(&record);
        }
    }
    let started = inspection.time;
    let mut evaluation = inspection.evaluate(&file.policy);
    if let Some(policies) = policies {
        let judged = policies.judge_inspection(&file.policy, &inspection, &evaluation)?;
        evaluation.add(judged);
    }
    let summary = ScanSummary {
        started,
        elapsed: Duration::ZERO,
        stopped: None,
        sources: Vec::new(),
        resolvers: Vec::new(),
        targets_digest: None,
        selection: None,
        coverage: inspection.coverage(),
    };
    let gate = Gate {
        fail_on: args.fail_on,
        require_coverage: 0,
    };
    let decision = gate.decide(&summary.coverage, &evaluation, ScanEnd::Regular);
    let decision = with_refusals(&evaluation, args.fail_on, decision);
    let decision = with_exposure(&inspection, &evaluation, args.fail_on, decision);
    let Decision { code, sentence } = with_input(&inspection, decision);
    let config =
        ScanConfig::default().with(|config| config.scan_name.clone_from(&args.output.scan_name));
    let results = Results {
        info: ScanInfo::new(&config),
        summary: &summary,
        findings: &evaluation.findings,
        carried: &[],
        accepted_verdicts: &evaluation.accepted_verdicts,
        since_reported: &evaluation.since_reported,
        unused_acceptances: &[],
        not_shown: 0,
        changes: None,
        outage: None,
        rules: &RULES,
        outcome: GateResult {
            code,
            sentence: &sentence,
        },
    };
    let code_is_stated = outputs.states_exit_code();
    outputs.finish_with(
        &results,
        &mut Spool::default(),
        &mut |format, shown, on_stdout, out| {
            let written = match format {
                Format::Table => {
                    let options = TextOptions {
                        color: on_stdout && color(args.output.color),
                    };
                    write_text(out, &inspection, shown.findings, &sentence, options)
                }
                Format::Json => {
                    write_json(out, &inspection, shown.findings, (code, &sentence), true)
                }
                Format::Jsonl => {
                    write_json(out, &inspection, shown.findings, (code, &sentence), false)
                }
                _ => return None,
            };
            Some(written)
        },
    )?;
    if !code_is_stated {
        say::note(&sentence);
    }
    Ok(code)
}

/// Reads a file of the input.
fn read(path: &Path) -> anyhow::Result<Input> {
    let is_stdin = path == Path::new("-");
    let name = path.display().to_string();
    let text = if is_stdin {
        input::text(io::stdin().lock(), MAX_SIZE)
    } else {
        File::open(path).and_then(|file| input::text(file, MAX_SIZE))
    };
    let text = text.with_context(|| format!("cannot read {name}"))?;
    let source = if is_stdin {
        Source::Stdin
    } else {
        Source::File(name.into())
    };
    Ok(Input { source, text })
}

/// The decision; a server that does not start fails at every threshold but `never`.
fn with_refusals(evaluation: &Evaluation, fail_on: FailOn, decision: Decision) -> Decision {
    let is_refusal =
        |finding: &&Finding| finding.rule.id == "configuration-does-not-start" && finding.counts();
    let refused = evaluation.findings.iter().filter(is_refusal).count();
    if decision.code != PASSED || fail_on == FailOn::Never || refused == 0 {
        return decision;
    }
    Decision {
        code: FAILED,
        sentence: format!(
            "exit {FAILED}: {refused} with a configuration with which no server starts"
        ),
    }
}

/// The decision; an endpoint that the scan found exposed, and more open than configured, fails as it does in `scan`.
fn with_exposure(
    inspection: &Inspection,
    evaluation: &Evaluation,
    fail_on: FailOn,
    decision: Decision,
) -> Decision {
    let is_exposed = |comparison: &&Comparison| {
        comparison.outcome == Outcome::MoreOpen && comparison.observed == Verdict::Exposed
    };
    let comparisons = inspection
        .servers
        .iter()
        .flat_map(|server| &server.comparisons);
    let exposed = comparisons.filter(is_exposed).count();
    // An acceptance of the finding counts here too.
    let is_more_open =
        |finding: &Finding| finding.rule.id == "more-open-than-configured" && finding.counts();
    let is_counted = evaluation.findings.iter().any(is_more_open);
    if decision.code != PASSED || fail_on == FailOn::Never || exposed == 0 || !is_counted {
        return decision;
    }
    Decision {
        code: FAILED,
        sentence: format!(
            "exit {FAILED}: {exposed} exposed outside, and more open than configured"
        ),
    }
}

/// The decision, unless the input could not be read or says nothing.
fn with_input(inspection: &Inspection, decision: Decision) -> Decision {
    let problem = if let Some(first) = inspection.unreadable.first() {
        format!("{}: {}", first.place, first.problem)
    } else if inspection.is_empty() {
        "nothing in the input says how an API server is configured".to_owned()
    } else {
        return decision;
    };
    let others = decision.sentence.split_once(": ");
    // Nothing was judged if nothing says anything, and what was judged is not all.
    let others = match others.filter(|_| !inspection.is_empty()) {
        Some((_, others)) if decision.code == PASSED => format!("; in the rest {others}"),
        Some((_, others)) => format!("; {others}"),
        None => String::new(),
    };
    Decision {
        code: COULD_NOT_RUN,
        sentence: format!("exit {COULD_NOT_RUN}: {problem}{others}"),
    }
}

/// The records of the endpoint with this name. Without a name, the report must have one endpoint only.
fn records(path: &Path, name: Option<&str>) -> anyhow::Result<Vec<EndpointReport>> {
    let mut file = SavedFile::open(path, &[]).context("--against")?;
    let (mut all, mut names) = (Vec::new(), Vec::new());
    file.records(&mut |record| {
        if !record.connected() {
            return;
        }
        names.push(called(&record));
        if name.is_none_or(|name| is_named(&record, name)) {
            all.push(record);
        }
    })?;
    names.dedup();
    let listed: Vec<String> = names
        .iter()
        .take(LISTED)
        .map(|name| escape(name, MAX_NAME))
        .collect();
    let more = names.len().saturating_sub(LISTED);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    let listed = listed.join(", ");
    match (name, names.len()) {
        (_, 0) => bail!("--against: no endpoint of this report answered"),
        (None, 1) => {}
        (None, _) => bail!(
            "--against: the report has several endpoints; name one with --endpoint: {listed}{more}"
        ),
        (Some(_), _) if all.is_empty() => {
            bail!("--endpoint: the report has no endpoint of this name; it has {listed}{more}")
        }
        (Some(_), _) => {}
    }
    Ok(all)
}

fn called(record: &EndpointReport) -> String {
    let target = &record.target;
    target
        .label
        .as_deref()
        .map_or_else(|| target.to_string(), str::to_owned)
}

/// Whether somebody may call an endpoint this.
fn is_named(record: &EndpointReport, name: &str) -> bool {
    let address = record
        .address()
        .map(|address| [address.to_string(), address.ip().to_string()]);
    let is_address = address.is_some_and(|texts| texts.iter().any(|text| text == name));
    let names = TargetNames::of_target(&record.target);
    let pattern = kubeknock::model::Pattern::new(name);
    is_address
        || called(record) == name
        || Identity::of_target(&record.target).as_str() == name
        || pattern.is_some_and(|pattern| pattern.matches(&names))
}

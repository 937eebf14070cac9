//! `kubeknock identify`: explains single servers, with all evidence.

use std::io::{self, Write};

use anyhow::bail;
use kubeknock::config::{Order, ScanHeader};
use kubeknock::model::{EndpointReport, Verdict};
use kubeknock::policy::NOT_COVERED;
use kubeknock::record;
use kubeknock::report::{endpoint_text, escape, raw_text};
use kubeknock::scan::Scanner;
use kubeknock::targets::TargetSet;

use crate::args::{IdentifyArgs, IdentifyFormat};
use crate::outputs::Choices;
use crate::runtime::runtime;
use crate::settings;

/// Characters of a reason.
const MAX_TEXT: usize = 240;

/// Probes the servers and explains the results. The exit code is 0 if anything answered.
pub(crate) fn run(args: &IdentifyArgs, verbose: u8) -> anyhow::Result<u8> {
    let config = settings::config(&args.connection, &args.requests, Order::Sequential, true)?
        .with(|config| config.keep_answers = args.raw);
    let headers = config.headers.clone();
    let targets = settings::single_hosts(args, verbose)?;
    let outputs = Choices::open(&args.output, args.format.as_deref())?;
    let reports = runtime()?.block_on(async {
        let scanner = Scanner::new(config)?;
        scanner.prepare(&targets).await?;
        anyhow::Ok(knock(&scanner, &targets).await)
    })?;
    outputs.write(|format, _, out| match format {
        IdentifyFormat::Text => explain(out, &reports, &headers, args.raw),
        IdentifyFormat::Json => record::write_endpoints(out, &reports),
        IdentifyFormat::Jsonl => {
            let mut lines = reports.iter().map(record::to_line);
            lines.try_for_each(|line| out.write_all(&line?))
        }
    })?;
    if reports.is_empty() {
        bail!("no target is left to probe");
    }
    let failed_here = |report: &EndpointReport| {
        report
            .failure
            .as_ref()
            .is_some_and(|failure| failure.kind.is_own_side())
    };
    if let Some(first) = reports.first().filter(|_| reports.iter().all(failed_here)) {
        bail!("could not scan: {}", escape(&first.reason, MAX_TEXT));
    }
    Ok(if reports.iter().any(EndpointReport::connected) {
        0
    } else {
        NOT_COVERED
    })
}

async fn knock(scanner: &Scanner, targets: &TargetSet) -> Vec<EndpointReport> {
    let mut reports = Vec::new();
    for target in (0..targets.len()).filter_map(|index| targets.get(index)) {
        reports.extend(scanner.knock(&target).await);
    }
    reports
}

/// Explains each endpoint that answered, and writes a line for each of the others.
fn explain(
    out: &mut dyn Write,
    reports: &[EndpointReport],
    headers: &[ScanHeader],
    raw: bool,
) -> io::Result<()> {
    let (answered, silent): (Vec<&EndpointReport>, Vec<&EndpointReport>) =
        reports.iter().partition(|report| report.connected());
    for (index, report) in answered.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        endpoint_text::write(out, report, headers)?;
        if raw {
            raw_text::write(out, report)?;
        }
    }
    if !answered.is_empty() && !silent.is_empty() {
        writeln!(out)?;
    }
    for report in silent {
        let address = report
            .endpoint
            .as_ref()
            .map_or_else(|| report.target.to_string(), ToString::to_string);
        let what = if report.verdict == Verdict::NotAttempted {
            "not asked"
        } else {
            "no answer"
        };
        writeln!(
            out,
            "{}: {what}: {}",
            escape(&address, MAX_TEXT),
            escape(&report.reason, MAX_TEXT)
        )?;
    }
    Ok(())
}

//! `kubeknock scan --dry-run`: shows targets, requests and connections. Sends nothing, not even a
//! DNS query.

use std::fmt::Write;

use kubeknock::config::{MAX_ADDRESSES, Proxy, ScanConfig};
use kubeknock::model::Source;
use kubeknock::report::escape;
use kubeknock::scan::{AFTER_401, ALWAYS, deep};
use kubeknock::targets::TargetSet;

use crate::fetch::USER_AGENT;
use crate::notify::Receiver;
use crate::stdout;

/// How many targets are listed by name.
const LISTED: u64 = 50;
/// How many clusters that are not asked are listed.
const LISTED_NOT_ASKED: usize = 20;

/// Writes the plan to standard output.
pub(crate) fn write(
    config: &ScanConfig,
    targets: &TargetSet,
    urls: &[Source],
    fetched: bool,
    receivers: &[Receiver],
) -> anyhow::Result<()> {
    let mut plan = String::new();
    write_lists(&mut plan, urls, fetched)?;
    write_targets(&mut plan, config, targets)?;
    write_requests(&mut plan, config)?;
    write_connections(&mut plan, config, config.shard.share(targets.len()))?;
    write_receivers(&mut plan, receivers)?;
    stdout::print(|out| out.write_all(plan.as_bytes()))
}

/// The requests that are no probes: those for lists of targets.
fn write_lists(out: &mut String, urls: &[Source], fetched: bool) -> std::fmt::Result {
    if urls.is_empty() {
        return out.write_str("Dry run: nothing is sent.\n\n");
    }
    let (sent, state) = if fetched {
        ("only the lists of targets are fetched", "fetched now")
    } else {
        (
            "nothing is sent",
            "not fetched now, so its targets are missing below; --fetch fetches it",
        )
    };
    writeln!(
        out,
        "Dry run: {sent}.\n\nFirst (a scan fetches each list of targets once; this is no probe):"
    )?;
    for url in urls {
        writeln!(
            out,
            "  GET {}  ({state})",
            escape(&url.to_string(), usize::MAX)
        )?;
    }
    writeln!(
        out,
        "  User-Agent: {USER_AGENT}\n  directly: no redirect is followed, no proxy is used\n"
    )
}

fn write_targets(out: &mut String, config: &ScanConfig, targets: &TargetSet) -> std::fmt::Result {
    let (shard, all) = (config.shard, targets.len());
    if shard.is_part() {
        let part = shard.share(all);
        writeln!(
            out,
            "Shard {shard}: {part} of {all} targets, chosen by order and seed."
        )?;
    }
    let outside = match targets.outside_allow() {
        0 => String::new(),
        outside => format!(", {outside} outside of --allow"),
    };
    writeln!(
        out,
        "Where ({all} targets, {} excluded{outside}):",
        targets.excluded()
    )?;
    for target in (0..all.min(LISTED)).filter_map(|index| targets.get(index)) {
        let origin = escape(&target.origin.to_string(), usize::MAX);
        writeln!(out, "  {target}  ({origin})")?;
    }
    if all > LISTED {
        writeln!(out, "  … and {} more", all - LISTED)?;
    }
    let not_asked = targets.not_asked();
    if !not_asked.is_empty() {
        let clusters = not_asked.len();
        writeln!(
            out,
            "  Not asked, and not part of the coverage ({clusters} of the inventories):"
        )?;
    }
    for cluster in not_asked.iter().take(LISTED_NOT_ASKED) {
        let (name, why) = (cluster.name(), cluster.text());
        let line = format!("{name}: {why}  ({})", cluster.origin);
        writeln!(out, "    {}", escape(&line, usize::MAX))?;
    }
    if let Some(more @ 1..) = not_asked.len().checked_sub(LISTED_NOT_ASKED) {
        writeln!(out, "    … and {more} more; kubeknock targets lists them")?;
    }
    if !targets.has_names() || config.proxy.as_ref().is_some_and(Proxy::resolves_names) {
        return Ok(());
    }
    writeln!(
        out,
        "  At most {MAX_ADDRESSES} addresses of each name are asked. Exclusions apply to them and to aliases."
    )?;
    out.push_str(if config.allow_special {
        "  Special addresses of names (loopback, link-local, cloud metadata …) are asked.\n"
    } else {
        "  Special addresses of names (loopback, link-local, cloud metadata …) are asked only if they are targets \
         themselves, or the hosts file has the name.\n"
    });
    match config.resolver {
        Some(server) => writeln!(
            out,
            "  {server} resolves names as written, without search domains."
        ),
        None => writeln!(
            out,
            "  Names resolve as in other programs: hosts file, name servers, search domains."
        ),
    }
}

fn write_requests(out: &mut String, config: &ScanConfig) -> std::fmt::Result {
    writeln!(out, "\nWhat (on each endpoint that accepts a connection):")?;
    for path in ALWAYS {
        writeln!(out, "  GET {path}")?;
    }
    for path in AFTER_401 {
        writeln!(out, "  GET {path}  (only if all of the above answer 401)")?;
    }
    for request in &config.requests {
        writeln!(out, "  {} {}", request.method.as_str(), request.path)?;
        if let Some(get) = request.without_head() {
            writeln!(
                out,
                "  GET {}  (only if a front end answers the HEAD itself)",
                get.path
            )?;
        }
    }
    if let Some(run_id) = config.run_id.as_ref().filter(|_| config.audit_canary) {
        let path = run_id.canary_path();
        writeln!(
            out,
            "  GET {path}  (only if any of these answers looks like Kubernetes)"
        )?;
    }
    if config.deep {
        writeln!(
            out,
            "  With --deep, if any of these answers looks like Kubernetes:"
        )?;
        for request in deep() {
            writeln!(out, "  {} {}", request.method.as_str(), request.path)?;
        }
        writeln!(
            out,
            "  and one more handshake without SNI, if a name is sent"
        )?;
    }
    writeln!(out, "  User-Agent: {}", config.sent_user_agent())?;
    if config.audit_id {
        writeln!(out, "  Audit-ID: a different one for each request")?;
    }
    let mut headers = config.headers.iter();
    headers.try_for_each(|header| writeln!(out, "  {header}"))
}

fn write_connections(out: &mut String, config: &ScanConfig, targets: u64) -> std::fmt::Result {
    writeln!(out, "\nHow:")?;
    let at_once = config.concurrency;
    match config.rate {
        0 => writeln!(
            out,
            "  no limit on new connections per second, {at_once} being opened at once"
        )?,
        rate => writeln!(
            out,
            "  at most {rate} new connections per second, {at_once} being opened at once\n  \
             {targets} connections for one address each: at least {} s",
            targets.div_ceil(u64::from(rate))
        )?,
    }
    writeln!(
        out,
        "  one connection per endpoint; one more if the server closes it after an answer, if requests cannot leave together, after a timeout or reset \
         (at most {}, at half the rate), or to check contradicting answers again",
        config.retries
    )?;
    let cap = |cap: usize| match cap {
        0 => "any number".to_owned(),
        cap => cap.to_string(),
    };
    writeln!(
        out,
        "  at most {} connections to one host and {} to one /24 or /64 at once",
        cap(config.per_host),
        cap(config.per_network)
    )?;
    for address in &config.source_addresses {
        writeln!(out, "  from {address}")?;
    }
    if let Some(interface) = &config.interface {
        writeln!(
            out,
            "  through the interface {}",
            escape(interface, usize::MAX)
        )?;
    }
    if let Some(proxy) = &config.proxy {
        let (host, port) = (&proxy.host, proxy.port);
        let resolves = if proxy.resolves_names() {
            ", which resolves names"
        } else {
            ""
        };
        writeln!(out, "  through the proxy {host}:{port}{resolves}")?;
    }
    Ok(())
}

/// The requests after the scan, which are no probes either.
fn write_receivers(out: &mut String, receivers: &[Receiver]) -> std::fmt::Result {
    if receivers.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "\nLast (only if something changed, or alerts are open; this is no probe):"
    )?;
    for receiver in receivers {
        writeln!(out, "  POST to {receiver}")?;
    }
    Ok(())
}

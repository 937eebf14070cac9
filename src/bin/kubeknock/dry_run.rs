//! `kubeknock scan --dry-run`: what would be asked, where, over how many connections. Sends nothing,
//! not even a name query.

use std::io::{self, Write};

use kubeknock::config::{MAX_ADDRESSES, Proxy, ScanConfig};
use kubeknock::probe::{AFTER_401, ALWAYS, deep};
use kubeknock::report::escape;
use kubeknock::targets::TargetSet;

use crate::stdout;

/// Targets that are listed by name.
const LISTED: u64 = 50;

/// Writes the plan to standard output.
pub(crate) fn write(config: &ScanConfig, targets: &TargetSet) -> anyhow::Result<()> {
    stdout::print(|out| plan(out, config, targets))
}

/// What is done with the special addresses of names.
fn special(config: &ScanConfig) -> &'static str {
    if config.allow_special {
        "Special addresses (loopback, link-local, cloud metadata …) of names are asked."
    } else {
        "Special addresses (loopback, link-local, cloud metadata …) are asked only where they are a target \
         themselves, or the hosts file has the name."
    }
}

/// How names are put to the name servers.
fn search(config: &ScanConfig) -> String {
    match config.resolver {
        Some(server) => {
            format!("Names are asked of {server} as they are written, without search domains.")
        }
        None => "Names are resolved as by this system: hosts file, name servers, search domains."
            .to_owned(),
    }
}

fn plan(out: &mut dyn Write, config: &ScanConfig, targets: &TargetSet) -> io::Result<()> {
    let shard = config.shard;
    let total = shard.share(targets.len());
    writeln!(out, "Dry run: nothing is sent.\n")?;
    if shard.is_part() {
        writeln!(
            out,
            "Shard {shard}: {total} of {} targets, chosen by order and seed.",
            targets.len()
        )?;
    }
    writeln!(
        out,
        "Where ({} targets, {} excluded):",
        targets.len(),
        targets.excluded()
    )?;
    let listed = targets.len().min(LISTED);
    for target in (0..listed).filter_map(|index| targets.get(index)) {
        writeln!(
            out,
            "  {target}  ({})",
            escape(&target.origin.to_string(), usize::MAX)
        )?;
    }
    if targets.len() > listed {
        writeln!(out, "  … and {} more", targets.len() - listed)?;
    }
    if targets.has_names() && !config.proxy.as_ref().is_some_and(Proxy::resolves_names) {
        writeln!(
            out,
            "  At most {MAX_ADDRESSES} addresses that a name resolves to are asked; exclusions hold for them and for \
             aliases."
        )?;
        writeln!(out, "  {}", special(config))?;
        writeln!(out, "  {}", search(config))?;
    }
    writeln!(out, "\nWhat (each endpoint that accepts a connection):")?;
    for path in ALWAYS {
        writeln!(out, "  GET {path}")?;
    }
    for path in AFTER_401 {
        writeln!(out, "  GET {path}  (only if all of the above answer 401)")?;
    }
    for request in &config.requests {
        writeln!(out, "  {} {}", request.method.as_str(), request.path)?;
        if let Some(form) = request.without_head() {
            writeln!(
                out,
                "  GET {}  (only if a front end answers the HEAD by itself)",
                form.path
            )?;
        }
    }
    if config.deep {
        writeln!(
            out,
            "  With --deep, if anything of the above speaks Kubernetes:"
        )?;
        for request in deep() {
            writeln!(out, "  {} {}", request.method.as_str(), request.path)?;
        }
        writeln!(
            out,
            "  and, where a name is sent as SNI, one more handshake without it"
        )?;
    }
    writeln!(out, "  User-Agent: {}", config.user_agent)?;
    writeln!(out, "\nHow:")?;
    let at_once = config.concurrency;
    match config.rate {
        0 => writeln!(
            out,
            "  no limit on new connections per second, {at_once} being opened at once"
        )?,
        rate => {
            writeln!(
                out,
                "  at most {rate} new connections per second, {at_once} being opened at once"
            )?;
            let least = total.div_ceil(u64::from(rate));
            writeln!(
                out,
                "  {total} connections for one address each: at least {least} s"
            )?;
        }
    }
    writeln!(
        out,
        "  one connection for each endpoint; one more where the server closes it after an answer, after a \
         timeout or reset (at most {}, at half the rate), or for a second look at contradicting answers",
        config.retries
    )?;
    let cap = |cap: usize| {
        if cap == 0 {
            "any number".to_owned()
        } else {
            cap.to_string()
        }
    };
    let (host, network) = (cap(config.per_host), cap(config.per_network));
    writeln!(
        out,
        "  at most {host} connections to one host and {network} to one /24 or /64 at once"
    )?;
    if let Some(proxy) = &config.proxy {
        let names = if proxy.resolves_names() {
            ", which resolves the names"
        } else {
            ""
        };
        writeln!(
            out,
            "  through the proxy {}:{}{names}",
            proxy.host, proxy.port
        )?;
    }
    Ok(())
}

//! From words to meaning: arguments become a scan configuration and a set of targets, checked.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::BufReader;
use std::path::Path;

use anyhow::{Context as _, bail};
use kubeknock::config::{Family, Order, Proxy, ProxyKind, ScanConfig, Shard, USER_AGENT};
use kubeknock::model::{Request, Source};
use kubeknock::scan::Checkpoint;
use kubeknock::targets::{
    Expectation, ImportFormat, TargetOptions, TargetSet, TargetSetBuilder, parse_ports,
};

use crate::args::{ConnectionArgs, IdentifyArgs, OrderWord, RequestArgs, ScanArgs};
use crate::{ca, limits, say};

/// The scan configuration that the arguments ask for.
pub(crate) fn config(
    connection: &ConnectionArgs,
    asked: &RequestArgs,
    order: Order,
    keep_all: bool,
) -> anyhow::Result<ScanConfig> {
    let &ConnectionArgs {
        connect_timeout,
        timeout,
        retries,
        concurrency,
        rate,
        per_host,
        per_network,
        max_duration,
        ..
    } = connection;
    let mut trusted_cas = Vec::new();
    for file in &asked.ca_file {
        trusted_cas.extend(ca::read(file)?);
    }
    let config = ScanConfig {
        connect_timeout,
        timeout,
        retries,
        concurrency,
        rate,
        per_host,
        per_network,
        adaptive: !connection.no_adaptive,
        max_body: asked.max_body,
        max_duration,
        user_agent: user_agent(asked)?,
        requests: requests(&asked.path)?,
        deep: asked.deep,
        trusted_cas,
        http2: asked.http2,
        proxy: connection.proxy.as_deref().map(proxy).transpose()?,
        family: match (connection.ipv4, connection.ipv6) {
            (true, _) => Family::V4,
            (_, true) => Family::V6,
            _ => Family::Both,
        },
        resolver: connection.resolver,
        allow_special: connection.allow_special,
        order,
        keep_all,
        ..ScanConfig::default()
    };
    config
        .validate()
        .map_err(|error| anyhow::anyhow!("--{error}"))?;
    let unheard = [
        ("--resolver", config.resolver.is_some()),
        ("--ipv4", config.family == Family::V4),
        ("--ipv6", config.family == Family::V6),
    ];
    if config.proxy.as_ref().is_some_and(Proxy::resolves_names)
        && let Some((option, _)) = unheard.iter().find(|(_, given)| *given)
    {
        bail!(
            "{option}: with --proxy socks5h:// the proxy resolves names; leave it out, or write socks5://"
        );
    }
    Ok(config)
}

/// The order of the targets; a scan that goes on keeps the one it began with.
pub(crate) fn order(args: &ScanArgs) -> anyhow::Result<Order> {
    if args.order == OrderWord::Sequential {
        return Ok(Order::Sequential);
    }
    if let Some(seed) = args.seed {
        return Ok(Order::Seeded(seed));
    }
    if let Some(path) = args
        .resume
        .as_ref()
        .filter(|path| args.checkpoint.is_none() || path.exists())
    {
        return Ok(Checkpoint::order(path)?);
    }
    if args.shard.is_some_and(Shard::is_part) {
        bail!(
            "--shard needs --seed NUMBER, the same for every shard: it decides which targets are whose"
        );
    }
    Ok(Order::Seeded(fresh_seed()))
}

/// Lowers the concurrency to what this machine's limit on open files admits, and says so. With `names`
/// there are lookups too.
pub(crate) fn fit_to_machine(config: &mut ScanConfig, names: bool) {
    let (fit, lookups) = limits::that_fit(config, names);
    config.lookups = lookups;
    if config.concurrency > fit {
        say::note(format_args!(
            "--concurrency {} lowered to {fit}: the limit on open files admits no more (ulimit -n)",
            config.concurrency
        ));
        config.concurrency = fit;
    }
}

/// A seed nobody can guess, so that two scans spread their load differently. 53 bits, which every
/// JSON reader keeps.
fn fresh_seed() -> u64 {
    RandomState::new().build_hasher().finish() >> 11
}

fn user_agent(asked: &RequestArgs) -> anyhow::Result<String> {
    let base = asked.user_agent.as_deref().unwrap_or(USER_AGENT);
    let Some(contact) = &asked.contact else {
        return Ok(base.to_owned());
    };
    // Alone first, so that an error names the option that is wrong.
    let alone = ScanConfig {
        user_agent: contact.clone(),
        ..ScanConfig::default()
    };
    if let Err(kubeknock::error::Error::Config { problem, .. }) = alone.validate() {
        bail!("--contact: {problem}");
    }
    Ok(format!("{base} contact: {contact}"))
}

fn requests(paths: &[String]) -> anyhow::Result<Vec<Request>> {
    // Not the path: in its query may be a token.
    let place = |at: usize| {
        if paths.len() == 1 {
            String::new()
        } else {
            format!(", the one number {}", at + 1)
        }
    };
    let request = |(at, path): (usize, &String)| {
        Request::for_path(path).with_context(|| format!("--path{}", place(at)))
    };
    paths.iter().enumerate().map(request).collect()
}

fn proxy(text: &str) -> anyhow::Result<Proxy> {
    let form = "write socks5://HOST:PORT, socks5h://HOST:PORT or http://HOST:PORT";
    let Ok(url) = url::Url::parse(text) else {
        bail!("--proxy: this is no URL; {form}")
    };
    let (kind, default_port) = match url.scheme() {
        "socks5" => (ProxyKind::Socks5, 1080),
        "socks5h" => (ProxyKind::Socks5h, 1080),
        "http" => (ProxyKind::HttpConnect, 8080),
        _ => bail!("--proxy: the scheme is not supported; {form}"),
    };
    if !url.username().is_empty() || url.password().is_some() {
        bail!("--proxy: kubeknock never sends credentials, not to a proxy either; {form}");
    }
    let host = url.host_str().filter(|host| !host.is_empty());
    let Some(host) = host else {
        bail!("--proxy: the host is missing; {form}")
    };
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        bail!("--proxy: nothing may follow the port; {form}");
    }
    let host = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    // http://HOST:80 is parsed as having no port of its own.
    let port = url
        .port()
        .unwrap_or(if text.trim_end_matches('/').ends_with(":80") {
            80
        } else {
            default_port
        });
    Ok(Proxy { kind, host, port })
}

/// The targets that the arguments name. Every bad line is reported in one go.
pub(crate) fn targets(
    args: &ScanArgs,
    expectations: Vec<Expectation>,
    verbose: u8,
) -> anyhow::Result<TargetSet> {
    let ports =
        parse_ports(&args.ports).map_err(|problem| anyhow::anyhow!("--ports: {problem}"))?;
    say_no_effect(args.plain_http);
    let mut builder = TargetSetBuilder::new(TargetOptions {
        ports,
        allow_large: args.allow_large,
        expectations,
    });
    for target in &args.targets {
        builder.argument(target);
    }
    for file in &args.targets_file {
        if file == Path::new("-") {
            builder.read(Source::Stdin, BufReader::new(std::io::stdin()));
        } else {
            builder.file(file);
        }
    }
    for pair in args.from.chunks_exact(2) {
        let format: ImportFormat = pair[0]
            .parse()
            .map_err(|problem| anyhow::anyhow!("--from: {problem}"))?;
        let file = Path::new(&pair[1]);
        if file == Path::new("-") {
            builder.import(format, Source::Stdin, BufReader::new(std::io::stdin()));
        } else {
            builder.import_file(format, file);
        }
    }
    for spec in &args.exclude {
        builder.exclude(spec);
    }
    for file in &args.exclude_file {
        builder.exclude_file(file);
    }
    let set = builder.build()?;
    say_notes(&set, verbose);
    for idle in set.idle_expectations() {
        let target = idle.target.to_string();
        say::note(format_args!(
            "[[expect]] target = {target:?}: no target is called so; it holds for nothing"
        ));
    }
    Ok(set)
}

/// What became of an option that is still taken.
fn say_no_effect(plain_http: bool) {
    if plain_http {
        say::note(
            "--plain-http has no effect any more and will be removed: a port that shows no TLS is asked in plain HTTP \
             by itself; write http://HOST:PORT for one that must be asked so",
        );
    }
}

/// What was noticed while the targets were read.
fn say_notes(set: &TargetSet, verbose: u8) {
    for note in set
        .notes()
        .iter()
        .filter(|note| !note.verbose || verbose > 0)
    {
        say::note(format_args!("{}: {}", note.origin, note.text));
    }
}

/// The one host that `identify` explains, on each of its ports.
pub(crate) fn one_target(args: &IdentifyArgs, verbose: u8) -> anyhow::Result<TargetSet> {
    let ports =
        parse_ports(&args.ports).map_err(|problem| anyhow::anyhow!("--ports: {problem}"))?;
    say_no_effect(args.plain_http);
    let mut builder = TargetSetBuilder::new(TargetOptions {
        ports,
        ..TargetOptions::default()
    });
    builder.argument(&args.target);
    let set = builder.build()?;
    if set.specs().iter().any(|spec| spec.expect.is_some()) {
        bail!("identify holds nothing against expect=, kubeknock scan does; leave it out");
    }
    say_notes(&set, verbose);
    if !set.get(0).is_some_and(|target| target.named) {
        bail!("identify explains one host; kubeknock scan takes ranges");
    }
    Ok(set)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies() {
        let parsed = proxy("socks5://bastion.example:1080").unwrap();
        assert_eq!(
            parsed,
            Proxy {
                kind: ProxyKind::Socks5,
                host: "bastion.example".into(),
                port: 1080
            }
        );
        assert_eq!(
            proxy("socks5h://bastion.example").unwrap().kind,
            ProxyKind::Socks5h
        );
        assert_eq!(proxy("http://192.0.2.1").unwrap().port, 8080);
        assert_eq!(proxy("http://192.0.2.1:80").unwrap().port, 80);
        assert_eq!(
            proxy("http://[2001:db8::1]:3128").unwrap().host,
            "2001:db8::1"
        );
        for bad in [
            "",
            "bastion",
            "https://x:1",
            "socks4://x:1",
            "http://u:secret@x:1",
            "http://x:1/p",
        ] {
            let error = proxy(bad).unwrap_err().to_string();
            assert!(
                error.contains("--proxy") && !error.contains("secret"),
                "{bad}: {error}"
            );
        }
    }
}

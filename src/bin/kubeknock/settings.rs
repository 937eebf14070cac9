//! Makes a scan configuration and a set of targets from the arguments.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use kubeknock::config::{Family, Order, Proxy, RunId, ScanConfig, Shard, USER_AGENT};
use kubeknock::model::{InvalidWord, Request, Source};
use kubeknock::scan::{Checkpoint, Scanner};
use kubeknock::targets::{Expectation, ImportFormat, TargetOptions, TargetSet, TargetSetBuilder};
use tokio::runtime::{Handle, Runtime};

use crate::args::{
    ConnectionArgs, ExporterArgs, IdentifyArgs, OrderWord, PortArgs, RequestArgs, ScanArgs,
    SourceArgs, SpecOrFile, TargetsArgs,
};
use crate::fetch::{ServiceUrl, is_url};
use crate::habits;
use crate::input_checks::{check_asked, check_standard_input};
use crate::{ca, limits, runtime, say};

/// The scan configuration from the arguments.
pub(crate) fn config(
    connection: &ConnectionArgs,
    requests: &RequestArgs,
    order: Order,
    keep_all: bool,
) -> anyhow::Result<ScanConfig> {
    let mut config = ScanConfig::default();
    config.connect_timeout = connection.connect_timeout;
    config.timeout = connection.timeout;
    config.retries = connection.retries;
    config.concurrency = connection.concurrency;
    config.rate = connection.rate;
    config.per_host = connection.per_host;
    config.per_network = connection.per_network;
    config.adaptive = !connection.no_adaptive;
    config.max_duration = connection.max_duration;
    config.family = match (connection.ipv4, connection.ipv6) {
        (true, _) => Family::V4,
        (_, true) => Family::V6,
        _ => Family::Both,
    };
    config.proxy.clone_from(&connection.proxy);
    config.resolver = connection.resolver;
    config.allow_special = connection.allow_special;
    config.max_body = requests.max_body;
    config.run_id = run_id(requests);
    config.audit_id = requests.audit_id;
    config.audit_canary = requests.audit_canary;
    config.user_agent = user_agent(requests)?;
    config.headers.clone_from(&requests.header);
    config
        .source_addresses
        .clone_from(&connection.source_address);
    config
        .egress_addresses
        .clone_from(&connection.egress_address);
    config.interface.clone_from(&connection.interface);
    config.requests = paths(&requests.path)?;
    config.deep = requests.deep;
    config.http2 = requests.http2;
    config.one_at_a_time = requests.one_at_a_time;
    config.order = order;
    config.keep_all = keep_all;
    for file in &requests.ca_file {
        config.trusted_cas.extend(ca::read(file)?);
    }
    config
        .validate()
        .map_err(|error| anyhow::anyhow!("--{error}"))?;
    Scanner::check_source(&config).map_err(|error| anyhow::anyhow!("--{error}"))?;
    let without_effect = [
        ("--resolver", config.resolver.is_some()),
        ("--ipv4", config.family == Family::V4),
        ("--ipv6", config.family == Family::V6),
    ];
    if config.proxy.as_ref().is_some_and(Proxy::resolves_names)
        && let Some((option, _)) = without_effect.iter().find(|(_, given)| *given)
    {
        bail!(
            "{option} has no effect with --proxy socks5h://, which resolves names itself; remove it, or use socks5://"
        );
    }
    Ok(config)
}

/// The order of the targets, and the id of the run where there is an earlier one. A resumed scan keeps both.
pub(crate) fn order(args: &ScanArgs) -> anyhow::Result<(Order, Option<RunId>)> {
    let earlier = match (&args.checkpoint, &args.resume) {
        (Some(path), None) => Checkpoint::unfinished(path)?,
        (checkpoint, Some(path)) if checkpoint.is_none() || path.exists() => {
            Some(Checkpoint::earlier(path)?)
        }
        _ => None,
    };
    let (order, run_id) = earlier.map(|run| (run.order, run.run_id)).unzip();
    Ok((chosen_order(args, order)?, run_id.flatten()))
}

fn chosen_order(args: &ScanArgs, earlier: Option<Order>) -> anyhow::Result<Order> {
    if args.selection.order == OrderWord::Sequential {
        return Ok(Order::Sequential);
    }
    if let Some(seed) = args.selection.seed {
        return Ok(Order::Seeded(seed));
    }
    if let Some(order) = earlier {
        return Ok(order);
    }
    if args.selection.shard.is_some_and(Shard::is_part) {
        bail!(
            "--shard needs --seed NUMBER, the same for every shard: it assigns the targets to shards"
        );
    }
    Ok(Order::Seeded(fresh_seed()))
}

/// Lowers the concurrency to what the limit on open files allows, and prints a note. `names` is
/// true if the scan resolves names, which needs open files too.
pub(crate) fn fit_to_machine(config: &mut ScanConfig, names: bool) {
    let (fit, lookups) = limits::limits_for(config, names);
    config.lookups = lookups;
    if config.concurrency > fit {
        say::note(format_args!(
            "--concurrency {} lowered to {fit} by the limit on open files (ulimit -n)",
            config.concurrency
        ));
        config.concurrency = fit;
    }
}

/// A random seed, so that two scans spread their load differently. It has 53 bits, because JSON
/// readers may round larger numbers.
fn fresh_seed() -> u64 {
    RandomState::new().build_hasher().finish() >> 11
}

/// The given id, or a random one. A `User-Agent` that was given stays as it is, unless an option asks for an id.
fn run_id(args: &RequestArgs) -> Option<RunId> {
    let is_needed = args.user_agent.is_none() || args.audit_id || args.audit_canary;
    let random = || {
        let number = RandomState::new().build_hasher().finish();
        format!("{number:016x}").parse().ok()
    };
    args.run_id
        .clone()
        .or_else(|| random().filter(|_| is_needed))
}

fn user_agent(args: &RequestArgs) -> anyhow::Result<String> {
    let base = args.user_agent.as_deref().unwrap_or(USER_AGENT);
    let Some(contact) = &args.contact else {
        return Ok(base.to_owned());
    };
    // Checked separately, so that the error names the right option.
    let alone = ScanConfig::default().with(|config| config.user_agent.clone_from(contact));
    if let Err(kubeknock::error::Error::Config { problem, .. }) = alone.validate() {
        bail!("--contact: {problem}");
    }
    Ok(format!("{base} contact: {contact}"))
}

fn paths(paths: &[String]) -> anyhow::Result<Vec<Request>> {
    let request = |(position, path): (usize, &String)| {
        // Errors do not show the path: its query may have a token.
        Request::for_path(path).with_context(|| {
            if paths.len() == 1 {
                "--path".to_owned()
            } else {
                format!("--path, number {}", position + 1)
            }
        })
    };
    paths.iter().enumerate().map(request).collect()
}

/// The targets of a scan. Reports every bad line at once.
pub(crate) fn targets(
    args: &ScanArgs,
    expectations: Vec<Expectation>,
    runtime: &Handle,
    verbose: u8,
) -> anyhow::Result<TargetSet> {
    let selection = &args.selection;
    let fetches = !args.dry_run || args.fetch;
    let set = read(
        &args.targets,
        &selection.sources,
        |options| {
            options.allow_large = selection.allow_large;
            options.expectations = expectations;
            options.proxy.clone_from(&args.connection.proxy);
            options
                .egress_addresses
                .clone_from(&args.connection.egress_address);
        },
        fetches.then_some(runtime),
    )?;
    show(&set, verbose);
    check_asked(&set)?;
    Ok(set)
}

/// The targets of the exporter. Only the first time is there anything to say about them.
pub(crate) fn exporter_targets(
    args: &ExporterArgs,
    expectations: Vec<Expectation>,
    runtime: &Handle,
    shown: Option<u8>,
) -> anyhow::Result<TargetSet> {
    let set = read(
        &args.targets,
        &args.sources,
        |options| {
            options.expectations = expectations;
            options.proxy.clone_from(&args.connection.proxy);
            options
                .egress_addresses
                .clone_from(&args.connection.egress_address);
        },
        Some(runtime),
    )?;
    if let Some(verbose) = shown {
        show(&set, verbose);
        let not_asked = set.not_asked().len();
        if not_asked > 0 {
            say::note(format_args!(
                "{not_asked} clusters of the inventories are not asked; kubeknock targets says why"
            ));
        }
    }
    check_asked(&set)?;
    Ok(set)
}

/// Reads targets and exclusions from where the arguments say. Fetches URLs if there is a runtime for it.
fn read(
    targets: &[String],
    sources: &SourceArgs,
    change: impl FnOnce(&mut TargetOptions),
    runtime: Option<&Handle>,
) -> anyhow::Result<TargetSet> {
    let mut builder = builder(&sources.ports, |options| {
        (options.selectors).clone_from(&sources.selectors.selectors);
        change(options);
    });
    let files = sources.targets_file.iter().map(PathBuf::as_path);
    check_standard_input(files, &sources.from)?;
    habits::check_targets(targets)?;
    for target in targets {
        builder.argument(target);
    }
    for file in &sources.targets_file {
        if file == Path::new("-") {
            builder.read(Source::Stdin, BufReader::new(std::io::stdin()));
        } else {
            builder.file(file);
        }
    }
    import(&mut builder, &sources.from, runtime)?;
    for exclusion in &sources.exclude {
        match exclusion {
            SpecOrFile::Spec(spec) => builder.exclude(spec),
            SpecOrFile::File(file) => builder.exclude_file(file),
        }
    }
    for allowed in &sources.allow {
        match allowed {
            SpecOrFile::Spec(spec) => builder.allow(spec),
            SpecOrFile::File(file) => builder.allow_file(file),
        }
    }
    for file in &sources.exclude_file {
        builder.exclude_file(file);
    }
    Ok(builder.build()?)
}

/// Prints warnings about the lists, and expectations without a target.
fn show(set: &TargetSet, verbose: u8) {
    show_warnings(set, verbose);
    for unused in set.unused_expectations() {
        let target = unused.target.to_string();
        say::note(format_args!(
            "[[expect]] target = {target:?} matches no target and has no effect"
        ));
    }
}

/// The targets of files and inventories, for a list and not for a scan.
pub(crate) fn listed(args: &TargetsArgs, verbose: u8) -> anyhow::Result<TargetSet> {
    let mut builder = builder(&args.ports, |options| {
        options.allow_large = true;
        options.proxy.clone_from(&args.proxy);
        options.selectors.clone_from(&args.selectors.selectors);
    });
    let files = args.files.iter().map(PathBuf::as_path);
    check_standard_input(files, &args.from)?;
    for file in &args.files {
        if file == Path::new("-") {
            builder.any(Source::Stdin, BufReader::new(std::io::stdin()));
        } else {
            builder.any_file(file);
        }
    }
    let runtime = args.fetch.then(runtime::runtime).transpose()?;
    let handle = runtime.as_ref().map(Runtime::handle);
    import(&mut builder, &args.from, handle)?;
    let set = builder.build()?;
    show_warnings(&set, verbose);
    for source in set.unread() {
        say::note(format_args!("{source} is not fetched: add --fetch"));
    }
    let is_unread = !set.unread().is_empty();
    if is_unread && set.specs().is_empty() && set.not_asked().is_empty() {
        bail!("no targets: the only lists are URLs; fetch them with --fetch");
    }
    Ok(set)
}

/// Reads the files of `--from`. Fetches the URLs among them, unless there is no runtime for it.
fn import(
    builder: &mut TargetSetBuilder,
    from: &[String],
    runtime: Option<&Handle>,
) -> anyhow::Result<()> {
    for inventory in inventories(from) {
        match (inventory?, runtime) {
            (Inventory::Url(url), Some(runtime)) => {
                let answer = runtime.block_on(url.fetch())?;
                builder.import(ImportFormat::HttpSd, url.source(), &*answer);
            }
            (Inventory::Url(url), None) => builder.unread(url.source()),
            (Inventory::File(format, file), _) if file == Path::new("-") => {
                builder.import(format, Source::Stdin, BufReader::new(std::io::stdin()));
            }
            (Inventory::File(format, file), _) => builder.import_file(format, file),
        }
    }
    Ok(())
}

/// What a `--from` names.
pub(crate) enum Inventory<'a> {
    File(ImportFormat, &'a Path),
    Url(ServiceUrl),
}

/// What `--from` names, from pairs of a format and a file.
pub(crate) fn inventories(from: &[String]) -> impl Iterator<Item = anyhow::Result<Inventory<'_>>> {
    from.chunks_exact(2).map(|pair| {
        // The error omits the word: a settings file may contain a secret.
        let format: ImportFormat = pair[0]
            .parse()
            .map_err(InvalidWord::without_word)
            .context("--from")?;
        match &pair[1] {
            url if is_url(url) && format == ImportFormat::HttpSd => {
                Ok(Inventory::Url(ServiceUrl::new(url)?))
            }
            url if is_url(url) => {
                bail!("--from {format}: expected a file; only --from http-sd fetches a URL")
            }
            file => Ok(Inventory::File(format, Path::new(file))),
        }
    })
}

/// The hosts that `identify` explains, each on its ports.
pub(crate) fn single_hosts(args: &IdentifyArgs, verbose: u8) -> anyhow::Result<TargetSet> {
    let mut builder = builder(&args.ports, |_| {});
    habits::check_targets(&args.targets)?;
    for target in &args.targets {
        builder.argument(target);
    }
    let set = builder.build()?;
    if set.specs().iter().any(|spec| spec.expect.is_some()) {
        bail!("identify does not check expect=, kubeknock scan does; remove it");
    }
    show_warnings(&set, verbose);
    if !set.specs().iter().all(|spec| spec.named) {
        bail!("identify explains single hosts; use kubeknock scan for ranges");
    }
    Ok(set)
}

fn builder(args: &PortArgs, change: impl FnOnce(&mut TargetOptions)) -> TargetSetBuilder {
    if args.plain_http {
        say::note(
            "--plain-http has no effect and will be removed: a port without TLS is probed over plain HTTP anyway; \
             write http://HOST:PORT to use plain HTTP only",
        );
    }
    let mut options = TargetOptions::default();
    options.ports.clone_from(&args.ports.0);
    change(&mut options);
    TargetSetBuilder::new(options)
}

fn show_warnings(set: &TargetSet, verbose: u8) {
    for warning in set.warnings() {
        if !warning.verbose || verbose > 0 {
            say::note(format_args!("{}: {}", warning.origin, warning.text));
        }
    }
}

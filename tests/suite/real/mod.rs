//! Unmodified Kubernetes programs, where `KUBEBUILDER_ASSETS` names a folder with `etcd` and
//! `kube-apiserver`: `tests/real/README` explains how to build them. Otherwise each test prints `SKIPPED`.
//!
//! ```text
//! rows ── servers ── rbac ─→ a configured server ─ client ──→ what is really open, as the row states
//!                                                ├ kubeknock → verdict, grants, posture, component
//!                                                └ inspect   → the same verdict, from flags, files and roles
//! ```

mod audit;
mod bindings;
mod client;
mod inspect;
mod manifests;
mod neighbours;
mod pki;
mod policies;
mod rbac;
mod rows;
mod servers;
mod startup;
mod workflow;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kubeknock::model::{Component, EndpointReport, Verdict};
use kubeknock::scan::{AFTER_401, ALWAYS, deep};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::skip::aloud;
use crate::support::{config, knock};

use client::Client;
use pki::Pki;
use rows::{ROWS, Row};
use servers::{ApiServer, Etcd, Release, Settings};

/// How many servers run at once: starting one takes a CPU for a second or two, and 0.27 GB.
static ROOM: Semaphore = Semaphore::const_new(3);
/// The longest time until a change of roles reaches the authorizer.
const SETTLING: Duration = Duration::from_secs(20);

/// One set of scan options.
#[derive(Debug, Clone, Copy)]
struct Mode {
    word: &'static str,
    deep: bool,
    http2: bool,
    /// The pause before a recheck. A server that starts together with others is slow.
    pause: Duration,
}

const fn mode(word: &'static str, deep: bool, http2: bool) -> Mode {
    Mode {
        word,
        deep,
        http2,
        pause: Duration::from_millis(50),
    }
}

const MODES: [Mode; 4] = [
    mode("default", false, false),
    mode("--deep", true, false),
    mode("--http2", false, true),
    mode("--deep --http2", true, true),
];

impl Mode {
    async fn knock(self, address: SocketAddr) -> EndpointReport {
        self.knock_at(&address.to_string()).await
    }

    async fn knock_at(self, target: &str) -> EndpointReport {
        let Self {
            deep,
            http2,
            pause: recheck_pause,
            ..
        } = self;
        let timeout = Duration::from_secs(30);
        let config = config().with(|config| {
            config.deep = deep;
            config.http2 = http2;
            config.timeout = timeout;
            config.recheck_pause = recheck_pause;
        });
        knock(config, target).await
    }
}

/// The problems of a record, one per line.
#[derive(Default)]
struct Problems(String);

impl Problems {
    fn unless(&mut self, right: bool, problem: impl FnOnce() -> String) {
        if !right {
            let _ = writeln!(self.0, "{}", problem());
        }
    }
}

/// Runs these jobs, a few at a time, and prints the result of each. Each job returns its problems.
async fn all<W>(release: &Release, work: impl IntoIterator<Item = (String, W)>)
where
    W: Future<Output = String> + Send + 'static,
{
    let mut running = JoinSet::new();
    for (name, one) in work {
        running.spawn(async move {
            let _place = ROOM.acquire().await.unwrap();
            let began = Instant::now();
            let ended = tokio::spawn(one).await;
            (name, began.elapsed(), ended)
        });
    }
    let mut wrong = String::new();
    while let Some(ended) = running.join_next().await {
        let (name, took, ended) = ended.unwrap();
        let problems = ended.unwrap_or_else(|panic| panic.to_string());
        let result = if problems.is_empty() { "ok" } else { "WRONG" };
        aloud(&format!(
            "REAL {}: {name}: {result}, {:.1} s",
            release.version,
            took.as_secs_f64()
        ));
        if !problems.is_empty() {
            let _ = writeln!(wrong, "{name}:\n{problems}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_configuration_gets_its_verdict() {
    let Some(release) = Release::here("real API servers") else {
        return;
    };
    let release = Arc::new(release);
    let pki = Pki::make();
    let etcd = Arc::new(Etcd::start(&release, &pki, false).await);
    let known = ROWS
        .iter()
        .enumerate()
        .filter(|(_, row)| row.since <= release.minor);
    let work = known.map(|(number, row)| {
        let (release, etcd) = (Arc::clone(&release), Arc::clone(&etcd));
        (row.name.to_owned(), async move {
            configured(&release, &etcd, &format!("row-{number}"), row).await
        })
    });
    all(&release, work).await;
}

/// Checks one row in every mode.
async fn configured(release: &Release, etcd: &Etcd, name: &str, row: &Row) -> String {
    let pki = Pki::make();
    let hangs = row.prepare(release, &pki);
    let flags = row.flags_for(release);
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let mut server = ApiServer::start(
        release,
        &Settings {
            etcd,
            name,
            flags: &flags,
            pki: &pki,
        },
    );
    server.ready().await;
    for change in row.rbac {
        change.make(&server.admin).await;
    }
    let mut problems = Problems::default();
    if let Err(problem) = settle(server.address, row).await {
        problems.unless(false, || problem);
    }
    let mut inspection = inspect::predicted(release, &server).await;
    for mode in MODES {
        let record = mode.knock(server.address).await;
        row.check(&record, mode, &mut problems);
        inspect::check(&mut inspection, row, mode, &record, &mut problems);
    }
    drop(hangs);
    problems.0
}

/// Waits until exactly the paths of the row are open to the independent client.
async fn settle(address: SocketAddr, row: &Row) -> Result<(), String> {
    let client = Client::anonymous(address);
    let paths: BTreeSet<String> = (ALWAYS.into_iter().chain(AFTER_401).map(str::to_owned))
        .chain(deep().map(|request| request.bare_path().to_owned()))
        .collect();
    let began = Instant::now();
    loop {
        let mut wrong = Vec::new();
        for path in &paths {
            // A busy server may close a connection without an answer; the path is asked again.
            match client.get(&format!("{path}?limit=1")).await {
                Ok(answer) if answer.let_through() == (row.open)(path) => {}
                Ok(answer) => wrong.push(format!("{path} answered {}", answer.status)),
                Err(error) => wrong.push(format!("{path}: {error}")),
            }
        }
        if wrong.is_empty() {
            return Ok(());
        }
        if began.elapsed() > SETTLING {
            return Err(format!("the row's truth is another: {}", wrong.join(", ")));
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

impl Row {
    /// Writes the configuration files. The returned listener is a webhook that hangs while it lives.
    fn prepare(&self, release: &Release, pki: &Pki) -> TcpListener {
        let hangs = TcpListener::bind(crate::support::ANY).unwrap();
        let port = hangs.local_addr().unwrap().port().to_string();
        let changes: Vec<(&str, &str)> = self
            .conf
            .iter()
            .copied()
            .chain([("HANGS", port.as_str())])
            .collect();
        pki.configure(release.minor, &changes);
        hangs
    }

    fn flags_for(&self, release: &Release) -> Vec<String> {
        let before = format!("1.{}", release.minor - 1);
        self.flags
            .iter()
            .map(|flag| flag.replace("{before}", &before))
            .collect()
    }

    /// Compares a record with the row.
    fn check(&self, record: &EndpointReport, mode: Mode, problems: &mut Problems) {
        let Mode {
            word, deep, http2, ..
        } = mode;
        let verdict = self.verdicts[usize::from(deep)];
        problems.unless(record.verdict == verdict, || {
            format!(
                "{word}: {}, not {verdict}: {}",
                record.verdict, record.reason
            )
        });
        let Some(identification) = &record.identification else {
            return problems.unless(false, || format!("{word}: nothing is identified"));
        };
        problems.unless(identification.component == Component::KubeApiServer, || {
            format!(
                "{word}: {:?}: {:?}",
                identification.component, identification.clues
            )
        });
        let asked = record
            .requests
            .iter()
            .map(|request| request.exchange.request.bare_path());
        let open: BTreeSet<&str> = asked.filter(|path| (self.open)(path)).collect();
        let found: BTreeSet<&str> = record
            .grants
            .iter()
            .map(|grant| grant.path.as_str())
            .collect();
        problems.unless(found == open, || {
            format!("{word}: open: {found:?}, not {open:?}")
        });
        let shown = identification.version.is_some();
        problems.unless(shown == (self.open)("/version"), || {
            format!("{word}: version {shown}")
        });
        let status = record.posture.as_ref().map(|posture| posture.status);
        let should = self.status[usize::from(deep)];
        let sentence = record
            .posture
            .as_ref()
            .map_or("", |posture| &posture.sentence);
        problems.unless(status == should, || {
            format!("{word}: posture {status:?}, not {should:?}: {sentence}")
        });
        if verdict == Verdict::Rejected && !deep {
            let said = record.reason.contains("resources not asked");
            problems.unless(said, || format!("{word}: {}", record.reason));
        }
        let Some(tls) = &record.tls else {
            return problems.unless(false, || format!("{word}: no TLS"));
        };
        let spoken = if http2 { Some("h2") } else { None };
        problems.unless(
            tls.alpn.as_deref().filter(|alpn| *alpn == "h2") == spoken,
            || format!("{word}: {:?}", tls.alpn),
        );
        let failed = record
            .requests
            .iter()
            .filter(|request| request.exchange.outcome.is_err())
            .count();
        problems.unless(failed == 0, || {
            format!("{word}: {failed} requests without an answer")
        });
    }
}

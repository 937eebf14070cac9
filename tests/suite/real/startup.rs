//! Servers that are probed while they start: for a second or two they deny paths that they open later.

use std::sync::Arc;
use std::time::Duration;

use super::pki::Pki;
use super::rows::{ADMIN, ANONYMOUS_OFF, CONDITIONS, DEFAULT, Row};
use super::servers::{ApiServer, Etcd, Release, Settings};
use super::{MODES, Mode, Problems, all, settle};

/// The pause before the recheck: long enough for a start on a busy machine.
const PAUSE: Duration = Duration::from_secs(6);

#[tokio::test(flavor = "multi_thread")]
async fn a_starting_server_gets_its_final_verdict() {
    let Some(release) = Release::here("starting API servers") else {
        return;
    };
    let release = Arc::new(release);
    let pki = Pki::make();
    let etcd = Arc::new(Etcd::start(&release, &pki, false).await);
    let known = [ANONYMOUS_OFF, CONDITIONS, DEFAULT, ADMIN]
        .into_iter()
        .filter(|row| row.since <= release.minor);
    let work = known.enumerate().map(|(number, row)| {
        let (release, etcd) = (Arc::clone(&release), Arc::clone(&etcd));
        let work = async move { starting(&release, &etcd, &format!("start-{number}"), &row).await };
        (format!("starting: {}", row.name), work)
    });
    all(&release, work).await;
}

/// Sets up a server once and restarts it for every mode. The probe starts as soon as its port is open.
async fn starting(release: &Release, etcd: &Etcd, name: &str, row: &Row) -> String {
    let pki = Pki::make();
    row.prepare(release, &pki);
    let settings = Settings {
        etcd,
        name,
        flags: row.flags,
        pki: &pki,
    };
    let mut server = ApiServer::start(release, &settings);
    server.ready().await;
    for change in row.rbac {
        change.make(&server.admin).await;
    }
    let mut problems = Problems::default();
    if let Err(problem) = settle(server.address, row).await {
        problems.unless(false, || problem);
    }
    for mode in MODES {
        drop(server);
        server = ApiServer::start(release, &settings);
        server.listening().await;
        let record = Mode {
            pause: PAUSE,
            ..mode
        }
        .knock(server.address)
        .await;
        row.check(&record, mode, &mut problems);
    }
    problems.0
}

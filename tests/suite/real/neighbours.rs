//! Components that run next to an API server, and an API server without its etcd.

use std::sync::Arc;
use std::time::Duration;

use kubeknock::model::{Component, EndpointReport, Verdict};

use super::pki::Pki;
use super::rbac::Change;
use super::rows::{DEFAULT, Row};
use super::servers::{ApiServer, Etcd, Process, Release, Settings, free_port, loopback};
use super::{MODES, Mode, Problems, all, settle};

/// Checks only verdict and component.
fn check(
    record: &EndpointReport,
    mode: Mode,
    verdict: Verdict,
    component: Component,
    problems: &mut Problems,
) {
    problems.unless(record.verdict == verdict, || {
        format!(
            "{}: {}, not {verdict}: {}",
            mode.word, record.verdict, record.reason
        )
    });
    let identification = record.identification.as_ref();
    let is = identification.map(|identification| identification.component);
    problems.unless(is == Some(component), || {
        format!(
            "{}: {is:?}, not {component:?}: {:?}",
            mode.word,
            identification.map(|who| &who.clues)
        )
    });
}

async fn api_server(release: &Release, etcd: &Etcd, name: &str, pki: &Pki) -> ApiServer {
    let mut server = ApiServer::start(
        release,
        &Settings {
            etcd,
            name,
            flags: &[],
            pki,
        },
    );
    server.ready().await;
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_without_its_etcd_is_still_forbidden() {
    let Some(release) = Release::here("an API server without etcd") else {
        return;
    };
    let release = Arc::new(release);
    let this = Arc::clone(&release);
    let work = async move {
        let pki = Pki::make();
        let etcd = Etcd::start(&this, &pki, false).await;
        let server = api_server(&this, &etcd, "stopped", &pki).await;
        drop(etcd);
        // Waits until its health checks fail.
        tokio::time::sleep(Duration::from_secs(3)).await;
        let row = Row {
            name: "etcd stopped",
            ..DEFAULT
        };
        let mut problems = Problems::default();
        for mode in MODES {
            row.check(&mode.knock(server.address).await, mode, &mut problems);
        }
        problems.0
    };
    all(&release, [("etcd stopped".to_owned(), work)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn etcd_is_not_an_api_server() {
    let Some(release) = Release::here("etcd") else {
        return;
    };
    let release = Arc::new(release);
    let work = [false, true].map(|tls| {
        let this = Arc::clone(&release);
        let work = async move {
            let pki = Pki::make();
            let etcd = Etcd::start(&this, &pki, tls).await;
            let mut problems = Problems::default();
            for mode in MODES {
                let record = mode.knock_at(&etcd.url).await;
                check(
                    &record,
                    mode,
                    Verdict::NotApiServer,
                    Component::Etcd,
                    &mut problems,
                );
            }
            problems.0
        };
        (
            format!(
                "etcd, {}",
                if tls {
                    "TLS with client certificates"
                } else {
                    "plain"
                }
            ),
            work,
        )
    });
    all(&release, work).await;
}

/// Controller manager and scheduler respond like an API server but are none.
#[tokio::test(flavor = "multi_thread")]
async fn controller_manager_and_scheduler_are_not_api_servers() {
    let Some(release) = Release::here("controller manager and scheduler") else {
        return;
    };
    let release = Arc::new(release);
    let programs = ["kube-controller-manager", "kube-scheduler"]
        .into_iter()
        .filter(|program| release.has(program));
    let work = programs.map(|program| {
        let this = Arc::clone(&release);
        (program.to_owned(), async move {
            delegating(&this, program).await
        })
    });
    all(&release, work).await;
}

async fn delegating(release: &Release, program: &str) -> String {
    let pki = Pki::make();
    let etcd = Etcd::start(release, &pki, false).await;
    let server = api_server(release, &etcd, program, &pki).await;
    let kubeconfig = pki.kubeconfig(server.address.port());
    let address = loopback(free_port());
    let flags = [
        format!("--kubeconfig={kubeconfig}"),
        format!("--authentication-kubeconfig={kubeconfig}"),
        format!("--authorization-kubeconfig={kubeconfig}"),
        "--bind-address=127.0.0.1".to_owned(),
        format!("--secure-port={}", address.port()),
        format!("--cert-dir={}", pki.path("made")),
        "--leader-elect=false".to_owned(),
    ];
    let mut process = Process::start(release, program, &pki, &flags);
    process.listening(address).await;
    let mut problems = Problems::default();
    for mode in MODES {
        let record = mode.knock(address).await;
        let component = Component::ControllerManagerOrScheduler;
        check(
            &record,
            mode,
            Verdict::NotApiServer,
            component,
            &mut problems,
        );
    }
    problems.0
}

/// An extension API server, probed directly: closed by default, and open to callers that the main API server
/// allows.
#[tokio::test(flavor = "multi_thread")]
async fn an_extension_is_an_aggregated_api_server() {
    let Some(release) = Release::here("an extension API server") else {
        return;
    };
    if !release.has("sample-apiserver") {
        return;
    }
    let release = Arc::new(release);
    let this = Arc::clone(&release);
    let work = [(
        "an extension".to_owned(),
        async move { extension(&this).await },
    )];
    all(&release, work).await;
}

async fn extension(release: &Release) -> String {
    let pki = Pki::make();
    let etcd = Etcd::start(release, &pki, false).await;
    let server = api_server(release, &etcd, "core", &pki).await;
    let kubeconfig = pki.kubeconfig(server.address.port());
    let address = loopback(free_port());
    let flags = [
        format!("--kubeconfig={kubeconfig}"),
        format!("--authentication-kubeconfig={kubeconfig}"),
        format!("--authorization-kubeconfig={kubeconfig}"),
        "--bind-address=127.0.0.1".to_owned(),
        format!("--secure-port={}", address.port()),
        format!("--etcd-servers={}", etcd.url),
        "--etcd-prefix=/wardle".to_owned(),
        format!("--tls-cert-file={}", pki.path("wardle.crt")),
        format!("--tls-private-key-file={}", pki.path("wardle.key")),
    ];
    let mut process = Process::start(release, "sample-apiserver", &pki, &flags);
    process.listening(address).await;
    let mut problems = Problems::default();
    let closed = Row {
        name: "an extension",
        ..DEFAULT
    };
    if let Err(problem) = settle(address, &closed).await {
        problems.unless(false, || problem);
    }
    for mode in MODES {
        let record = mode.knock(address).await;
        check(
            &record,
            mode,
            Verdict::Forbidden,
            Component::AggregatedApiServer,
            &mut problems,
        );
    }
    Change::Bind("cluster-admin", "User/system:anonymous")
        .make(&server.admin)
        .await;
    let open = Row {
        name: "an open extension",
        ..super::rows::ADMIN
    };
    if let Err(problem) = settle(address, &open).await {
        problems.unless(false, || problem);
    }
    for mode in MODES {
        let record = mode.knock(address).await;
        check(
            &record,
            mode,
            Verdict::Exposed,
            Component::AggregatedApiServer,
            &mut problems,
        );
    }
    problems.0
}

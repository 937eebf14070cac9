//! Real programs as processes that end when they are dropped.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use super::client::{Answer, Client};
use super::pki::Pki;
use crate::skip::skipped;

/// How long a server may take to become ready on a slow machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// The flags of every API server.
const COMMON: [&str; 20] = [
    "--bind-address=127.0.0.1",
    "--advertise-address=127.0.0.1",
    "--external-hostname=localhost",
    "--service-cluster-ip-range=10.96.0.0/12",
    "--endpoint-reconciler-type=none",
    "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
    "--service-account-key-file={pki}/sa.pub",
    "--service-account-signing-key-file={pki}/sa.key",
    "--disable-admission-plugins=ServiceAccount",
    "--tls-cert-file={pki}/server.crt",
    "--tls-private-key-file={pki}/server.key",
    "--client-ca-file={pki}/ca.crt",
    "--requestheader-client-ca-file={pki}/front-proxy-ca.crt",
    "--requestheader-allowed-names=front-proxy",
    "--requestheader-username-headers=X-Remote-User",
    "--requestheader-group-headers=X-Remote-Group",
    "--requestheader-extra-headers-prefix=X-Remote-Extra-",
    "--authorization-mode=Node,RBAC",
    "--audit-policy-file={pki}/audit.yaml",
    "--audit-log-path={pki}/audit.log",
];

/// A built release of Kubernetes.
pub(super) struct Release {
    folder: PathBuf,
    /// `v1.37.2`.
    pub(super) version: String,
    /// 37.
    pub(super) minor: u32,
}

impl Release {
    /// The release in `KUBEBUILDER_ASSETS`. Without it, prints that the test was skipped and returns `None`.
    pub(super) fn here(test: &str) -> Option<Self> {
        let Some(folder) = std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from) else {
            skipped(&format!("{test}: KUBEBUILDER_ASSETS is not set"));
            return None;
        };
        for name in ["etcd", "kube-apiserver"] {
            assert!(
                folder.join(name).is_file(),
                "KUBEBUILDER_ASSETS has no {name}"
            );
        }
        let output = Command::new(folder.join("kube-apiserver"))
            .arg("--version")
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let version = said.trim().rsplit(' ').next().unwrap().to_owned();
        let minor = version.split('.').nth(1).unwrap().parse().unwrap();
        Some(Self {
            folder,
            version,
            minor,
        })
    }

    /// The path of a program.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Whether this program was built. If not, prints that the test was skipped.
    pub(super) fn has(&self, program: &str) -> bool {
        let there = self.folder.join(program).is_file();
        if !there {
            skipped(&format!(
                "{program} {}: not in KUBEBUILDER_ASSETS",
                self.version
            ));
        }
        there
    }
}

/// A running program; killed when dropped.
pub(super) struct Process {
    command: Command,
    child: Child,
    /// How often it may exit before it is ready: on a busy machine a start may time out.
    spare: u8,
    log: PathBuf,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    /// Starts a program. Its log goes to a file next to the keys.
    pub(super) fn start(release: &Release, program: &str, pki: &Pki, flags: &[String]) -> Self {
        let log = PathBuf::from(pki.path(&format!("{program}.log")));
        let mut command = Command::new(release.folder.join(program));
        command
            .args(flags)
            .stdout(Stdio::null())
            .stderr(Stdio::from(fs::File::create(&log).unwrap()));
        let child = command.spawn().unwrap();
        Self {
            command,
            child,
            spare: 2,
            log,
        }
    }

    /// Waits until the address accepts connections.
    pub(super) async fn listening(&mut self, address: SocketAddr) {
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            self.pause(began, Duration::from_millis(2)).await;
        }
    }

    /// Pauses while waiting for the program. Fails if it exited or takes too long.
    async fn pause(&mut self, began: Instant, pause: Duration) {
        let mut ended = self.child.try_wait().unwrap().is_some();
        if ended && self.spare > 0 {
            self.spare -= 1;
            self.child = self.command.spawn().unwrap();
            ended = false;
        }
        assert!(
            !ended && began.elapsed() < PATIENCE,
            "not ready: {}",
            self.last_words()
        );
        tokio::time::sleep(pause).await;
    }

    fn last_words(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }
}

/// A free port outside the range of ephemeral ports.
pub(super) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        // Test runs in parallel start at different ports.
        let begin = 12_000 + u16::try_from(std::process::id() % 180).unwrap() * 100;
        let port = begin + NEXT.fetch_add(1, Ordering::Relaxed) % 1_000;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

pub(super) fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

pub(super) struct Etcd {
    pub(super) url: String,
    _process: Process,
}

impl Etcd {
    /// Starts etcd, either plain or with TLS and client certificates.
    pub(super) async fn start(release: &Release, pki: &Pki, tls: bool) -> Self {
        let scheme = if tls { "https" } else { "http" };
        let client = loopback(free_port());
        let url = format!("{scheme}://{client}");
        let mut flags = vec![
            format!("--data-dir={}", pki.path("etcd")),
            format!("--listen-client-urls={url}"),
            format!("--advertise-client-urls={url}"),
            format!("--listen-peer-urls=http://{}", loopback(free_port())),
            "--unsafe-no-fsync".to_owned(),
        ];
        if tls {
            flags.extend([
                format!("--cert-file={}", pki.path("etcd.crt")),
                format!("--key-file={}", pki.path("etcd.key")),
                format!("--trusted-ca-file={}", pki.path("etcd-ca.crt")),
                "--client-cert-auth".to_owned(),
            ]);
        }
        let mut process = Process::start(release, "etcd", pki, &flags);
        process.listening(client).await;
        Self {
            url,
            _process: process,
        }
    }
}

/// The settings of an API server.
pub(super) struct Settings<'a> {
    pub(super) etcd: &'a Etcd,
    /// The prefix of its objects in etcd.
    pub(super) name: &'a str,
    /// Flags that add to or replace the common ones; a bare name removes a common one.
    pub(super) flags: &'a [&'a str],
    pub(super) pki: &'a Pki,
}

pub(super) struct ApiServer {
    pub(super) address: SocketAddr,
    pub(super) admin: Client,
    /// Its arguments.
    pub(super) args: Vec<String>,
    process: Process,
}

impl ApiServer {
    /// Starts it with keys and an etcd of its own, and waits until it is ready. It needs both while it runs.
    pub(super) async fn alone(release: &Release, name: &str, flags: &[&str]) -> (Pki, Etcd, Self) {
        let pki = Pki::make();
        let etcd = Etcd::start(release, &pki, false).await;
        let mut server = Self::start(
            release,
            &Settings {
                etcd: &etcd,
                name,
                flags,
                pki: &pki,
            },
        );
        server.ready().await;
        (pki, etcd, server)
    }

    /// Starts it without waiting.
    pub(super) fn start(release: &Release, settings: &Settings<'_>) -> Self {
        let Settings {
            etcd,
            name,
            flags,
            pki,
        } = settings;
        let name_of = |flag: &str| flag.split('=').next().unwrap_or_default().to_owned();
        let own: Vec<String> = flags.iter().map(|flag| name_of(flag)).collect();
        let common = COMMON.iter().filter(|flag| !own.contains(&name_of(flag)));
        let port = free_port();
        let mut all: Vec<String> = common
            .chain(flags.iter().filter(|flag| flag.contains('=')))
            .map(|flag| flag.replace("{pki}/", &pki.path("")))
            .collect();
        all.extend([
            format!("--secure-port={port}"),
            format!("--etcd-servers={}", etcd.url),
            format!("--etcd-prefix=/{name}"),
        ]);
        let ip = if all.iter().any(|flag| flag == "--bind-address=::1") {
            "[::1]"
        } else {
            "127.0.0.1"
        };
        let address: SocketAddr = format!("{ip}:{port}").parse().unwrap();
        let admin = Client::admin(address, pki);
        Self {
            address,
            admin,
            process: Process::start(release, "kube-apiserver", pki, &all),
            args: all,
        }
    }

    /// Waits until the port is open.
    pub(super) async fn listening(&mut self) {
        self.process.listening(self.address).await;
    }

    /// Waits until `/readyz` answers ok to the administrator, or to anybody if the server has no client CA.
    pub(super) async fn ready(&mut self) {
        let began = Instant::now();
        let anybody = Client::anonymous(self.address);
        let ok = |answer: std::io::Result<Answer>| answer.is_ok_and(|answer| answer.status == 200);
        while !ok(self.admin.get("/readyz").await) && !ok(anybody.get("/readyz").await) {
            self.process.pause(began, Duration::from_millis(200)).await;
        }
    }
}

//! Real programs as processes that end with their owner.

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

/// What every API server is started with.
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

/// A release of Kubernetes, built.
pub(super) struct Release {
    folder: PathBuf,
    /// `v1.37.2`.
    pub(super) version: String,
    /// 37.
    pub(super) minor: u32,
}

impl Release {
    /// What `KUBEBUILDER_ASSETS` names, or the reason to skip.
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

    /// Whether this program was built too; where not, it is said.
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
    /// How often it may end before it is ready: on a busy machine a start may run out of its own time.
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
    /// Starts a program; what it logs goes to a file beside the keys.
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

    /// Waits until somebody listens there.
    pub(super) async fn listening(&mut self, address: SocketAddr) {
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            self.pause(began, Duration::from_millis(2)).await;
        }
    }

    /// A pause on the way to something that the program must come to while it runs, and soon enough.
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

/// A port that nobody has, outside the range from which clients get theirs.
pub(super) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        // Runs beside each other begin at ports of their own.
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
    /// Starts one: plain, or with TLS and client certificates.
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

/// How an API server is started.
pub(super) struct Settings<'a> {
    pub(super) etcd: &'a Etcd,
    /// Under which prefix etcd has its objects.
    pub(super) name: &'a str,
    /// Flags of its own, which replace common ones of the same name; a bare name takes one away.
    pub(super) flags: &'a [&'a str],
    pub(super) pki: &'a Pki,
}

pub(super) struct ApiServer {
    pub(super) address: SocketAddr,
    pub(super) admin: Client,
    process: Process,
}

impl ApiServer {
    /// Starts one, and does not wait for it.
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
        }
    }

    /// Waits until the port is open.
    pub(super) async fn listening(&mut self) {
        self.process.listening(self.address).await;
    }

    /// Waits until `/readyz` says ok: to the administrator, or to anybody where it knows no client CA.
    pub(super) async fn ready(&mut self) {
        let began = Instant::now();
        let anybody = Client::anonymous(self.address);
        let ok = |answer: std::io::Result<Answer>| answer.is_ok_and(|answer| answer.status == 200);
        while !ok(self.admin.get("/readyz").await) && !ok(anybody.get("/readyz").await) {
            self.process.pause(began, Duration::from_millis(200)).await;
        }
    }
}

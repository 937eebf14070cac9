//! The same verdicts on a real kube-apiserver, where `KUBEBUILDER_ASSETS` names a folder with
//! `etcd` and `kube-apiserver`. Without it each test says `SKIPPED: reason`.
//!
//! Flags and timing: what works on 1.20 and later alike.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kubeknock::config::ScanConfig;
use kubeknock::model::{Component, EndpointReport, Grade, Request, Verdict};
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::skip::skipped;
use crate::support::{ANY, config, knock};

/// How long a server may take to become ready on a slow machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// The folder with the binaries, or the reason to skip.
fn assets(test: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from) else {
        skipped(&format!("{test}: KUBEBUILDER_ASSETS is not set"));
        return None;
    };
    for name in ["etcd", "kube-apiserver"] {
        assert!(folder.join(name).is_file(), "KUBEBUILDER_ASSETS has no {name}");
    }
    Some(folder)
}

/// `(1, 20)` of `Kubernetes v1.20.2`.
fn minor_version(assets: &Path) -> (u32, u32) {
    let output = Command::new(assets.join("kube-apiserver")).arg("--version").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut numbers =
        text.trim().rsplit('v').next().unwrap().split('.').map(|part| part.parse().unwrap_or(0));
    (numbers.next().unwrap(), numbers.next().unwrap())
}

/// A cluster's certificates, made for one test.
struct Pki {
    folder: tempfile::TempDir,
}

impl Pki {
    fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
        let authority = |common_name: &str| {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::default();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.distinguished_name = rcgen::DistinguishedName::new();
            params.distinguished_name.push(DnType::CommonName, common_name);
            let certificate = params.self_signed(&key).unwrap();
            (certificate.pem(), Issuer::new(params, key))
        };
        let (ca, issuer) = authority("kubernetes");
        write("ca.crt", ca);
        write("front-proxy-ca.crt", authority("front-proxy-ca").0);
        let signed = |name: &str, subject: &[(DnType, &str)], sans: &[&str], usage| {
            let key = KeyPair::generate().unwrap();
            let sans: Vec<String> = sans.iter().map(|san| (*san).to_owned()).collect();
            let mut params = CertificateParams::new(sans).unwrap();
            params.distinguished_name = rcgen::DistinguishedName::new();
            for (kind, value) in subject {
                params.distinguished_name.push(kind.clone(), *value);
            }
            params.extended_key_usages = vec![usage];
            write(&format!("{name}.crt"), params.signed_by(&key, &issuer).unwrap().pem());
            write(&format!("{name}.key"), key.serialize_pem());
        };
        signed(
            "server",
            &[(DnType::CommonName, "kube-apiserver")],
            &["kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost", "127.0.0.1"],
            ExtendedKeyUsagePurpose::ServerAuth,
        );
        signed(
            "admin",
            &[(DnType::OrganizationName, "system:masters"), (DnType::CommonName, "admin")],
            &[],
            ExtendedKeyUsagePurpose::ClientAuth,
        );
        let service_accounts = KeyPair::generate().unwrap();
        write("sa.key", service_accounts.serialize_pem());
        write("sa.pub", service_accounts.public_key_pem());
        Self { folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }
}

/// An etcd and a kube-apiserver, killed when dropped.
struct Cluster {
    address: SocketAddr,
    pki: Pki,
    children: Vec<Child>,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn free_port() -> u16 {
    TcpListener::bind(ANY).unwrap().local_addr().unwrap().port()
}

impl Cluster {
    /// Starts both and waits until `/readyz` answers ok to an administrator.
    async fn start(assets: &Path, extra: &[String]) -> Self {
        let pki = Pki::make();
        let (client, peer, port) = (free_port(), free_port(), free_port());
        let log = |name: &str| Stdio::from(fs::File::create(pki.path(name)).unwrap());
        let etcd = Command::new(assets.join("etcd"))
            .arg(format!("--data-dir={}", pki.path("etcd")))
            .arg(format!("--listen-client-urls=http://127.0.0.1:{client}"))
            .arg(format!("--advertise-client-urls=http://127.0.0.1:{client}"))
            .arg(format!("--listen-peer-urls=http://127.0.0.1:{peer}"))
            .arg("--unsafe-no-fsync")
            .stdout(Stdio::null())
            .stderr(log("etcd.log"))
            .spawn()
            .unwrap();
        let server = Command::new(assets.join("kube-apiserver"))
            .args([
                "--bind-address=127.0.0.1",
                "--advertise-address=127.0.0.1",
                "--external-hostname=localhost",
            ])
            .arg(format!("--secure-port={port}"))
            .arg(format!("--etcd-servers=http://127.0.0.1:{client}"))
            .arg(format!("--tls-cert-file={}", pki.path("server.crt")))
            .arg(format!("--tls-private-key-file={}", pki.path("server.key")))
            .arg(format!("--client-ca-file={}", pki.path("ca.crt")))
            .arg(format!("--requestheader-client-ca-file={}", pki.path("front-proxy-ca.crt")))
            .args([
                "--requestheader-allowed-names=front-proxy",
                "--requestheader-username-headers=X-Remote-User",
            ])
            .args(["--requestheader-group-headers=X-Remote-Group"])
            .args(["--requestheader-extra-headers-prefix=X-Remote-Extra-"])
            .args(["--service-cluster-ip-range=10.96.0.0/12", "--endpoint-reconciler-type=none"])
            .arg("--service-account-issuer=https://kubernetes.default.svc.cluster.local")
            .arg(format!("--service-account-key-file={}", pki.path("sa.pub")))
            .arg(format!("--service-account-signing-key-file={}", pki.path("sa.key")))
            .args(["--disable-admission-plugins=ServiceAccount", "--authorization-mode=Node,RBAC"])
            .args(extra)
            .stdout(Stdio::null())
            .stderr(log("kube-apiserver.log"))
            .spawn()
            .unwrap();
        let address = SocketAddr::new(ANY.ip(), port);
        let mut cluster = Self { address, pki, children: vec![etcd, server] };
        let began = Instant::now();
        while !cluster
            .admin("GET", "/readyz", "")
            .await
            .is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
        {
            let ended = cluster.children.iter_mut().any(|child| child.try_wait().unwrap().is_some());
            assert!(
                !ended && began.elapsed() < PATIENCE,
                "not ready: {}",
                fs::read_to_string(cluster.pki.path("kube-apiserver.log")).unwrap_or_default()
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        cluster
    }

    /// One request with the administrator's client certificate; the whole answer as text.
    async fn admin(&self, method: &str, path: &str, body: &str) -> std::io::Result<String> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.pki.path("ca.crt")).unwrap()).unwrap();
        let chain = vec![CertificateDer::from_pem_file(self.pki.path("admin.crt")).unwrap()];
        let key = PrivateKeyDer::from_pem_file(self.pki.path("admin.key")).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)
            .unwrap();
        let stream = tokio::net::TcpStream::connect(self.address).await?;
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        // The server may end without closing TLS properly; what came is what counts.
        let _ = stream.read_to_end(&mut answer).await;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    async fn knock(&self) -> EndpointReport {
        let paths = ["/apis", "/metrics", "/openapi/v2", "/api/v1/secrets", "/api/v1/nodes"];
        let requests = paths.map(|path| Request::for_path(path).unwrap()).to_vec();
        let timeout = Duration::from_secs(30);
        let record = knock(ScanConfig { requests, timeout, ..config() }, &self.address.to_string()).await;
        let identification = record.identification.as_ref().unwrap();
        assert_eq!(identification.component, Component::KubeApiServer, "{:?}", identification.clues);
        let names = &record.tls.as_ref().unwrap().client_ca_names.kept;
        assert_eq!(names, &["CN=kubernetes", "CN=front-proxy-ca"]);
        record
    }
}

fn paths(record: &EndpointReport) -> Vec<&str> {
    record.grants.iter().map(|grant| grant.path.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn by_default_anonymous_is_forbidden() {
    let Some(assets) = assets("by default") else { return };
    let cluster = Cluster::start(&assets, &[]).await;
    let record = cluster.knock().await;
    assert_eq!(record.verdict, Verdict::Forbidden, "{}", record.reason);
    assert_eq!(paths(&record), ["/healthz", "/version"]);
    let version = record.identification.unwrap().version.unwrap();
    let (major, minor) = minor_version(&assets);
    assert!(version.starts_with(&format!("v{major}.{minor}.")), "{version}");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_anonymous_auth_off_it_is_rejected() {
    let Some(assets) = assets("--anonymous-auth=false") else { return };
    let cluster = Cluster::start(&assets, &["--anonymous-auth=false".to_owned()]).await;
    let record = cluster.knock().await;
    assert_eq!(record.verdict, Verdict::Rejected, "{}", record.reason);
    assert!(record.grants.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn with_cluster_admin_for_anonymous_it_is_exposed() {
    let Some(assets) = assets("cluster-admin for system:anonymous") else { return };
    let cluster = Cluster::start(&assets, &[]).await;
    let binding = r#"{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRoleBinding",
        "metadata":{"name":"anonymous-admin"},
        "roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"cluster-admin"},
        "subjects":[{"apiGroup":"rbac.authorization.k8s.io","kind":"User","name":"system:anonymous"}]}"#;
    let answer = cluster
        .admin("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding)
        .await
        .unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    // The authorizer learns of the binding through its watch.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let record = cluster.knock().await;
    assert_eq!(record.verdict, Verdict::Exposed, "{}", record.reason);
    assert_eq!(record.grants[0].grade, Grade::SensitiveResources);
    for path in ["/api", "/apis", "/metrics", "/openapi/v2", "/api/v1/secrets", "/api/v1/nodes"] {
        assert!(paths(&record).contains(&path), "{path} is not among {:?}", paths(&record));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn limited_to_health_paths_it_is_limited() {
    let Some(assets) = assets("path-limited anonymous") else { return };
    let version = minor_version(&assets);
    if version < (1, 32) {
        skipped(&format!(
            "path-limited anonymous: kube-apiserver {version:?} does not know it (from 1.32 by default)"
        ));
        return;
    }
    let api_version = if version < (1, 34) { "v1beta1" } else { "v1" };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("authentication.yaml");
    let conditions = "anonymous:\n  enabled: true\n  conditions:\n  - path: /livez\n  - path: /readyz\n  - path: /healthz\n";
    let text = format!(
        "apiVersion: apiserver.config.k8s.io/{api_version}\nkind: AuthenticationConfiguration\n{conditions}"
    );
    fs::write(&path, text).unwrap();
    let cluster = Cluster::start(&assets, &[format!("--authentication-config={}", path.display())]).await;
    let record = cluster.knock().await;
    assert_eq!(record.verdict, Verdict::Limited, "{}", record.reason);
    assert_eq!(paths(&record), ["/healthz"]);
}

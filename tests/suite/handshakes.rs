//! Unusual certificates and handshakes. A signature that cannot be checked does not count against a server, and a
//! failed negotiation names what was offered.

use std::fs;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use kubeknock::config::ScanConfig;
use kubeknock::model::{EndpointReport, FailureKind, Handshake, Signature, Trust, Verdict};
use rcgen::{CertificateParams, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::sign::{Signer, SigningKey};
use rustls::{ServerConfig, ServerConnection, SignatureAlgorithm, SignatureScheme};

use crate::byhand::{acceptor_of, acceptor_with, default_over};
use crate::skip::without;
use crate::support::{config, knock};

/// `openssl s_server`, stopped when dropped.
struct Openssl {
    child: Child,
    address: String,
}

impl Drop for Openssl {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn openssl(folder: &Path, args: &str) -> bool {
    let ran = Command::new("openssl")
        .args(args.split(' '))
        .current_dir(folder)
        .stderr(Stdio::null())
        .output();
    ran.is_ok_and(|output| output.status.success())
}

impl Openssl {
    /// Serves with `PREFIX.key` and `PREFIX.crt` of the folder; `None` if this openssl cannot.
    fn serve(folder: &Path, prefix: &str, args: &str) -> Option<Self> {
        let fixed =
            format!("s_server -accept 127.0.0.1:0 -www -key {prefix}.key -cert {prefix}.crt");
        let mut child = Command::new("openssl")
            .args(fixed.split(' '))
            .args(args.split_whitespace())
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let lines = BufReader::new(child.stdout.take()?).lines();
        let address = lines
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("ACCEPT ").map(str::to_owned));
        Some(Self {
            child,
            address: address?,
        })
    }
}

/// A folder with `rsa.key` and `rsa.crt`. Without openssl, prints that the test was skipped and returns `None`.
#[track_caller]
fn with_openssl(test: &str) -> Option<tempfile::TempDir> {
    let folder = tempfile::tempdir().unwrap();
    let made = "req -x509 -newkey rsa:2048 -nodes -keyout rsa.key -out rsa.crt -subj /CN=kube-apiserver -days 9";
    if openssl(folder.path(), made) {
        return Some(folder);
    }
    without("openssl", test);
    None
}

async fn knock_on(server: &Openssl) -> EndpointReport {
    knock(config().with(|config| config.retries = 0), &server.address).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_negotiation_names_what_was_offered() {
    let Some(folder) = with_openssl("servers that speak old TLS alone") else {
        return;
    };
    for (args, said) in [
        (
            "-tls1_2 -cipher AES256-GCM-SHA384",
            "none of the cipher suites or versions offered",
        ),
        (
            "-tls1_2 -cipher ECDHE-RSA-AES256-SHA384",
            "none of the cipher suites or versions offered",
        ),
        (
            "-tls1_1 -cipher ALL:@SECLEVEL=0",
            "none of the versions offered",
        ),
    ] {
        let server = Openssl::serve(folder.path(), "rsa", args).unwrap();
        let record = knock_on(&server).await;
        assert_eq!(record.verdict, Verdict::Unreachable, "{args}");
        assert_eq!(
            record.failure.unwrap().kind,
            FailureKind::Handshake,
            "{args}"
        );
        assert!(record.reason.contains(said), "{args}: {}", record.reason);
        let offered = "TLS 1.3, and TLS 1.2 with ECDHE and AES-GCM or ChaCha20-Poly1305";
        assert!(record.reason.contains(offered), "{args}: {}", record.reason);
        assert_eq!(
            record.connections, 1,
            "{args}: it speaks TLS, so it is not asked without"
        );
    }
}

/// In TLS 1.2 OpenSSL sends the alert "handshake failure" to a client without a certificate.
#[tokio::test(flavor = "multi_thread")]
async fn openssl_requiring_a_client_certificate_is_recognised() {
    let Some(folder) = with_openssl("servers that want a client certificate") else {
        return;
    };
    for version in ["-tls1_2", "-tls1_3"] {
        let server = Openssl::serve(folder.path(), "rsa", &format!("{version} -Verify 1")).unwrap();
        let record = knock_on(&server).await;
        let failure = record
            .failure
            .or_else(|| record.requests[0].exchange.outcome.clone().err())
            .unwrap();
        assert_eq!(
            failure.kind,
            FailureKind::ClientCertificateRequired,
            "{version}: {failure}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_is_too_long_is_reported() {
    let Some(folder) = with_openssl("a server with a long chain") else {
        return;
    };
    let one = fs::read_to_string(folder.path().join("rsa.crt")).unwrap();
    fs::write(folder.path().join("chain.pem"), one.repeat(100)).unwrap();
    for version in ["-tls1_2", "-tls1_3"] {
        let args = format!("{version} -cert_chain chain.pem");
        let server = Openssl::serve(folder.path(), "rsa", &args).unwrap();
        let record = knock_on(&server).await;
        assert_eq!(record.verdict, Verdict::Unreachable, "{version}");
        assert_eq!(
            record.failure.unwrap().kind,
            FailureKind::Handshake,
            "{version}"
        );
        assert!(
            record.reason.contains("longer than 64 KiB"),
            "{version}: {}",
            record.reason
        );
    }
}

/// Trusts the serving certificate itself.
fn given(certificate: &[u8]) -> ScanConfig {
    config().with(|config| {
        config.retries = 0;
        config.trusted_cas = vec![certificate.to_vec()];
    })
}

/// The certificate of a PEM file, as DER.
fn der(path: &Path) -> Vec<u8> {
    use base64::Engine as _;
    let text: String = fs::read_to_string(path)
        .unwrap()
        .lines()
        .filter(|line| !line.starts_with('-'))
        .collect();
    base64::prelude::BASE64_STANDARD.decode(text).unwrap()
}

async fn handshake_with(server: &Openssl, certificate: &[u8]) -> Box<Handshake> {
    knock(given(certificate), &server.address)
        .await
        .tls
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_signature_of_an_unusual_certificate_is_checked() {
    let Some(folder) =
        with_openssl("certificates of version 1 and with unknown critical extensions")
    else {
        return;
    };
    let path = folder.path();
    for made in [
        "req -newkey rsa:2048 -nodes -keyout v1.key -out v1.csr -subj /CN=kube-apiserver",
        "x509 -req -in v1.csr -signkey v1.key -days 30 -out v1.crt",
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout crit.key -out crit.crt -days 30 \
         -subj /CN=kube-apiserver -addext 1.3.6.1.4.1.99999.1=critical,DER:0500",
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-521 -nodes -keyout p521.key -out p521.crt -days 30 \
         -subj /CN=kube-apiserver",
    ] {
        assert!(openssl(path, made), "{made}");
    }
    let both = ["-tls1_2", "-tls1_3"];
    for (prefix, key, versions) in [
        ("v1", "RSA 2048", &both[..]),
        ("crit", "EC P-256", &both),
        // In TLS 1.2 openssl wants this curve for the key exchange, too.
        ("p521", "EC P-521", &both[1..]),
    ] {
        let certificate = der(&path.join(format!("{prefix}.crt")));
        for version in versions {
            let server = Openssl::serve(path, prefix, version).unwrap();
            let tls = handshake_with(&server, &certificate).await;
            assert_eq!(tls.signature, Signature::Valid, "{prefix} {version}");
            assert_eq!(tls.certificate.unwrap().key, key);
            assert!(
                matches!(tls.trust, Some(Trust::Anchored { .. })),
                "{prefix} {version}: {:?}",
                tls.trust
            );
        }
    }
}

/// With a key that the cryptographic library does not support.
#[tokio::test(flavor = "multi_thread")]
async fn an_unsupported_key_does_not_count_against_the_server() {
    let Some(folder) = with_openssl("a certificate with a small RSA key") else {
        return;
    };
    let path = folder.path();
    let made = "req -x509 -newkey rsa:1024 -nodes -keyout small.key -out small.crt -subj /CN=small -days 9";
    assert!(openssl(path, made));
    let certificate = der(&path.join("small.crt"));
    for version in ["-tls1_2", "-tls1_3"] {
        let args = format!("{version} -cipher ALL:@SECLEVEL=0");
        let server = Openssl::serve(path, "small", &args).unwrap();
        let tls = handshake_with(&server, &certificate).await;
        let Signature::NotChecked { why } = &tls.signature else {
            panic!("{version}: {:?}", tls.signature)
        };
        assert!(why.contains("RSA key has 1024 bits"), "{why}");
        assert!(
            matches!(tls.trust, Some(Trust::NotChecked { .. })),
            "{version}: {:?}",
            tls.trust
        );
    }
}

/// An RSA key of 16,384 bits without a private part. Its "signatures" are never checked.
#[derive(Debug)]
struct Huge(Vec<u8>);

impl Huge {
    const BITS: usize = 16384;

    fn new() -> Self {
        let modulus = [&[0x02, 0x82, 0x08, 0x01, 0][..], &[0xc1; Self::BITS / 8]].concat();
        let exponent = [0x02, 0x03, 1, 0, 1];
        Self([&[0x30, 0x82, 0x08, 0x0a], &modulus[..], &exponent].concat())
    }
}

impl rcgen::PublicKeyData for Huge {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_RSA_SHA256
    }
}

impl rcgen::SigningKey for Huge {
    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(vec![7; Self::BITS / 8])
    }
}

impl SigningKey for Huge {
    fn choose_scheme(&self, _: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        Some(Box::new(Self(Vec::new())))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::RSA
    }
}

impl Signer for Huge {
    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        Ok(vec![7; Self::BITS / 8])
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::RSA_PSS_SHA256
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_huge_key_does_not_count_against_the_server() {
    let key = Arc::new(Huge::new());
    let certificate = CertificateParams::new(["kubernetes".to_owned()])
        .unwrap()
        .self_signed(&*key)
        .unwrap();
    let der = certificate.der().clone();
    let server = default_over(acceptor_with(vec![der.clone()], key, &[b"http/1.1"])).await;
    let record = knock(given(&der), &server.address.to_string()).await;
    assert_eq!(record.verdict, Verdict::Forbidden, "{}", record.reason);
    let tls = record.tls.unwrap();
    assert_eq!(tls.certificate.unwrap().key, "RSA 16384");
    let why = "its RSA key has 16384 bits; 2048 to 8192 are supported".to_owned();
    assert_eq!(tls.signature, Signature::NotChecked { why });
    assert!(
        matches!(tls.trust, Some(Trust::NotChecked { .. })),
        "{:?}",
        tls.trust
    );
}

/// Anybody can copy a certificate, but not its key.
#[tokio::test(flavor = "multi_thread")]
async fn a_copied_certificate_is_recognised() {
    let [right, wrong] = [KeyPair::generate().unwrap(), KeyPair::generate().unwrap()];
    let certificate = CertificateParams::new(["kubernetes".to_owned()])
        .unwrap()
        .self_signed(&right)
        .unwrap();
    let der = certificate.der().clone();
    for (key, signature) in [(&right, Signature::Valid), (&wrong, Signature::Invalid)] {
        let server = default_over(acceptor_of(vec![der.clone()], key, &[b"http/1.1"])).await;
        let record = knock(given(&der), &server.address.to_string()).await;
        assert_eq!(record.verdict, Verdict::Forbidden, "{}", record.reason);
        let tls = record.tls.unwrap();
        assert_eq!(tls.signature, signature);
        let anchored = matches!(tls.trust, Some(Trust::Anchored { .. }));
        let held = matches!(tls.trust, Some(Trust::NotAnchored { .. }));
        assert_eq!(
            (anchored, held),
            (
                signature == Signature::Valid,
                signature == Signature::Invalid
            )
        );
    }
}

/// In TLS 1.2 the server ends the handshake, and an answer that waits for no request comes in the same packet.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_answers_before_it_is_asked_is_asked_all_the_same() {
    const ANSWER: &[u8] = b"HTTP/1.1 401 Unauthorized\r\nAudit-Id: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["kubernetes".to_owned()])
        .unwrap()
        .self_signed(&key)
        .unwrap();
    let tls = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        )
        .unwrap();
    let tls = Arc::new(tls);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (asked, received) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, tls, asked) = (stream.unwrap(), Arc::clone(&tls), asked.clone());
            std::thread::spawn(move || {
                let mut tls = ServerConnection::new(tls).unwrap();
                let (mut answered, mut requests) = (false, Vec::new());
                loop {
                    if !tls.is_handshaking() && !std::mem::replace(&mut answered, true) {
                        tls.writer().write_all(ANSWER).unwrap();
                        tls.send_close_notify();
                    }
                    while tls.wants_write() && tls.write_tls(&mut stream).is_ok() {}
                    let has_read = tls.read_tls(&mut stream).is_ok_and(|count| count > 0);
                    if !has_read || tls.process_new_packets().is_err() {
                        break;
                    }
                    let _ = tls.reader().read_to_end(&mut requests);
                }
                let _ = asked.send(String::from_utf8(requests).unwrap());
            });
        }
    });
    let record = knock(config(), &address).await;
    let requests: Vec<String> = (0..record.connections)
        .map(|_| received.recv_timeout(Duration::from_secs(10)).unwrap())
        .collect();
    let is_asked = |request: &String| request.starts_with("GET /");
    assert!(requests.iter().all(is_asked), "{requests:?}");
}

//! A service of the user's own, on loopback and over TLS: it has lists of targets, or takes notifications.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::support::{kubeknock, pem, stderr, stdout};

/// A service that answers every request with the same text.
pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    /// Its certificate, which is its own issuer.
    root: tempfile::NamedTempFile,
    state: Arc<Mutex<State>>,
}

struct State {
    /// The requests, with their bodies.
    requests: Vec<String>,
    answer: String,
    /// How many requests are refused first, and with which status line.
    refused: (usize, &'static str),
    /// How long an answer takes.
    pause: Duration,
    /// How an answer ends.
    end: End,
}

/// How an answer and its connection end.
#[derive(Clone, Copy)]
pub(crate) enum End {
    /// As they should.
    Whole,
    /// One byte early, with TLS `close_notify`.
    Early,
    /// One byte early, without it.
    EarlyAndUnannounced,
    /// Before the first byte, without it.
    Silent,
}

impl Service {
    /// Answers with this status line, these headers and this body.
    pub(crate) fn start(head: &str, body: &str) -> Self {
        Self::with_certificate(head, body, rcgen::IsCa::NoCa)
    }

    /// As [`start`](Self::start), with a certificate that may be that of a CA.
    pub(crate) fn with_certificate(head: &str, body: &str, is_ca: rcgen::IsCa) -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let names = vec!["127.0.0.1".to_owned()];
        let mut params = rcgen::CertificateParams::new(names).unwrap();
        // Two services with one name for their issuers would not be strangers to each other.
        let name = format!("issuer {}", fastrand::u64(..));
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        params.is_ca = is_ca;
        let certificate = params.self_signed(&key).unwrap();
        let mut root = tempfile::NamedTempFile::new().unwrap();
        root.write_all(pem(certificate.der()).as_bytes()).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State {
            requests: Vec::new(),
            answer: answer(head, body),
            refused: (0, ""),
            pause: Duration::ZERO,
            end: End::Whole,
        }));
        let shared = Arc::clone(&state);
        // It ends with the test.
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let config = Arc::clone(&config);
                let shared = Arc::clone(&shared);
                thread::spawn(move || serve(socket, config, &shared));
            }
        });
        Self {
            address,
            root,
            state,
        }
    }

    pub(crate) fn groups(groups: &str) -> Self {
        Self::start("HTTP/1.1 200 OK\r\nContent-Type: application/json", groups)
    }

    pub(crate) fn url(&self) -> String {
        format!("https://{}/targets?token=hunter2", self.address)
    }

    /// What reports call it: without the query.
    pub(crate) fn shown(&self) -> String {
        format!("https://{}/targets", self.address)
    }

    /// From now on, answers this many requests with 503 before others.
    pub(crate) fn overload(&self, requests: usize) {
        self.refuse(requests, "HTTP/1.1 503 Service Unavailable");
    }

    /// From now on, answers this many requests with this status line before others.
    pub(crate) fn refuse(&self, requests: usize, status: &'static str) {
        self.state.lock().unwrap().refused = (requests, status);
    }

    /// From now on, takes this long for an answer.
    pub(crate) fn pause(&self, pause: Duration) {
        self.state.lock().unwrap().pause = pause;
    }

    /// From now on, ends answers like this.
    pub(crate) fn end(&self, end: End) {
        self.state.lock().unwrap().end = end;
    }

    /// The program, which trusts the service. A proxy of the environment must not be used.
    pub(crate) fn program(&self) -> Command {
        let mut program = kubeknock();
        program.env("SSL_CERT_FILE", self.root.path());
        for proxy in [
            "HTTPS_PROXY",
            "https_proxy",
            "ALL_PROXY",
            "all_proxy",
            "http_proxy",
        ] {
            program.env(proxy, "http://127.0.0.1:1");
        }
        program
    }

    /// Runs the program, which must not repeat the secret of the URL.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.run_in(Path::new("."), args)
    }

    /// Runs the program in a folder, with the destination of its notifications in a variable.
    pub(crate) fn run_in(&self, folder: &Path, args: &[&str]) -> Output {
        let mut program = self.program();
        let output = program
            .current_dir(folder)
            .env("HOOK", self.url())
            .args(args)
            .output()
            .unwrap();
        let all = stdout(&output) + &stderr(&output);
        assert!(!all.contains("hunter2"), "{args:?}: {all}");
        output
    }

    /// The requests, with their bodies.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.state.lock().unwrap().requests.clone()
    }

    /// The requests since the last call.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().requests)
    }
}

fn answer(head: &str, body: &str) -> String {
    let length = body.len();
    format!("{head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
}

/// Answers one request.
fn serve(socket: TcpStream, config: Arc<rustls::ServerConfig>, state: &Mutex<State>) {
    let connection = rustls::ServerConnection::new(config).unwrap();
    let mut stream = BufReader::new(rustls::StreamOwned::new(connection, socket));
    let mut request = String::new();
    let mut length = 0;
    while !request.ends_with("\r\n\r\n") {
        let from = request.len();
        // A client that does not trust the certificate sends no request.
        if stream.read_line(&mut request).unwrap_or(0) == 0 {
            break;
        }
        let line = request[from..].to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    if stream.read_exact(&mut body).is_ok() {
        request.push_str(std::str::from_utf8(&body).unwrap());
    }
    let (answer, pause, end) = {
        let mut state = state.lock().unwrap();
        state.requests.push(request);
        let (refused, status) = state.refused;
        state.refused.0 = refused.saturating_sub(1);
        let answer = if refused > 0 {
            answer(status, "")
        } else {
            state.answer.clone()
        };
        (answer, state.pause, state.end)
    };
    thread::sleep(pause);
    let stream = stream.get_mut();
    let sent = match end {
        End::Whole => answer.len(),
        End::Early | End::EarlyAndUnannounced => answer.len() - 1,
        End::Silent => 0,
    };
    let _ = stream.write_all(&answer.as_bytes()[..sent]);
    if matches!(end, End::Whole | End::Early) {
        stream.conn.send_close_notify();
    }
    let _ = stream.flush();
}

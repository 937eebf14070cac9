//! `kubeknock exporter`: what it answers, what it refuses, and Prometheus with the rules that are shipped.

mod answers;
mod limits;
mod lists;

mod pages;
mod prometheus;
mod snippets;

mod web;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::support::kubeknock;

/// How long something may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running exporter; killed when dropped.
pub(crate) struct Exporter {
    process: Child,
    pub(crate) address: SocketAddr,
    /// The lines of standard error.
    said: Receiver<String>,
}

impl Drop for Exporter {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An answer of the exporter.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// The value of a series.
    pub(crate) fn value(&self, series: &str) -> Option<f64> {
        let mut lines = self.body.lines();
        let value = lines.find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.map(|value| value.parse().unwrap())
    }

    /// The verdict that has a 1.
    pub(crate) fn verdict(&self) -> Option<&str> {
        self.body.lines().find_map(|line| {
            let verdict = line.strip_prefix("kubeknock_verdict{verdict=\"")?;
            verdict.strip_suffix("\"} 1")
        })
    }
}

/// Waits until something is there.
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(50));
    }
}

impl Exporter {
    /// Starts it in a folder, on a free port of loopback unless the arguments say where.
    pub(crate) fn start(folder: &Path, args: &[&str]) -> Self {
        let mut command = kubeknock();
        command.current_dir(folder).arg("exporter");
        if !args.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        let mut process = command
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, said) = channel();
        let errors = BufReader::new(process.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in errors.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let mut first = String::new();
        let mut out = BufReader::new(process.stdout.take().unwrap());
        out.read_line(&mut first).unwrap();
        let address = first.strip_prefix("listening on ").unwrap_or_else(|| {
            let said: Vec<String> = said.iter().collect();
            panic!("{first}{said:?}")
        });
        let mut address: SocketAddr = address.trim().parse().unwrap();
        if address.ip().is_unspecified() {
            address.set_ip([127, 0, 0, 1].into());
        }
        Self {
            process,
            address,
            said,
        }
    }

    /// The process id.
    #[cfg(unix)]
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits for its end, and returns its exit code.
    #[cfg(unix)]
    pub(crate) fn end(&mut self) -> Option<i32> {
        self.process.wait().unwrap().code()
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.get_with(path, "")
    }

    pub(crate) fn probe(&self, target: &str) -> Answer {
        self.get(&format!("/probe?target={target}"))
    }

    /// A request with further headers, each with its end of line.
    pub(crate) fn get_with(&self, path: &str, headers: &str) -> Answer {
        read(self.send("GET", path, headers))
    }

    /// Sends a request whose answer is not read yet.
    pub(crate) fn send(&self, method: &str, path: &str, headers: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    /// The next line of standard error with this text.
    pub(crate) fn says(&self, text: &str) -> String {
        loop {
            let line = self.said.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("it did not say {text}"));
            if line.contains(text) {
                return line;
            }
        }
    }

    /// A whole number among its own metrics.
    pub(crate) fn own(&self, series: &str) -> u64 {
        let answer = self.get("/metrics");
        let prefix = format!("kubeknock_exporter_{series} ");
        let mut lines = answer.body.lines();
        let value = lines.find_map(|line| line.strip_prefix(&prefix)?.parse().ok());
        value.unwrap_or_else(|| panic!("{series}: {}", answer.body))
    }
}

/// Reads an answer.
pub(crate) fn read(mut stream: TcpStream) -> Answer {
    let mut text = Vec::new();
    stream.read_to_end(&mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    Answer {
        status: status.unwrap_or_else(|| panic!("{head}")),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

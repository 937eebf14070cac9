//! `naabu` and `httpx -json`.

use serde::Deserialize;

use super::lines::{LineFormat, Specs, from_json, spec, truncated_line};
use crate::host_port::parse_port;
use crate::targets::error::Problem;

#[derive(Deserialize)]
struct NaabuRecord {
    host: Option<String>,
    ip: Option<String>,
    port: NaabuPort,
    protocol: Option<String>,
}

/// A number, or in some versions an object.
#[derive(Deserialize)]
#[serde(untagged)]
enum NaabuPort {
    Number(u16),
    Object {
        #[serde(alias = "Port")]
        port: u16,
        /// 0 is TCP, 1 UDP, 2 ARP.
        #[serde(alias = "Protocol")]
        protocol: Option<u8>,
    },
}

/// naabu's lines: `host:port`, or JSON.
#[derive(Debug, Default)]
pub(super) struct Naabu {
    /// Whether the last line is `host:port`. A part of it would look complete.
    last_is_text: bool,
}

impl LineFormat for Naabu {
    fn line(&mut self, line: &str) -> Specs {
        if line.is_empty() {
            return Ok(Vec::new());
        }
        self.last_is_text = !line.starts_with('{');
        if self.last_is_text {
            // naabu writes IPv6 addresses with and without brackets.
            let (host, port) = line
                .rsplit_once(':')
                .and_then(|(host, port)| Some((host, parse_port(port).ok()?)))
                .ok_or("invalid line: expected that of naabu, host:port or JSON")?;
            let host = host.trim_start_matches('[').trim_end_matches(']');
            return Ok(vec![spec(host, Some(port), None)?]);
        }
        let expected = "a line of naabu -json with \"host\" or \"ip\", and \"port\"";
        let NaabuRecord {
            host,
            ip,
            port,
            protocol,
        } = from_json(line, "naabu", expected)?;
        let (port, number) = match port {
            NaabuPort::Number(port) => (port, None),
            NaabuPort::Object { port, protocol } => (port, protocol),
        };
        if number.is_some_and(|number| number > 2) {
            return Err("invalid protocol: expected 0 (TCP), 1 (UDP) or 2 (ARP)".into());
        }
        if protocol.is_some_and(|protocol| protocol != "tcp")
            || number.is_some_and(|number| number != 0)
        {
            return Ok(Vec::new());
        }
        let found = match (&ip, &host) {
            (Some(ip), host) => spec(ip, Some(port), host.as_deref())?,
            (None, Some(host)) => spec(host, Some(port), None)?,
            (None, None) => {
                return Err(
                    "missing ip and host: expected one of them in a line of naabu -json".into(),
                );
            }
        };
        Ok(vec![found])
    }

    fn end(&self, terminated: bool) -> Result<(), Problem> {
        if terminated || !self.last_is_text {
            Ok(())
        } else {
            Err(truncated_line("naabu"))
        }
    }
}

#[derive(Deserialize)]
struct HttpxRecord {
    url: Option<String>,
    #[serde(default)]
    failed: bool,
}

/// httpx's JSON lines.
pub(super) struct Httpx;

impl LineFormat for Httpx {
    /// The server of the URL. Its path is what httpx requested, not the prefix of an API server.
    fn line(&mut self, line: &str) -> Specs {
        if line.is_empty() {
            return Ok(Vec::new());
        }
        let expected = "a line of httpx -json with \"url\"";
        let HttpxRecord { url, failed } = from_json(line, "httpx", expected)?;
        if failed {
            return Ok(Vec::new());
        }
        let text = url.ok_or("missing url in a line of httpx -json")?;
        let invalid = "invalid url: expected that of an HTTP server";
        let url = url::Url::parse(&text).map_err(|_| invalid)?;
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return Err(invalid.into());
        };
        if !matches!(url.scheme(), "http" | "https") {
            return Err(invalid.into());
        }
        Ok(vec![format!("{}://{host}:{port}", url.scheme())])
    }

    /// A truncated object does not parse, so there is nothing to check.
    fn end(&self, _terminated: bool) -> Result<(), Problem> {
        Ok(())
    }
}

//! `naabu` and `httpx -json`.

use serde::Deserialize;

use super::{Kind, Lines, Parsed, from_json, spec, torn_line};

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

/// A reader of naabu's lines: `host:port`, or JSON.
#[derive(Debug, Default)]
pub(super) struct Naabu {
    /// Whether the last line was `host:port`, of which a part looks whole.
    last_is_text: bool,
}

impl Lines for Naabu {
    fn line(&mut self, line: &str) -> Parsed {
        if line.is_empty() {
            return Ok(Vec::new());
        }
        self.last_is_text = !line.starts_with('{');
        if self.last_is_text {
            let (host, port) = line
                .rsplit_once(':')
                .and_then(|(host, port)| Some((host, port.parse().ok()?)))
                .ok_or("this is no line of naabu: host:port, or JSON")?;
            return Ok(vec![spec(
                host.trim_start_matches('[').trim_end_matches(']'),
                Some(port),
                None,
            )?]);
        }
        let form = "line of naabu -json, an object with \"host\" or \"ip\", and \"port\"";
        let NaabuRecord {
            host,
            ip,
            port,
            protocol,
        } = from_json(line, "naabu", form)?;
        let (port, number) = match port {
            NaabuPort::Number(port) => (port, None),
            NaabuPort::Object { port, protocol } => (port, protocol),
        };
        if number.is_some_and(|number| number > 2) {
            return Err("naabu has no such protocol: 0 is TCP, 1 UDP".into());
        }
        if protocol.is_some_and(|protocol| protocol != "tcp")
            || number.is_some_and(|number| number != 0)
        {
            return Ok(Vec::new());
        }
        let found = match (&ip, &host) {
            (Some(ip), host) => spec(ip, Some(port), host.as_deref())?,
            (None, Some(host)) => spec(host, Some(port), None)?,
            (None, None) => return Err("this line of naabu -json has neither ip nor host".into()),
        };
        Ok(vec![found])
    }

    fn end(&self, fed: bool) -> Result<(), Kind> {
        if fed || !self.last_is_text {
            Ok(())
        } else {
            Err(torn_line("naabu"))
        }
    }
}

#[derive(Deserialize)]
struct HttpxRecord {
    url: Option<String>,
    #[serde(default)]
    failed: bool,
}

/// A reader of httpx's JSON lines.
pub(super) struct Httpx;

impl Lines for Httpx {
    /// The server of its URL. The path is httpx's, and says nothing of where an API server begins.
    fn line(&mut self, line: &str) -> Parsed {
        if line.is_empty() {
            return Ok(Vec::new());
        }
        let form = "line of httpx -json, an object with \"url\"";
        let HttpxRecord { url, failed } = from_json(line, "httpx", form)?;
        if failed {
            return Ok(Vec::new());
        }
        let text = url.ok_or("this line of httpx -json has no url")?;
        let wrong = "its url is no URL of a server";
        let url = url::Url::parse(&text).map_err(|_| wrong)?;
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return Err(wrong.into());
        };
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong.into());
        }
        Ok(vec![format!("{}://{host}:{port}", url.scheme())])
    }

    /// Half an object is no object.
    fn end(&self, _fed: bool) -> Result<(), Kind> {
        Ok(())
    }
}

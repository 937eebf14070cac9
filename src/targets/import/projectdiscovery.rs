//! `naabu` and `httpx -json`.

use serde::Deserialize;

use super::{Parsed, spec};
use crate::targets::error::quote;

#[derive(Deserialize)]
struct Naabu {
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
    },
}

/// `host:port`, or a JSON line.
pub(super) fn naabu(line: &str) -> Parsed {
    if line.is_empty() {
        return Ok(Vec::new());
    }
    if !line.starts_with('{') {
        let (host, port) = line
            .rsplit_once(':')
            .and_then(|(host, port)| Some((host, port.parse().ok()?)))
            .ok_or_else(|| format!("{} is no line of naabu: host:port, or JSON", quote(line)))?;
        return Ok(vec![spec(host.trim_start_matches('[').trim_end_matches(']'), Some(port), None)?]);
    }
    let Naabu { host, ip, port, protocol } =
        serde_json::from_str(line).map_err(|error| format!("this is no line of naabu -json: {error}"))?;
    let (NaabuPort::Number(port) | NaabuPort::Object { port }) = port;
    if protocol.is_some_and(|protocol| protocol != "tcp") {
        return Ok(Vec::new());
    }
    let found = match (&ip, &host) {
        (Some(ip), host) => spec(ip, Some(port), host.as_deref())?,
        (None, Some(host)) => spec(host, Some(port), None)?,
        (None, None) => return Err("this line of naabu -json has neither ip nor host".to_owned()),
    };
    Ok(vec![found])
}

#[derive(Deserialize)]
struct Httpx {
    url: Option<String>,
    #[serde(default)]
    failed: bool,
}

/// A JSON line: the server of its URL. The path is httpx's, and says nothing of where an API server
/// begins.
pub(super) fn httpx(line: &str) -> Parsed {
    if line.is_empty() {
        return Ok(Vec::new());
    }
    let Httpx { url, failed } =
        serde_json::from_str(line).map_err(|error| format!("this is no line of httpx -json: {error}"))?;
    if failed {
        return Ok(Vec::new());
    }
    let text = url.ok_or("this line of httpx -json has no url")?;
    let wrong = || format!("{} is no URL of a server", quote(&text));
    let url = url::Url::parse(&text).map_err(|_| wrong())?;
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else { return Err(wrong()) };
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong());
    }
    Ok(vec![format!("{}://{host}:{port}", url.scheme())])
}

//! The command that shows an answer again, without kubeknock.

use super::{Endpoint, Host, Method, Request};

/// A command line for a POSIX shell that makes this request to exactly this endpoint with curl: without credentials,
/// settings and proxies, and without checking the certificate. It prints the status line and the headers, too.
/// `headers` are those that the scan added to every request, as `name: value`.
///
/// `--connect-to` leads to the probed address and leaves the name for SNI and `Host`.
pub fn curl(endpoint: &Endpoint, request: &Request, headers: &[String]) -> String {
    let Endpoint {
        scheme,
        host,
        port,
        name,
        prefix,
    } = endpoint;
    let mut words = vec!["curl -q --noproxy '*' -k -g --http1.1 --path-as-is".to_owned()];
    words.push(match request.method {
        Method::Get => "-i".to_owned(),
        Method::Head => "-I".to_owned(),
    });
    words.extend(
        headers
            .iter()
            .map(|header| format!("-H {}", quoted(header))),
    );
    let is_elsewhere = match (name, host) {
        (Some(name), Host::Name(host)) => name != host,
        (name, Host::Ip(_)) => name.is_some(),
        (None, Host::Name(_)) => false,
    };
    if is_elsewhere {
        words.push(format!(
            "--connect-to {}",
            quoted(&format!("::{host}:{port}"))
        ));
    }
    let (scheme, authority, path) = (scheme.as_str(), endpoint.authority(), &request.path);
    words.push(quoted(&format!("{scheme}://{authority}{prefix}{path}")));
    words.join(" ")
}

/// A word of a shell. A text that a shell could read in another way is in single quotes.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/@%+,".contains(c);
    if text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Scheme;

    const START: &str = "curl -q --noproxy '*' -k -g --http1.1 --path-as-is";

    fn line(scheme: Scheme, host: Host, name: Option<&str>, path: &str) -> String {
        let endpoint = Endpoint {
            scheme,
            host,
            port: 6443,
            name: name.map(Into::into),
            prefix: "/k8s".into(),
        };
        curl(&endpoint, &Request::for_path(path).unwrap(), &[])
    }

    #[test]
    fn headers_of_the_scan_are_sent_and_quoted() {
        let endpoint = Endpoint {
            scheme: Scheme::Https,
            host: Host::Ip("192.0.2.1".parse().unwrap()),
            port: 443,
            name: None,
            prefix: "".into(),
        };
        let request = Request::for_path("/api").unwrap();
        let headers = ["x-scan-id: it's 42".to_owned()];
        assert_eq!(
            curl(&endpoint, &request, &headers),
            format!(r"{START} -i -H 'x-scan-id: it'\''s 42' https://192.0.2.1/api")
        );
    }

    #[test]
    fn exactly_the_probed_endpoint_is_asked() {
        let v4 = || Host::Ip("192.0.2.1".parse().unwrap());
        let v6 = || Host::Ip("2001:db8::1".parse().unwrap());
        let named = || Host::Name("api.example".into());
        for (scheme, host, name, path, rest) in [
            (
                Scheme::Https,
                v4(),
                None,
                "/version",
                "-i https://192.0.2.1:6443/k8s/version",
            ),
            (
                Scheme::Http,
                v4(),
                None,
                "/api",
                "-i http://192.0.2.1:6443/k8s/api",
            ),
            (
                Scheme::Https,
                v6(),
                None,
                "/api",
                "-i 'https://[2001:db8::1]:6443/k8s/api'",
            ),
            (
                Scheme::Https,
                v4(),
                Some("api.example"),
                "/api",
                "-i --connect-to ::192.0.2.1:6443 https://api.example:6443/k8s/api",
            ),
            (
                Scheme::Https,
                v6(),
                Some("api.example"),
                "/api/v1/secrets",
                "-I --connect-to '::[2001:db8::1]:6443' 'https://api.example:6443/k8s/api/v1/secrets?limit=1'",
            ),
            // The proxy resolved the name.
            (
                Scheme::Https,
                named(),
                Some("api.example"),
                "/api",
                "-i https://api.example:6443/k8s/api",
            ),
            (
                Scheme::Https,
                named(),
                Some("other.example"),
                "/api",
                "-i --connect-to ::api.example:6443 https://other.example:6443/k8s/api",
            ),
        ] {
            assert_eq!(line(scheme, host, name, path), format!("{START} {rest}"));
        }
    }

    #[test]
    fn nothing_leaves_its_quotes() {
        for (text, word) in [
            ("a'b", r"'a'\''b'"),
            ("$(x)", "'$(x)'"),
            ("a b", "'a b'"),
            ("a&b;c", "'a&b;c'"),
            ("https://a.example/b~c", "https://a.example/b~c"),
        ] {
            assert_eq!(quoted(text), word);
        }
    }
}

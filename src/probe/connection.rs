//! One connection that is ready for requests: TCP, TLS if the scheme requires it, and HTTP on top.

use std::borrow::Cow;

use http::header::{ACCEPT, HOST, USER_AGENT};
use http::{HeaderMap, HeaderValue, Uri};
use tokio::net::TcpStream;

use crate::config::ScanHeader;
use crate::model::{
    Endpoint, Failure, FailureKind, Method, Observation, Reply, Request, Scheme, Stage,
};

use super::handshake;
use super::http1::{Http1, Stream};
use super::http2::Http2;
use super::response::{self, Keep};

enum Protocol {
    Http1(Http1),
    Http2(Box<Http2>),
}

/// A connection, and how many responses it has delivered.
pub(super) struct Connection {
    protocol: Protocol,
    served: u32,
}

/// A request as it is sent, with the headers that are its own.
pub(super) struct Outgoing<'a> {
    pub(super) request: &'a Request,
    pub(super) headers: Cow<'a, HeaderMap>,
}

impl Connection {
    /// Performs the TLS handshake unless the scheme is `http`, then sets up HTTP: HTTP/1.1 if `http1`, else
    /// the version that the server chooses. The observation gets what the handshake revealed.
    pub(super) async fn establish(
        stream: TcpStream,
        client: &handshake::Client,
        observation: &mut Observation,
        http1: bool,
    ) -> Result<Self, Failure> {
        if observation.endpoint.scheme == Scheme::Http {
            return Ok(Self::http1(stream));
        }
        let handshake = client.handshake(stream, &observation.endpoint, http1).await;
        observation.no_tls = handshake.as_ref().is_err_and(|refused| refused.no_tls);
        let (stream, handshake, elapsed) = handshake.map_err(|refused| refused.failure)?;
        observation.handshakes += 1;
        let http2 = handshake.alpn.as_deref() == Some("h2");
        if observation.tls.is_none() {
            let (_, connection) = stream.get_ref();
            let chain = connection.peer_certificates().unwrap_or_default();
            observation.chain = (chain.iter())
                .map(|certificate| certificate.as_ref().into())
                .collect();
            observation.tls = Some(handshake);
            observation.timings.tls = Some(elapsed);
        }
        Ok(if http2 {
            Self {
                protocol: Protocol::Http2(Box::new(Box::pin(Http2::new(stream)).await?)),
                served: 0,
            }
        } else {
            Self::http1(stream)
        })
    }

    pub(super) fn http1(stream: impl Stream + 'static) -> Self {
        Self {
            protocol: Protocol::Http1(Http1::new(stream)),
            served: 0,
        }
    }

    /// Whether it speaks HTTP/2.
    pub(super) const fn is_http2(&self) -> bool {
        matches!(self.protocol, Protocol::Http2(_))
    }

    /// How many responses this connection has delivered.
    pub(super) const fn served(&self) -> u32 {
        self.served
    }

    /// Whether the last response was the last one on this connection.
    pub(super) fn is_spent(&self) -> bool {
        matches!(&self.protocol, Protocol::Http1(http1) if http1.is_spent())
    }

    /// Whether bytes came that belong to no response.
    pub(super) fn has_surplus(&self) -> bool {
        matches!(&self.protocol, Protocol::Http1(http1) if http1.has_surplus())
    }

    /// Whether another request may be sent on it.
    pub(super) async fn is_reusable(&mut self) -> bool {
        match &mut self.protocol {
            Protocol::Http1(http1) => http1.is_reusable(),
            Protocol::Http2(http2) => http2.is_reusable().await,
        }
    }

    /// Sends requests together. What fails is the failure of the responses.
    pub(super) async fn send(
        &mut self,
        endpoint: &Endpoint,
        requests: &[Outgoing<'_>],
    ) -> Result<(), Failure> {
        let authority = endpoint.authority();
        match &mut self.protocol {
            Protocol::Http1(http1) => {
                let host = HeaderValue::from_str(&authority);
                let host = host.map_err(|error| invalid(error.to_string()))?;
                let mut heads = Vec::with_capacity(256 * requests.len());
                for outgoing in requests {
                    write_head(&mut heads, endpoint, &host, outgoing)?;
                }
                http1.send(&heads).await;
            }
            Protocol::Http2(http2) => {
                for outgoing in requests {
                    http2
                        .send(http2_request(endpoint, &authority, outgoing)?)
                        .await;
                }
            }
        }
        Ok(())
    }

    /// Reads the response to the next of the requests that were sent, up to `max_body` bytes of body.
    pub(super) async fn receive(
        &mut self,
        request: &Request,
        max_body: usize,
        keep: Keep,
    ) -> Result<Reply, Failure> {
        let (head, body) = match &mut self.protocol {
            Protocol::Http1(http1) => http1.receive(request.method, max_body).await?,
            Protocol::Http2(http2) => http2.receive(max_body).await?,
        };
        self.served += 1;
        Ok(response::reply(head, body, keep))
    }
}

/// The headers that every request has and that do not depend on it.
pub(super) fn own_headers(user_agent: &HeaderValue, more: &[ScanHeader]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(USER_AGENT, user_agent.clone());
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    for header in more {
        headers.append(header.name.clone(), header.value.clone());
    }
    headers
}

/// Writes the head of an HTTP/1.1 request: never a credential, a cookie or a referrer. Its target is only the path
/// (RFC 9112, section 3.2.1).
fn write_head(
    out: &mut Vec<u8>,
    endpoint: &Endpoint,
    host: &HeaderValue,
    outgoing: &Outgoing<'_>,
) -> Result<(), Failure> {
    let path = &outgoing.request.path;
    let target: Cow<'_, str> = match &*endpoint.prefix {
        "" => path.into(),
        prefix => format!("{prefix}{path}").into(),
    };
    // `Request::for_path` lets only such characters through. This keeps line breaks out of other requests.
    if !target.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(invalid(format!("cannot request {target:?}")));
    }
    out.extend_from_slice(method(outgoing.request).as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(target.as_bytes());
    out.extend_from_slice(b" HTTP/1.1\r\n");
    for (name, value) in std::iter::once((&HOST, host)).chain(&*outgoing.headers) {
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// The same request for HTTP/2.
fn http2_request(
    endpoint: &Endpoint,
    authority: &str,
    outgoing: &Outgoing<'_>,
) -> Result<http::Request<()>, Failure> {
    let (scheme, path) = (endpoint.scheme.as_str(), &outgoing.request.path);
    let mut request = http::Request::new(());
    *request.method_mut() = method(outgoing.request);
    *request.uri_mut() = uri(&format!("{scheme}://{authority}{}{path}", endpoint.prefix))?;
    request.headers_mut().clone_from(&outgoing.headers);
    Ok(request)
}

const fn method(request: &Request) -> http::Method {
    match request.method {
        Method::Get => http::Method::GET,
        Method::Head => http::Method::HEAD,
    }
}

fn uri(target: &str) -> Result<Uri, Failure> {
    target
        .parse()
        .map_err(|error| invalid(format!("cannot request {target}: {error}")))
}

fn invalid(problem: String) -> Failure {
    Failure::new(Stage::Http, FailureKind::InvalidHttp, problem)
}

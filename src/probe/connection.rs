//! One connection that is ready for requests: TCP, TLS if the scheme requires it, and HTTP on top.
//!
//! The connection's driver is polled together with each request, not in a task of its own. When a request
//! is dropped at its deadline, nothing of it keeps running.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use http::header::{ACCEPT, HOST, USER_AGENT};
use http::{HeaderMap, HeaderValue, Uri};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use reqwest::Body;
use tokio::net::TcpStream;

use crate::config::ScanHeader;
use crate::model::{Endpoint, Failure, FailureKind, Observation, Reply, Request, Scheme, Stage};

use super::lenient_stream::LenientStream;
use super::response::Keep;
use super::stream_notes::StreamNotes;
use super::{handshake, response};

/// The most bytes of a response head; an API server sends less than 2 KiB.
const MAX_HEAD: usize = 32 * 1024;
/// The most headers of a response; an API server sends a dozen, front ends add some.
const MAX_HEADERS: usize = 512;

type Driver = Pin<Box<dyn Future<Output = Result<(), hyper::Error>> + Send>>;

enum Sender {
    Http1(http1::SendRequest<Body>),
    Http2(http2::SendRequest<Body>),
}

/// A connection, and how many responses it has delivered.
pub(super) struct Connection {
    sender: Sender,
    driver: Option<Driver>,
    driver_error: Option<hyper::Error>,
    notes: StreamNotes,
    served: u32,
    /// Whether no further request may be sent.
    spent: bool,
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
            return Self::http1(stream).await;
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
        if http2 {
            Self::http2(stream).await
        } else {
            Self::http1(stream).await
        }
    }

    pub(super) async fn http1<S>(stream: S) -> Result<Self, Failure>
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let notes = StreamNotes::default();
        let stream = TokioIo::new(LenientStream::http1(stream, notes.clone()));
        let handshake = http1::Builder::new()
            .max_buf_size(MAX_HEAD)
            .max_headers(MAX_HEADERS)
            .allow_obsolete_multiline_headers_in_responses(true)
            .allow_spaces_after_header_name_in_responses(true)
            .ignore_invalid_headers_in_responses(true)
            .handshake(stream)
            .await;
        let (sender, driver) = handshake.map_err(|error| response::failure(&error, Stage::Http))?;
        Ok(Self::new(Sender::Http1(sender), Box::pin(driver), notes))
    }

    async fn http2<S>(stream: S) -> Result<Self, Failure>
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let notes = StreamNotes::default();
        let stream = TokioIo::new(LenientStream::http2(stream, notes.clone()));
        let handshake = http2::Builder::new(TokioExecutor::new())
            .max_header_list_size(u32::try_from(MAX_HEAD).unwrap_or(u32::MAX))
            .handshake(stream)
            .await;
        let (sender, driver) = handshake.map_err(|error| {
            notes
                .get()
                .tls_failure
                .unwrap_or_else(|| response::failure(&error, Stage::Http))
        })?;
        Ok(Self::new(Sender::Http2(sender), Box::pin(driver), notes))
    }

    fn new(sender: Sender, driver: Driver, notes: StreamNotes) -> Self {
        Self {
            sender,
            driver: Some(driver),
            driver_error: None,
            notes,
            served: 0,
            spent: false,
        }
    }

    /// Whether it speaks HTTP/2.
    pub(super) const fn is_http2(&self) -> bool {
        matches!(self.sender, Sender::Http2(_))
    }

    /// How many responses this connection has delivered.
    pub(super) const fn served(&self) -> u32 {
        self.served
    }

    /// Whether another request may be sent on it.
    pub(super) async fn reusable(&mut self) -> bool {
        if self.spent {
            return false;
        }
        // The driver notices a close only when it is polled.
        drive(
            &mut self.driver,
            &mut self.driver_error,
            std::future::ready(()),
        )
        .await;
        self.driver.is_some()
            && match &self.sender {
                Sender::Http1(sender) => !sender.is_closed(),
                Sender::Http2(sender) => !sender.is_closed(),
            }
    }

    /// Sends one request and reads the response, up to `max_body` bytes of body. `own` are the [`own_headers`].
    pub(super) async fn request(
        &mut self,
        endpoint: &Endpoint,
        request: &Request,
        own: &HeaderMap,
        max_body: usize,
        keep: Keep,
    ) -> Result<Reply, Failure> {
        let outgoing = outgoing(endpoint, request, own, self.is_http2())?;
        let Self {
            sender,
            driver,
            driver_error,
            ..
        } = self;
        let send = async {
            match sender {
                Sender::Http1(sender) => {
                    sender.ready().await?;
                    sender.send_request(outgoing).await
                }
                Sender::Http2(sender) => {
                    sender.ready().await?;
                    sender.send_request(outgoing).await
                }
            }
        };
        let outcome: Result<http::Response<Incoming>, hyper::Error> =
            drive(driver, driver_error, send).await;
        let received = outcome.map_err(|error| {
            // The request only learns that it was dropped; the driver knows why.
            let cause = self
                .driver_error
                .take()
                .filter(|_| error.is_canceled() || error.is_closed());
            let failure = || response::failure(cause.as_ref().unwrap_or(&error), Stage::Http);
            self.notes.get().tls_failure.unwrap_or_else(failure)
        })?;
        if !self.is_http2() {
            response::check_framing(received.headers(), self.notes.get().ambiguous)?;
        }
        let http10 = self.notes.get().http10;
        let stays_open = !http10 || response::keeps_alive(received.headers());
        let received = reqwest::Response::from(received.map(Body::wrap));
        let read = response::read(received, max_body, keep);
        let (mut reply, complete) = drive(&mut self.driver, &mut self.driver_error, read).await;
        self.served += 1;
        self.spent = !complete || !stays_open;
        if http10 {
            reply.version = http::Version::HTTP_10;
        }
        if let (Some(body), Some(failure)) = (&mut reply.body_failure, self.notes.get().tls_failure)
        {
            *body = failure;
        }
        Ok(reply)
    }
}

/// Polls the connection's driver together with the work that needs it.
async fn drive<T>(
    driver: &mut Option<Driver>,
    driver_error: &mut Option<hyper::Error>,
    work: impl Future<Output = T>,
) -> T {
    let mut work = pin!(work);
    poll_fn(|context| {
        if let Some(running) = driver
            && let Poll::Ready(ended) = running.as_mut().poll(context)
        {
            *driver = None;
            *driver_error = ended.err();
        }
        work.as_mut().poll(context)
    })
    .await
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

/// The request as it is sent: never a credential, a cookie or a referrer.
fn outgoing(
    endpoint: &Endpoint,
    request: &Request,
    own: &HeaderMap,
    http2: bool,
) -> Result<http::Request<Body>, Failure> {
    let invalid = |problem: String| Failure::new(Stage::Http, FailureKind::InvalidHttp, problem);
    let authority = endpoint.authority();
    let path = format!("{}{}", endpoint.prefix, request.path);
    // On HTTP/1.1 the request target is only the path (RFC 9112, section 3.2.1).
    let target = if http2 {
        format!("{}://{authority}{path}", endpoint.scheme.as_str())
    } else {
        path
    };
    let uri: Uri = target
        .parse()
        .map_err(|error| invalid(format!("cannot request {target}: {error}")))?;
    let mut out = http::Request::new(Body::default());
    *out.method_mut() = match request.method {
        crate::model::Method::Get => http::Method::GET,
        crate::model::Method::Head => http::Method::HEAD,
    };
    *out.uri_mut() = uri;
    let headers = out.headers_mut();
    if !http2 {
        headers.insert(
            HOST,
            HeaderValue::from_str(&authority).map_err(|error| invalid(error.to_string()))?,
        );
    }
    for (name, value) in own {
        headers.append(name.clone(), value.clone());
    }
    Ok(out)
}

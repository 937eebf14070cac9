//! One connection that is ready for requests: TCP, TLS where the scheme says so, and HTTP on top.
//!
//! The connection's driver is polled beside each request instead of in a task of its own: when the
//! request is dropped at its deadline, everything of it is gone.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use http::header::{ACCEPT, HOST, USER_AGENT};
use http::{HeaderValue, Uri};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use reqwest::Body;
use tokio::net::TcpStream;

use crate::model::{Endpoint, Failure, FailureKind, Observation, Reply, Request, Scheme, Stage};

use super::tolerant::{Passed, Tolerant};
use super::{reading, tls};

/// Room for an answer's head; an API server's takes less than 2 KiB.
const MAX_HEAD: usize = 32 * 1024;
/// Headers of an answer; an API server sends a dozen, fronts add some.
const MAX_HEADERS: usize = 512;

type Driver = Pin<Box<dyn Future<Output = Result<(), hyper::Error>> + Send>>;

enum Sender {
    Http1(http1::SendRequest<Body>),
    Http2(http2::SendRequest<Body>),
}

/// A connection and how many answers it has given.
pub(super) struct Connection {
    sender: Sender,
    driver: Option<Driver>,
    broken: Option<hyper::Error>,
    passed: Passed,
    served: u32,
    spent: bool,
}

impl Connection {
    /// TLS where it belongs, then HTTP: over HTTP/1.1 if `http1`, else over what the server chooses. What
    /// the handshake showed goes into the observation.
    pub(super) async fn establish(
        stream: TcpStream,
        client: &tls::Client,
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
        let passed = Passed::default();
        let stream = TokioIo::new(Tolerant::http1(stream, passed.clone()));
        let handshake = http1::Builder::new()
            .max_buf_size(MAX_HEAD)
            .max_headers(MAX_HEADERS)
            .allow_obsolete_multiline_headers_in_responses(true)
            .allow_spaces_after_header_name_in_responses(true)
            .ignore_invalid_headers_in_responses(true)
            .handshake(stream)
            .await;
        let (sender, driver) = handshake.map_err(|error| reading::failure(&error, Stage::Http))?;
        Ok(Self::new(Sender::Http1(sender), Box::pin(driver), passed))
    }

    async fn http2<S>(stream: S) -> Result<Self, Failure>
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let passed = Passed::default();
        let stream = TokioIo::new(Tolerant::http2(stream, passed.clone()));
        let handshake = http2::Builder::new(TokioExecutor::new())
            .max_header_list_size(u32::try_from(MAX_HEAD).unwrap_or(u32::MAX))
            .handshake(stream)
            .await;
        let (sender, driver) = handshake.map_err(|error| {
            passed
                .tls_failure()
                .unwrap_or_else(|| reading::failure(&error, Stage::Http))
        })?;
        Ok(Self::new(Sender::Http2(sender), Box::pin(driver), passed))
    }

    fn new(sender: Sender, driver: Driver, passed: Passed) -> Self {
        Self {
            sender,
            driver: Some(driver),
            broken: None,
            passed,
            served: 0,
            spent: false,
        }
    }

    /// Whether it speaks HTTP/2.
    pub(super) const fn is_http2(&self) -> bool {
        matches!(self.sender, Sender::Http2(_))
    }

    /// How many answers this connection has given.
    pub(super) const fn served(&self) -> u32 {
        self.served
    }

    /// Whether another request may be sent on it.
    pub(super) async fn reusable(&mut self) -> bool {
        if self.spent {
            return false;
        }
        // The driver learns of a close only when it is polled.
        drive(&mut self.driver, &mut self.broken, std::future::ready(())).await;
        self.driver.is_some()
            && match &self.sender {
                Sender::Http1(sender) => !sender.is_closed(),
                Sender::Http2(sender) => !sender.is_closed(),
            }
    }

    /// Sends one request and reads its whole answer, up to `max_body` bytes of body.
    pub(super) async fn ask(
        &mut self,
        endpoint: &Endpoint,
        request: &Request,
        user_agent: &HeaderValue,
        max_body: usize,
    ) -> Result<Reply, Failure> {
        let outgoing = outgoing(endpoint, request, user_agent, self.is_http2())?;
        let Self {
            sender,
            driver,
            broken,
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
        let answered: Result<http::Response<Incoming>, hyper::Error> =
            drive(driver, broken, send).await;
        let response = answered.map_err(|error| {
            // The request hears only that it was dropped; the connection knows why.
            let cause = self
                .broken
                .take()
                .filter(|_| error.is_canceled() || error.is_closed());
            let failure = || reading::failure(cause.as_ref().unwrap_or(&error), Stage::Http);
            self.passed.tls_failure().unwrap_or_else(failure)
        })?;
        if !self.is_http2() {
            reading::framed_clearly(response.headers(), self.passed.ambiguous())?;
        }
        let http10 = self.passed.http10();
        let goes_on = !http10 || reading::keeps_alive(response.headers());
        let response = reqwest::Response::from(response.map(Body::wrap));
        let reading = reading::reply(response, max_body);
        let (mut reply, whole) = drive(&mut self.driver, &mut self.broken, reading).await;
        self.served += 1;
        self.spent = !whole || !goes_on;
        if http10 {
            reply.version = http::Version::HTTP_10;
        }
        if let (Some(body), Some(failure)) = (&mut reply.body_failure, self.passed.tls_failure()) {
            *body = failure;
        }
        Ok(reply)
    }
}

/// Polls the connection beside the work that needs it.
async fn drive<T>(
    driver: &mut Option<Driver>,
    broken: &mut Option<hyper::Error>,
    work: impl Future<Output = T>,
) -> T {
    let mut work = pin!(work);
    poll_fn(|context| {
        if let Some(running) = driver
            && let Poll::Ready(ended) = running.as_mut().poll(context)
        {
            *driver = None;
            *broken = ended.err();
        }
        work.as_mut().poll(context)
    })
    .await
}

/// The request as it goes on the wire: no credential, no cookie, no referer, ever.
fn outgoing(
    endpoint: &Endpoint,
    request: &Request,
    user_agent: &HeaderValue,
    http2: bool,
) -> Result<http::Request<Body>, Failure> {
    let invalid = |problem: String| Failure::new(Stage::Http, FailureKind::InvalidHttp, problem);
    let authority = endpoint.authority();
    let path = format!("{}{}", endpoint.prefix, request.path);
    // On HTTP/1.1 the target is the path alone (RFC 9112, section 3.2.1).
    let target = if http2 {
        format!("{}://{authority}{path}", endpoint.scheme.as_str())
    } else {
        path
    };
    let uri: Uri = target
        .parse()
        .map_err(|error| invalid(format!("cannot ask {target}: {error}")))?;
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
    headers.insert(USER_AGENT, user_agent.clone());
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    Ok(out)
}

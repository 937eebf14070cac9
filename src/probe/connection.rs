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

use super::{reading, tls};

/// Room for an answer's head; an API server's takes less than 2 KiB.
const MAX_HEAD: usize = 32 * 1024;

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
    served: u32,
    spent: bool,
}

impl Connection {
    /// TLS where it belongs, then HTTP. What the handshake showed goes into the observation.
    pub(super) async fn establish(
        stream: TcpStream,
        client: &tls::Client,
        observation: &mut Observation,
    ) -> Result<Self, Failure> {
        match observation.endpoint.scheme {
            Scheme::Http => Self::http1(stream).await,
            Scheme::Https => {
                let (stream, handshake, elapsed) = client.handshake(stream, &observation.endpoint).await?;
                observation.handshakes += 1;
                let http2 = handshake.alpn.as_deref() == Some("h2");
                if observation.tls.is_none() {
                    observation.tls = Some(handshake);
                    observation.timings.tls = Some(elapsed);
                }
                if http2 { Self::http2(stream).await } else { Self::http1(stream).await }
            }
        }
    }

    pub(super) async fn http1<S>(stream: S) -> Result<Self, Failure>
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let handshake = http1::Builder::new().max_buf_size(MAX_HEAD).handshake(TokioIo::new(stream)).await;
        let (sender, driver) = handshake.map_err(|error| reading::failure(&error, Stage::Http))?;
        Ok(Self::new(Sender::Http1(sender), Box::pin(driver)))
    }

    async fn http2<S>(stream: S) -> Result<Self, Failure>
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let handshake = http2::Builder::new(TokioExecutor::new())
            .max_header_list_size(u32::try_from(MAX_HEAD).unwrap_or(u32::MAX))
            .handshake(TokioIo::new(stream))
            .await;
        let (sender, driver) = handshake.map_err(|error| reading::failure(&error, Stage::Http))?;
        Ok(Self::new(Sender::Http2(sender), Box::pin(driver)))
    }

    fn new(sender: Sender, driver: Driver) -> Self {
        Self { sender, driver: Some(driver), broken: None, served: 0, spent: false }
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
        let http2 = matches!(self.sender, Sender::Http2(_));
        let outgoing = outgoing(endpoint, request, user_agent, http2)?;
        let Self { sender, driver, broken, .. } = self;
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
        let answered: Result<http::Response<Incoming>, hyper::Error> = drive(driver, broken, send).await;
        let response = answered.map_err(|error| {
            // The request hears only that it was dropped; the connection knows why.
            let cause = self.broken.take().filter(|_| error.is_canceled() || error.is_closed());
            reading::failure(cause.as_ref().unwrap_or(&error), Stage::Http)
        })?;
        let response = reqwest::Response::from(response.map(Body::wrap));
        let reading = reading::reply(response, max_body);
        let (reply, whole) = drive(&mut self.driver, &mut self.broken, reading).await;
        self.served += 1;
        self.spent = !whole;
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
    let target = if http2 { format!("{}://{authority}{path}", endpoint.scheme.word()) } else { path };
    let uri: Uri = target.parse().map_err(|error| invalid(format!("cannot ask {target}: {error}")))?;
    let mut out = http::Request::new(Body::default());
    *out.method_mut() = match request.method {
        crate::model::Method::Get => http::Method::GET,
        crate::model::Method::Head => http::Method::HEAD,
    };
    *out.uri_mut() = uri;
    let headers = out.headers_mut();
    if !http2 {
        headers.insert(HOST, HeaderValue::from_str(&authority).map_err(|error| invalid(error.to_string()))?);
    }
    headers.insert(USER_AGENT, user_agent.clone());
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    Ok(out)
}

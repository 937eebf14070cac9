//! Ordinary answers, by hyper: HTTP/1.1, and HTTP/2 where ALPN chose it.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Iter};
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderName};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{Either, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;

use super::audit::fresh_audit_id;
use super::connection::Visit;
use super::reply::Body;
use super::server::Shared;
use super::stats::Seen;

const AUDIT_ID: HeaderName = HeaderName::from_static("audit-id");

/// What padding is cut from.
static LINE_FEEDS: [u8; 16 * 1024] = [b'\n'; 16 * 1024];

type Frames = Iter<Box<dyn Iterator<Item = Result<Frame<Bytes>, Infallible>> + Send>>;
type Sent = Either<Full<Bytes>, StreamBody<Frames>>;

/// What every request of one connection needs. HTTP/2 runs each as a task, so it is shared.
struct Context {
    shared: Arc<Shared>,
    visit: Visit,
    /// Told when an answer over HTTP/2 is to be the last one.
    closing: Notify,
}

/// Answers until the client goes. How a connection ends is no news to anybody.
pub(super) async fn serve<S>(shared: Arc<Shared>, visit: Visit, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let io = TokioIo::new(stream);
    let http2 = visit.http2;
    let context = Arc::new(Context {
        shared,
        visit,
        closing: Notify::new(),
    });
    let service = {
        let context = Arc::clone(&context);
        service_fn(move |request| {
            let context = Arc::clone(&context);
            async move {
                context
                    .answer(&request)
                    .await
                    .ok_or("the scenario does not speak HTTP")
            }
        })
    };
    if !http2 {
        let _ = http1::Builder::new()
            .title_case_headers(true)
            .serve_connection(io, service)
            .await;
        return;
    }
    let mut connection =
        pin!(http2::Builder::new(TokioExecutor::new()).serve_connection(io, service));
    loop {
        tokio::select! {
            _ = connection.as_mut() => return,
            // HTTP/2 has no `Connection: close`: the server says GOAWAY.
            () = context.closing.notified() => connection.as_mut().graceful_shutdown(),
        }
    }
}

impl Context {
    async fn answer(&self, request: &Request<Incoming>) -> Option<Response<Sent>> {
        let Self {
            shared,
            visit,
            closing,
        } = self;
        let answers = shared.scenario.answers()?;
        shared.stats.request(|| seen(visit, request));
        let method = request.method().as_str();
        let path = request
            .uri()
            .path_and_query()
            .map_or("/", |path| path.as_str());
        let chosen = answers.choose(&shared.asked, method, path);
        let reply = chosen.reply;
        if reply.delay > Duration::ZERO {
            tokio::time::sleep(reply.delay).await;
        }
        let body = chosen.body(path);
        let length = reply.stated_length(method, &body);
        let mut response = Response::new(if method == "HEAD" {
            sent(Body::default())
        } else {
            sent(body)
        });
        *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or_default();
        let headers = response.headers_mut();
        if let Some(map) = &reply.map {
            headers.clone_from(map);
        }
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        if reply.audit_id {
            // An API server takes over the identifier that the client chose.
            let chosen = request.headers().get(AUDIT_ID).cloned();
            let fresh = || HeaderValue::from_str(&fresh_audit_id()).ok();
            if let Some(value) = chosen.or_else(fresh) {
                headers.insert(AUDIT_ID, value);
            }
        }
        if visit.http2 && (reply.close || answers.goaway) {
            closing.notify_one();
        } else if reply.close {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Some(response)
    }
}

fn seen(visit: &Visit, request: &Request<Incoming>) -> Seen {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let mut headers: Vec<_> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), text(value)))
        .collect();
    if let (false, Some(authority)) = (
        request.headers().contains_key(HOST),
        request.uri().authority(),
    ) {
        headers.push((HOST.as_str().to_owned(), authority.to_string()));
    }
    Seen {
        connection: visit.number,
        sni: visit.sni.clone(),
        version: format!("{:?}", request.version()),
        method: request.method().to_string(),
        path: request
            .uri()
            .path_and_query()
            .map_or_else(String::new, ToString::to_string),
        headers,
    }
}

/// A body as hyper sends it; padding is made while it is sent.
fn sent(body: Body) -> Sent {
    if body.padding == 0 {
        return Either::Left(Full::new(body.start));
    }
    let mut left = body.padding;
    let padding = std::iter::from_fn(move || {
        let size = usize::try_from(left)
            .unwrap_or(usize::MAX)
            .min(LINE_FEEDS.len());
        left -= size as u64;
        (size > 0).then(|| Bytes::from_static(&LINE_FEEDS).slice(..size))
    });
    let frames = std::iter::once(body.start)
        .chain(padding)
        .map(|part| Ok(Frame::data(part)));
    let frames: Box<dyn Iterator<Item = _> + Send> = Box::new(frames);
    Either::Right(StreamBody::new(stream::iter(frames)))
}

//! Well-formed responses, sent by hyper: HTTP/1.1, or HTTP/2 if ALPN selected it.

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
use super::reply::Body;
use super::shared::Shared;
use super::socket::ConnectionInfo;
use super::stats::LoggedRequest;

/// Written again on purpose: the simulator must not follow a mistake of the program.
const AUDIT_ID: HeaderName = HeaderName::from_static("audit-id");

/// The source of padding.
static LINE_FEEDS: [u8; 16 * 1024] = [b'\n'; 16 * 1024];

type Frames = Iter<Box<dyn Iterator<Item = Result<Frame<Bytes>, Infallible>> + Send>>;
type Outgoing = Either<Full<Bytes>, StreamBody<Frames>>;

/// What all requests of one connection need. It is shared, because HTTP/2 runs each request as a task.
struct Context {
    shared: Arc<Shared>,
    info: ConnectionInfo,
    /// Notified when a response over HTTP/2 must be the last one.
    closing: Notify,
}

/// Answers until the client closes. Errors at the end of a connection do not matter.
pub(super) async fn serve<S>(shared: Arc<Shared>, info: ConnectionInfo, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let io = TokioIo::new(stream);
    let http2 = info.http2;
    let context = Arc::new(Context {
        shared,
        info,
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
            // HTTP/2 has no `Connection: close`; the server sends GOAWAY instead.
            () = context.closing.notified() => connection.as_mut().graceful_shutdown(),
        }
    }
}

impl Context {
    async fn answer(&self, request: &Request<Incoming>) -> Option<Response<Outgoing>> {
        let Self {
            shared,
            info,
            closing,
        } = self;
        let answers = shared.scenario.answers()?;
        shared.stats.request(|| logged(info, request));
        let method = request.method().as_str();
        let path = request
            .uri()
            .path_and_query()
            .map_or("/", |path| path.as_str());
        let chosen = answers.choose(&shared.request_counts, method, path);
        let reply = chosen.reply;
        if reply.delay > Duration::ZERO {
            tokio::time::sleep(reply.delay).await;
        }
        let body = chosen.body(path);
        let length = reply.stated_length(method, &body);
        let mut response = Response::new(if method == "HEAD" {
            outgoing(Body::default())
        } else {
            outgoing(body)
        });
        *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or_default();
        let headers = response.headers_mut();
        if let Some(map) = &reply.map {
            headers.clone_from(map);
        }
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        if reply.audit_id {
            // An API server adopts the identifier that the client sent.
            let chosen = request.headers().get(AUDIT_ID).cloned();
            let fresh = || HeaderValue::from_str(&fresh_audit_id()).ok();
            if let Some(value) = chosen.or_else(fresh) {
                headers.insert(AUDIT_ID, value);
            }
        }
        if info.http2 && (reply.close || answers.goaway) {
            closing.notify_one();
        } else if reply.close {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Some(response)
    }
}

fn logged(info: &ConnectionInfo, request: &Request<Incoming>) -> LoggedRequest {
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
    LoggedRequest {
        connection: info.number,
        sni: info.sni.clone(),
        version: format!("{:?}", request.version()),
        method: request.method().to_string(),
        path: request
            .uri()
            .path_and_query()
            .map_or_else(String::new, ToString::to_string),
        headers,
    }
}

/// A body for hyper. Padding is generated while it is sent.
fn outgoing(body: Body) -> Outgoing {
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

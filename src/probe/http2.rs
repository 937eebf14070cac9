//! An HTTP/2 connection that can send several requests at once.
//!
//! The connection's driver is polled together with each response, not in a task of its own. When a request is dropped
//! at its deadline, nothing of it keeps running.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::http1::{MAX_HEAD, Stream};
use super::response::{self, Body, Head};
use super::tls_error;
use crate::kubernetes::Headers;
use crate::model::{Failure, Stage};

type Driver = Pin<Box<dyn Future<Output = Result<(), hyper::Error>> + Send>>;
type Response =
    Pin<Box<dyn Future<Output = Result<http::Response<Incoming>, hyper::Error>> + Send>>;

/// A connection.
pub(super) struct Http2 {
    sender: http2::SendRequest<Empty<Bytes>>,
    driver: Option<Driver>,
    driver_error: Option<hyper::Error>,
    tls_failure: TlsFailure,
    /// The responses that are to come, in the order of their requests.
    responses: VecDeque<Response>,
}

impl Http2 {
    pub(super) async fn new(stream: impl Stream + 'static) -> Result<Self, Failure> {
        let tls_failure = TlsFailure::default();
        let stream = TokioIo::new(NotedStream {
            stream,
            tls_failure: tls_failure.clone(),
        });
        let handshake = http2::Builder::new(TokioExecutor::new())
            .max_header_list_size(u32::try_from(MAX_HEAD).unwrap_or(u32::MAX))
            .handshake(stream)
            .await;
        let (sender, driver) = handshake.map_err(|error| {
            let failure = || response::failure(&error, Stage::Http);
            tls_failure.get().unwrap_or_else(failure)
        })?;
        Ok(Self {
            sender,
            driver: Some(Box::pin(driver)),
            driver_error: None,
            tls_failure,
            responses: VecDeque::new(),
        })
    }

    /// Sends a request. Its response comes after those of the requests before it.
    pub(super) async fn send(&mut self, request: http::Request<()>) {
        let Self {
            sender,
            driver,
            driver_error,
            ..
        } = self;
        let ready = drive(driver, driver_error, sender.ready()).await;
        let response: Response = match ready {
            Ok(()) => Box::pin(sender.send_request(request.map(|()| Empty::new()))),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        };
        self.responses.push_back(response);
    }

    /// Reads the next response, up to `max_body` bytes of its body.
    pub(super) async fn receive(&mut self, max_body: usize) -> Result<(Head, Body), Failure> {
        let Some(response) = self.responses.pop_front() else {
            return Err(Failure::new(
                Stage::Internal,
                crate::model::FailureKind::Panic,
                "a response was awaited without a request",
            ));
        };
        let received = drive(&mut self.driver, &mut self.driver_error, response)
            .await
            .map_err(|error| {
                // The request only learns that it was dropped; the driver knows why.
                let cause = self
                    .driver_error
                    .as_ref()
                    .filter(|_| error.is_canceled() || error.is_closed());
                let failure = || response::failure(cause.unwrap_or(&error), Stage::Http);
                self.tls_failure.get().unwrap_or_else(failure)
            })?;
        let (parts, mut incoming) = received.into_parts();
        let mut body = Body::default();
        let read = async {
            while let Some(frame) = incoming.frame().await {
                match frame {
                    Ok(frame) => {
                        if let Some(data) = frame.data_ref() {
                            body.push(data, max_body);
                        }
                    }
                    Err(error) => body.failure = Some(response::failure(&error, Stage::Body)),
                }
                if body.cut || body.failure.is_some() {
                    break;
                }
            }
        };
        drive(&mut self.driver, &mut self.driver_error, read).await;
        if body.failure.is_some() {
            body.failure = self.tls_failure.get().or(body.failure);
        }
        let mut headers = Headers::default();
        for (name, value) in &parts.headers {
            headers.push(name.as_str(), value.as_bytes());
        }
        let head = Head {
            status: parts.status,
            version: parts.version,
            headers,
        };
        Ok((head, body))
    }

    /// Whether another request may be sent.
    pub(super) async fn is_reusable(&mut self) -> bool {
        // The driver notices a close only when it is polled.
        let polled = std::future::ready(());
        drive(&mut self.driver, &mut self.driver_error, polled).await;
        // A response that was not read would be taken for that of the next request.
        self.responses.is_empty() && self.driver.is_some() && !self.sender.is_closed()
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

/// How TLS failed below HTTP/2, which keeps only the text of an error.
#[derive(Clone, Default)]
struct TlsFailure(Arc<Mutex<Option<Failure>>>);

impl TlsFailure {
    fn get(&self) -> Option<Failure> {
        self.0.lock().clone()
    }

    /// Notes the first failure.
    fn note(&self, error: &io::Error) {
        if let Some(failure) = tls_error::library_failure(error) {
            self.0.lock().get_or_insert(failure);
        }
    }
}

/// A stream that notes TLS failures. A peer that closes without TLS `close_notify` has closed.
struct NotedStream<S> {
    stream: S,
    tls_failure: TlsFailure,
}

impl<S: Stream> NotedStream<S> {
    /// After a failed write: reads what the peer sent before it closed, usually a TLS alert.
    fn read_alert(&mut self, context: &mut Context<'_>) {
        let mut byte = [0];
        if let Poll::Ready(Err(error)) =
            Pin::new(&mut self.stream).poll_read(context, &mut ReadBuf::new(&mut byte))
        {
            self.tls_failure.note(&error);
        }
    }
}

impl<S: Stream> AsyncRead for NotedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match ready!(Pin::new(&mut self.stream).poll_read(context, buffer)) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
            Err(error) => {
                self.tls_failure.note(&error);
                Poll::Ready(Err(error))
            }
            Ok(()) => Poll::Ready(Ok(())),
        }
    }
}

impl<S: Stream> AsyncWrite for NotedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes));
        if written.is_err() {
            self.read_alert(context);
        }
        Poll::Ready(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = ready!(Pin::new(&mut self.stream).poll_flush(context));
        if flushed.is_err() {
            self.read_alert(context);
        }
        Poll::Ready(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;

    use super::*;
    use crate::model::FailureKind;

    /// A peer that sent an alert and accepts no more bytes.
    struct Refusing;

    impl AsyncRead for Refusing {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let alert = rustls::Error::AlertReceived(rustls::AlertDescription::CertificateRequired);
            Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, alert)))
        }
    }

    impl AsyncWrite for Refusing {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn a_tls_alert_that_precedes_a_failed_write_is_noted() {
        let tls_failure = TlsFailure::default();
        let mut stream = NotedStream {
            stream: Refusing,
            tls_failure: tls_failure.clone(),
        };
        let failed = stream.write_all(b"x").await.unwrap_err();
        assert_eq!(failed.kind(), io::ErrorKind::BrokenPipe);
        assert_eq!(
            tls_failure.get().unwrap().kind,
            FailureKind::ClientCertificateRequired
        );
    }
}

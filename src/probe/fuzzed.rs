//! Entry points for the fuzz targets: responses without a network, certificates without a handshake.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use http::HeaderValue;
use jiff::Timestamp;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::certificate;
use super::connection::{Connection, Outgoing, own_headers};
use super::response::Keep;
use super::trust_anchors::TrustAnchors;
use crate::config::MAX_BODY;
use crate::model::{Certificate, Exchange, Observation, Request, Trust};

/// Makes one request per response, each on a connection of its own that sends these bytes and closes.
pub(crate) async fn probe(
    observation: &mut Observation,
    requests: &[Request],
    responses: &[&[u8]],
) {
    let user_agent = HeaderValue::from_static(crate::config::USER_AGENT);
    let own = own_headers(&user_agent, &[]);
    for (request, response) in requests.iter().zip(responses) {
        let mut connection = Connection::http1(ScriptedPeer::new(response));
        let outgoing = Outgoing {
            request,
            headers: Cow::Borrowed(&own),
        };
        let sent = connection.send(&observation.endpoint, &[outgoing]).await;
        let outcome = match sent {
            Ok(()) => connection.receive(request, MAX_BODY, Keep::Answer).await,
            Err(failure) => Err(failure),
        };
        observation.connections += 1;
        let exchange = Exchange {
            request: request.clone(),
            probe: 1,
            at: Timestamp::UNIX_EPOCH,
            elapsed: std::time::Duration::ZERO,
            outcome,
        };
        observation.exchanges.push(exchange.into());
    }
}

/// The facts of a certificate, its bytes read as a distinguished name, and whether it is trusted as a chain and
/// as a CA.
pub(crate) fn certificate(der: &[u8]) -> (Option<Certificate>, String, [Option<Trust>; 2]) {
    let der = CertificateDer::from(der);
    let facts = certificate::facts(&der);
    let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
    let evaluate = |given: &[u8], chain: &[CertificateDer<'_>]| {
        TrustAnchors::new(&[given.to_vec()])
            .ok()?
            .evaluate(chain, facts.as_ref(), algorithms)
    };
    let other = include_bytes!("../../fuzz/seeds/certificates/ca.der");
    let trust = [
        evaluate(other, &[der.clone(), der.clone()]),
        evaluate(&der, &[CertificateDer::from(&other[..])]),
    ];
    (facts, certificate::distinguished_name(&der), trust)
}

/// A peer that responds to the first request with these bytes and closes.
struct ScriptedPeer {
    response: VecDeque<u8>,
    asked: bool,
    waiting: Option<Waker>,
}

impl ScriptedPeer {
    fn new(response: &[u8]) -> Self {
        Self {
            response: response.iter().copied().collect(),
            asked: false,
            waiting: None,
        }
    }
}

impl AsyncRead for ScriptedPeer {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.asked {
            self.waiting = Some(context.waker().clone());
            return Poll::Pending;
        }
        let (part, _) = self.response.as_slices();
        let count = part.len().min(buffer.remaining());
        buffer.put_slice(&part[..count]);
        self.response.drain(..count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ScriptedPeer {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.asked = true;
        if let Some(waiting) = self.waiting.take() {
            waiting.wake();
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

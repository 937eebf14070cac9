//! What the fuzz targets need of this stage: answers without a network, certificates without a handshake.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use http::HeaderValue;
use jiff::Timestamp;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::anchors::Anchors;
use super::certificate;
use super::connection::Connection;
use crate::config::MAX_BODY;
use crate::model::{Certificate, Exchange, Observation, Request, Trust};

/// Asks the requests in turn, each on a connection of its own that answers with these bytes and ends.
/// Requests beyond the last answer are not asked.
pub(crate) async fn look(observation: &mut Observation, requests: &[Request], answers: &[&[u8]]) {
    let user_agent = HeaderValue::from_static(crate::config::USER_AGENT);
    for (request, answer) in requests.iter().zip(answers) {
        let outcome = match Connection::http1(Script::new(answer)).await {
            Ok(mut connection) => {
                connection
                    .ask(&observation.endpoint, request, &user_agent, MAX_BODY)
                    .await
            }
            Err(failure) => Err(failure),
        };
        observation.connections += 1;
        observation.exchanges.push(Exchange {
            request: request.clone(),
            look: 1,
            at: Timestamp::UNIX_EPOCH,
            elapsed: std::time::Duration::ZERO,
            outcome,
        });
    }
}

/// The facts of a certificate, its subject read by itself as a CA name is, and what it is worth as a chain
/// and as a CA.
pub(crate) fn certificate(der: &[u8]) -> (Option<Certificate>, String, [Option<Trust>; 2]) {
    let der = CertificateDer::from(der);
    let facts = certificate::facts(&der);
    let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
    let judge = |given: &[u8], chain: &[CertificateDer<'_>]| {
        Anchors::new(&[given.to_vec()])
            .ok()?
            .judge(chain, facts.as_ref(), algorithms)
    };
    let other = include_bytes!("../../fuzz/seeds/certificates/ca.der");
    let trust = [
        judge(other, &[der.clone(), der.clone()]),
        judge(&der, &[CertificateDer::from(&other[..])]),
    ];
    (facts, certificate::distinguished_name(&der), trust)
}

/// A peer that answers the first request with these bytes, and has said everything then.
struct Script {
    answer: VecDeque<u8>,
    asked: bool,
    waiting: Option<Waker>,
}

impl Script {
    fn new(answer: &[u8]) -> Self {
        Self {
            answer: answer.iter().copied().collect(),
            asked: false,
            waiting: None,
        }
    }
}

impl AsyncRead for Script {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.asked {
            self.waiting = Some(context.waker().clone());
            return Poll::Pending;
        }
        let (part, _) = self.answer.as_slices();
        let count = part.len().min(buffer.remaining());
        buffer.put_slice(&part[..count]);
        self.answer.drain(..count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Script {
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

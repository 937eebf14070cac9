//! One endpoint record.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use jiff::civil::Date;
use jiff::tz::Offset;
use serde::Serialize;

use super::identification::{Identification, Posture, Remedy};
use super::request::Request;
use super::tls::{Tls, WithoutSni};
use super::{ms, text};
use crate::model::{self, EndpointReport, Source};

#[derive(Serialize)]
pub(crate) struct Endpoint<'a> {
    target: String,
    address: Option<SocketAddr>,
    resolved_by_proxy: bool,
    name: Option<String>,
    aliases: Vec<&'a str>,
    label: Option<&'a str>,
    scheme: &'static str,
    prefix: &'a str,
    origin: Origin<'a>,
    index: u64,
    specs: Vec<u32>,
    named: bool,
    verdict: &'static str,
    reason: Cow<'a, str>,
    expect: Option<&'static str>,
    as_expected: Option<bool>,
    failure: Option<Failure<'a>>,
    identification: Option<Identification<'a>>,
    posture: Option<Posture<'a>>,
    remedy: Option<Remedy<'a>>,
    requests: Vec<Request<'a>>,
    not_asked: Vec<&'a str>,
    grants: Vec<Grant<'a>>,
    tls: Option<Tls<'a>>,
    without_sni: Option<WithoutSni<'a>>,
    source_address: Option<IpAddr>,
    connections: u32,
    handshakes: u32,
    timings: Timings,
}

impl<'a> From<&'a EndpointReport> for Endpoint<'a> {
    fn from(report: &'a EndpointReport) -> Self {
        let target = &report.target;
        let name = match &report.endpoint {
            Some(endpoint) => endpoint.name.clone(),
            None => target.server_name(),
        };
        Self {
            target: target.to_string(),
            address: report.endpoint.as_ref().and_then(model::Endpoint::address),
            resolved_by_proxy: report
                .endpoint
                .as_ref()
                .is_some_and(|endpoint| endpoint.address().is_none()),
            name: name.map(|name| name.to_string()),
            aliases: report.aliases.iter().map(|alias| &**alias).collect(),
            label: target.label.as_deref(),
            scheme: report
                .endpoint
                .as_ref()
                .map_or(target.scheme, |endpoint| endpoint.scheme)
                .as_str(),
            prefix: &target.prefix,
            origin: (&*target.origin).into(),
            index: target.index,
            specs: target.specs.iter().map(|spec| spec.0).collect(),
            named: target.named,
            verdict: report.verdict.as_str(),
            reason: text(&report.reason),
            expect: target.expect.map(model::Verdict::as_str),
            as_expected: target
                .expect
                .zip(report.seen())
                .map(|(expected, seen)| expected == seen),
            failure: report.failure.as_ref().map(Failure::from),
            identification: report
                .identification
                .as_ref()
                .map(|identification| Identification::new(identification, looked_on(report))),
            posture: report.posture.as_ref().map(Posture::from),
            remedy: report.remedy.as_ref().map(Remedy::from),
            requests: report.requests.iter().map(Request::from).collect(),
            not_asked: report
                .not_asked
                .iter()
                .map(|request| request.path.as_str())
                .collect(),
            grants: report.grants.iter().map(Grant::from).collect(),
            tls: report.tls.as_ref().map(Tls::from),
            without_sni: report.without_sni.as_ref().map(WithoutSni::from),
            source_address: report.local,
            connections: report.connections,
            handshakes: report.handshakes,
            timings: (&report.timings).into(),
        }
    }
}

/// The day on which the first answer was asked for.
fn looked_on(report: &EndpointReport) -> Option<Date> {
    report
        .requests
        .first()
        .map(|request| Offset::UTC.to_datetime(request.exchange.at).date())
}

#[derive(Serialize)]
pub(super) struct Origin<'a> {
    source: &'static str,
    file: Option<&'a str>,
    line: u32,
    text: &'a str,
}

impl<'a> From<&'a model::Origin> for Origin<'a> {
    fn from(origin: &'a model::Origin) -> Self {
        let (source, file) = match &origin.source {
            Source::Argument => ("argument", None),
            Source::File(path) => ("file", Some(&**path)),
            Source::Stdin => ("stdin", None),
        };
        Self {
            source,
            file,
            line: origin.line,
            text: &origin.text,
        }
    }
}

#[derive(Serialize)]
pub(super) struct Failure<'a> {
    stage: &'static str,
    kind: &'static str,
    detail: Cow<'a, str>,
}

impl<'a> From<&'a model::Failure> for Failure<'a> {
    fn from(failure: &'a model::Failure) -> Self {
        Self {
            stage: failure.stage.as_str(),
            kind: failure.kind.as_str(),
            detail: text(&failure.detail),
        }
    }
}

#[derive(Serialize)]
struct Grant<'a> {
    path: &'a str,
    verb: &'static str,
    grade: &'static str,
    not_served: bool,
    request: usize,
}

impl<'a> From<&'a model::Grant> for Grant<'a> {
    fn from(grant: &'a model::Grant) -> Self {
        Self {
            path: &grant.path,
            verb: grant.verb,
            grade: grant.grade.as_str(),
            not_served: grant.not_served,
            request: grant.request,
        }
    }
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the unit stands in the key")]
struct Timings {
    resolve_ms: Option<f64>,
    connect_ms: Option<f64>,
    tls_ms: Option<f64>,
    total_ms: f64,
}

impl From<&model::Timings> for Timings {
    fn from(timings: &model::Timings) -> Self {
        Self {
            resolve_ms: timings.resolve.map(ms),
            connect_ms: timings.connect.map(ms),
            tls_ms: timings.tls.map(ms),
            total_ms: ms(timings.total),
        }
    }
}

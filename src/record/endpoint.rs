//! The record of one endpoint, or of a target that never became one.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::identification::Identification;
use super::remedy::Remedy;
use super::request::Request;
use super::tls::{Tls, WithoutSni};
use super::v3;
use crate::host_port::HostPort;
use crate::model::{
    self, AuditCanary, Clipped, ComparedFact, Declared, EndpointReport, Failure, Grant, Host, Ms,
    OneAtATime, Origin, Posture, Remediation, Scheme, SinceReported, SpecId, Target, Time, Verdict,
};

/// One endpoint, or a target that never became one.
#[derive(Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Endpoint<'a> {
    /// The target as requested: `host:port`, as a URL where it has another scheme than `https` or a path prefix.
    pub(super) target: Cow<'a, str>,
    /// The address, as `ip:port`; null if the name did not resolve, or if the proxy resolved it.
    address: Option<SocketAddr>,
    /// Whether the proxy resolved the name, so that its address is not known.
    #[serde(default)]
    resolved_by_proxy: bool,
    /// The DNS name sent as SNI and `Host`; null if none was sent.
    pub(super) host: Option<Arc<str>>,
    /// The names between the host name and the address: the name with its search domain, and CNAMEs.
    #[serde(default)]
    aliases: Cow<'a, [Arc<str>]>,
    /// The user's name for it, the target's `name=`; null without one.
    pub(super) name: Option<Arc<str>>,
    /// Only in reports of earlier versions.
    #[serde(
        default,
        rename = "label",
        skip_serializing,
        deserialize_with = "v3::label"
    )]
    #[cfg_attr(test, schemars(skip))]
    pub(super) former_label: v3::FormerLabel,
    /// The protocol in use: `http` also where a port that should speak TLS speaks plain HTTP.
    scheme: Scheme,
    /// The path prefix in front of every path; empty without one.
    prefix: Arc<str>,
    /// The first specification that names the target.
    origin: Arc<Origin>,
    /// The target's position in the target set, from 0. All addresses of a name have the same position.
    #[cfg_attr(test, schemars(with = "u64"))]
    pub(super) index: Option<u64>,
    /// The specifications that name the target, as `id` in `coverage.specs`: the first one, and those that are
    /// neither a CIDR nor a range.
    #[serde(default)]
    specs: Cow<'a, [SpecId]>,
    /// Whether a specification that is neither a CIDR nor a range names the target.
    named: bool,
    /// The verdict. `not-attempted` means that our own side failed first; `failure` has the reason.
    verdict: Verdict,
    /// Why this is the verdict.
    reason: Clipped<'a>,
    /// The target's `expect=` annotation; null without one.
    expect: Option<Verdict>,
    /// What an inventory says about it; null for targets that no inventory names.
    #[serde(default)]
    declared: Option<Arc<Declared>>,
    /// What became of an endpoint that another scanner reported (`declared.reported`); null for others, and if it was
    /// not asked.
    #[serde(skip_deserializing)]
    since_reported: Option<SinceReported>,
    /// Whether the verdict is the expected one; null without an expectation. `coverage.specs` has the same for a
    /// whole specification.
    #[serde(skip_deserializing)]
    as_expected: Option<bool>,
    /// What failed before any HTTP answer; null if nothing failed.
    failure: Option<Cow<'a, Failure>>,
    /// What answered; null if nothing answered.
    identification: Option<Identification<'a>>,
    /// What the product documents, and whether the endpoint does that; null without a product or a clear verdict.
    posture: Option<Cow<'a, Posture>>,
    /// How what the inventory declares compares with what was documented and observed; empty for targets that no
    /// inventory names.
    #[serde(default)]
    compared: Cow<'a, [ComparedFact]>,
    /// How to close what is open; null if nothing is open.
    remedy: Option<Remedy<'a>>,
    /// How to close what is open, in steps; null if nothing is open.
    #[serde(default)]
    remediation: Option<Cow<'a, Remediation>>,
    /// Every request, in order.
    requests: Vec<Request<'a>>,
    /// Why requests were made one at a time, on a further connection; null if they left together, or that was not tried.
    #[serde(default)]
    one_at_a_time: Option<OneAtATime>,
    /// Planned requests that were not sent, for lack of time or of a connection: paths.
    #[serde(default)]
    not_asked: Vec<Cow<'a, str>>,
    /// What is open, the worst first.
    grants: Cow<'a, [Grant]>,
    /// Facts about TLS; null for plain HTTP and without a complete handshake.
    pub(super) tls: Option<Tls<'a>>,
    /// A handshake without SNI; null if there was none (only `--deep` makes one).
    pub(super) without_sni: Option<WithoutSni<'a>>,
    /// The request of `--audit-canary`, which is no part of the verdict; null without one.
    #[serde(default)]
    audit_canary: Option<Cow<'a, AuditCanary>>,
    /// The address of this machine that was used; null if no connection was opened.
    source_address: Option<IpAddr>,
    /// TCP connections opened.
    connections: u32,
    /// TLS handshakes completed.
    handshakes: u32,
    /// Durations.
    timings: Timings,
    /// When the scan began that saw this, in a record of `carried`; null in a record of the scan itself.
    #[serde(default)]
    pub(super) last_seen: Option<Time>,
}

impl<'a> From<&'a EndpointReport> for Endpoint<'a> {
    fn from(report: &'a EndpointReport) -> Self {
        let (target, endpoint) = (&report.target, report.endpoint.as_ref());
        let address = report.address();
        let verdict_if_known = report.seen();
        let host = endpoint.map_or_else(|| target.server_name(), |endpoint| endpoint.name.clone());
        Self {
            target: target.to_string().into(),
            address,
            resolved_by_proxy: endpoint.is_some() && address.is_none(),
            host,
            aliases: (&*report.aliases).into(),
            name: target.label.clone(),
            former_label: v3::FormerLabel::default(),
            scheme: endpoint.map_or(target.scheme, |endpoint| endpoint.scheme),
            prefix: Arc::clone(&target.prefix),
            origin: Arc::clone(&target.origin),
            index: Some(target.index),
            specs: (&*target.specs).into(),
            named: target.named,
            verdict: report.verdict,
            reason: report.reason.as_str().into(),
            expect: target.expect,
            declared: target.declared.clone(),
            since_reported: SinceReported::of(report),
            as_expected: (target.expect)
                .zip(verdict_if_known)
                .map(|(expected, verdict)| expected == verdict),
            failure: report.failure.as_ref().map(Cow::Borrowed),
            identification: report
                .identification
                .as_ref()
                .map(|identification| Identification::new(identification, report.day())),
            posture: report.posture.as_ref().map(Cow::Borrowed),
            compared: (&*report.compared).into(),
            remedy: report.remedy.as_ref().map(Remedy::from),
            remediation: (report.remedy.as_ref()).map(|remedy| Cow::Borrowed(&remedy.remediation)),
            requests: report.requests.iter().map(Request::from).collect(),
            not_asked: (report.not_asked.iter())
                .map(|request| request.path.as_str().into())
                .collect(),
            grants: (&*report.grants).into(),
            tls: report.tls.as_deref().map(Tls::from),
            without_sni: report.without_sni.as_ref().map(WithoutSni::from),
            one_at_a_time: report.one_at_a_time,
            audit_canary: report.audit_canary.as_ref().map(Cow::Borrowed),
            source_address: report.local_address,
            connections: report.connections,
            handshakes: report.handshakes,
            timings: (&report.timings).into(),
            last_seen: report.last_seen.map(Time),
        }
    }
}

impl TryFrom<Endpoint<'_>> for EndpointReport {
    type Error = String;

    fn try_from(record: Endpoint<'_>) -> Result<Self, String> {
        let (asked_scheme, host, port) = parse_target(&record.target, &record.prefix)
            .ok_or("invalid target: expected host:port")?;
        let requests: Vec<_> = (record.requests.into_iter().enumerate())
            .map(|(number, request)| {
                (request.try_into()).map_err(|error: String| format!("requests[{number}]: {error}"))
            })
            .collect::<Result<_, _>>()?;
        let grants = record.grants.into_owned();
        if let Some(grant) = grants.iter().find(|grant| grant.request >= requests.len()) {
            return Err(format!(
                "a grant names request {}, which is missing",
                grant.request
            ));
        }
        let target = Target {
            index: record.index.unwrap_or_default(),
            scheme: asked_scheme,
            sni: (record.host.clone())
                .filter(|name| !matches!(&host, Host::Name(host) if host == name)),
            host,
            absolute: false,
            port,
            prefix: Arc::clone(&record.prefix),
            label: record.name,
            expect: record.expect,
            declared: record.declared,
            origin: record.origin,
            specs: record.specs.into(),
            named: record.named,
        };
        let place = match (record.address, &target.host) {
            (Some(address), _) => Some((Host::Ip(address.ip()), address.port())),
            (None, Host::Name(_)) if record.resolved_by_proxy => Some((target.host.clone(), port)),
            _ => None,
        };
        let endpoint = place.map(|(host, port)| model::Endpoint {
            scheme: record.scheme,
            host,
            port,
            name: record.host,
            prefix: record.prefix,
        });
        Ok(Self {
            target,
            endpoint,
            verdict: record.verdict,
            reason: record.reason.into(),
            failure: record.failure.map(Cow::into_owned),
            identification: record.identification.map(TryInto::try_into).transpose()?,
            posture: record.posture.map(Cow::into_owned),
            compared: record.compared.into_owned(),
            remedy: (record.remedy)
                .map(|remedy| remedy.with(record.remediation.map(Cow::into_owned))),
            aliases: record.aliases.into(),
            requests,
            not_asked: (record.not_asked.iter())
                .map(|path| model::Request::for_path(path))
                .collect::<Result<_, _>>()
                .map_err(|error| format!("not_asked: {error}"))?,
            grants,
            tls: record.tls.map(|tls| Box::new(tls.into())),
            without_sni: record.without_sni.and_then(WithoutSni::into_outcome),
            one_at_a_time: record.one_at_a_time,
            audit_canary: record.audit_canary.map(Cow::into_owned),
            local_address: record.source_address,
            connections: record.connections,
            handshakes: record.handshakes,
            timings: record.timings.into(),
            last_seen: record.last_seen.map(|Time(at)| at),
        })
    }
}

/// The inverse of [`Target`]'s `Display`. The scheme is the requested one, not the one in use.
fn parse_target(text: &str, prefix: &str) -> Option<(Scheme, Host, u16)> {
    let rest = text.strip_suffix(prefix)?;
    let (scheme, rest) = match rest.split_once("://") {
        None => (Scheme::Https, rest),
        Some((word, rest)) => {
            let known = [Scheme::Https, Scheme::Http];
            (
                known.into_iter().find(|known| known.as_str() == word)?,
                rest,
            )
        }
    };
    let authority = HostPort::split(rest).ok()?;
    let host = match authority.bare() {
        "" => return None,
        bare => bare
            .parse()
            .map_or_else(|_| Host::Name(bare.into()), Host::Ip),
    };
    Some((scheme, host, authority.port?))
}

/// How long the stages took.
#[derive(Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[expect(clippy::struct_field_names, reason = "the keys have the unit")]
struct Timings {
    /// Resolving the name, in milliseconds; null for an address.
    resolve_ms: Option<Ms>,
    /// The first TCP connect, in milliseconds; null if it was not measured.
    connect_ms: Option<Ms>,
    /// The first TLS handshake, in milliseconds; null if it was not measured.
    tls_ms: Option<Ms>,
    /// Everything with its pauses, in milliseconds.
    total_ms: Ms,
}

impl From<&model::Timings> for Timings {
    fn from(timings: &model::Timings) -> Self {
        Self {
            resolve_ms: timings.resolve.map(Ms),
            connect_ms: timings.connect.map(Ms),
            tls_ms: timings.tls.map(Ms),
            total_ms: Ms(timings.total),
        }
    }
}

impl From<Timings> for model::Timings {
    fn from(timings: Timings) -> Self {
        Self {
            resolve: timings.resolve_ms.map(|Ms(duration)| duration),
            connect: timings.connect_ms.map(|Ms(duration)| duration),
            tls: timings.tls_ms.map(|Ms(duration)| duration),
            total: timings.total_ms.0,
        }
    }
}

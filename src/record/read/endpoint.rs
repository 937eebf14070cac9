//! One endpoint record.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use serde::Deserialize;

use super::identification::{Identification, Posture, Remedy};
use super::request::Request;
use super::tls::{Tls, WithoutSni};
use super::word::{Ms, Word};
use crate::model::{
    self, EndpointReport, FailureKind, Grade, Host, Scheme, Source, SpecId, Stage, Target, Verdict,
};

/// A record, and whether it said its place in the target set.
#[derive(Deserialize)]
#[serde(try_from = "Endpoint")]
pub(super) struct Record {
    pub(super) report: EndpointReport,
    pub(super) indexed: bool,
}

#[derive(Deserialize)]
struct Endpoint {
    target: String,
    address: Option<SocketAddr>,
    #[serde(default)]
    resolved_by_proxy: bool,
    name: Option<String>,
    label: Option<String>,
    scheme: Word<Scheme>,
    #[serde(default)]
    prefix: String,
    origin: Origin,
    index: Option<u64>,
    #[serde(default)]
    specs: Vec<u32>,
    #[serde(default)]
    named: bool,
    verdict: Word<Verdict>,
    #[serde(default)]
    reason: String,
    expect: Option<Word<Verdict>>,
    failure: Option<Failure>,
    identification: Option<Identification>,
    posture: Option<Posture>,
    remedy: Option<Remedy>,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    requests: Vec<Request>,
    #[serde(default)]
    not_asked: Vec<String>,
    #[serde(default)]
    grants: Vec<Grant>,
    tls: Option<Tls>,
    without_sni: Option<WithoutSni>,
    source_address: Option<IpAddr>,
    #[serde(default)]
    connections: u32,
    #[serde(default)]
    handshakes: u32,
    #[serde(default)]
    timings: Timings,
}

impl TryFrom<Endpoint> for Record {
    type Error = String;

    fn try_from(wire: Endpoint) -> Result<Self, String> {
        let Word(scheme) = wire.scheme;
        let (asked, host, port) = asked(&wire.target, &wire.prefix)
            .ok_or("the target is no target: host:port is expected")?;
        let name: Option<Arc<str>> = wire.name.map(Into::into);
        let requests: Vec<model::JudgedRequest> = wire
            .requests
            .into_iter()
            .map(|Request(judged)| judged)
            .collect();
        let grants: Vec<model::Grant> = wire.grants.into_iter().map(Into::into).collect();
        if let Some(grant) = grants.iter().find(|grant| grant.request >= requests.len()) {
            return Err(format!(
                "a grant names request {}, which is not there",
                grant.request
            ));
        }
        let prefix: Arc<str> = wire.prefix.into();
        let target = Target {
            index: wire.index.unwrap_or_default(),
            scheme: asked,
            sni: name
                .clone()
                .filter(|name| !matches!(&host, Host::Name(host) if host == name)),
            host,
            absolute: false,
            port,
            prefix: Arc::clone(&prefix),
            label: wire.label.map(Into::into),
            expect: wire.expect.map(|Word(verdict)| verdict),
            origin: Arc::new(wire.origin.into()),
            specs: wire.specs.into_iter().map(SpecId).collect(),
            named: wire.named,
        };
        let place = match (wire.address, &target.host) {
            (Some(address), _) => Some((Host::Ip(address.ip()), address.port())),
            (None, name @ Host::Name(_)) if wire.resolved_by_proxy => Some((name.clone(), port)),
            _ => None,
        };
        let endpoint = place.map(|(host, port)| model::Endpoint {
            scheme,
            host,
            port,
            name,
            prefix,
        });
        let report = EndpointReport {
            target,
            endpoint,
            verdict: wire.verdict.0,
            reason: wire.reason,
            failure: wire.failure.map(Into::into),
            identification: wire.identification.map(TryInto::try_into).transpose()?,
            posture: wire.posture.map(Into::into),
            remedy: wire.remedy.map(Into::into),
            aliases: wire.aliases.into_iter().map(Into::into).collect(),
            requests,
            not_asked: wire
                .not_asked
                .iter()
                .map(|path| {
                    model::Request::for_path(path).map_err(|error| format!("not_asked: {error}"))
                })
                .collect::<Result<_, _>>()?,
            grants,
            tls: wire.tls.map(Into::into),
            without_sni: wire.without_sni.and_then(WithoutSni::outcome),
            local: wire.source_address,
            connections: wire.connections,
            handshakes: wire.handshakes,
            timings: wire.timings.into(),
        };
        Ok(Self {
            report,
            indexed: wire.index.is_some(),
        })
    }
}

/// Takes apart what [`Target`]'s `Display` put together. The scheme is what was asked for, whatever answered.
fn asked(text: &str, prefix: &str) -> Option<(Scheme, Host, u16)> {
    let rest = text.strip_suffix(prefix)?;
    let (scheme, rest) = match rest.split_once("://") {
        None => (Scheme::Https, rest),
        Some((word, rest)) => (
            [Scheme::Https, Scheme::Http]
                .into_iter()
                .find(|scheme| scheme.as_str() == word)?,
            rest,
        ),
    };
    let (host, port) = rest.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port > 0)?;
    if host.is_empty() {
        return None;
    }
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    Some((
        scheme,
        bare.parse()
            .map_or_else(|_| Host::Name(host.into()), Host::Ip),
        port,
    ))
}

#[derive(Deserialize)]
pub(super) struct Origin {
    source: SourceWord,
    file: Option<String>,
    line: u32,
    #[serde(default)]
    text: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum SourceWord {
    Argument,
    File,
    Stdin,
}

impl From<Origin> for model::Origin {
    fn from(origin: Origin) -> Self {
        let source = match origin.source {
            SourceWord::Argument => Source::Argument,
            SourceWord::File => Source::File(origin.file.unwrap_or_default().into()),
            SourceWord::Stdin => Source::Stdin,
        };
        Self {
            source,
            line: origin.line,
            text: origin.text.into(),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Failure {
    stage: Word<Stage>,
    kind: Word<FailureKind>,
    #[serde(default)]
    detail: String,
}

impl From<Failure> for model::Failure {
    fn from(failure: Failure) -> Self {
        Self {
            stage: failure.stage.0,
            kind: failure.kind.0,
            detail: failure.detail,
        }
    }
}

#[derive(Deserialize)]
struct Grant {
    path: String,
    verb: Verb,
    grade: Word<Grade>,
    #[serde(default)]
    not_served: bool,
    request: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Verb {
    Get,
    List,
}

impl From<Grant> for model::Grant {
    fn from(grant: Grant) -> Self {
        let Grant {
            path,
            verb,
            grade: Word(grade),
            not_served,
            request,
        } = grant;
        let verb = match verb {
            Verb::Get => "get",
            Verb::List => "list",
        };
        Self {
            path,
            grade,
            verb,
            not_served,
            request,
        }
    }
}

#[derive(Deserialize, Default)]
#[expect(clippy::struct_field_names, reason = "the unit stands in the key")]
struct Timings {
    resolve_ms: Option<Ms>,
    connect_ms: Option<Ms>,
    tls_ms: Option<Ms>,
    #[serde(default)]
    total_ms: Ms,
}

impl From<Timings> for model::Timings {
    fn from(timings: Timings) -> Self {
        let duration = |Ms(duration)| duration;
        Self {
            resolve: timings.resolve_ms.map(duration),
            connect: timings.connect_ms.map(duration),
            tls: timings.tls_ms.map(duration),
            total: timings.total_ms.0,
        }
    }
}

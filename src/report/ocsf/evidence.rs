//! Where a finding is, and the requests that prove it.

use super::super::escape::escape;
use super::super::ordered_json::{Json, object};
use super::cloud;
use crate::escape::TEXT;
use crate::model::{
    Endpoint, EndpointReport, Finding, Host, JudgedRequest, Method, Reply, Request, Site,
};

/// Endpoints of a finding; a name can have many addresses.
pub(super) const MAX_SITES: usize = 100;
/// Requests that prove a finding at one endpoint.
const MAX_REQUESTS: usize = 10;

/// Kinds of observables.
const HOSTNAME: (u64, &str) = (1, "Hostname");
const ADDRESS: (u64, &str) = (2, "IP Address");

/// The endpoints; without endpoints, what the finding is about.
pub(super) fn resources(finding: &Finding, records: &[&EndpointReport]) -> Vec<Json> {
    if finding.sites.is_empty() {
        let about = escape(finding.about.as_str(), TEXT);
        return vec![object! {
            "uid": about.clone(),
            "name": finding.label.as_deref().map_or(about, |label| escape(label, TEXT)),
            "type": "target",
        }];
    }
    let sites = finding.sites.iter().take(MAX_SITES);
    sites
        .map(|site| resource(finding, site, record_of(site, records)))
        .collect()
}

fn resource(finding: &Finding, site: &Site, record: Option<&EndpointReport>) -> Json {
    let Endpoint {
        scheme,
        port,
        prefix,
        ..
    } = &site.endpoint;
    let known = record.and_then(|record| record.identification.as_ref());
    let product = known.and_then(|known| known.product());
    let uid = url(&site.endpoint, "");
    object! {
        "uid": uid.clone(),
        "name": finding.label.as_deref().map_or(uid, |label| escape(label, TEXT)),
        "type": known.map_or("endpoint", |known| known.component.as_str()),
        "hostname": hostname(&site.endpoint),
        "ip": ip(&site.endpoint),
        "version": known.and_then(|known| known.version.as_deref()).map(|version| escape(version, TEXT)),
        "region": record.and_then(|record| cloud::of(&[record])).and_then(|cloud| cloud.region),
        "data": object! {
            "scheme": scheme.as_str(),
            "port": u64::from(*port),
            "prefix": (!prefix.is_empty()).then(|| escape(prefix, TEXT)),
            "verdict": record.map(|record| record.verdict.as_str()),
            "product": product.map(|product| escape(&product.name, TEXT)),
        },
    }
}

/// The requests that prove the finding, with their answers.
pub(super) fn evidences(finding: &Finding, records: &[&EndpointReport]) -> Vec<Json> {
    let mut out = Vec::new();
    for site in finding.sites.iter().take(MAX_SITES) {
        let requests = record_of(site, records).map(|record| &record.requests);
        let judged = |at: &usize| requests.and_then(|requests| requests.get(*at));
        let proof = site.requests.iter().take(MAX_REQUESTS).filter_map(judged);
        let before = out.len();
        out.extend(proof.map(|judged| evidence(site, &judged.exchange.request, Some(judged))));
        if let (true, Some(request)) = (out.len() == before, &site.proof) {
            out.push(evidence(site, request, None));
        }
    }
    out
}

fn evidence(site: &Site, request: &Request, judged: Option<&JudgedRequest>) -> Json {
    let endpoint = &site.endpoint;
    let method = match request.method {
        Method::Get => "GET",
        Method::Head => "HEAD",
    };
    let path = format!("{}{}", endpoint.prefix, request.bare_path());
    let query = request.path.split_once('?').map(|(_, query)| query);
    let reply = judged.and_then(JudgedRequest::reply);
    object! {
        "name": escape(&format!("{method} {}", request.path), TEXT),
        "dst_endpoint": object! {
            "hostname": hostname(endpoint),
            "ip": ip(endpoint),
            "port": u64::from(endpoint.port),
        },
        "http_request": object! {
            "http_method": method,
            "url": object! {
                "url_string": url(endpoint, &request.path),
                "scheme": endpoint.scheme.as_str(),
                "hostname": hostname(endpoint).or_else(|| ip(endpoint)),
                "port": u64::from(endpoint.port),
                "path": escape(&path, TEXT),
                "query_string": query.map(|query| escape(query, TEXT)),
            },
            "version": reply.map(Reply::http_version),
        },
        "http_response": reply.map(|reply| object! {
            "code": u64::from(reply.status),
            "content_type": reply.header("content-type").map(|text| escape(&text, TEXT)),
        }),
    }
}

/// Addresses and names, by which consumers find other events about the same host.
pub(super) fn observables(finding: &Finding) -> Vec<Json> {
    let mut out = Vec::new();
    let mut known: Vec<String> = Vec::new();
    for site in finding.sites.iter().take(MAX_SITES) {
        let found = [
            (hostname(&site.endpoint), HOSTNAME, "resources.hostname"),
            (ip(&site.endpoint), ADDRESS, "resources.ip"),
        ];
        for (value, (type_id, kind), name) in found {
            if let Some(value) = value.filter(|value| !known.contains(value)) {
                known.push(value.clone());
                out.push(
                    object! { "name": name, "type_id": type_id, "type": kind, "value": value },
                );
            }
        }
    }
    out
}

fn record_of<'a>(site: &Site, records: &[&'a EndpointReport]) -> Option<&'a EndpointReport> {
    let mut records = records.iter().copied();
    records.find(|record| record.endpoint.as_ref() == Some(&site.endpoint))
}

/// The DNS name, if there is one.
fn hostname(endpoint: &Endpoint) -> Option<String> {
    let name = match (&endpoint.name, &endpoint.host) {
        (Some(name), _) | (None, Host::Name(name)) => name,
        (None, Host::Ip(_)) => return None,
    };
    Some(escape(name, TEXT))
}

fn ip(endpoint: &Endpoint) -> Option<String> {
    endpoint.address().map(|address| address.ip().to_string())
}

/// The URL that was requested.
fn url(endpoint: &Endpoint, path: &str) -> String {
    let (scheme, authority) = (endpoint.scheme.as_str(), endpoint.authority());
    escape(
        &format!("{scheme}://{authority}{}{path}", endpoint.prefix),
        TEXT,
    )
}

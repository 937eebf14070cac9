//! Parses a body once. Whether a server indents its JSON depends on the client, so JSON is never compared as text.

use serde_json_borrow::{ObjectAsVec, Value};

use super::answer::Answer;
use super::json::{field, text};
use super::product_body::ProductBody;
use super::status::{ANONYMOUS, Status};
use super::version::VersionInfo;

/// Characters of a plain text body that are kept.
const TEXT_KEPT: usize = 512;

/// How servers answer plain HTTP on a TLS port: Go's, nginx and AWS load balancers, Apache, Tomcat.
const WANTS_TLS: [&str; 4] = [
    "Client sent an HTTP request to an HTTPS server.",
    "The plain HTTP request was sent to HTTPS port",
    "speaking plain HTTP to an SSL-enabled server port",
    "This combination of host and port requires TLS.",
];

impl Answer {
    /// Parses a body. `cut` says that it was longer than the limit: then only telemetry is recognised.
    pub fn parse(body: &[u8], cut: bool) -> Self {
        if cut {
            return beginning(body);
        }
        if body.is_empty() {
            return Self::Empty;
        }
        if let Ok(value) = serde_json::from_slice::<Value>(body) {
            return match value {
                Value::Object(object) => from_object(&object),
                _ => Self::OtherJson,
            };
        }
        match std::str::from_utf8(body) {
            Ok(text) => from_text(text),
            Err(_) => Self::Binary,
        }
    }
}

fn from_object(object: &ObjectAsVec<'_>) -> Answer {
    let kind = text(object, "kind").unwrap_or_default();
    let has_array = |key| field(object, key).is_some_and(Value::is_array);
    let document = match kind {
        "Status" => return Status::read(object).map_or(Answer::OtherJson, Answer::Status),
        "APIVersions" => has_array("versions").then_some(Answer::ApiVersions),
        "APIGroupList" => has_array("groups").then_some(Answer::ApiGroups),
        "APIGroup" => has_array("versions").then_some(Answer::ApiGroup),
        "APIResourceList" => has_array("resources").then_some(Answer::ApiResources),
        _ => None,
    };
    if let Some(document) = document {
        return document;
    }
    if kind == "APIGroupDiscoveryList" && has_array("items") {
        return Answer::ApiGroups;
    }
    if kind.ends_with("List") && has_array("items") {
        return Answer::ResourceList {
            kind: kind.to_owned(),
        };
    }
    if let Some(version) = VersionInfo::read(object) {
        return Answer::Version(Box::new(version));
    }
    if let Some(body) = ProductBody::of_json(object) {
        return Answer::Product(body);
    }
    if is_etcd_version(object) {
        return Answer::Etcd;
    }
    if OPENAPI_KEYS.iter().any(|key| object.contains_key(key)) {
        let info = field(object, "info").and_then(Value::as_object);
        return Answer::OpenApi {
            of_kubernetes: info.and_then(|info| text(info, "title")) == Some("Kubernetes"),
        };
    }
    match field(object, "paths") {
        // The index of `/openapi/v3`.
        Some(Value::Object(groups))
            if groups
                .values()
                .filter_map(Value::as_object)
                .any(|group| text(group, "serverRelativeURL").is_some()) =>
        {
            Answer::OpenApi {
                of_kubernetes: true,
            }
        }
        // Other programs have an index like this of their own paths.
        Some(Value::Array(paths))
            if paths
                .iter()
                .all(|path| path.as_str().is_some_and(|path| path.starts_with('/')))
                && paths
                    .iter()
                    .any(|path| matches!(path.as_str(), Some("/api" | "/apis"))) =>
        {
            Answer::RootPaths
        }
        _ => Answer::OtherJson,
    }
}

/// Whether this is the version document of etcd: the member's version and the cluster's, which is `not_decided`
/// while members gather (`api/v3/version` of etcd-io/etcd). Other programs have one of the two keys.
fn is_etcd_version(object: &ObjectAsVec<'_>) -> bool {
    let is_release = |text: &str| {
        text.starts_with(|first: char| first.is_ascii_digit()) && text.split('.').count() >= 3
    };
    let server = text(object, "etcdserver").is_some_and(is_release);
    let cluster =
        text(object, "etcdcluster").is_some_and(|text| is_release(text) || text == "not_decided");
    server && cluster
}

/// The first key of an `OpenAPI` document: of version 3, of version 2, and of Swagger 1.2 before 1.14.
const OPENAPI_KEYS: [&str; 3] = ["openapi", "swagger", "swaggerVersion"];

/// How the names of the first metrics of API servers begin; metrics come in alphabetical order.
const API_SERVER_METRICS: [&str; 5] = [
    "APIService",
    "admission_quota_",
    "aggregator_",
    "apiextensions_",
    "apiserver_",
];

/// Recognises telemetry by its first bytes, because only telemetry is expected to be long. Every other body is
/// judged as a whole or not at all.
fn beginning(body: &[u8]) -> Answer {
    let text = match std::str::from_utf8(body) {
        Ok(text) => text,
        // The limit may have cut through a character.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&body[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return Answer::Cut,
    };
    let trimmed = text.trim_start();
    let first_key = trimmed
        .strip_prefix('{')
        .and_then(|rest| rest.trim_start().strip_prefix('"'));
    let first_key = first_key
        .and_then(|rest| rest.split_once('"'))
        .map(|(key, _)| key);
    if first_key.is_some_and(|key| OPENAPI_KEYS.contains(&key))
        || trimmed.contains("\"serverRelativeURL\":")
    {
        let of_kubernetes = trimmed.contains("\"serverRelativeURL\":")
            || trimmed.contains("\"title\":\"Kubernetes\"")
            || trimmed.contains("\"title\": \"Kubernetes\"");
        return Answer::OpenApi { of_kubernetes };
    }
    telemetry(trimmed).unwrap_or(Answer::Cut)
}

/// Metrics and debugging pages, which their first bytes identify.
fn telemetry(text: &str) -> Option<Answer> {
    let metric = ["# HELP ", "# TYPE "]
        .iter()
        .find_map(|beginning| text.strip_prefix(beginning));
    if let Some(metric) = metric {
        return Some(Answer::Metrics {
            of_api_server: API_SERVER_METRICS
                .iter()
                .any(|beginning| metric.starts_with(beginning)),
        });
    }
    // staging/src/k8s.io/component-base/zpages: the page begins with the component's name and its own.
    let title = text.lines().next().unwrap_or_default();
    let zpage = title.ends_with(" flagz") || title.ends_with(" statusz");
    let pprof = text.starts_with("<html>") && text.contains("<title>/debug/pprof/</title>");
    (zpage && text.contains("Warning: This endpoint is not meant to be machine parseable") || pprof)
        .then_some(Answer::Diagnostics)
}

fn from_text(text: &str) -> Answer {
    let trimmed = text.trim();
    if trimmed == "ok" {
        return Answer::HealthOk;
    }
    if let Some(body) = ProductBody::of_text(trimmed) {
        return Answer::Product(body);
    }
    if let Some(health) = health_checks(trimmed) {
        return health;
    }
    if WANTS_TLS.iter().any(|words| trimmed.contains(words)) {
        return Answer::WantsTls;
    }
    if let Some(answer) = telemetry(trimmed) {
        return answer;
    }
    if let Some(user) = denied_by_kubelet(trimmed) {
        return if user == ANONYMOUS {
            Answer::KubeletDeniesAnonymous
        } else {
            Answer::KubeletDeniesUser
        };
    }
    let start: String = trimmed.chars().take(TEXT_KEPT).collect();
    let lower = start.to_ascii_lowercase();
    if lower.starts_with("<!doctype html") || lower.contains("<html") {
        return Answer::Html;
    }
    Answer::Text(start)
}

/// The health handler's list of checks, each `[+]` for passed or `[-]` for failed, with a sentence below.
fn health_checks(text: &str) -> Option<Answer> {
    let mut checks = text
        .lines()
        .take_while(|line| line.starts_with('['))
        .peekable();
    checks.peek()?;
    let mut health = Answer::HealthOk;
    for check in checks {
        if check.starts_with("[-]") {
            health = Answer::HealthFailing;
        } else if !check.starts_with("[+]") {
            return None;
        }
    }
    Some(health)
}

/// The user whom a kubelet's authorization refused. The words are those of `pkg/kubelet/server/server.go`:
/// `Forbidden (user=U, verb=get, resource=nodes, subresource(s)=[healthz proxy])`, below 1.32
/// `subresource=proxy`, and `Authorization error (…)` if the API server does not answer the kubelet's question.
fn denied_by_kubelet(text: &str) -> Option<&str> {
    let rest = ["Forbidden (user=", "Authorization error (user="]
        .into_iter()
        .find_map(|beginning| text.strip_prefix(beginning))?;
    let (user, rest) = rest.strip_suffix(')')?.split_once(", verb=")?;
    let (_, resource) = rest.split_once(", resource=")?;
    resource.starts_with("nodes, subresource").then_some(user)
}

#[cfg(test)]
mod tests {
    use super::super::path::PathClass;
    use super::*;

    #[test]
    fn a_kubelet_says_whom_its_authorization_stopped() {
        for (text, answer) in [
            (
                "Forbidden (user=system:anonymous, verb=get, resource=nodes, subresource(s)=[healthz proxy])\n",
                Answer::KubeletDeniesAnonymous,
            ),
            (
                "Forbidden (user=system:anonymous, verb=get, resource=nodes, subresource=proxy)",
                Answer::KubeletDeniesAnonymous,
            ),
            (
                "Forbidden (user=kube-probe, verb=get, resource=nodes, subresource=proxy)",
                Answer::KubeletDeniesUser,
            ),
            (
                "Authorization error (user=system:anonymous, verb=get, resource=nodes, subresource=proxy)",
                Answer::KubeletDeniesAnonymous,
            ),
        ] {
            assert_eq!(Answer::parse(text.as_bytes(), false), answer, "{text}");
        }
        for text in [
            "Forbidden (user=system:anonymous)",
            "Forbidden (user=system:anonymous, verb=get, resource=pods, subresource=log)",
            "403 Forbidden (user=system:anonymous, verb=get, resource=nodes, subresource=proxy)",
            "Forbidden",
        ] {
            assert!(
                matches!(Answer::parse(text.as_bytes(), false), Answer::Text(_)),
                "{text}"
            );
        }
    }

    #[test]
    fn indentation_does_not_matter() {
        let compact = br#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Unauthorized","reason":"Unauthorized","code":401}"#;
        let value: Value = serde_json::from_slice(compact).unwrap();
        let pretty = serde_json::to_vec_pretty(&value).unwrap();
        assert_eq!(Answer::parse(compact, false), Answer::parse(&pretty, false));
        assert_eq!(Answer::parse(compact, false).status().unwrap().code, 401);
    }

    #[test]
    fn escapes_are_read_and_the_last_of_equal_keys_counts() {
        for body in [
            r#"{"k\u0069nd": "API\u0056ersions", "versions": []}"#,
            r#"{"kind": "List", "kind": "APIVersions", "versions": 1, "versions": []}"#,
        ] {
            assert_eq!(Answer::parse(body.as_bytes(), false), Answer::ApiVersions);
        }
    }

    #[test]
    fn a_half_status_is_other_json() {
        for body in [
            r#"{"kind":"Status","status":"Failure","reason":"Unauthorized","code":401}"#,
            r#"{"kind":"Status","apiVersion":"v1","status":"Success","code":200}"#,
            r#"{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Unauthorized","code":"401"}"#,
            r#"{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Unauthorized","code":99999}"#,
        ] {
            assert_eq!(
                Answer::parse(body.as_bytes(), false),
                Answer::OtherJson,
                "{body}"
            );
        }
    }

    #[test]
    fn health_text() {
        assert_eq!(Answer::parse(b"ok", false), Answer::HealthOk);
        assert_eq!(
            Answer::parse(b"[+]ping ok\n[+]log ok\nhealthz check passed\n", false),
            Answer::HealthOk
        );
        assert_eq!(
            Answer::parse(
                b"[+]ping ok\n[-]etcd failed: reason withheld\nhealthz check failed\n",
                false
            ),
            Answer::HealthFailing
        );
        assert!(matches!(
            Answer::parse(b"[draft] hello", false),
            Answer::Text(_)
        ));
    }

    const fn metrics(of_api_server: bool) -> Answer {
        Answer::Metrics { of_api_server }
    }

    const fn openapi(of_kubernetes: bool) -> Answer {
        Answer::OpenApi { of_kubernetes }
    }

    #[test]
    fn a_body_fits_the_path_that_gives_it() {
        let fits = |path: &str, body: &str| {
            let class = PathClass::of(path).unwrap();
            Answer::parse(body.as_bytes(), false).fits(class, path)
        };
        let versions = r#"{"kind":"APIVersions","versions":["v1"]}"#;
        let groups = r#"{"kind":"APIGroupList","groups":[]}"#;
        let group = r#"{"kind":"APIGroup","versions":[]}"#;
        let resources = r#"{"kind":"APIResourceList","resources":[]}"#;
        let paths = r#"{"paths":["/api","/apis","/healthz"]}"#;
        let list = |kind: &str| format!(r#"{{"kind":"{kind}","items":[]}}"#);
        for (path, body) in [
            ("/api", versions),
            ("/apis", groups),
            ("/apis/apps", group),
            ("/apis/apps/v1", resources),
            ("/api/v1", resources),
            ("/", paths),
            ("/api/v1/secrets", &list("SecretList")),
            ("/api/v1/endpoints", &list("EndpointsList")),
            (
                "/apis/networking.k8s.io/v1/networkpolicies",
                &list("NetworkPolicyList"),
            ),
            (
                "/apis/networking.k8s.io/v1/namespaces/a/ingresses",
                &list("IngressList"),
            ),
        ] {
            assert!(fits(path, body), "{path} {body}");
        }
        for (path, body) in [
            ("/api", groups),
            ("/api", group),
            ("/api", paths),
            ("/api", r#"{"paths":["/users","/orders"]}"#),
            ("/apis", versions),
            ("/apis/apps", groups),
            ("/apis/apps/v1", group),
            ("/api/v1/secrets", &list("List")),
            ("/api/v1/secrets", &list("PodList")),
            ("/api/v1/secrets", &list("WishList")),
            ("/version", versions),
        ] {
            assert!(!fits(path, body), "{path} {body}");
        }
    }

    #[test]
    fn etcd_says_two_versions() {
        for (body, etcd) in [
            (r#"{"etcdserver":"3.5.9","etcdcluster":"3.5.0"}"#, true),
            (
                r#"{"etcdserver":"3.6.1","etcdcluster":"not_decided","storage":"3.6.0"}"#,
                true,
            ),
            (r#"{"app":"portal","etcdserver":"http://etcd:2379"}"#, false),
            (r#"{"etcdserver":"3.5.9"}"#, false),
        ] {
            let answer = Answer::parse(body.as_bytes(), false);
            assert_eq!(answer == Answer::Etcd, etcd, "{body}");
        }
    }

    #[test]
    fn a_long_document_is_known_by_its_beginning_only_where_it_is_telemetry() {
        for (body, answer) in [
            ("# HELP x y\n# TYPE x counter\n", metrics(false)),
            ("# HELP haproxy_process y\n", metrics(false)),
            (
                "# HELP aggregator_discovery_aggregation_count_total y\n",
                metrics(true),
            ),
            ("# TYPE apiserver_request_total counter\n", metrics(true)),
            ("{\"swagger\":\"2.0\",\"info\":{", openapi(false)),
            (
                "{\"swagger\":\"2.0\",\"info\":{\"title\":\"Kubernetes\",",
                openapi(true),
            ),
            ("{ \"openapi\": \"3.0.0\",", openapi(false)),
            (
                "{\"paths\":{\"api\":{\"serverRelativeURL\":\"/openapi/v3/api?hash=1\"},",
                openapi(true),
            ),
            ("{\"kind\":\"APIGroupList\",\"groups\":[", Answer::Cut),
            ("{\"kind\":\"SecretList\",\"items\":[", Answer::Cut),
            ("<html><head><title>Home</title>", Answer::Cut),
        ] {
            assert_eq!(Answer::parse(body.as_bytes(), true), answer, "{body}");
        }
        assert_eq!(
            Answer::parse("# HELP x \u{e9}".as_bytes().split_last().unwrap().1, true),
            metrics(false)
        );
    }

    #[test]
    fn pages_for_debugging() {
        let flagz =
            b"\nkube-apiserver flagz\nWarning: This endpoint is not meant to be machine parseable, has no\n";
        assert_eq!(Answer::parse(flagz, false), Answer::Diagnostics);
        let index = b"<html>\n<head>\n<title>/debug/pprof/</title>\n</head>";
        assert_eq!(Answer::parse(index, false), Answer::Diagnostics);
        assert_eq!(
            Answer::parse(b"<html><head><title>flagz</title>", false),
            Answer::Html
        );
    }

    #[test]
    fn deep_nesting_is_not_followed() {
        let mut body = vec![b'['; 60_000];
        body.extend(vec![b']'; 60_000]);
        assert!(matches!(Answer::parse(&body, false), Answer::Text(_)));
    }

    #[test]
    fn a_list_leaves_nothing_behind() {
        let answer = Answer::parse(
            br#"{"kind":"SecretList","apiVersion":"v1","items":[{"metadata":{"name":"token-x"}}]}"#,
            false,
        );
        assert_eq!(
            answer,
            Answer::ResourceList {
                kind: "SecretList".to_owned()
            }
        );
    }
}

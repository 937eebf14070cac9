//! The embedded scenarios are complete, named like their files, and match the recordings.

use std::collections::HashSet;
use std::sync::Arc;

use super::super::answers::Answers;
use super::super::catalogue::TEXTS;
use super::super::reply::Reply;
use super::super::{Scenario, scenario, scenarios, start};
use super::{loopback, recorded, recording};
use crate::model::Verdict;

/// The recorded requests of kubeknock to an API server, including `--deep`.
const ASKED: [(&str, &str); 18] = [
    ("GET", "/"),
    ("GET", "/version"),
    ("GET", "/version/"),
    ("GET", "/api"),
    ("GET", "/apis"),
    ("GET", "/healthz"),
    ("GET", "/livez"),
    ("GET", "/readyz"),
    ("GET", "/openapi/v2"),
    ("GET", "/openapi/v3"),
    ("GET", "/metrics"),
    ("GET", "/swaggerapi"),
    ("GET", "/nonexistent"),
    ("GET", "/api/v1/secrets?limit=1&continue=bogus"),
    ("HEAD", "/api/v1/secrets?limit=1"),
    ("HEAD", "/api/v1/pods?limit=1"),
    ("HEAD", "/api/v1/nodes?limit=1"),
    ("HEAD", "/apis/apps/v1/deployments?limit=1"),
];

fn answers(scenario: &Scenario) -> &Answers {
    scenario.answers().unwrap()
}

/// All requests with a reply of their own.
fn requests(scenario: &Scenario) -> impl Iterator<Item = (&str, &str)> {
    answers(scenario)
        .routes
        .iter()
        .map(|route| (route.method.as_str(), route.path.as_str()))
}

/// The first reply of a scenario, with the body as sent.
fn given(scenario: &Scenario, method: &str, path: &str) -> Reply {
    let answers = answers(scenario);
    let chosen = answers.choose(&answers.request_counts(), method, path);
    Reply {
        body: chosen.body(path),
        ..chosen.reply.clone()
    }
}

fn sorted_headers(reply: &Reply) -> Vec<(String, String)> {
    let mut headers: Vec<_> = reply
        .headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.clone()))
        .collect();
    headers.sort();
    headers
}

/// The embedded scenarios that were recorded, each with its recording.
fn with_recordings() -> Vec<(&'static Scenario, Scenario)> {
    let name = |scenario: &Scenario| -> Option<String> {
        let (name, _) = scenario
            .source
            .strip_prefix("recorded: ")?
            .split_once(',')?;
        Some(name.to_owned())
    };
    scenarios()
        .filter_map(|scenario| Some((&**scenario, name(scenario)?)))
        .map(|(scenario, name)| (scenario, recorded(&recording(&name)).unwrap()))
        .collect()
}

#[test]
fn every_text_is_a_scenario_named_like_its_file() {
    for (name, text) in TEXTS {
        let scenario = Scenario::parse(text).unwrap_or_else(|error| panic!("{name}.toml: {error}"));
        assert_eq!(scenario.name, *name);
        assert!(
            text.starts_with("# "),
            "{name}.toml does not say what it stands for"
        );
        let source = &scenario.source;
        assert!(
            source.starts_with("recorded: ") || source.starts_with("composed: "),
            "{name}: {source}"
        );
        assert!(
            !scenario.about.contains('\n') && scenario.about.len() <= 100,
            "{name}: one short line"
        );
    }
    assert_eq!(scenarios().count(), TEXTS.len());
    assert_eq!(
        scenarios()
            .map(|scenario| &scenario.name)
            .collect::<HashSet<_>>()
            .len(),
        TEXTS.len()
    );
}

#[test]
fn every_file_is_embedded() {
    let folder = format!("{}/src/simulator/scenarios", env!("CARGO_MANIFEST_DIR"));
    let names: HashSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .map(|name| name.strip_suffix(".toml").unwrap().to_owned())
        .collect();
    assert_eq!(
        names,
        TEXTS.iter().map(|(name, _)| (*name).to_owned()).collect()
    );
}

#[test]
fn every_verdict_has_a_scenario() {
    for verdict in Verdict::ALL {
        assert!(
            scenarios().any(|scenario| scenario.expect == verdict),
            "{verdict}"
        );
    }
    assert!(scenario("insecure-http").unwrap().plain_http());
    assert!(!scenario("default").unwrap().plain_http());
    assert!(!scenario("garbage").unwrap().plain_http());
    assert!(scenario("nobody").is_none());
}

#[tokio::test]
async fn every_scenario_starts() {
    for scenario in scenarios() {
        let server = start(Arc::clone(scenario), loopback()).await;
        assert!(server.is_ok(), "{}: {server:?}", scenario.name);
    }
}

#[test]
fn recorded_scenarios_answer_like_the_recording() {
    assert_eq!(with_recordings().len(), 6);
    for (embedded, whole) in with_recordings() {
        let name = &embedded.name;
        let known: HashSet<_> = requests(&whole).collect();
        let own = requests(embedded);
        for (method, path) in own.chain(ASKED).collect::<HashSet<_>>() {
            let ours = given(embedded, method, path);
            // A list without a recording is answered like one that was recorded.
            let exact = known.contains(&(method, path));
            let model = match (method, path.contains("continue=bogus")) {
                _ if exact => path,
                ("HEAD", false) => "/api/v1/secrets?limit=1",
                ("GET", true) => "/api/v1/secrets?limit=1&continue=bogus",
                _ => panic!("{name}: {method} {path} was never recorded"),
            };
            let theirs = given(&whole, method, model);
            let place = format!("{name}: {method} {path}");
            assert_eq!(ours.status, theirs.status, "{place}");
            assert_eq!(ours.audit_id, theirs.audit_id, "{place}");
            assert_eq!(sorted_headers(&ours), sorted_headers(&theirs), "{place}");
            if exact && method == "GET" {
                assert_eq!(ours.body.len(), theirs.body.len(), "{place}");
                assert!(theirs.body.start.starts_with(&ours.body.start), "{place}");
                assert!(ours.body.padding > 0 || ours.body == theirs.body, "{place}");
            }
        }
    }
}

#[test]
fn recorded_scenarios_have_the_recorded_handshake() {
    for (embedded, whole) in with_recordings() {
        let (ours, theirs) = (embedded.tls.as_ref().unwrap(), whole.tls.as_ref().unwrap());
        assert_eq!(
            (&ours.subject, &ours.issuer),
            (&theirs.subject, &theirs.issuer),
            "{}",
            embedded.name
        );
        assert_eq!(
            (&ours.sans, &ours.alpn),
            (&theirs.sans, &theirs.alpn),
            "{}",
            embedded.name
        );
        assert_eq!(ours.versions, theirs.versions, "{}", embedded.name);
        let cas = |cas: &Option<Vec<String>>| cas.clone().unwrap_or_default();
        assert_eq!(
            cas(&ours.client_cas),
            cas(&theirs.client_cas),
            "{}",
            embedded.name
        );
    }
}

#[test]
fn a_recording_is_replayed_and_missing_parts_are_filled_in() {
    let whole = recorded(&recording("cluster-admin-to-anonymous")).unwrap();
    let openapi = given(&whole, "GET", "/openapi/v2");
    assert_eq!(
        (openapi.body.start.len(), openapi.body.len()),
        (2048, 3_774_218)
    );
    assert_eq!(
        given(&whole, "HEAD", "/api/v1/secrets?limit=1").content_length,
        Some(197)
    );
    let quoted = recorded(&recording("default-rbac")).unwrap();
    let body = given(&quoted, "GET", "/apis/metrics.k8s.io?x=1").body.start;
    let status: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let message = "forbidden: User \"system:anonymous\" cannot get path \"/apis/metrics.k8s.io\"";
    assert_eq!(status["message"], message);
}

#[test]
fn invalid_recordings_are_rejected() {
    let good = recording("default-rbac");
    for (text, words) in [
        ("{}".to_owned(), "not a recording"),
        (
            good.replace("\"GET\"", "\"PUT\""),
            "as the reply to other requests",
        ),
    ] {
        let error = recorded(&text).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

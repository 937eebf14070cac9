use serde_json::{Value, json};

use super::super::Format;
use super::super::sample::{self, Sample};
use super::super::tests::python::read_with;
use crate::model::{Acceptance, BaselineState, Finding, Fingerprint};

fn written(sample: &Sample) -> String {
    sample::rendered(Format::Ocsf, sample)
}

fn events(sample: &Sample) -> Vec<Value> {
    let parse = |line| serde_json::from_str(line).unwrap();
    written(sample).lines().map(parse).collect()
}

/// The event of a finding.
fn event_of<'a>(events: &'a [Value], finding: &Finding) -> &'a Value {
    let uid = finding.fingerprint.to_string();
    let mut events = events.iter();
    let event = events.find(|event| event["finding_info"]["uid"] == uid);
    event.unwrap()
}

/// Every kind of text and of finding.
fn samples() -> [Sample; 6] {
    [
        sample::mixed(),
        sample::empty(),
        sample::hostile(),
        sample::stopped(),
        sample::saying("\"}\n{\u{202e}https://evil.example/##vso[x]"),
        sample::estate(100),
    ]
}

#[test]
fn an_event_for_each_finding() {
    let sample = sample::mixed();
    insta::assert_snapshot!(written(&sample));
    assert_eq!(events(&sample).len(), sample.findings.len());
    assert_eq!(written(&sample::empty()), "");
}

/// The part of the published schema that `tests/data/ocsf/make-schema.py` copies.
#[test]
fn every_event_fits_the_published_schema() {
    let schema = include_str!("../../../tests/data/ocsf/detection-finding-1.6.0.schema.json");
    let schema: Value = serde_json::from_str(schema).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    for sample in samples() {
        for event in events(&sample) {
            let errors: Vec<String> = validator
                .iter_errors(&event)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(errors.is_empty(), "{errors:#?}\n{event:#}");
        }
    }
    // The schema is closed.
    let mut event = events(&sample::mixed()).remove(0);
    event["resources"][0]["port"] = json!(6443);
    assert!(!validator.is_valid(&event));
}

/// The rules that a JSON Schema cannot say: numbers and names agree, and times are milliseconds of the scan.
#[test]
fn an_event_says_when_how_bad_and_what_became_of_it() {
    let sample = sample::mixed();
    let of = |about: &str, baseline: &str| {
        let events = events(&sample);
        let is_meant = |event: &&Value| {
            event["unmapped"]["about"]
                .as_str()
                .is_some_and(|text| text.contains(about))
                && event["unmapped"]["baseline"] == baseline
        };
        events.iter().find(is_meant).cloned().unwrap()
    };
    let (started, hour) = (sample.summary.started.as_millisecond(), 3_600_000);
    for event in events(&sample) {
        let time = event["time"].as_i64().unwrap();
        assert!(
            (started..started + hour).contains(&time),
            "{time} {started}"
        );
        assert_eq!(
            event["type_uid"].as_u64(),
            event["activity_id"]
                .as_u64()
                .map(|activity| 200_400 + activity)
        );
        assert_eq!(event["finding_info"]["modified_time"], event["time"]);
    }
    let new = of("192.0.2.17", "new");
    assert_eq!(new["activity_name"], "Create");
    assert_eq!(
        (&new["severity"], &new["severity_id"]),
        (&json!("Critical"), &json!(5))
    );
    assert_eq!(
        (&new["status"], &new["status_id"]),
        (&json!("New"), &json!(1))
    );
    assert_eq!(new["finding_info"]["first_seen_time"], new["time"]);
    let gone = of("", "absent");
    assert_eq!(
        (&gone["activity_name"], &gone["status"]),
        (&json!("Close"), &json!("Resolved"))
    );
    assert_eq!(gone["finding_info"].get("last_seen_time"), None);
    let known = of("", "unchanged");
    assert_eq!(known["activity_name"], "Update");
    assert_eq!(known["finding_info"].get("first_seen_time"), None);
    assert_eq!(known["finding_info"]["last_seen_time"], known["time"]);
}

/// The consumer keeps it until an event closes it, and nothing is fixed.
#[test]
fn a_finding_that_a_worse_one_replaces_is_archived_and_not_resolved() {
    let mut sample = sample::mixed();
    let gone = sample.findings.iter().position(Finding::gone).unwrap();
    let event = |sample: &Sample| {
        let gone = sample.findings.iter().find(|finding| finding.gone());
        event_of(&events(sample), gone.unwrap()).clone()
    };
    assert_eq!(event(&sample)["status"], "Resolved");
    let worse = Finding {
        rule: &sample::RESOURCES,
        severity: sample::RESOURCES.severity,
        fingerprint: Fingerprint::of("resources-exposed", &sample.findings[gone].about),
        baseline: Some(BaselineState::New),
        ..sample.findings[gone].clone()
    };
    sample.findings.push(worse);
    let archived = event(&sample);
    assert_eq!(archived["activity_name"], "Close");
    assert_eq!(
        (&archived["status"], &archived["status_id"]),
        (&json!("Archived"), &json!(5))
    );
    assert_eq!(
        archived["status_detail"],
        "not resolved: it is a part of resources-exposed"
    );
    // No format says that it is fixed or gone.
    for format in Format::ALL {
        let with = sample::rendered(format, &sample);
        assert!(!with.contains("Resolved"), "{format}");
        assert!(!with.contains(">gone<"), "{format}");
        let listed_in_html = format == Format::Html;
        assert!(
            listed_in_html || !with.contains("gone since the baseline"),
            "{format}"
        );
        assert!(!with.contains("of the baseline is gone"), "{format}");
    }
}

#[test]
fn an_accepted_finding_is_suppressed_and_says_by_whom() {
    let sample = sample::mixed();
    let accepted = |finding: &&Finding| finding.accepted();
    let finding = sample.findings.iter().find(accepted).unwrap();
    let Acceptance {
        owner,
        reason,
        expires,
        ..
    } = finding.acceptance.as_ref().unwrap();
    let events = events(&sample);
    let event = event_of(&events, finding);
    assert_eq!(
        (&event["status"], &event["status_id"]),
        (&json!("Suppressed"), &json!(3))
    );
    assert_eq!(event["comment"], reason.as_str());
    assert_eq!(
        event["status_detail"],
        format!("accepted by {owner} until {expires}")
    );
    let suppressed = events.iter().filter(|event| event["status_id"] == 3);
    assert_eq!(
        suppressed.count(),
        sample.findings.iter().filter(accepted).count(),
        "an acceptance that expired suppresses nothing"
    );
}

/// A consumer finds the request and the answer that prove a finding, and the host by address and name.
#[test]
fn an_event_has_its_proof_and_its_hosts() {
    let sample = sample::mixed();
    let with_proof =
        |finding: &&Finding| finding.sites.iter().any(|site| !site.requests.is_empty());
    let finding = sample.findings.iter().find(with_proof).unwrap();
    let events = events(&sample);
    let event = event_of(&events, finding);
    let site = &finding.sites[0];
    let evidence = &event["evidences"][0];
    let path = &site.proof.as_ref().unwrap().path;
    let url = evidence["http_request"]["url"]["url_string"]
        .as_str()
        .unwrap();
    assert!(url.ends_with(&**path), "{url}");
    assert!(evidence["http_response"]["code"].is_u64(), "{evidence}");
    let address = site.endpoint.address().unwrap();
    assert_eq!(event["resources"][0]["ip"], address.ip().to_string());
    assert_eq!(event["resources"][0]["data"]["port"], address.port());
    assert_eq!(evidence["dst_endpoint"]["port"], address.port());
    let values: Vec<&Value> = (event["observables"].as_array().unwrap().iter())
        .map(|observable| &observable["value"])
        .collect();
    assert!(values.contains(&&json!(address.ip().to_string())));
}

#[test]
fn a_managed_cluster_has_its_cloud() {
    let events = events(&sample::estate(100));
    let clouds: std::collections::BTreeSet<&str> = events
        .iter()
        .filter_map(|event| event["cloud"]["provider"].as_str())
        .collect();
    assert_eq!(
        clouds.into_iter().collect::<Vec<_>>(),
        ["AWS", "Azure", "GCP"]
    );
    for event in &events {
        let has_profile = event["metadata"]["profiles"] == json!(["cloud"]);
        assert_eq!(has_profile, event.get("cloud").is_some());
    }
}

/// With the models of the schema's versions 1.5 to 1.7, and with the library of Prowler.
#[test]
fn libraries_of_others_read_the_events() {
    for sample in samples() {
        let text = written(&sample);
        let Some(count) = read_with("ocsf/read-events.py", "pydantic-ocsf", &text) else {
            return;
        };
        assert_eq!(count.trim(), text.lines().count().to_string());
    }
}

/// Its acceptance may have begun or ended since the last event.
#[test]
fn a_carried_finding_is_updated() {
    let mut sample = sample::carrying();
    let acceptance = (sample.findings.iter()).find_map(|finding| finding.acceptance.clone());
    let status = |sample: &Sample| {
        let event = event_of(&events(sample), &sample.carried.1[0]).clone();
        let end = super::milliseconds(super::scan_end(&sample.results()));
        assert_eq!(event["time"], end, "newer than the last event");
        assert!(event["finding_info"]["last_seen_time"].as_u64().unwrap() < end);
        assert_eq!(event["activity_name"], "Update");
        event["status"].as_str().unwrap().to_owned()
    };
    assert_eq!(status(&sample), "New");
    for (in_force, expected) in [(true, "Suppressed"), (false, "New")] {
        sample.carried.1[0].acceptance = acceptance.clone().map(|acceptance| Acceptance {
            in_force,
            ..acceptance
        });
        assert_eq!(status(&sample), expected);
    }
}

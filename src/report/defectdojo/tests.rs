use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::Format;
use super::super::sample::{self, Sample};
use crate::model::{Finding, Host};

fn written(sample: &Sample) -> Value {
    serde_json::from_str(&sample::rendered(Format::Defectdojo, sample)).unwrap()
}

fn findings(sample: &Sample) -> Vec<Value> {
    written(sample)["findings"].as_array().unwrap().clone()
}

/// The finding of the sample that satisfies `which`, as written.
fn of(sample: &Sample, which: fn(&Finding) -> bool) -> (Finding, Value) {
    let finding = sample
        .findings
        .iter()
        .find(|finding| which(finding))
        .unwrap();
    let id = finding.fingerprint.to_string();
    let written = findings(sample)
        .into_iter()
        .find(|written| written["unique_id_from_tool"] == id);
    (finding.clone(), written.unwrap())
}

#[test]
fn a_finding_for_each_that_is_there() {
    let sample = sample::mixed();
    insta::assert_snapshot!(sample::rendered(Format::Defectdojo, &sample));
    let present = sample.findings.iter().filter(|finding| !finding.gone());
    assert_eq!(findings(&sample).len(), present.count());
    assert_eq!(findings(&sample::empty()), Vec::<Value>::new());
}

/// A key, and whether a value fits it.
type Key = (&'static str, fn(&Value) -> bool);

/// Keys that the importer takes since its version 2.0 (`dojo/tools/generic/json_parser.py`), with the kind of value of the
/// field in its model (`dojo/finding/models.py`). It refuses any other.
const KEYS: [Key; 22] = [
    ("title", |value| is_text(value, 511)),
    ("severity", |value| {
        ["Info", "Low", "Medium", "High", "Critical"].contains(&value.as_str().unwrap_or_default())
    }),
    ("description", |value| is_text(value, usize::MAX)),
    ("date", |value| is_text(value, 10)),
    ("cwe", Value::is_u64),
    ("mitigation", |value| is_text(value, usize::MAX)),
    ("impact", |value| is_text(value, usize::MAX)),
    ("steps_to_reproduce", |value| is_text(value, usize::MAX)),
    ("severity_justification", |value| is_text(value, usize::MAX)),
    ("planned_remediation_date", |value| is_text(value, 10)),
    ("references", Value::is_string),
    ("active", Value::is_boolean),
    ("risk_accepted", Value::is_boolean),
    ("component_name", |value| is_text(value, 500)),
    ("component_version", |value| is_text(value, 100)),
    ("static_finding", Value::is_boolean),
    ("dynamic_finding", Value::is_boolean),
    ("scanner_confidence", Value::is_u64),
    ("unique_id_from_tool", |value| is_text(value, 500)),
    ("vuln_id_from_tool", |value| is_text(value, 500)),
    ("nb_occurences", Value::is_u64),
    ("endpoints", Value::is_array),
];

/// The database takes no NUL.
fn is_text(value: &Value, max: usize) -> bool {
    let fits = |text: &str| !text.is_empty() && text.chars().count() <= max && !text.contains('\0');
    value.as_str().is_some_and(fits)
}

#[test]
fn every_finding_obeys_the_importer() {
    for sample in [
        sample::mixed(),
        sample::hostile(),
        sample::stopped(),
        sample::saying("\0\u{1b}```\n# x"),
        sample::saying(&"long ".repeat(500)),
        sample::estate(100),
    ] {
        let mut ids = BTreeSet::new();
        for finding in findings(&sample) {
            for (key, value) in finding.as_object().unwrap() {
                let known = KEYS.iter().find(|(known, _)| known == key);
                match known {
                    Some((_, is_valid)) => assert!(is_valid(value), "{key}: {value}"),
                    None => assert_eq!(key, "tags"),
                }
            }
            for required in ["title", "severity", "description"] {
                assert!(finding[required].is_string(), "{required}");
            }
            assert!(
                finding["active"] != finding["risk_accepted"],
                "an active finding cannot be accepted"
            );
            for tag in finding["tags"].as_array().unwrap() {
                assert!(!tag.as_str().unwrap().contains([' ', ',', '"']), "{tag}");
            }
            for endpoint in finding["endpoints"].as_array().into_iter().flatten() {
                obeys_the_model_of_endpoints(endpoint);
            }
            assert!(ids.insert(finding["unique_id_from_tool"].to_string()));
        }
    }
}

/// `Endpoint.clean` in `dojo/endpoint/models.py`, and the parameters of `LocationData.url`.
fn obeys_the_model_of_endpoints(endpoint: &Value) {
    for key in endpoint.as_object().unwrap().keys() {
        assert!(
            ["protocol", "host", "port", "path"].contains(&&**key),
            "{key}"
        );
    }
    let host = endpoint["host"].as_str().unwrap();
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_.-+".contains(c);
    let is_valid = host.parse::<std::net::IpAddr>().is_ok() || host.chars().all(is_name);
    assert!(host.len() >= 2 && is_valid, "{host}");
    let path = endpoint["path"].as_str().unwrap_or_default();
    assert!(!path.starts_with('/'), "{path}");
    assert!(endpoint["port"].as_u64().is_none_or(|port| port < 65536));
}

#[test]
fn hosts_are_endpoints() {
    let mut sample = sample::mixed();
    let first = |sample: &Sample| findings(sample)[0]["endpoints"].clone();
    sample.findings.truncate(1);
    assert_eq!(
        first(&sample),
        json!([{"protocol": "https", "host": "192.0.2.17", "port": 6443}])
    );
    let endpoint = &mut sample.findings[0].sites[0].endpoint;
    endpoint.host = Host::Ip("2001:db8::17".parse().unwrap());
    endpoint.prefix = "/k8s/clusters/c-1".into();
    assert_eq!(
        first(&sample),
        json!([{"protocol": "https", "host": "2001:db8::17", "port": 6443, "path": "k8s/clusters/c-1"}])
    );
    // A name has one endpoint, however many addresses it has today.
    let site = sample.findings[0].sites[0].clone();
    sample.findings[0].sites = vec![site.clone(), site];
    for (site, last) in sample.findings[0].sites.iter_mut().zip(1..) {
        site.endpoint.host = Host::Ip([192, 0, 2, last].into());
        site.endpoint.name = Some("api.example".into());
    }
    assert_eq!(first(&sample)[0]["host"], "api.example");
    assert_eq!(first(&sample).as_array().unwrap().len(), 1);
    // Nothing answered: the target itself.
    sample.findings[0].sites.clear();
    assert_eq!(first(&sample)[0]["host"], "192.0.2.17");
}

#[test]
fn an_accepted_finding_says_by_whom_until_when() {
    let sample = sample::mixed();
    let (finding, written) = of(&sample, Finding::accepted);
    let acceptance = finding.acceptance.unwrap();
    assert_eq!(
        (&written["active"], &written["risk_accepted"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(
        written["planned_remediation_date"],
        acceptance.expires.to_string()
    );
    let said = written["severity_justification"].as_str().unwrap();
    assert!(
        said.contains(&acceptance.owner) && said.contains(&acceptance.reason),
        "{said}"
    );
    let (_, written) = of(&sample, |finding| {
        finding.acceptance.is_some() && !finding.accepted()
    });
    assert_eq!(
        (&written["active"], written.get("severity_justification")),
        (&json!(true), None)
    );
}

/// What the importer compares stays the same while the addresses of a name and the message change.
#[test]
fn a_finding_is_recognised_in_the_next_import() {
    let mut sample = sample::mixed();
    sample.findings.truncate(1);
    let compared = |sample: &Sample| {
        let finding = findings(sample).remove(0);
        [
            "title",
            "severity",
            "cwe",
            "endpoints",
            "unique_id_from_tool",
        ]
        .map(|key| finding[key].clone())
    };
    let before = compared(&sample);
    sample.findings[0].message = "anonymous callers may do even more".to_owned();
    assert_eq!(compared(&sample), before);
    assert!(
        before[0]
            .as_str()
            .unwrap()
            .contains("https://192.0.2.17:6443")
    );
    assert_eq!(findings(&sample)[0].get("service"), None);
}

/// DefectDojo shows texts as Markdown.
#[test]
fn text_from_the_network_is_no_markdown() {
    for hostile in [
        "![x](https://evil.example/pixel)",
        "[x](javascript:alert(1))",
        "<img src=x>",
        "```\n# x",
    ] {
        for finding in findings(&sample::saying(hostile)) {
            for key in [
                "description",
                "steps_to_reproduce",
                "mitigation",
                "references",
                "severity_justification",
            ] {
                let text = finding[key].as_str().unwrap_or_default();
                let parser = pulldown_cmark::Parser::new(text);
                for event in parser {
                    use pulldown_cmark::{Event, Tag};
                    let is_markup = matches!(
                        &event,
                        Event::Html(_)
                            | Event::Start(
                                Tag::Image { .. } | Tag::Heading { .. } | Tag::HtmlBlock
                            )
                    );
                    let is_link = matches!(&event, Event::Start(Tag::Link { dest_url, .. }) if !dest_url.starts_with("https://docs"));
                    assert!(!is_markup && !is_link, "{key}: {event:?}\n{text}");
                }
            }
        }
    }
}

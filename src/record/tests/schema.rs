//! `docs/report.schema.json` against what the formats write and against the model's words.

use std::collections::BTreeSet;

use jsonschema::Validator;
use serde_json::{Map, Value, json};
use strum::VariantNames;

use super::super::SCHEMA;
use crate::kubernetes::Answer;
use crate::model::{
    Access, BaselineState, ChangeKind, ClueKind, Component, Confidence, Failure, FailureKind, Gap,
    Grade, Method, PostureStatus, Provenance, Scheme, Severity, Signature, Specificity, Stage,
    Trust, Unclear, Verdict,
};
use crate::report::diff::{self, Diff};
use crate::report::sample::{self, Sample};

fn schema() -> Value {
    serde_json::from_str(include_str!("../../../docs/report.schema.json")).unwrap()
}

fn diff_schema() -> Value {
    serde_json::from_str(include_str!("../../../docs/diff.schema.json")).unwrap()
}

/// Resolves the references of the diff's schema to the report's.
struct ReportSchema;

impl jsonschema::Retrieve for ReportSchema {
    fn retrieve(
        &self,
        uri: &jsonschema::Uri<String>,
    ) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        assert_eq!(uri.as_str(), schema()["$id"]);
        Ok(schema())
    }
}

#[test]
fn diffs_are_valid_and_use_every_key() {
    let schema = diff_schema();
    assert_eq!(schema["properties"]["schema"]["const"], diff::SCHEMA);
    assert_eq!(
        schema["$defs"]["change"]["properties"]["kind"]["enum"],
        json!(<ChangeKind as VariantNames>::VARIANTS)
    );
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    let validator = jsonschema::draft202012::options()
        .with_retriever(ReportSchema)
        .build(&schema)
        .unwrap();
    for sample in samples() {
        let diff = Diff {
            old: &sample.summary,
            new: sample.results(),
        };
        let written = sample::written(|out| diff::write_json(out, &diff));
        let document: Value = serde_json::from_str(&written).unwrap();
        validate(&validator, &document);
        let keys = |object: &Value| -> BTreeSet<String> {
            object.as_object().unwrap().keys().cloned().collect()
        };
        assert_eq!(keys(&document), keys(&schema["properties"]));
        for (definition, instance) in [
            ("scan", &document["old"]),
            ("gate", &document["gate"]),
            ("change", &document["changes"][0]),
        ] {
            if !instance.is_null() {
                let described = &schema["$defs"][definition]["properties"];
                assert_eq!(keys(instance), keys(described), "{definition}");
            }
        }
    }
}

/// A validator for one of the definitions, or for the document.
fn validator(definition: Option<&str>) -> Validator {
    let mut schema = schema();
    if let Some(definition) = definition {
        let definitions = schema["$defs"].take();
        let mut root = definitions[definition].as_object().unwrap().clone();
        root.insert("$defs".to_owned(), definitions);
        schema = Value::Object(root);
    }
    jsonschema::draft202012::new(&schema).unwrap()
}

fn validate(validator: &Validator, instance: &Value) {
    let errors: Vec<String> = validator
        .iter_errors(instance)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}

fn samples() -> [Sample; 4] {
    [
        sample::mixed(),
        sample::empty(),
        sample::stopped(),
        sample::hostile(),
    ]
}

fn documents() -> Vec<Value> {
    samples()
        .iter()
        .map(|sample| serde_json::from_str(&sample::json(sample)).unwrap())
        .collect()
}

#[test]
fn it_is_a_schema() {
    jsonschema::draft202012::meta::validate(&schema()).unwrap();
    assert_eq!(schema()["properties"]["schema"]["const"], SCHEMA);
}

#[test]
fn documents_are_valid() {
    let validator = validator(None);
    for document in documents() {
        validate(&validator, &document);
    }
}

#[test]
fn lines_are_valid() {
    let [endpoint, finding, summary] = ["endpointRecord", "findingRecord", "summaryRecord"]
        .map(|definition| validator(Some(definition)));
    for sample in samples() {
        let written = sample::jsonl(&sample);
        let lines: Vec<Value> = written
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let (last, lines) = lines.split_last().unwrap();
        let (endpoints, findings) = lines.split_at(sample.reports.len());
        for line in endpoints {
            validate(&endpoint, line);
        }
        for line in findings {
            validate(&finding, line);
        }
        validate(&summary, last);
    }
}

#[test]
fn keys_may_be_added_and_none_may_be_missing() {
    let validator = validator(None);
    let document = documents().swap_remove(0);
    for place in [
        "",
        "/scan/settings",
        "/endpoints/0",
        "/findings/0",
        "/findings/0/sites/0",
        "/endpoints/0/requests/0/evidence",
        "/coverage/verdicts",
    ] {
        let mut more = document.clone();
        let object = more.pointer_mut(place).unwrap().as_object_mut().unwrap();
        object.insert("undescribed".to_owned(), Value::Null);
        assert!(validator.is_valid(&more), "{place} takes no further key");

        let mut less = document.clone();
        let object = less.pointer_mut(place).unwrap().as_object_mut().unwrap();
        let key = object.keys().next().unwrap().clone();
        object.remove(&key);
        assert!(!validator.is_valid(&less), "{place} does not need {key}");
    }
}

type Object = Map<String, Value>;

/// Calls `visit` with the place, the schema and the properties of every schema within `schema` that describes an object's keys.
fn each_object<'a>(
    place: &str,
    schema: &'a Value,
    visit: &mut dyn FnMut(&str, &'a Object, &'a Object),
) {
    if let Some(object) = schema.as_object() {
        if let Some(properties) = object.get("properties").and_then(Value::as_object) {
            visit(place, object, properties);
        }
        for (key, inner) in object {
            each_object(&format!("{place}/{key}"), inner, visit);
        }
    }
}

#[test]
fn objects_are_open_and_every_key_is_required_and_described() {
    for schema in [schema(), diff_schema()] {
        check_objects(&schema);
    }
}

fn check_objects(schema: &Value) {
    each_object("", schema, &mut |place, object, properties| {
        for key in ["additionalProperties", "unevaluatedProperties"] {
            assert!(!object.contains_key(key), "{place} is closed by {key}");
        }
        let required: BTreeSet<&str> = object["required"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        assert_eq!(
            required,
            properties.keys().map(String::as_str).collect(),
            "{place}"
        );
        for (key, property) in properties {
            let description = property["description"].as_str().unwrap_or_default();
            assert!(!description.is_empty(), "{place}/{key} has no description");
            let unit = if key.ends_with("_ms") {
                "milliseconds"
            } else {
                ""
            };
            assert!(
                description.contains(unit),
                "{place}/{key} does not say its unit"
            );
        }
    });
}

/// Notes which of the schema's keys occur in `instance`, by following both together.
fn follow(
    root: &Value,
    place: &str,
    schema: &Value,
    instance: &Value,
    seen: &mut BTreeSet<String>,
) {
    if let Some(reference) = schema["$ref"].as_str() {
        let place = reference.trim_start_matches('#');
        follow(root, place, root.pointer(place).unwrap(), instance, seen);
    }
    for (index, choice) in schema["anyOf"].as_array().into_iter().flatten().enumerate() {
        if !instance.is_null() {
            follow(
                root,
                &format!("{place}/anyOf/{index}"),
                choice,
                instance,
                seen,
            );
        }
    }
    if let (Some(properties), Some(object)) =
        (schema["properties"].as_object(), instance.as_object())
    {
        for (key, property) in properties {
            if let Some(value) = object.get(key) {
                let place = format!("{place}/properties/{key}");
                follow(root, &place, property, value, seen);
                // A key that is always null could as well be left out.
                if !value.is_null() {
                    seen.insert(place);
                }
            }
        }
    }
    for item in instance.as_array().into_iter().flatten() {
        follow(
            root,
            &format!("{place}/items"),
            &schema["items"],
            item,
            seen,
        );
    }
}

#[test]
fn every_key_is_written_with_a_value_at_least_once() {
    let schema = schema();
    let mut described = BTreeSet::new();
    each_object("", &schema, &mut |place, _, properties| {
        described.extend(
            properties
                .keys()
                .map(|key| format!("{place}/properties/{key}")),
        );
    });
    let mut seen = BTreeSet::new();
    for document in documents() {
        follow(&schema, "", &schema, &document, &mut seen);
    }
    for line in sample::jsonl(&sample::mixed()).lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let definition = format!("/$defs/{}Record", line["record"].as_str().unwrap());
        follow(
            &schema,
            &definition,
            schema.pointer(&definition).unwrap(),
            &line,
            &mut seen,
        );
    }
    let stale: Vec<&String> = described.difference(&seen).collect();
    assert!(stale.is_empty(), "described, never written: {stale:#?}");
}

/// The words of every variant; a variant that is not listed does not compile.
macro_rules! words {
    ($word:expr, $($pattern:pat => $value:expr),+ $(,)?) => {{
        let values = [$($value),+];
        for value in &values {
            match value { $($pattern => {})+ }
        }
        values.iter().map($word).collect::<Vec<&str>>()
    }};
}

/// The words that a definition allows are these, in their order.
fn check(definition: &str, words: &[&str]) {
    assert_eq!(
        schema()["$defs"][definition]["enum"],
        json!(words),
        "{definition}"
    );
}

#[test]
fn verdicts_and_accesses_are_the_models_words() {
    check("verdict", &Verdict::ALL.map(Verdict::as_str));
    check("failureKind", &FailureKind::ALL.map(FailureKind::as_str));
    check("gap", &Gap::ALL.map(Gap::as_str));
    let failure = || Failure::new(Stage::Http, FailureKind::Reset, "");
    check(
        "access",
        &words!(Access::as_str,
            Access::Rejected => Access::Rejected,
            Access::Forbidden => Access::Forbidden,
            Access::Granted => Access::Granted,
            Access::Unclear(_) => Access::Unclear(Unclear::Cut),
            Access::Failed(_) => Access::Failed(failure()),
        ),
    );
    check("unclearKind", <Unclear as VariantNames>::VARIANTS);
}

#[test]
fn what_answered_is_said_in_the_models_words() {
    check("stage", <Stage as VariantNames>::VARIANTS);
    check(
        "grade",
        &words!(|grade: &Grade| grade.as_str(),
            Grade::SensitiveResources => Grade::SensitiveResources,
            Grade::Resources => Grade::Resources,
            Grade::Telemetry => Grade::Telemetry,
            Grade::Discovery => Grade::Discovery,
            Grade::PublicInfo => Grade::PublicInfo,
            Grade::Product => Grade::Product,
        ),
    );
    check("component", <Component as VariantNames>::VARIANTS);
    check("confidence", <Confidence as VariantNames>::VARIANTS);
    check("specificity", <Specificity as VariantNames>::VARIANTS);
    check("known", <Provenance as VariantNames>::VARIANTS);
    check("standing", <PostureStatus as VariantNames>::VARIANTS);
    check("severity", &Severity::ALL.map(Severity::as_str));
    check("baselineState", <BaselineState as VariantNames>::VARIANTS);
    check("clueKind", <ClueKind as VariantNames>::VARIANTS);
}

#[test]
fn bodies_are_those_that_are_told_apart() {
    let mut words: Vec<&str> = Answer::words().collect();
    words.sort_unstable();
    assert_eq!(sorted(&schema()["$defs"]["body"]["enum"]), words);
}

#[test]
fn words_that_stand_within_a_definition() {
    let schema = schema();
    let property = |definition: &str, key: &str| &schema["$defs"][definition]["properties"][key];
    let keys = |object: &Value| {
        object["properties"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(
        keys(property("coverage", "verdicts")),
        sorted(&schema["$defs"]["verdict"]["enum"])
    );
    assert_eq!(
        keys(property("summary", "grants")),
        sorted(&schema["$defs"]["grade"]["enum"])
    );
    let methods = <Method as VariantNames>::VARIANTS;
    assert_eq!(property("request", "method")["enum"], json!(methods));
    let schemes = <Scheme as VariantNames>::VARIANTS;
    assert_eq!(property("endpointFields", "scheme")["enum"], json!(schemes));
    let why = || String::new();
    let signatures = &words!(|signature: &Signature| signature.as_str(),
        Signature::Valid => Signature::Valid,
        Signature::Invalid => Signature::Invalid,
        Signature::NotChecked { .. } => Signature::NotChecked { why: why() },
    );
    assert_eq!(property("tls", "signature")["enum"], json!(signatures));
    let trusts = &words!(|trust: &Trust| trust.as_str(),
        Trust::Anchored { .. } => Trust::Anchored { by: why() },
        Trust::NotAnchored { .. } => Trust::NotAnchored { why: why() },
        Trust::NotChecked { .. } => Trust::NotChecked { why: why() },
    );
    assert_eq!(property("trust", "state")["enum"], json!(trusts));
}

fn sorted(words: &Value) -> Vec<String> {
    let mut words: Vec<String> = words
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    words.sort();
    words
}

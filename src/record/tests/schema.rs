//! The JSON Schemas in `docs/`: generated from the types of the records, and held against what is written.

use std::collections::BTreeSet;
use std::path::Path;

use jsonschema::Validator;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value};

use crate::inspect::{self, Input, Inspection};
use crate::model::{Source, UnusedAcceptance};
use crate::policy::Policy;
use crate::record::SCHEMA;
use crate::record::coverage::{Coverage, Summary};
use crate::record::endpoint::Endpoint;
use crate::record::finding::Finding;
use crate::record::scan::{Scan, Tool};
use crate::record::write::Line;
use crate::report::audit;
use crate::report::diff::{self, Diff};
use crate::report::sample::{self, Sample};

/// The document, of which the program writes one part after the other.
#[derive(schemars::JsonSchema)]
#[schemars(title = "kubeknock report, version 4", extend("$id" = "urn:kubeknock:report:v4"))]
#[expect(dead_code, reason = "only described")]
/// What `kubeknock scan -o json` writes. Every object has all of its keys, with null for an unknown value. Later versions
/// may add keys: ignore those that you do not know. Each line of `-o jsonl` is one of `$defs/endpointRecord`,
/// `$defs/carriedRecord`, `$defs/findingRecord` and `$defs/summaryRecord`. Characters that are not visible are written as
/// JSON escapes.
struct Document {
    /// The name and version of the format.
    #[schemars(extend("const" = SCHEMA))]
    schema: String,
    /// The program that scanned.
    tool: Tool<'static>,
    /// The scan itself.
    scan: Scan<'static>,
    /// Endpoints in the order of the target set, then by address: all of named targets, and of ranges those that
    /// accepted a connection (with `settings.all` the others too).
    endpoints: Vec<Endpoint<'static>>,
    /// Records of earlier scans that prove findings which this scan could not find again: their targets were silent, or
    /// not asked, and are still in the list. `last_seen` says when. The next scan with this report as its baseline
    /// carries them on.
    carried: Vec<Endpoint<'static>>,
    /// What to look at, worst first: by verdict, severity and name. The rules, settings and baseline of the run
    /// that wrote the report decide what is here.
    findings: Vec<Finding<'static>>,
    /// The acceptances of the settings that match no finding.
    unused_acceptances: Vec<UnusedAcceptance>,
    /// How every target ended.
    coverage: Coverage<'static>,
    /// The scan in a few numbers.
    summary: Summary<'static>,
}

/// The schema of what a type writes; names of definitions begin with a small letter.
fn generated<T: JsonSchema>(and: impl FnOnce(&mut SchemaGenerator)) -> Value {
    let mut generator = SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator();
    and(&mut generator);
    let mut schema = generator.into_root_schema_for::<T>().to_value();
    let names: Vec<String> = definitions(&mut schema).keys().cloned().collect();
    for name in names {
        let definition = definitions(&mut schema).remove(&name).unwrap();
        let small = name[..1].to_lowercase() + &name[1..];
        definitions(&mut schema).insert(small.clone(), definition);
        refer(
            &mut schema,
            &format!("#/$defs/{name}"),
            &format!("#/$defs/{small}"),
        );
    }
    without_rust(&mut schema);
    schema
}

fn definitions(schema: &mut Value) -> &mut Object {
    schema["$defs"].as_object_mut().unwrap()
}

fn each_value(value: &mut Value, change: &mut dyn FnMut(&str, &mut Value)) {
    match value {
        Value::Object(object) => {
            for (key, inner) in object {
                change(key, inner);
                each_value(inner, change);
            }
        }
        Value::Array(values) => values
            .iter_mut()
            .for_each(|inner| each_value(inner, change)),
        _ => {}
    }
}

fn refer(schema: &mut Value, from: &str, to: &str) {
    each_value(schema, &mut |key, value| {
        if key == "$ref" && *value == from {
            *value = to.into();
        }
    });
}

/// Leaves out what only concerns Rust: line breaks of comments, and what readers do with a key.
fn without_rust(schema: &mut Value) {
    each_value(schema, &mut |key, value| {
        if let ("description", Some(text)) = (key, value.as_str()) {
            *value = text.replace('\n', " ").into();
        }
        if let Some(object) = value.as_object_mut() {
            object.retain(|key, _| !["default", "readOnly"].contains(&key.as_str()));
        }
    });
}

fn report_schema() -> Value {
    let mut schema = generated::<Document>(|generator| {
        generator.subschema_for::<Line<'static>>();
    });
    let line = definitions(&mut schema).remove("line").unwrap();
    for record in line["oneOf"].as_array().unwrap() {
        let kind = record["properties"]["record"]["const"].as_str().unwrap();
        let mut record = record.clone();
        record["properties"]["record"]["description"] = "The kind of line.".into();
        definitions(&mut schema).insert(format!("{kind}Record"), record);
    }
    schema
}

fn audit_schema() -> Value {
    generated::<audit::Document<'static>>(|_| {})
}

#[test]
fn audits_are_valid() {
    let schema = audit_schema();
    let [_, json, _] = audit::tests::written("curl/8");
    let document: Value = serde_json::from_str(&json).unwrap();
    let errors: Vec<String> = (Validator::new(&schema).unwrap().iter_errors(&document))
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
}

fn inspect_schema() -> Value {
    generated::<inspect::Document<'static>>(|_| {})
}

/// What `inspect` writes about each sample, beside a scan, about a policy and about what it cannot read.
fn inspections() -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/inspect");
    let samples = std::fs::read_dir(folder).unwrap();
    let mut texts: Vec<String> = samples
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    assert!(texts.len() > 10);
    texts.extend(
        [
            "kube-apiserver --anonymous-auth=no\n",
            "a: [\n",
            "{apiVersion: v1, kind: List, items: []}\n",
            "{apiVersion: audit.k8s.io/v1, kind: Policy, omitStages: [ResponseStarted], rules: [{level: None, what: 1}]}\n",
            "{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: Nothing}]}\n",
        ]
        .map(str::to_owned),
    );
    let reports = sample::mixed().reports;
    let written = |text: String| {
        let source = Source::File("input.yaml".into());
        let mut inspection = Inspection::of(&[Input { source, text }], jiff::Timestamp::UNIX_EPOCH);
        for report in &reports {
            inspection.compare(report);
        }
        let findings = inspection.evaluate(&Policy::default()).findings;
        let mut out = Vec::new();
        inspect::write_json(&mut out, &inspection, &findings, (1, "exit 1"), true).unwrap();
        serde_json::from_slice(&out).unwrap()
    };
    texts.into_iter().map(written).collect()
}

#[test]
fn inspections_are_valid_and_every_key_has_a_value_in_one() {
    let schema = inspect_schema();
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    let validator = jsonschema::draft202012::new(&closed(schema.clone())).unwrap();
    let mut seen = BTreeSet::new();
    for inspection in inspections() {
        validate(&validator, &inspection);
        follow(&schema, "", &schema, &inspection, &mut seen);
    }
    let stale: Vec<String> = keys(&schema).difference(&seen).cloned().collect();
    assert!(stale.is_empty(), "described, never written: {stale:#?}");
}

fn diff_schema() -> Value {
    generated::<diff::Document<'static>>(|_| {})
}

/// Compares a schema with its file. `KUBEKNOCK_WRITE_SCHEMA=1` writes the file.
fn check_file(name: &str, schema: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("docs")
        .join(name);
    let text = serde_json::to_string_pretty(schema).unwrap() + "\n";
    if std::env::var_os("KUBEKNOCK_WRITE_SCHEMA").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(
        written == text,
        "{name} is out of date: run this test with KUBEKNOCK_WRITE_SCHEMA=1"
    );
}

#[test]
fn the_files_describe_what_is_written() {
    check_file("report.schema.json", &report_schema());
    check_file("diff.schema.json", &diff_schema());
    check_file("audit.schema.json", &audit_schema());
    check_file("inspect.schema.json", &inspect_schema());
}

#[test]
fn diffs_are_valid() {
    let schema = diff_schema();
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    let validator = jsonschema::draft202012::new(&closed(schema)).unwrap();
    for sample in samples() {
        let diff = Diff {
            old: &sample.summary,
            new: sample.results(),
        };
        let written = sample::written(|out| diff::write_json(out, &diff));
        validate(&validator, &serde_json::from_str(&written).unwrap());
    }
}

/// The schema without room for further keys: what is written is described.
fn closed(mut schema: Value) -> Value {
    schema["unevaluatedProperties"] = false.into();
    for (name, definition) in definitions(&mut schema) {
        // The records refer to the objects with their other keys.
        let has_record = |record: &str| record.strip_suffix("Record") == Some(name);
        let is_part = ["endpointRecord", "carriedRecord", "findingRecord"]
            .into_iter()
            .any(has_record);
        if definition["type"] == "object" && !is_part {
            definition["unevaluatedProperties"] = false.into();
        }
    }
    schema
}

/// A validator for one of the definitions, or for the document. It allows no keys that are not described.
fn validator(definition: Option<&str>) -> Validator {
    let mut schema = closed(report_schema());
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

fn samples() -> [Sample; 5] {
    [
        sample::mixed(),
        sample::empty(),
        sample::stopped(),
        sample::hostile(),
        sample::carrying(),
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
    let schema = report_schema();
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    assert_eq!(schema["properties"]["schema"]["const"], SCHEMA);
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
    let [endpoint, carried, finding, summary] = ["endpoint", "carried", "finding", "summary"]
        .map(|kind| validator(Some(&format!("{kind}Record"))));
    for sample in samples() {
        let written = sample::jsonl(&sample);
        let lines: Vec<Value> = written
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let (last, lines) = lines.split_last().unwrap();
        let (endpoints, lines) = lines.split_at(sample.reports.len());
        let (of_earlier_scans, findings) = lines.split_at(sample.carried.0.len());
        for line in endpoints {
            validate(&endpoint, line);
        }
        for line in of_earlier_scans {
            validate(&carried, line);
        }
        for line in findings {
            validate(&finding, line);
        }
        validate(&summary, last);
    }
}

#[test]
fn keys_may_be_added_and_none_may_be_missing() {
    let validator = jsonschema::draft202012::new(&report_schema()).unwrap();
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
        object.insert("undescribed".to_owned(), 0.into());
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
    for schema in [report_schema(), diff_schema(), inspect_schema()] {
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

/// The places of all keys that the schema describes.
fn keys(schema: &Value) -> BTreeSet<String> {
    let mut described = BTreeSet::new();
    each_object("", schema, &mut |place, _, properties| {
        described.extend(
            properties
                .keys()
                .map(|key| format!("{place}/properties/{key}")),
        );
    });
    described
}

#[test]
fn every_key_is_written_with_a_value_at_least_once() {
    let schema = report_schema();
    let described = keys(&schema);
    let mut seen = BTreeSet::new();
    for document in documents() {
        follow(&schema, "", &schema, &document, &mut seen);
    }
    for line in sample::jsonl(&sample::carrying()).lines() {
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

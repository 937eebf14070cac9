//! Loading policies and data, and their results.

use super::*;

fn load(files: &[(&str, &str)]) -> Result<RegoPolicies, RegoError> {
    RegoPolicies::load(
        files
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned())),
    )
}

fn error(files: &[(&str, &str)]) -> String {
    load(files).unwrap_err().to_string()
}

#[test]
fn results_are_texts_or_objects_of_every_judging_rule() {
    let policies = load(&[(
        "p.rego",
        r#"package main
deny contains "a"
deny_more contains {"msg": "b", "target": "t"} if input.bad
violation contains {"msg": "c"}
warn contains "d"
other contains "e"
denying contains "f""#,
    )])
    .unwrap();
    let deny = RegoJudgement::Deny;
    let result = |judgement, target: Option<&str>, message: &str| RegoResult {
        judgement,
        target: target.map(str::to_owned),
        message: message.to_owned(),
    };
    let without_target = [
        result(deny, None, "a"),
        result(deny, None, "c"),
        result(RegoJudgement::Warn, None, "d"),
    ];
    assert_eq!(policies.evaluate("{}").unwrap(), without_target);
    let all = policies.evaluate(r#"{"bad": true}"#).unwrap();
    assert!(all.contains(&result(deny, Some("t"), "b")), "{all:?}");
    assert_eq!(all.len(), 4);
}

/// A package may have several files. The query `data.main` of regorus 0.14.1 gave the result of the first one only.
#[test]
fn every_file_has_its_say() {
    let policy = |name: &str| {
        format!(
            "package main\nimport data.lib\ndeny contains \"{name}\" if {{\n\tsome _ in lib.servers\n}}\n"
        )
    };
    let (one, two) = (policy("one"), policy("two"));
    let library = "package lib\nservers contains server if some server in input.servers\n";
    let policies = load(&[("a.rego", &one), ("b.rego", &two), ("lib.rego", library)]).unwrap();
    let results = policies.evaluate(r#"{"servers": ["s"]}"#).unwrap();
    let messages: Vec<&str> = results.iter().map(|result| &*result.message).collect();
    assert_eq!(messages, ["one", "two"]);
}

#[test]
fn errors_name_file_line_and_column() {
    assert_eq!(
        error(&[(
            "a.rego",
            "package main\ndeny contains x if { x := nosuch(1) }\n"
        )]),
        "a.rego:2:33: could not find function nosuch"
    );
    assert_eq!(
        error(&[
            ("ok.rego", "package main\ndeny contains 1"),
            ("b.rego", "package main\ndeny contains x if {\n")
        ]),
        "b.rego:3:1: expecting expression"
    );
    assert_eq!(
        error(&[("c.rego", "package mine\ndeny contains 1")]),
        "c.rego: package main has no rule deny, violation or warn"
    );
    assert_eq!(
        error(&[("d.json", "{\"token\": hunter2}")]),
        "d.json:1:11: invalid JSON"
    );
    assert_eq!(
        error(&[("d.json", "{\n  \"a\": 1,\n}")]),
        "d.json:3:1: invalid JSON"
    );
    assert_eq!(
        error(&[("e.yaml", "a: b\nc: [hunter2\n")]),
        "e.yaml:2:4: invalid YAML"
    );
    assert_eq!(
        error(&[("e.yml", "a: b\n---\n  c: hunter2\n")]),
        "e.yml:3:3: a second document: data is one document in a file"
    );
    assert_eq!(
        error(&[("f.yaml", "- hunter2\n")]),
        "f.yaml:1:1: data is an object of keys and values"
    );
    assert_eq!(
        error(&[
            ("f.yaml", "a: hunter2\n"),
            ("g.json", "{\"a\": \"hunter3\"}")
        ]),
        "g.json: another file has another value for one of its keys"
    );
}

#[test]
fn a_result_without_a_text_is_an_error() {
    let (one, other) = (
        ("p.rego", "package main\n\ndeny contains input.what"),
        (
            "q.rego",
            "package main # ours\nwarn_x contains \"w\"\ndeny contains {\"message\": 1} if input.bad",
        ),
    );
    let error = |files: &[(&str, &str)], report: &str| {
        let policies = load(files).unwrap();
        policies.evaluate(report).unwrap_err().to_string()
    };
    let problem = "a result of rule deny is neither a text nor an object with the text msg";
    assert_eq!(
        error(&[one], r#"{"what": 5}"#),
        format!("p.rego:3:1: {problem}")
    );
    // A file of another package has no part in it.
    let library = ("lib.rego", "package lib\ndeny contains 5");
    assert_eq!(
        error(&[library, one, other], r#"{"bad": true}"#),
        format!("p.rego:3:1: {problem}; the rule is also at q.rego:3:1")
    );
}

#[test]
fn kubernetes_objects_are_no_data() {
    for (name, text, expected) in [
        (
            "a.yaml",
            "apiVersion: v1\nkind: Pod\n---\napiVersion: v1\nkind: Pod\n",
            true,
        ),
        (
            "a.json",
            r#"{"apiVersion": "v1", "kind": "List", "items": []}"#,
            true,
        ),
        ("a.yaml", "kind: of data\n", false),
        ("a.yaml", "", false),
        ("a.yaml", "a: [", false),
        ("a.rego", "apiVersion: v1\nkind: Pod\n", false),
    ] {
        assert_eq!(
            RegoPolicies::is_manifest(name, text),
            expected,
            "{name} {text}"
        );
    }
}

#[test]
fn data_files_are_data() {
    let policies = load(&[
        (
            "p.rego",
            "package main\ndeny contains name if some name in data.names",
        ),
        ("a.yaml", "names: [x, y]"),
    ])
    .unwrap();
    assert_eq!(policies.evaluate("{}").unwrap().len(), 2);
}

#[test]
fn a_failing_built_in_function_is_undefined_as_in_opa() {
    let policies = load(&[(
        "p.rego",
        "package main\ndeny contains \"no\" if to_number(input.text) > 0\nwarn contains \"yes\"",
    )])
    .unwrap();
    let results = policies.evaluate(r#"{"text": "x"}"#).unwrap();
    assert_eq!(results.len(), 1, "{results:?}");
}

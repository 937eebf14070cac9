//! Loading policies and data, and their results.

use super::*;

/// Rules that `opa check` 1.x refuses with `rego_unsafe_var_error`, and where the variable is.
const UNSAFE: [(&str, &str); 19] = [
    ("deny contains \"m\" if { some x; x > 3 }", "3:32"),
    (
        "deny contains msg if { not input.a[x]; msg := \"m\" }",
        "3:36",
    ),
    ("deny contains msg if input.a", "3:15"),
    ("deny contains \"m\" if x > 3", "3:22"),
    ("deny contains \"m\" if { x = y; y = x + 1 }", "3:24"),
    (
        "deny contains \"m\" if { count(x, 3); input.a == y }",
        "3:30",
    ),
    ("deny contains \"m\" if { startswith(x, \"a\") }", "3:35"),
    ("deny contains sprintf(\"%v\", [y]) if input.a", "3:30"),
    ("deny contains \"m\" if [x | x > 1]", "3:27"),
    (
        "deny contains \"m\" if { a := [x | not input.b[x]]; a != [] }",
        "3:46",
    ),
    (
        "deny contains \"m\" if { every v in input.a { v > w } }",
        "3:49",
    ),
    (
        "deny contains \"m\" if { not f(x) }\nf(v) if v == 1",
        "3:30",
    ),
    (
        "deny contains \"m\" if g(1) == 2\ng(v) := w if v == 1",
        "4:9",
    ),
    ("deny contains \"m\" if { x in input.a }", "3:24"),
    ("deny contains \"m\" if { input.a with input as x }", "3:46"),
    ("deny contains \"m\" if { x[_] == 1 }", "3:24"),
    (
        "deny contains \"m\" if h == 2\nh := 1 if input.a\nelse := z if input.b",
        "5:9",
    ),
    (
        "deny contains \"m\" if { p.q }\np[k] := 1 if input.a",
        "4:3",
    ),
    ("deny contains \"m\" if { not input.a[_] }", "3:36"),
];

/// Rules that it takes.
const SAFE: [&str; 18] = [
    "deny contains \"m\" if { some x; input.a[x] > 3 }",
    "deny contains \"m\" if { some x; not input.b[x]; input.a[x] }",
    "deny contains msg if { msg := sprintf(\"%v\", [y]); y = input.a }",
    "deny contains msg if some msg in input.a",
    "deny contains msg if some i, {\"a\": msg} in input.a",
    "deny contains msg if [msg, _] = input.a",
    "deny contains msg if { [msg, 1] = [input.a, b]; b = 1 }",
    "deny contains msg if { input.a = msg }",
    "deny contains input.a[i] if input.b[i]",
    "deny contains \"m\" if count({x | x := input.a[_]; x > 1}) > 1",
    "deny contains \"m\" if { every k, v in input.a { v > k } }",
    "deny contains \"m\" if { split(input.a, \",\", parts); parts[0] == \"b\" }",
    "deny contains \"m\" if { f(1, y); y == 2 }\nf(v) := v + 1",
    "deny contains \"m\" if { f([1, {\"k\": 2}]) == 3 }\nf([a, {\"k\": b}]) := a + b",
    "deny contains \"m\" if { p[k] == 1; k == \"a\" }\np[k] := v if some k, v in input.a",
    "deny contains \"m\" if { x := 1; y := [z | z := x]; y == [1] }",
    "deny contains \"m\" if { not helper }\nhelper if input.a[_] == 1",
    "deny contains \"m\" if { input.a[i].b[j] == 1; input.c[j] == i; count(input.d[j]) > 0 }",
];

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
        "a.rego:2:27: could not find function nosuch"
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

#[test]
fn a_variable_without_a_value_is_an_error_at_its_place() {
    for (body, place) in UNSAFE {
        let text = format!("package main\nimport rego.v1\n{body}\n");
        let error = error(&[("u.rego", &text)]);
        assert!(
            error.starts_with(&format!("u.rego:{place}: variable ")),
            "{body}: {error}"
        );
    }
    for body in SAFE {
        let text = format!("package main\nimport rego.v1\n{body}\nwarn contains \"w\"\n");
        assert_eq!(load(&[("s.rego", &text)]).err(), None, "{body}");
    }
}

/// Where no input reaches them, too.
#[test]
fn a_function_that_is_not_there_is_an_error() {
    for (body, problem) in [
        (
            "deny contains 1 if { input.a; x := nosuch(1); x }",
            "3:36: could not find function nosuch",
        ),
        (
            "deny contains 1 if { input.a; time.nosuch(1) > 1 }",
            "3:31: could not find function time.nosuch",
        ),
        (
            "deny contains 1 if { input.a; count(1, 2, 3) }",
            "3:31: function count takes 1 arguments, and this gives it 3",
        ),
        (
            "deny contains 1 if { input.a; f(1) }\nf(a, b) := a + b",
            "3:31: function f takes 2 arguments, and this gives it 1",
        ),
    ] {
        let text = format!("package main\nimport rego.v1\n{body}\n");
        assert_eq!(error(&[("p.rego", &text)]), format!("p.rego:{problem}"));
    }
    let library = ("lib.rego", "package a.lib\nf(x) := x");
    for body in [
        "import data.a.lib\ndeny contains 1 if lib.f(input.a)",
        "import data.a.lib.f as g\ndeny contains 1 if g(input.a)",
        "deny contains 1 if data.a.lib.f(input.a)",
        "deny contains 1 if { print(input.a); data.main.f(1) == 1 }\nf(x) := x",
    ] {
        let text = format!("package main\nimport rego.v1\n{body}\n");
        assert_eq!(load(&[("p.rego", &text), library]).err(), None, "{body}");
    }
}

#[test]
fn a_policy_without_its_library_is_an_error() {
    let main = "package main\nimport rego.v1\n";
    for (text, place, what) in [
        (
            "import data.lib\ndeny contains m if some m in lib.all",
            "3:8",
            "data.lib",
        ),
        (
            "import data.a.lib as l\ndeny contains m if some m in l.all",
            "3:8",
            "data.a.lib",
        ),
        (
            "deny contains m if some m in data.lib.all",
            "3:30",
            "data.lib.all",
        ),
        ("deny contains 1 if data.lib.f(input)", "3:20", "data.lib.f"),
        (
            "deny contains 1 if count([x | x := input[data.keys.k]]) > 0",
            "3:42",
            "data.keys.k",
        ),
        // A default makes data optional, and no function.
        (
            "default x := 1\nx := data.lib.f(input)\ndeny contains 1 if x > 1",
            "4:6",
            "data.lib.f",
        ),
    ] {
        let error = error(&[("p.rego", &format!("{main}{text}\n"))]);
        let begin = format!("p.rego:{place}: nothing that is loaded defines {what}: ");
        assert!(error.starts_with(&begin), "{text}: {error}");
    }
    let library = ("lib.rego", "package lib\nall contains 1 if input.x");
    for (text, other) in [
        (
            "import data.lib\ndeny contains m if some m in lib.all",
            library,
        ),
        ("deny contains m if some m in data.lib.all", library),
        (
            "import data.names\ndeny contains m if some m in names",
            ("names.yaml", "names: []"),
        ),
        (
            "deny contains 1 if input.x == 1 with data.other as 1",
            library,
        ),
        (
            "default e := []\ne := data.exceptions\ndeny contains m if some m in e",
            library,
        ),
        ("deny contains input[k] if some k in data[input.y]", library),
        ("import input.x as lib\ndeny contains lib if lib", library),
    ] {
        let main = format!("{main}{text}\n");
        assert_eq!(load(&[("p.rego", &main), other]).err(), None, "{text}");
    }
}

#[test]
fn a_rule_that_depends_on_itself_is_named_with_its_way() {
    let text = "package main\na if b\nb if a\ndeny contains 1 if a\n";
    assert_eq!(
        error(&[("r.rego", text)]),
        "r.rego:2:1: the rule depends on itself: from r.rego:2:1 to r.rego:3:1 to r.rego:2:1"
    );
}

/// The name is what follows `deny_`, `violation_` or `warn_`; the empty one is of the rules without such a name.
#[test]
fn exceptions_are_those_of_conftest() {
    let policy = |exception: &str| {
        let text = format!(
            "package main\nimport rego.v1\ndeny contains \"a\"\ndeny_run contains \"b\"\nwarn_run contains \"c\"\n\
             violation_x contains \"d\"\n{exception}\n"
        );
        let results = load(&[("p.rego", &text)]).unwrap().evaluate("{}").unwrap();
        let results = results.into_iter().map(|result| result.message);
        results.collect::<Vec<_>>().concat()
    };
    assert_eq!(policy(""), "abdc");
    assert_eq!(policy("exception contains [\"run\"]"), "ad");
    assert_eq!(
        policy("exception contains rules if { rules := [\"run\", \"x\"] }"),
        "a"
    );
    assert_eq!(policy("exception contains [\"\"]"), "bdc");
    assert_eq!(policy("exception contains [\"deny_run\"]"), "abdc");
    assert_eq!(
        policy("exception contains [\"run\"] if input.never"),
        "abdc"
    );
}

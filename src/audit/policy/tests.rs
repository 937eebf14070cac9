//! Policies whose effect on a real 1.37 server is known.

use super::*;
use crate::kubernetes::Attributes;

const POLICIES: &str = include_str!("../../../tests/data/audit/policies.yaml");

/// `+` if the log has a request, in the order of the paths; first of an anonymous caller, then of a 401.
fn logged(policy: &Policy) -> (String, String) {
    const REQUESTS: [(&str, &str); 8] = [
        ("GET", "/version"),
        ("GET", "/healthz"),
        ("GET", "/livez"),
        ("GET", "/readyz"),
        ("GET", "/api"),
        ("GET", "/apis"),
        ("GET", "/kubeknock-audit-1"),
        ("HEAD", "/api/v1/secrets?limit=1"),
    ];
    let signs = |caller| {
        REQUESTS
            .iter()
            .map(|(method, path)| {
                let decision = policy.decide(&Attributes::of(method, path), caller);
                if decision.has_answer() { '+' } else { '-' }
            })
            .collect()
    };
    (signs(Caller::Anonymous), signs(Caller::Unauthenticated))
}

/// What a real 1.37.2 server with these policies logged.
#[test]
fn policies_log_what_the_real_server_logged() {
    let policies = Policy::parse_all(POLICIES).unwrap();
    let found: Vec<_> = policies.iter().map(logged).collect();
    let expected = [
        ("--++++++", "--++++++"),
        ("------++", "++++++++"),
        ("++++++++", "--------"),
        ("++++++++", "--------"),
        ("--------", "--------"),
    ];
    assert_eq!(found, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
}

fn policy(rules: &str) -> Policy {
    Policy::parse(&format!(
        "apiVersion: audit.k8s.io/v1\nkind: Policy\n{rules}"
    ))
    .unwrap()
}

#[test]
fn the_first_rule_that_matches_decides() {
    let policy = policy(
        "rules:\n- {level: None, users: [root]}\n- {level: None, userGroups: [ops]}\n- {level: Request, verbs: [create]}\n\
         - {level: None, resources: [{group: '', resources: [pods/log, '*/scale', nodes/*]}]}\n\
         - {level: Request, resources: [{group: apps}]}\n\
         - {level: None, namespaces: [kube-system]}\n\
         - {level: None, resources: [{group: '', resources: [secrets], resourceNames: [known]}]}\n\
         - {level: None, nonResourceURLs: ['/a*', /b]}\n- {level: Metadata}\n",
    );
    let root = Caller::User {
        name: "root",
        groups: &[],
    };
    let operator = Caller::User {
        name: "x",
        groups: &["dev", "ops"],
    };
    for (caller, method, path, rule) in [
        (root, "GET", "/b", 0),
        (operator, "GET", "/b", 1),
        (Caller::Anonymous, "POST", "/api/v1/namespaces/a/pods", 2),
        (
            Caller::Anonymous,
            "GET",
            "/api/v1/namespaces/a/pods/p/log",
            3,
        ),
        (Caller::Anonymous, "GET", "/api/v1/namespaces/a/pods/p", 8),
        (
            Caller::Anonymous,
            "GET",
            "/api/v1/namespaces/a/x/y/scale",
            3,
        ),
        (Caller::Anonymous, "GET", "/api/v1/nodes", 3),
        (Caller::Anonymous, "GET", "/api/v1/nodes/n/proxy", 3),
        (Caller::Anonymous, "GET", "/apis/apps/v1/deployments", 4),
        (Caller::Anonymous, "GET", "/apis/apps/v1", 7),
        (
            Caller::Anonymous,
            "GET",
            "/api/v1/namespaces/kube-system/secrets",
            5,
        ),
        (
            Caller::Anonymous,
            "GET",
            "/api/v1/namespaces/a/secrets/known",
            6,
        ),
        (
            Caller::Anonymous,
            "GET",
            "/api/v1/namespaces/a/secrets/other",
            8,
        ),
        (Caller::Anonymous, "GET", "/abc?x=/b", 7),
        (Caller::Anonymous, "GET", "/bc", 8),
        (Caller::Unauthenticated, "GET", "/b", 7),
    ] {
        let decision = policy.decide(&Attributes::of(method, path), caller);
        assert_eq!(decision.rule, Some(rule), "{method} {path}");
    }
}

#[test]
fn stages_are_those_that_neither_the_policy_nor_the_rule_omits() {
    let policy = policy(
        "omitStages: [RequestReceived]\nrules:\n- {level: Metadata, verbs: [list], omitStages: [ResponseComplete]}\n\
         - {level: Metadata, verbs: [get, watch]}\n",
    );
    for (path, caller, stages) in [
        ("/api/v1/pods", Caller::Anonymous, &[][..]),
        ("/api", Caller::Anonymous, &[Stage::ResponseComplete]),
        (
            "/api/v1/pods?watch=1",
            Caller::Anonymous,
            &[Stage::ResponseStarted, Stage::ResponseComplete],
        ),
        (
            "/api/v1/pods",
            Caller::Unauthenticated,
            &[Stage::ResponseStarted],
        ),
    ] {
        let decision = policy.decide(&Attributes::of("GET", path), caller);
        assert_eq!(decision.stages, stages, "{path}");
    }
    let none = policy.decide(&Attributes::of("POST", "/x"), Caller::Anonymous);
    assert_eq!(
        (none.level, none.rule, none.is_logged()),
        (Level::None, None, false)
    );
}

#[test]
fn an_event_without_its_answer_counts_as_logged_only() {
    let policy = policy("omitStages: [ResponseComplete]\nrules: [{level: Metadata}]\n");
    let decision = policy.decide(&Attributes::of("GET", "/api"), Caller::Anonymous);
    assert!(decision.is_logged() && !decision.has_answer());
}

#[test]
fn a_key_that_the_server_does_not_know_is_no_error() {
    let policy = policy("spec: 1\nrules:\n- level: None\n  nonResourceURL: [/healthz]\n");
    let keys: Vec<_> = (policy.unknown_keys().iter())
        .map(|(place, key)| (place.line, &**key))
        .collect();
    assert_eq!(keys, [(2, "spec"), (5, "nonResourceURL")]);
    let decision = policy.decide(&Attributes::of("GET", "/api"), Caller::Anonymous);
    assert!(!decision.is_logged(), "the rule matches everything");
    assert_eq!(policy.rules()[0].place, Place { line: 5, column: 3 });
}

#[test]
fn a_file_with_which_the_server_does_not_start_is_an_error() {
    for (text, line, problem) in [
        ("", 1, "no audit policy"),
        ("[1", 1, "invalid YAML"),
        ("kind: Policy\n", 1, "expected apiVersion"),
        (
            "apiVersion: audit.k8s.io/v1beta1\nkind: Policy\nrules: [{level: None}]",
            1,
            "expected apiVersion",
        ),
        (
            "apiVersion: audit.k8s.io/v1\nkind: Policy\n",
            2,
            "without rules",
        ),
    ] {
        let error = Policy::parse(text).unwrap_err();
        assert!(
            error.problem.contains(problem) && error.place.line == line,
            "{text}: {error}"
        );
    }
    for (rule, problem) in [
        ("{}", "level"),
        ("{level: metadata}", "level"),
        ("{level: None, omitStages: [Response]}", "omitStages"),
        (
            "{level: None, nonResourceURLs: [healthz]}",
            "begin with a slash",
        ),
        (
            "{level: None, nonResourceURLs: ['/a*b']}",
            "begin with a slash",
        ),
        (
            "{level: None, nonResourceURLs: [/a], namespaces: [a]}",
            "not both",
        ),
        (
            "{level: None, resources: [{resourceNames: [a]}]}",
            "without resources",
        ),
        ("{level: None, users: root}", "invalid YAML or a value"),
        (
            "{level: None, users: [\"SECRET\", {a: SECRET}]}",
            "invalid YAML or a value",
        ),
    ] {
        let text = format!("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- {rule}\n");
        let error = Policy::parse(&text).unwrap_err();
        assert!(error.problem.contains(problem), "{rule}: {error}");
        assert_eq!(error.place.line, 4, "{rule}: {error}");
        assert!(!error.to_string().contains("SECRET"), "{error}");
    }
    let two = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: None}]\n";
    let error = Policy::parse(&format!("{two}---\n{two}")).unwrap_err();
    assert!(error.problem.contains("the first one only"), "{error}");
}

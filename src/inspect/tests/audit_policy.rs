//! Audit policies: the table of what they lose is that of a real server.

use super::inspect;

const POLICIES: &str = include_str!("../../../tests/data/audit/policies.yaml");

#[test]
fn each_policy_loses_what_it_lost_on_a_real_server() {
    let inspection = inspect(&[("policies.yaml", POLICIES)]);
    let lines: Vec<u32> = inspection
        .policies
        .iter()
        .map(|policy| policy.place.line)
        .collect();
    assert_eq!(lines, [2, 12, 20, 27, 33]);
    let lost = |wanted: fn(bool, bool) -> bool| -> Vec<Vec<&str>> {
        let policies = inspection.policies.iter();
        policies
            .map(|policy| {
                let rows = policy
                    .rows
                    .iter()
                    .filter(|row| wanted(row.let_in, row.refused));
                rows.map(|row| row.request.as_str()).collect()
            })
            .collect()
    };
    let of_gce = vec!["GET /version", "GET /healthz"];
    let of_openshift = vec!["GET /version", "GET /healthz", "GET /livez", "GET /api"];
    let all: Vec<&str> = inspection.policies[0]
        .rows
        .iter()
        .map(|row| row.request.as_str())
        .collect();
    assert_eq!(
        lost(|let_in, _| !let_in),
        [
            of_gce.clone(),
            of_openshift,
            Vec::new(),
            Vec::new(),
            all.clone()
        ]
    );
    // A 401 has no user: rules with users or groups do not match it.
    assert_eq!(
        lost(|_, refused| !refused),
        [of_gce, Vec::new(), all.clone(), all.clone(), all]
    );
    let losses: Vec<bool> = inspection
        .policies
        .iter()
        .map(|policy| policy.loss().is_some())
        .collect();
    assert_eq!(losses, [false, false, true, true, true]);
}

#[test]
fn a_field_that_the_server_does_not_know_is_said() {
    let text = "# policy\n---\napiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- {level: None, nonResourceURL: [/a]}\n";
    let inspection = inspect(&[("p.yaml", text)]);
    let [policy] = inspection.policies.as_slice() else {
        panic!("{inspection:?}");
    };
    assert_eq!(policy.unknown[0].to_string(), "p.yaml:6:3");
    assert!(policy.rows.iter().all(|row| !row.let_in && !row.refused));
    let inspection = inspect(&[("p.yaml", &text.replace("level: None", "level: All"))]);
    assert!(inspection.policies[0].problem.is_some(), "{inspection:?}");
}

/// The requests of the table are not all that there are, so only they are named.
#[test]
fn only_requests_that_were_looked_at_are_said_to_be_lost() {
    let text =
        "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- {level: Metadata, verbs: [delete]}\n";
    let inspection = inspect(&[("p.yaml", text)]);
    let secrets_and_pods =
        "HEAD /api/v1/secrets, GET /api/v1/secrets, POST /api/v1/namespaces/default/pods";
    let said = format!(
        "of anonymous callers it does not log {secrets_and_pods}; of requests refused with 401 it does not log \
         {secrets_and_pods}"
    );
    assert_eq!(inspection.policies[0].loss(), Some(said));
}

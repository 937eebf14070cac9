//! Spellings of flags and files. The results are those of real servers: 1.37.2 unless a row says another release.

use super::{inspect, verdicts};
use crate::model::Verdict;

use Observed::{Closed, Default, DoesNotStart, Everything, Limited, Unclear};

/// What the server did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Observed {
    /// 401 everywhere.
    Closed,
    /// Version and health are open, everything else is 403.
    Default,
    /// Anonymous requests are accepted on some paths.
    Limited,
    Everything,
    DoesNotStart,
    /// 500: a webhook decides.
    Unclear,
}

impl Observed {
    const fn verdict(self) -> Option<Verdict> {
        match self {
            Closed => Some(Verdict::Rejected),
            Default => Some(Verdict::Forbidden),
            Limited => Some(Verdict::Limited),
            Everything => Some(Verdict::Exposed),
            DoesNotStart => None,
            Unclear => Some(Verdict::Inconclusive),
        }
    }
}

const RBAC: &str = "--authorization-mode=Node,RBAC";

/// A pod of this release, with these arguments.
fn pod(release: &str, args: &[&str]) -> String {
    let args = serde_json::to_string(args).unwrap();
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: a, namespace: b}}\nspec:\n  containers:\n  - image: k:{release}\n    \
         command: [kube-apiserver]\n    args: {args}\n"
    )
}

#[test]
fn each_spelling_of_a_flag_is_read_as_the_server_reads_it() {
    let rows: &[(&[&str], Observed)] = &[
        (&[RBAC], Default),
        (&[RBAC, "--anonymous_auth=false"], Closed),
        (
            &[RBAC, "--anonymous-auth=false", "--anonymous-auth=true"],
            Default,
        ),
        (
            &[RBAC, "--anonymous-auth=true", "--anonymous-auth=false"],
            Closed,
        ),
        (&[RBAC, "--anonymous-auth=False"], Closed),
        (&[RBAC, "--anonymous-auth=FALSE"], Closed),
        (&[RBAC, "--anonymous-auth=0"], Closed),
        (&[RBAC, "--anonymous-auth=f"], Closed),
        (&[RBAC, "--anonymous-auth=F"], Closed),
        (&[RBAC, "--anonymous-auth=T"], Default),
        (&[RBAC, "--anonymous-auth=t"], Default),
        (&[RBAC, "--anonymous-auth"], Default),
        (&[RBAC, "--anonymous-auth=TrUe"], DoesNotStart),
        (&[RBAC, "--anonymous-auth=fALSE"], DoesNotStart),
        (&[RBAC, "--anonymous-auth=false "], DoesNotStart),
        (&[RBAC, "--anonymous-auth", "false"], DoesNotStart),
        (&[RBAC, "--anonymous-auth=no"], DoesNotStart),
        (&[RBAC, "--anonymous-auth=\"false\""], DoesNotStart),
        (&[RBAC, "-anonymous-auth=false"], DoesNotStart),
        (&[RBAC, "--anonymous-auth="], DoesNotStart),
        (&[RBAC, "--", "--anonymous-auth=false"], DoesNotStart),
        (&[RBAC, "--profiling", "false"], DoesNotStart),
        (&[RBAC, "-v", "2"], Default),
        (&[RBAC, "-v=2"], Default),
        (&[RBAC, "-v2"], Default),
        (&[RBAC, ""], Default),
        (&["--authorization-mode", "RBAC"], Default),
        (
            &[
                "--authorization-mode=RBAC",
                "--authorization-mode=AlwaysAllow",
            ],
            Closed,
        ),
        (&["--authorization-mode=AlwaysAllow"], Closed),
        (&["--authorization-mode="], Closed),
        (&[], Closed),
        (&["--authorization-mode=RBAC,RBAC"], DoesNotStart),
        (
            &["--authorization-mode=RBAC", "--authorization-mode=RBAC"],
            DoesNotStart,
        ),
        (&["--authorization-mode=rbac"], DoesNotStart),
        (&["--authorization-mode=RBAC,"], DoesNotStart),
        (&["--authorization-mode=Node,,RBAC"], DoesNotStart),
        (&["--authorization-mode=\"Node\",\"RBAC\""], Default),
        (&["--authorization-mode=No\"de,RBAC"], DoesNotStart),
        (&["--authorization-mode=\"Node"], DoesNotStart),
        (&[RBAC, "--anonymous-authentication=false"], DoesNotStart),
        (&[RBAC, "--annonymous-auth=false"], DoesNotStart),
        (&[RBAC, "--autorization-modes=RBAC"], DoesNotStart),
        (&[RBAC, "--kubelet-certificate-authority=/x"], Default),
        (
            &[RBAC, "--authentication-token-webhook-cache-ttl=1m"],
            Default,
        ),
        (&["--authorization-mode=Foo"], DoesNotStart),
        (&["--authorization-mode=RBAC, Node"], DoesNotStart),
        (&["--authorization-mode=ABAC"], DoesNotStart),
        (&["--authorization-mode=Webhook"], DoesNotStart),
        (&[RBAC, "--authorization-policy-file=/x"], DoesNotStart),
        (
            &[RBAC, "--authorization-webhook-config-file=/x"],
            DoesNotStart,
        ),
        (
            &[
                "--authorization-mode=Node,Webhook,RBAC",
                "--authorization-webhook-config-file=/x",
            ],
            Unclear,
        ),
        (&[RBAC, "--insecure-port=0"], DoesNotStart),
        (&[RBAC, "--insecure-bind-address=0.0.0.0"], DoesNotStart),
        (
            &[
                RBAC,
                "--feature-gates=AnonymousAuthConfigurableEndpoints=true",
            ],
            DoesNotStart,
        ),
        // An empty value is no value.
        (&[RBAC, "--authentication-config="], Default),
        (&["--authorization-config="], Closed),
        (&[RBAC, "--authorization-config="], Default),
        (&[RBAC, "--authorization-policy-file="], Default),
        (&[RBAC, "--authorization-webhook-config-file="], Default),
        (
            &[
                RBAC,
                "--authorization-webhook-config-file=/x",
                "--authorization-webhook-config-file=",
            ],
            Default,
        ),
        (
            &[
                "--authorization-mode=Webhook",
                "--authorization-webhook-config-file=",
            ],
            DoesNotStart,
        ),
        (
            &["--authorization-mode=ABAC", "--authorization-policy-file="],
            DoesNotStart,
        ),
        (&[RBAC, "--feature-gates="], Default),
        // Of OpenID Connect, an empty one counts as given.
        (&[RBAC, "--oidc-issuer-url="], DoesNotStart),
        (&[RBAC, "--oidc-client-id=x"], DoesNotStart),
        (&[RBAC, "--oidc-issuer-url=https://a.example"], DoesNotStart),
        (&[RBAC, "--oidc-username-claim=sub"], DoesNotStart),
        (
            &[
                RBAC,
                "--oidc-issuer-url=http://a.example",
                "--oidc-client-id=x",
            ],
            DoesNotStart,
        ),
        (
            &[
                RBAC,
                "--authentication-config=",
                "--oidc-issuer-url=https://a.example",
                "--oidc-client-id=x",
            ],
            Default,
        ),
        // These print something and end.
        (&[RBAC, "--version"], DoesNotStart),
        (&[RBAC, "--version=raw"], DoesNotStart),
        (&[RBAC, "--version=true"], DoesNotStart),
        (&[RBAC, "--version=x"], DoesNotStart),
        (&[RBAC, "--version="], DoesNotStart),
        (&[RBAC, "--version=false"], Default),
        (&[RBAC, "--help"], DoesNotStart),
        (&[RBAC, "--help=false"], Default),
        (&[RBAC, "-h"], DoesNotStart),
        (&[RBAC, "-h=false"], Default),
    ];
    for (args, observed) in rows {
        let text = pod("v1.37.2", args);
        let inspection = inspect(&[("pod.yaml", &text)]);
        assert_eq!(
            verdicts(&inspection),
            [("Pod b/a", observed.verdict())],
            "{args:?}"
        );
    }
}

#[test]
fn releases_differ() {
    let gate = "--feature-gates=AnonymousAuthConfigurableEndpoints";
    let (on, off) = (format!("{gate}=true"), format!("{gate}=false"));
    let rows: &[(&str, &[&str], Observed)] = &[
        (
            "v1.30.14",
            &["--authorization-mode=RBAC,RBAC"],
            DoesNotStart,
        ),
        ("v1.30.14", &[RBAC, "--insecure-port=0"], DoesNotStart),
        ("v1.34.4", &[RBAC, &off], DoesNotStart),
        ("v1.34.4", &[RBAC, &on], Default),
        ("v1.23.17", &[RBAC, "--insecure-port=0"], Default),
        ("v1.23.17", &[RBAC, "--insecure-port=8080"], DoesNotStart),
        ("v1.19.16", &[RBAC, "--insecure-port=8080"], Default),
        (
            "v1.19.16",
            &[RBAC, "--insecure-bind-address=127.0.0.1"],
            Default,
        ),
        (
            "v1.19.16",
            &[RBAC, "--insecure-bind-address=0.0.0.0"],
            Everything,
        ),
        (
            "v1.19.16",
            &["--anonymous-auth=false", "--insecure-bind-address=0.0.0.0"],
            Everything,
        ),
        (
            "v1.19.16",
            &[RBAC, "--insecure-bind-address=0.0.0.0", "--insecure-port=0"],
            Default,
        ),
    ];
    for (release, args, observed) in rows {
        let text = pod(release, args);
        let inspection = inspect(&[("pod.yaml", &text)]);
        assert_eq!(
            verdicts(&inspection),
            [("Pod b/a", observed.verdict())],
            "{release} {args:?}"
        );
    }
}

/// The first word of a row is the flag that names the file.
#[test]
fn each_spelling_of_a_file_is_read_as_the_server_reads_it() {
    let rows: &[(&[&str], &str, Observed)] = &[
        (&[RBAC], "anonymous: {enabled: true}", Default),
        (&[RBAC], "anonymous: {enabled: false}", Closed),
        (&[RBAC], "anonymous: {}", Closed),
        (&[RBAC], "anonymous: true", DoesNotStart),
        (&[RBAC], "anonymous: []", DoesNotStart),
        (
            &[RBAC],
            "anonymous: {enabled: true, conditions: {path: /livez}}",
            DoesNotStart,
        ),
        (
            &[RBAC],
            "anonymous: {enabled: true, conditions: [/livez]}",
            DoesNotStart,
        ),
        (
            &[RBAC],
            "anonymous: {enabled: false}\njwt: [{issuer: {url: 'http://a.example'}}]",
            DoesNotStart,
        ),
        (
            &[RBAC],
            "anonymous: {enabled: false}\njwt: [{issuer: {url: 'https://a.example'}}]",
            DoesNotStart,
        ),
        (
            &[RBAC],
            "anonymous: {enabled: false}\njwt: [{issuer: {url: 'https://a.example', audiences: [a]}, claimMappings: \
             {username: {claim: sub, prefix: ''}}}]",
            Closed,
        ),
        (&[RBAC], "jwt: [null]", DoesNotStart),
        (&[RBAC], "jwt: null", Default),
        (
            &[RBAC, "--oidc-issuer-url="],
            "anonymous: {enabled: false}",
            DoesNotStart,
        ),
        (
            &[RBAC, "--oidc-signing-algs=RS256"],
            "anonymous: {enabled: false}",
            DoesNotStart,
        ),
        // A text has no other type.
        (
            &[RBAC],
            "anonymous: {enabled: true, conditions: [{path: 1}]}",
            DoesNotStart,
        ),
        (
            &[RBAC],
            "anonymous: {enabled: true, conditions: [{path: yes}]}",
            DoesNotStart,
        ),
        (
            &[RBAC],
            "anonymous: {enabled: true, conditions: [{path: 0x1f}]}",
            DoesNotStart,
        ),
        (
            &[RBAC],
            "anonymous: {enabled: true, conditions: [{path: 'yes'}, {path: ~}, null]}",
            Closed,
        ),
        (&[RBAC], "anonymous: {enabled: yes}", Default),
        (&[RBAC], "anonymous: {enabled: OFF}", Closed),
        (&[RBAC], "anonymous: {enabled: 1}", DoesNotStart),
        // The server reads the first document.
        (
            &[RBAC],
            "anonymous: {enabled: false}\n---\nunknown: 1",
            Closed,
        ),
        (
            &[RBAC],
            "anonymous: {enabled: false}\n---\napiVersion: apiserver.config.k8s.io/v1\nkind: \
             AuthenticationConfiguration\nanonymous: {enabled: true}",
            Closed,
        ),
        (
            &[RBAC],
            "unknown: 1\n---\napiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\nanonymous: \
             {enabled: false}",
            DoesNotStart,
        ),
        (&[RBAC], "anonymous:", Default),
        (&[RBAC, "--anonymous-auth=false"], "anonymous:", Closed),
        (&[RBAC, "--anonymous-auth=false"], "jwt: []", Closed),
        (
            &[RBAC, "--anonymous-auth=true"],
            "anonymous: {enabled: true}",
            DoesNotStart,
        ),
        (&[RBAC], "Anonymous: {enabled: false}", DoesNotStart),
        (&[RBAC], "anonymous: {enabled: 'true'}", DoesNotStart),
        (
            &[RBAC],
            "anonymous: {conditions: [{path: /livez}]}",
            DoesNotStart,
        ),
        (
            &[RBAC],
            "anonymous: {enabled: false, conditions: [{path: /livez}]}",
            DoesNotStart,
        ),
        (
            &[RBAC],
            "anonymous: {enabled: true, conditions: []}",
            Default,
        ),
        (
            &[RBAC],
            "anonymous: {enabled: true, conditions: [{path: /livez}, {path: /livez}]}",
            Limited,
        ),
        (
            &[RBAC],
            "anonymous: {enabled: true, conditions: [{path: livez}]}",
            Closed,
        ),
        (
            &[RBAC],
            "anonymous: {enabled: true, conditions: [{path: '/healthz*'}]}",
            Closed,
        ),
        (
            &[RBAC],
            "anonymous: {enabled: true, conditions: [{path: ''}]}",
            Closed,
        ),
        (
            &[RBAC],
            "anonymous: {enabled: true, conditions: [{paths: /livez}]}",
            DoesNotStart,
        ),
        (
            &[RBAC],
            "anonymous: {enabled: true}\nunknown: 1",
            DoesNotStart,
        ),
        (
            &["--authorization-mode=AlwaysAllow"],
            "anonymous: {enabled: true}",
            Everything,
        ),
        (
            &["--authorization-mode=AlwaysAllow"],
            "anonymous: {enabled: false}",
            Closed,
        ),
        (&["--authorization-mode=AlwaysAllow"], "anonymous:", Closed),
    ];
    check_files(rows);
}

#[test]
fn each_spelling_of_an_authorization_file_is_read_as_the_server_reads_it() {
    let rows: &[(&[&str], &str, Observed)] = &[
        (
            &[],
            "authorizers: [{type: AlwaysAllow, name: alwaysallow}]",
            Everything,
        ),
        (
            &["--anonymous-auth=false"],
            "authorizers: [{type: AlwaysAllow, name: alwaysallow}]",
            Closed,
        ),
        (&[], "authorizers: [{type: RBAC, name: rbac}]", Default),
        (
            &[RBAC],
            "authorizers: [{type: RBAC, name: rbac}]",
            DoesNotStart,
        ),
        (&[], "authorizers: []", DoesNotStart),
        (
            &[],
            "authorizers: [{type: RBAC, name: rbac}, {type: RBAC, name: rbac}]",
            DoesNotStart,
        ),
        (&[], "authorizers: [{type: RBAC, name: x}]", DoesNotStart),
        (
            &[],
            "authorizers: [{type: RBAC, name: rbac, webhook: {}}]",
            DoesNotStart,
        ),
        (
            &[],
            "authorizers: [{type: Webhook, name: w, webhook: {failurePolicy: Foo}}]",
            DoesNotStart,
        ),
        (
            &[],
            "authorizers: [{type: Webhook, name: w, webhook: {timeout: 31s}}]",
            DoesNotStart,
        ),
        (
            &[],
            "authorizers: [{type: Webhook, name: w, WEBHOOK}]",
            Unclear,
        ),
        (&[], "authorizers: [{type: Webhook, name: w}]", DoesNotStart),
        (
            &[],
            "authorizers: [{type: Webhook, name: w, webhook: {}}]",
            DoesNotStart,
        ),
        (
            &[],
            "authorizers: [{type: Webhook, name: w, webhook: null}]",
            DoesNotStart,
        ),
        (
            &[],
            "authorizers: [{type: Webhook, name: 1, WEBHOOK}]",
            DoesNotStart,
        ),
        (
            &[],
            "authorizers: [{type: Webhook, name: Ab, WEBHOOK}]",
            DoesNotStart,
        ),
        (
            &[],
            "authorizers: [{type: Webhook, name: w, WEBHOOK}, {type: Webhook, name: w, WEBHOOK}]",
            DoesNotStart,
        ),
        (
            &[],
            "authorizers: [{type: Webhook, name: rbac, WEBHOOK}, {type: RBAC, name: rbac}]",
            DoesNotStart,
        ),
        (&[], "authorizers: [{type: RBAC, name: 1}]", DoesNotStart),
        (&[], "authorizers: {type: RBAC, name: rbac}", DoesNotStart),
        (&[], "authorizers: [null]", DoesNotStart),
        (
            &[],
            "authorizers: [{type: RBAC, name: rbac, webhook: null}]",
            Default,
        ),
        (
            &[],
            "authorizers: [{type: RBAC, name: rbac}]\n---\nunknown: 1",
            Default,
        ),
        (
            &["--authorization-mode="],
            "authorizers: [{type: RBAC, name: rbac}]",
            DoesNotStart,
        ),
        (
            &["--authorization-webhook-config-file="],
            "authorizers: [{type: RBAC, name: rbac}]",
            DoesNotStart,
        ),
        (
            &["--authorization-policy-file=/x"],
            "authorizers: [{type: RBAC, name: rbac}]",
            Default,
        ),
        (&[], "authorizers: [{type: RBAC}]", DoesNotStart),
        (&[], "authorizers: [{type: rbac, name: rbac}]", DoesNotStart),
        (&[], "authorizers: [{type: Foo, name: foo}]", DoesNotStart),
        (&[], "authorizers: [{type: ABAC, name: abac}]", DoesNotStart),
        (
            &[],
            "authorizers: [{type: AlwaysDeny, name: alwaysdeny}, {type: RBAC, name: rbac}]",
            Default,
        ),
        (
            &[],
            "authorizers: [{type: AlwaysAllow, name: alwaysallow}, {type: Webhook, name: w, WEBHOOK}]",
            Everything,
        ),
        (
            &[],
            "authorizers: [{type: Webhook, name: w, WEBHOOK}, {type: RBAC, name: rbac}]",
            Unclear,
        ),
    ];
    check_files(rows);
}

/// What a webhook needs.
const WEBHOOK: &str = "webhook: {timeout: 29.5s, subjectAccessReviewVersion: v1, failurePolicy: Deny, connectionInfo: \
                       {type: InClusterConfig}}";

fn check_files(rows: &[(&[&str], &str, Observed)]) {
    let authentication = "--authentication-config=/etc/kubernetes/file.yaml";
    let authorization = "--authorization-config=/etc/kubernetes/file.yaml";
    for (args, file, observed) in rows {
        let (kind, flag) = if file.starts_with("authorizers") {
            ("Authorization", authorization)
        } else {
            ("Authentication", authentication)
        };
        let file =
            format!("apiVersion: apiserver.config.k8s.io/v1\nkind: {kind}Configuration\n{file}\n");
        let file = file.replace("WEBHOOK", WEBHOOK);
        let args: Vec<&str> = std::iter::once(flag).chain(args.iter().copied()).collect();
        let text = pod("v1.37.2", &args);
        let inspection = inspect(&[("pod.yaml", &text), ("file.yaml", &file)]);
        assert_eq!(
            verdicts(&inspection),
            [("Pod b/a", observed.verdict())],
            "{args:?} {file}"
        );
    }
}

/// Without roles nothing opens, health included.
#[test]
fn authorizers_without_an_opinion_forbid_everything() {
    for modes in ["AlwaysDeny", "Node"] {
        let text = pod("v1.37.2", &[&format!("--authorization-mode={modes}")]);
        let inspection = inspect(&[("pod.yaml", &text)]);
        let prediction = &inspection.servers[0].prediction;
        assert_eq!(prediction.verdict, Some(Verdict::Forbidden), "{modes}");
        assert_eq!(prediction.granted().next(), None, "{modes}");
    }
}

#[test]
fn versions_of_files_belong_to_releases() {
    let row = |release: &str, version: &str| {
        let text = pod(release, &[RBAC, "--authentication-config=f.yaml"]);
        let file = format!(
            "apiVersion: apiserver.config.k8s.io/{version}\nkind: AuthenticationConfiguration\nanonymous: {{enabled: true}}\n"
        );
        let inspection = inspect(&[("pod.yaml", &text), ("f.yaml", &file)]);
        inspection.servers[0].verdict()
    };
    assert_eq!(row("v1.37.2", "v1alpha1"), Some(Verdict::Forbidden));
    assert_eq!(row("v1.37.2", "v1beta1"), Some(Verdict::Forbidden));
    assert_eq!(row("v1.33.1", "v1"), None);
    assert_eq!(row("v1.30.14", "v1beta1"), None);
    assert_eq!(row("v1.37.2", "v2"), None);
    // Without a release it is said that some do not start.
    let row = inspect(&[(
        "f.yaml",
        "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\nanonymous: {enabled: true}\n",
    )]);
    let said = &row.servers[0].prediction.statements;
    assert!(
        said.iter()
            .any(|said| said.text.contains("needs Kubernetes 1.34 or newer")),
        "{said:?}"
    );
}

/// A file that is not given decides only where the flag does not.
#[test]
fn a_missing_file_is_no_answer() {
    let of = |args: &[&str]| {
        let text = pod("v1.37.2", args);
        inspect(&[("pod.yaml", &text)]).servers[0].verdict()
    };
    let file = "--authentication-config=/x.yaml";
    assert_eq!(of(&[RBAC, file]), Some(Verdict::Inconclusive));
    assert_eq!(
        of(&[RBAC, file, "--anonymous-auth=false"]),
        Some(Verdict::Rejected)
    );
    assert_eq!(
        of(&["--authorization-config=/x.yaml"]),
        Some(Verdict::Inconclusive)
    );
    assert_eq!(
        of(&["--authorization-config=/x.yaml", "--anonymous-auth=false"]),
        Some(Verdict::Rejected)
    );
    assert_eq!(
        of(&[RBAC, "--anonymous-auth=$(ANONYMOUS)"]),
        Some(Verdict::Inconclusive)
    );
    assert_eq!(
        of(&["--authorization-mode={{ modes }}"]),
        Some(Verdict::Inconclusive)
    );
}

/// A pod that starts the server in a shell, with this text.
fn shell_pod(script: &str) -> String {
    let script = serde_json::to_string(script).unwrap();
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: a, namespace: b}}\nspec:\n  containers:\n  - image: k:v1.37.2\n    \
         command: [/bin/sh, -c, {script}]\n"
    )
}

#[test]
fn a_shell_decides_more_than_the_flags() {
    let server = "exec kube-apiserver --authorization-mode=Node,RBAC";
    for (script, observed) in [
        (format!("{server} 1>>/var/log/a 2>&1"), Default),
        (
            format!("{server} --anonymous-auth=false >> /var/log/a"),
            Closed,
        ),
        (format!("{server} 2>&1 | tee -a x"), Default),
        (
            format!("{server} --anonymous-auth=false > /tmp/p 2>&1"),
            Closed,
        ),
        (format!("{server} 2> x &"), Default),
        (format!("{server} $EXTRA"), Unclear),
        (
            format!("{server} --anonymous-auth=false \"${{EXTRA[@]}}\""),
            Unclear,
        ),
        (format!("{server} $(cat /flags)"), Unclear),
        (
            format!("if x; then {server} --anonymous-auth=false; else {server}; fi"),
            Unclear,
        ),
        (
            format!("if x; then {server}; else exec kube-apiserver; fi"),
            Unclear,
        ),
        (format!("command -v kube-apiserver; {server}"), Default),
    ] {
        let text = shell_pod(&script);
        let inspection = inspect(&[("pod.yaml", &text)]);
        let expected = [("Pod b/a", observed.verdict())];
        assert_eq!(verdicts(&inspection), expected, "{script}");
    }
}

/// Whoever starts with these flags has an old release.
#[test]
fn an_insecure_port_of_an_unknown_release_is_never_closed() {
    let rows: &[(&[&str], Observed)] = &[
        (&["--insecure-port=8080", "--anonymous-auth=false"], Unclear),
        (
            &[
                RBAC,
                "--insecure-port=8080",
                "--insecure-bind-address=127.0.0.1",
            ],
            Unclear,
        ),
        (
            &[
                RBAC,
                "--insecure-port=8080",
                "--insecure-bind-address=0.0.0.0",
            ],
            Everything,
        ),
        (&[RBAC, "--insecure-bind-address=0.0.0.0"], Unclear),
        (
            &[RBAC, "--insecure-port=0", "--insecure-bind-address=0.0.0.0"],
            Default,
        ),
        (&[RBAC, "--insecure-bind-address=127.0.0.1"], Default),
    ];
    for (args, observed) in rows {
        let text = pod("latest", args);
        let inspection = inspect(&[("pod.yaml", &text)]);
        let expected = [("Pod b/a", observed.verdict())];
        assert_eq!(verdicts(&inspection), expected, "{args:?}");
    }
}

#[test]
fn a_name_that_carries_its_dashes_is_said() {
    let text = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\napiServer:\n  extraArgs:\n  \
                - {name: --anonymous-auth, value: 'false'}\n";
    let inspection = inspect(&[("kubeadm.yaml", text)]);
    let problems = &inspection.servers[0].prediction.start_problems;
    assert!(problems[0].text.contains("without dashes"), "{problems:?}");
}

#[test]
fn a_named_file_that_cannot_be_used_is_no_missing_file() {
    let head = "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\n";
    let anonymous = "anonymous: {enabled: false}\n";
    let pod = pod("v1.37.2", &[RBAC, "--authentication-config=/etc/file.yaml"]);
    for (file, line) in [
        (format!("{head}{anonymous}{anonymous}"), 4),
        (String::new(), 1),
        ("# nothing\n".to_owned(), 1),
        (format!("---\n# Ours.\n---\n{head}{anonymous}"), 4),
    ] {
        let inspection = inspect(&[("pod.yaml", &pod), ("file.yaml", &file)]);
        assert_eq!(verdicts(&inspection), [("Pod b/a", None)], "{file}");
        let problem = &inspection.servers[0].prediction.start_problems[0];
        let place = problem.place.as_ref().unwrap();
        let is_there = place.source == crate::model::Source::File("file.yaml".into());
        assert!(is_there && place.line == line, "{file} {problem:?}");
    }
    let file = format!("---\n# Ours.\n{head}{anonymous}");
    let inspection = inspect(&[("pod.yaml", &pod), ("file.yaml", &file)]);
    assert_eq!(
        verdicts(&inspection),
        [("Pod b/a", Some(Verdict::Rejected))]
    );
}

/// As real servers, which read the first document of a file and start with no other kind.
#[test]
fn a_named_file_of_another_kind_is_no_missing_file() {
    let anonymous = "anonymous: {enabled: false}\n";
    let pod = pod("v1.37.2", &[RBAC, "--authentication-config=/etc/file.yaml"]);
    for head in [
        "",
        "kind: AuthenticationConfiguration\n",
        "apiVersion: apiserver.config.k8s.io/v1\n",
        "apiVersion: v1\nkind: AuthenticationConfiguration\n",
        "apiVersion: v1\nkind: Other\n---\napiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\n",
        "hello\n---\n",
    ] {
        let file = format!("{head}{anonymous}");
        let inspection = inspect(&[("pod.yaml", &pod), ("file.yaml", &file)]);
        assert_eq!(verdicts(&inspection), [("Pod b/a", None)], "{head}");
    }
}

#[test]
fn a_list_of_one_argument_in_a_line_may_begin_with_the_program() {
    for first in ["", "kube-apiserver\n", "/usr/bin/kube-apiserver\r\n"] {
        let text = format!("{first}--authorization-mode=RBAC\n--anonymous-auth=false\n");
        let inspection = inspect(&[("arguments", &text)]);
        let found: Vec<_> = verdicts(&inspection)
            .into_iter()
            .map(|(_, verdict)| verdict)
            .collect();
        assert_eq!(found, [Some(Verdict::Rejected)], "{text}");
    }
}

#[test]
fn feature_gates_that_are_not_checked_are_said() {
    let text = pod("v1.37.2", &[RBAC, "--feature-gates=Foo=true"]);
    let inspection = inspect(&[("pod.yaml", &text)]);
    let statements = &inspection.servers[0].prediction.statements;
    assert!(
        statements
            .iter()
            .any(|one| one.text.contains("not checked")),
        "{statements:?}"
    );
}

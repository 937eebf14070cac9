//! The tested configurations of kube-apiserver: what each opens to callers without credentials, and the expected
//! result.

use kubeknock::model::{PostureStatus, Verdict};

use super::rbac::Change;

use Change::{ApiService, Bind, CopyRules, Paths, Unbind};
use PostureStatus::{AsDocumented, MoreOpen, Stricter, Unknown};
use Verdict::{Exposed, Forbidden, Inconclusive, Limited, Rejected};

const ANONYMOUS: &str = "User/system:anonymous";
const UNAUTHENTICATED: &str = "Group/system:unauthenticated";
const PUBLIC_INFO: &str = "system:public-info-viewer";

/// One configuration.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) name: &'static str,
    /// The first minor release that has its flags.
    pub(super) since: u32,
    /// Flags that add to or replace the common ones; a bare name removes a common one.
    pub(super) flags: &'static [&'static str],
    /// Changes to the files of `tests/real/conf`.
    pub(super) conf: &'static [(&'static str, &'static str)],
    pub(super) rbac: &'static [Change],
    /// The paths that authorization allows for anonymous callers.
    pub(super) open: fn(&str) -> bool,
    /// The verdicts: without `--deep`, and with it.
    pub(super) verdicts: [Verdict; 2],
    /// The posture compared with the documentation of kubeadm; `None` if the product is unknown or the verdict is
    /// not conclusive.
    pub(super) status: [Option<PostureStatus>; 2],
}

/// If authentication rejects the default requests, they do not show which other paths it accepts.
const REFUSING: [Option<PostureStatus>; 2] = [Some(Unknown), Some(Stricter)];

/// The kubeadm setup, as far as it concerns anonymous callers.
pub(super) const DEFAULT: Row = Row {
    name: "defaults",
    since: 0,
    flags: &[],
    conf: &[],
    rbac: &[],
    open: public,
    verdicts: [Forbidden; 2],
    status: [Some(AsDocumented); 2],
};

/// Limits anonymous callers to a path, which replaces `/version` in the file.
const CONDITION: Row = Row {
    since: 32,
    flags: &["--authentication-config={pki}/authn-version.yaml"],
    ..DEFAULT
};

pub(super) const CONDITIONS: Row = Row {
    name: "conditions /healthz /livez /readyz",
    flags: &["--authentication-config={pki}/authn-health.yaml"],
    open: health,
    verdicts: [Limited; 2],
    status: REFUSING,
    ..CONDITION
};

pub(super) const ANONYMOUS_OFF: Row = Row {
    name: "--anonymous-auth=false",
    flags: &["--anonymous-auth=false"],
    open: nothing,
    verdicts: [Rejected; 2],
    status: REFUSING,
    ..DEFAULT
};

pub(super) const ADMIN: Row = Row {
    name: "cluster-admin to system:anonymous",
    rbac: &[Bind("cluster-admin", ANONYMOUS)],
    open: everything,
    verdicts: [Exposed; 2],
    status: [Some(MoreOpen); 2],
    ..DEFAULT
};

/// An authorization webhook that does not answer. With `NoOpinion`, requests that RBAC allows are allowed, and
/// others fail.
const NO_AUTHORIZER: Row = Row {
    since: 30,
    flags: &[
        "--authorization-mode",
        "--authorization-config={pki}/authz-webhook-Deny.yaml",
    ],
    open: nothing,
    verdicts: [Inconclusive; 2],
    status: [None; 2],
    ..DEFAULT
};
const HANGS: (&str, &str) = ("127.0.0.1:1/", "127.0.0.1:HANGS/");
const SOON: (&str, &str) = ("timeout: 3s", "timeout: 100ms");
const NO_OPINION: (&str, &str) = ("failurePolicy: Deny", "failurePolicy: NoOpinion");

pub(super) const ROWS: [Row; 38] = [
    DEFAULT,
    Row {
        name: "without flow control",
        flags: &["--enable-priority-and-fairness=false"],
        ..DEFAULT
    },
    Row {
        name: "TLS 1.3 only",
        flags: &["--tls-min-version=VersionTLS13"],
        ..DEFAULT
    },
    Row {
        name: "a second certificate by SNI",
        flags: &["--tls-sni-cert-key={pki}/other.crt,{pki}/other.key"],
        ..DEFAULT
    },
    Row {
        name: "without audit",
        flags: &["--audit-policy-file", "--audit-log-path"],
        ..DEFAULT
    },
    Row {
        name: "--goaway-chance=0.02",
        flags: &["--goaway-chance=0.02"],
        ..DEFAULT
    },
    Row {
        name: "one stream per connection",
        flags: &["--http2-max-streams-per-connection=1"],
        ..DEFAULT
    },
    Row {
        name: "an APIService",
        rbac: &[ApiService],
        ..DEFAULT
    },
    Row {
        name: "a self-made certificate",
        flags: &[
            "--tls-cert-file",
            "--tls-private-key-file",
            "--cert-dir={pki}/made",
        ],
        ..DEFAULT
    },
    Row {
        name: "no client CA",
        flags: &["--client-ca-file", "--requestheader-client-ca-file"],
        ..DEFAULT
    },
    Row {
        name: "HSTS",
        flags: &["--strict-transport-security-directives=max-age=31536000,includeSubDomains"],
        ..DEFAULT
    },
    Row {
        name: "an emulated version",
        since: 33,
        flags: &["--emulated-version={before}"],
        ..DEFAULT
    },
    Row {
        name: "on ::1",
        flags: &["--bind-address=::1"],
        ..DEFAULT
    },
    ANONYMOUS_OFF,
    Row {
        name: "anonymous.enabled: false",
        since: 32,
        flags: &["--authentication-config={pki}/authn-open.yaml"],
        conf: &[("enabled: true", "enabled: false")],
        ..ANONYMOUS_OFF
    },
    CONDITIONS,
    Row {
        name: "condition /livez",
        conf: &[("/version", "/livez")],
        open: |path| path == "/livez",
        verdicts: [Limited; 2],
        status: REFUSING,
        ..CONDITION
    },
    Row {
        name: "condition /version",
        open: version,
        verdicts: [Limited; 2],
        status: REFUSING,
        ..CONDITION
    },
    Row {
        name: "condition /api",
        conf: &[("/version", "/api")],
        open: nothing,
        verdicts: [Limited; 2],
        status: REFUSING,
        ..CONDITION
    },
    Row {
        name: "condition /api/v1/namespaces, no role",
        flags: &["--authentication-config={pki}/authn-ns.yaml"],
        open: nothing,
        verdicts: [Rejected, Limited],
        status: REFUSING,
        ..CONDITION
    },
    Row {
        name: "condition /api/v1/namespaces, view to system:unauthenticated",
        flags: &["--authentication-config={pki}/authn-ns.yaml"],
        rbac: &VIEW,
        open: |path| path == "/api/v1/namespaces",
        verdicts: [Rejected, Exposed],
        status: [Some(Unknown), Some(MoreOpen)],
        ..CONDITION
    },
    Row {
        name: "condition /api/v1/secrets, cluster-admin",
        conf: &[("/version", "/api/v1/secrets")],
        rbac: ADMIN.rbac,
        open: |path| path == "/api/v1/secrets",
        verdicts: [Rejected, Exposed],
        status: [Some(Unknown), Some(MoreOpen)],
        ..CONDITION
    },
    Row {
        name: "condition /metrics, cluster-admin",
        conf: &[("/version", "/metrics")],
        rbac: ADMIN.rbac,
        open: |path| path == "/metrics",
        verdicts: [Rejected, Exposed],
        status: [Some(Unknown), Some(MoreOpen)],
        ..CONDITION
    },
    Row {
        name: "condition /livez/ping",
        conf: &[("/version", "/livez/ping")],
        open: nothing,
        verdicts: [Rejected; 2],
        status: REFUSING,
        ..CONDITION
    },
    ADMIN,
    Row {
        name: "view to system:unauthenticated",
        rbac: &VIEW,
        open: view,
        verdicts: [Forbidden, Exposed],
        status: [Some(AsDocumented), Some(MoreOpen)],
        ..DEFAULT
    },
    Row {
        name: "nothing bound to system:unauthenticated",
        rbac: &[Unbind(PUBLIC_INFO)],
        open: nothing,
        status: [Some(Stricter); 2],
        ..DEFAULT
    },
    Row {
        name: "system:public-info-viewer cut to /livez and /readyz",
        rbac: &[Paths(PUBLIC_INFO, &["/livez", "/readyz"])],
        open: |path| ["/livez", "/readyz"].contains(&path),
        status: [Some(Stricter); 2],
        ..DEFAULT
    },
    Row {
        name: "system:public-info-viewer widened by /api* /apis* /openapi*",
        rbac: &[Paths(
            PUBLIC_INFO,
            &[
                "/version",
                "/version/",
                "/healthz",
                "/livez",
                "/readyz",
                "/api*",
                "/apis*",
                "/openapi*",
            ],
        )],
        open: |path| {
            public(path) || ["/api", "/apis", "/openapi/v2", "/openapi/v3"].contains(&path)
        },
        verdicts: [Exposed; 2],
        status: [Some(MoreOpen); 2],
        ..DEFAULT
    },
    Row {
        name: "--authorization-mode=AlwaysAllow",
        flags: &["--authorization-mode=AlwaysAllow"],
        ..ANONYMOUS_OFF
    },
    Row {
        name: "AlwaysAllow, and anonymous.enabled: true",
        since: 32,
        flags: &[
            "--authorization-mode=AlwaysAllow",
            "--authentication-config={pki}/authn-open.yaml",
        ],
        rbac: &[],
        ..ADMIN
    },
    Row {
        name: "AlwaysAllow in --authorization-config",
        since: 30,
        flags: &[
            "--authorization-mode",
            "--authorization-config={pki}/authz-alwaysallow.yaml",
        ],
        rbac: &[],
        ..ADMIN
    },
    Row {
        name: "webhook refused, Deny",
        ..NO_AUTHORIZER
    },
    Row {
        name: "webhook refused, NoOpinion",
        conf: &[NO_OPINION],
        open: public,
        ..NO_AUTHORIZER
    },
    // 1.30 waits ten seconds for each request, regardless of the file.
    Row {
        name: "webhook hangs, Deny",
        since: 34,
        conf: &[HANGS, SOON],
        ..NO_AUTHORIZER
    },
    Row {
        name: "webhook hangs, NoOpinion",
        since: 34,
        conf: &[HANGS, SOON, NO_OPINION],
        open: public,
        ..NO_AUTHORIZER
    },
    Row {
        name: "--authorization-mode=Node,Webhook,RBAC, refused",
        flags: &[
            "--authorization-mode=Node,Webhook,RBAC",
            "--authorization-webhook-config-file={pki}/webhook-down.kubeconfig",
        ],
        open: public,
        ..NO_AUTHORIZER
    },
    Row {
        name: "issuer discovery open",
        rbac: &[Bind(
            "system:service-account-issuer-discovery",
            UNAUTHENTICATED,
        )],
        open: |path| public(path) || path == "/.well-known/openid-configuration",
        ..DEFAULT
    },
];

/// `view` gets its rules from the controller manager, which does not run here.
const VIEW: [Change; 2] = [
    CopyRules("system:aggregate-to-view", "view"),
    Bind("view", UNAUTHENTICATED),
];

pub(super) fn nothing(_: &str) -> bool {
    false
}

fn everything(_: &str) -> bool {
    true
}

fn version(path: &str) -> bool {
    path == "/version"
}

fn health(path: &str) -> bool {
    ["/healthz", "/livez", "/readyz"].contains(&path)
}

pub(super) fn public(path: &str) -> bool {
    version(path) || health(path)
}

fn view(path: &str) -> bool {
    let lists = [
        "/api/v1/configmaps",
        "/api/v1/serviceaccounts",
        "/api/v1/namespaces",
        "/api/v1/pods",
        "/api/v1/services",
        "/api/v1/events",
        "/apis/apps/v1/deployments",
        "/apis/apps/v1/daemonsets",
        "/apis/batch/v1/jobs",
        "/apis/batch/v1/cronjobs",
        "/apis/networking.k8s.io/v1/ingresses",
    ];
    public(path) || lists.contains(&path)
}

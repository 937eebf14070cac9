//! The server accepts anonymous requests, and nothing beyond version and health is open.

use super::hit::ANONYMOUS_ACCESS;
use crate::model::{Control, Rule, Severity};
use crate::policy::controls;

/// What anonymous requests are evidence for.
const CONTROLS: &[Control] = &[
    controls::CIS_DISABLED,
    controls::CIS_RESTRICTED,
    controls::STIG,
    controls::NSA_CISA,
    controls::OWASP_2022_AUTHENTICATION,
    controls::OWASP_2025_AUTHENTICATION,
    controls::ATTACK_REMOTE_SERVICES,
];

pub(in crate::policy) static UNEXPECTED: Rule = Rule {
    id: "anonymous-auth-unexpected",
    title: "Requests without credentials are accepted, which is not as it should be",
    meaning: "The server accepts anonymous requests, and this is more than the product documents or an inventory \
        declares, or not the verdict that the target list or the settings expect (expect=). A setting was changed, \
        an upgrade kept an old one, another cluster answers, or the expectation is out of date. Only authorization, or the list of open paths, protects the cluster.",
    proof: "The answers show that anonymous requests are accepted. The verdict was compared with what the product \
        documents for its version, with the inventory and with the expectation.",
    severity: Severity::High,
    score: "7.3",
    cwe: Some(1188),
    controls: CONTROLS,
    ..ANONYMOUS_ACCESS
};

pub(in crate::policy) static ENABLED: Rule = Rule {
    id: "anonymous-auth-enabled",
    title: "Requests without credentials are accepted as system:anonymous",
    meaning: "This is the default of Kubernetes: a caller without credentials becomes the user system:anonymous, \
        and only authorization protects the cluster. One wrong binding opens it, and anybody can reach a flaw in \
        front of authorization. An open /version tells anybody which known vulnerabilities to try. Hardening \
        guides ask to turn anonymous requests off; newer ones ask to limit them to the health paths.",
    proof: "The server answered 403 and named system:anonymous, so authentication had accepted the request.",
    severity: Severity::Medium,
    score: "5.3",
    cwe: Some(1188),
    controls: CONTROLS,
    ..ANONYMOUS_ACCESS
};

pub(in crate::policy) static NOT_CHANGEABLE: Rule = Rule {
    id: "anonymous-auth-not-changeable",
    title: "Requests without credentials are accepted, and the provider does not let its users change that",
    meaning: "A caller without credentials becomes the user system:anonymous, and only authorization protects the \
        cluster. Users of this service cannot turn that off. They can restrict who reaches the endpoint.",
    proof: "The server answered 403 and named system:anonymous, so authentication had accepted the request. That the \
        setting cannot be changed is known from the provider's documentation.",
    severity: Severity::Low,
    score: "3.1",
    cwe: Some(1188),
    controls: CONTROLS,
    ..ANONYMOUS_ACCESS
};

pub(in crate::policy) static LIMITED: Rule = Rule {
    id: "anonymous-auth-limited",
    title: "Requests without credentials are accepted on some paths only",
    meaning: "This is the setting that newer hardening guides recommend: load balancers and probes read the health \
        paths, and every other request without credentials is rejected. A path that was not asked may be open, too.",
    proof: "Some paths answered 401, and others were granted or refused by authorization.",
    severity: Severity::Note,
    score: "0.0",
    ..ANONYMOUS_ACCESS
};

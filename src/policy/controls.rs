//! Items of benchmarks and catalogues that findings are evidence for.

use crate::model::Control;

const fn control(framework: &'static str, id: &'static str, text: &'static str) -> Control {
    Control {
        framework,
        id,
        text,
    }
}

/// The old wording: off.
pub(super) const CIS_DISABLED: Control = control(
    "CIS Kubernetes Benchmark 1.5 to 1.12",
    "1.2.1",
    "Ensure that the --anonymous-auth argument is set to false",
);
/// The new wording: off, or limited by structured configuration.
pub(super) const CIS_RESTRICTED: Control = control(
    "CIS Kubernetes Benchmark 2.1.0",
    "1.2.1",
    "Ensure that anonymous requests to the API server are restricted",
);
pub(super) const CIS_ETCD_CLIENTS: Control = control(
    "CIS Kubernetes Benchmark 1.5 to 1.12",
    "2.2",
    "Ensure that the --client-cert-auth argument is set to true",
);
pub(super) const CIS_KUBELET_ANONYMOUS: Control = control(
    "CIS Kubernetes Benchmark 1.5 to 1.12",
    "4.2.1",
    "Ensure that the --anonymous-auth argument is set to false",
);
pub(super) const CIS_KUBELET_AUTHORIZATION: Control = control(
    "CIS Kubernetes Benchmark 1.5 to 1.12",
    "4.2.2",
    "Ensure that the --authorization-mode argument is not set to AlwaysAllow",
);
pub(super) const CIS_GKE_BINDINGS: Control = control(
    "CIS GKE Benchmark 1.6 to 1.9",
    "4.1.8, 4.1.9",
    "Avoid bindings to system:anonymous; avoid non-default bindings to system:unauthenticated",
);
pub(super) const STIG: Control = control(
    "DISA STIG Kubernetes",
    "V-242390",
    "The Kubernetes API server must have anonymous authentication disabled",
);
pub(super) const NSA_CISA: Control = control(
    "NSA/CISA Kubernetes Hardening Guide",
    "",
    "Disable anonymous access to the API server",
);
pub(super) const OWASP_2022_RBAC: Control = control(
    "OWASP Kubernetes Top 10, 2022",
    "K03",
    "Overly permissive RBAC",
);
pub(super) const OWASP_2022_AUTHENTICATION: Control = control(
    "OWASP Kubernetes Top 10, 2022",
    "K06",
    "Broken authentication",
);
pub(super) const OWASP_2022_MISCONFIGURED: Control = control(
    "OWASP Kubernetes Top 10, 2022",
    "K09",
    "Misconfigured cluster components",
);
pub(super) const OWASP_2022_OUTDATED: Control = control(
    "OWASP Kubernetes Top 10, 2022",
    "K10",
    "Outdated components",
);
pub(super) const OWASP_2025_AUTHORIZATION: Control = control(
    "OWASP Kubernetes Top 10, 2025",
    "K02",
    "Overly permissive authorization",
);
pub(super) const OWASP_2025_EXPOSED: Control = control(
    "OWASP Kubernetes Top 10, 2025",
    "K06",
    "Overly exposed components",
);
pub(super) const OWASP_2025_MISCONFIGURED: Control = control(
    "OWASP Kubernetes Top 10, 2025",
    "K07",
    "Misconfigured and vulnerable components",
);
pub(super) const OWASP_2025_AUTHENTICATION: Control = control(
    "OWASP Kubernetes Top 10, 2025",
    "K09",
    "Broken authentication",
);
pub(super) const ATTACK_REMOTE_SERVICES: Control = control(
    "MITRE ATT&CK for Containers",
    "T1133",
    "External Remote Services",
);
pub(super) const ATTACK_PUBLIC_FACING: Control = control(
    "MITRE ATT&CK for Containers",
    "T1190",
    "Exploit Public-Facing Application",
);
pub(super) const ATTACK_DISCOVERY: Control = control(
    "MITRE ATT&CK for Containers",
    "T1613",
    "Container and Resource Discovery",
);
pub(super) const ATTACK_CREDENTIALS: Control = control(
    "MITRE ATT&CK for Containers",
    "T1552.007",
    "Unsecured Credentials: Container API",
);
pub(super) const ATTACK_HOST_INFORMATION: Control =
    control("MITRE ATT&CK", "T1592", "Gather Victim Host Information");

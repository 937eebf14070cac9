//! Items of benchmarks and catalogues that findings are evidence for.

use crate::model::Control;

/// Defines a constant for each item, grouped by framework.
macro_rules! controls {
    ($($framework:literal { $($name:ident = $id:literal $text:literal)* })*) => {
        $($(pub(super) const $name: Control = Control {
            framework: $framework,
            id: $id,
            text: $text,
        };)*)*
    };
}

controls! {
    "CIS Kubernetes Benchmark 1.5 to 1.12" {
        CIS_DISABLED = "1.2.1" "Ensure that the --anonymous-auth argument is set to false"
        CIS_ETCD_CLIENTS = "2.2" "Ensure that the --client-cert-auth argument is set to true"
        CIS_KUBELET_ANONYMOUS = "4.2.1" "Ensure that the --anonymous-auth argument is set to false"
        CIS_KUBELET_AUTHORIZATION = "4.2.2" "Ensure that the --authorization-mode argument is not set to AlwaysAllow"
    }
    "CIS Kubernetes Benchmark 2.1.0" {
        // Unlike 1.12, it also allows structured configuration that limits anonymous requests.
        CIS_RESTRICTED = "1.2.1" "Ensure that anonymous requests to the API server are restricted"
    }
    "CIS GKE Benchmark 1.6 to 1.9" {
        CIS_GKE_BINDINGS = "4.1.8, 4.1.9"
            "Avoid bindings to system:anonymous; avoid non-default bindings to system:unauthenticated"
    }
    "DISA STIG Kubernetes" {
        STIG = "V-242390" "The Kubernetes API server must have anonymous authentication disabled"
    }
    "NSA/CISA Kubernetes Hardening Guide" {
        NSA_CISA = "" "Disable anonymous access to the API server"
    }
    "OWASP Kubernetes Top 10, 2022" {
        OWASP_2022_RBAC = "K03" "Overly permissive RBAC"
        OWASP_2022_AUTHENTICATION = "K06" "Broken authentication"
        OWASP_2022_MISCONFIGURED = "K09" "Misconfigured cluster components"
        OWASP_2022_OUTDATED = "K10" "Outdated components"
    }
    "OWASP Kubernetes Top 10, 2025" {
        OWASP_2025_AUTHORIZATION = "K02" "Overly permissive authorization"
        OWASP_2025_EXPOSED = "K06" "Overly exposed components"
        OWASP_2025_MISCONFIGURED = "K07" "Misconfigured and vulnerable components"
        OWASP_2025_AUTHENTICATION = "K09" "Broken authentication"
    }
    "MITRE ATT&CK for Containers" {
        ATTACK_REMOTE_SERVICES = "T1133" "External Remote Services"
        ATTACK_PUBLIC_FACING = "T1190" "Exploit Public-Facing Application"
        ATTACK_DISCOVERY = "T1613" "Container and Resource Discovery"
        ATTACK_CREDENTIALS = "T1552.007" "Unsecured Credentials: Container API"
    }
    "MITRE ATT&CK" {
        ATTACK_HOST_INFORMATION = "T1592" "Gather Victim Host Information"
    }
}

//! Recognises the formats by the beginning of a file.

use super::format::ImportFormat;
use ImportFormat as F;

/// The format of a file that begins with this text; `None` if it shows none, as a list of targets does.
pub(in crate::targets) fn recognise(head: &[u8]) -> Option<ImportFormat> {
    let text = String::from_utf8_lossy(head);
    let text = text.trim_start();
    if is_json(text) {
        if text.contains("\"kubeknock/report/") {
            return None;
        }
        // An empty state has nothing else.
        let object = text.strip_prefix('{').map(str::trim_start);
        if object.is_some_and(|object| object.starts_with("\"format_version\"")) {
            return Some(F::Terraform);
        }
        let has = |key: &&str| text.contains(*key);
        let row = JSON
            .iter()
            .find(|(_, all, any)| all.iter().all(has) && any.iter().any(has));
        return row.map(|(format, ..)| *format);
    }
    let first = text.lines().next().unwrap_or_default().trim_end();
    let columns = || {
        first
            .split(',')
            .map(|column| column.trim().trim_matches('"'))
    };
    let has_columns = |names: &[&str]| {
        names
            .iter()
            .all(|name| columns().any(|column| column == *name))
    };
    if text.starts_with("<?xml")
        || text.starts_with("<!DOCTYPE nmaprun")
        || text.starts_with("<nmaprun")
    {
        Some(F::NmapXml)
    } else if first == "#masscan" {
        Some(F::MasscanList)
    } else if has_columns(&["saddr"]) {
        Some(F::Zmap)
    } else if has_columns(&["timestamp", "ip", "port", "tag"]) {
        Some(F::Shadowserver)
    } else if text.lines().any(is_target_group) {
        Some(F::FileSd)
    } else if is_kubeconfig(text) {
        Some(F::Kubeconfig)
    } else {
        None
    }
}

/// Whether a file begins with empty arrays and nothing else. That is what a cloud's command line prints for an account
/// without clusters, and it shows no format.
pub(in crate::targets) fn is_empty_array(head: &[u8]) -> bool {
    let mut marks = head.iter().filter(|byte| !byte.is_ascii_whitespace());
    let mut has_one = false;
    while let Some(mark) = marks.next() {
        if *mark != b'[' || marks.next() != Some(&b']') {
            return false;
        }
        has_one = true;
    }
    has_one
}

/// Whether a line begins a group of targets, or has their key below its first one; keys may be quoted, and a list may be
/// indented.
fn is_target_group(line: &str) -> bool {
    let inside = line.trim_start();
    let first = inside.strip_prefix("- ").map(str::trim_start);
    let is_below = inside.len() < line.len();
    let key = first.or(is_below.then_some(inside));
    key.is_some_and(|key| {
        ["targets", "\"targets\"", "'targets'"]
            .iter()
            .any(|name| is_key(key, name))
    })
}

/// A kubeconfig in YAML.
fn is_kubeconfig(text: &str) -> bool {
    let has_key = |key: &str| text.lines().any(|line| is_key(line, key));
    has_key("clusters")
        || has_key("current-context")
        || text.lines().any(|line| line.trim() == "kind: Config")
}

/// A format that is JSON, the keys and values that all of its files have near their beginning, and those of which
/// they have one. The first row that fits counts.
type Marks = (
    ImportFormat,
    &'static [&'static str],
    &'static [&'static str],
);

const JSON: [Marks; 10] = [
    (
        F::Terraform,
        &["\"terraform_version\""],
        &["\"format_version\"", "\"lineage\"", "\"serial\""],
    ),
    (
        F::Kubeconfig,
        &[],
        &[
            "\"current-context\"",
            "\"kind\":\"Config\"",
            "\"kind\": \"Config\"",
            "\"certificate-authority-data\"",
            "\"contexts\"",
        ],
    ),
    (
        F::Aks,
        &[],
        &[
            "\"Microsoft.ContainerService/",
            "\"aadProfile\"",
            "\"addonProfiles\"",
            "\"agentPoolProfiles\"",
            "\"apiServerAccessProfile\"",
            "\"azurePortalFqdn\"",
            "\"currentKubernetesVersion\"",
            "\"privateFqdn\"",
        ],
    ),
    (
        F::Gke,
        &[],
        &[
            "\"addonsConfig\"",
            "\"anonymousAuthenticationConfig\"",
            "\"controlPlaneEndpointsConfig\"",
            "\"currentMasterVersion\"",
            "\"masterAuth\"",
            "https://container.googleapis.com/",
        ],
    ),
    (
        F::Eks,
        &[],
        &[
            "\"resourcesVpcConfig\"",
            "\"platformVersion\"",
            "\"kubernetesNetworkConfig\"",
            ".eks.amazonaws.com",
        ],
    ),
    (F::FileSd, &["\"targets\""], &["["]),
    (F::Zmap, &["\"saddr\""], &["\""]),
    (
        F::HttpxJson,
        &["\"url\""],
        &[
            "\"input\"",
            "\"scheme\"",
            "\"webserver\"",
            "\"status_code\"",
        ],
    ),
    (F::MasscanJson, &["\"ip\""], &["\"ports\"", "\"proto\""]),
    (F::Naabu, &["\"port\""], &["\"ip\"", "\"host\""]),
];

/// An object or an array; not an IPv6 address in brackets.
pub(in crate::targets) fn is_json(text: &str) -> bool {
    match text.strip_prefix('[') {
        Some(rest) => {
            let empty = rest
                .strip_prefix(']')
                .is_some_and(|after| after.trim().is_empty());
            empty
                || rest.is_empty()
                || rest.starts_with(|c: char| c.is_whitespace() || matches!(c, '{' | '[' | '"'))
        }
        None => text.starts_with('{'),
    }
}

/// Whether a line is this key of YAML; `kind:6443` is a host and its port.
pub(in crate::targets) fn is_key(line: &str, key: &str) -> bool {
    let value = line
        .strip_prefix(key)
        .and_then(|rest| rest.strip_prefix(':'));
    value.is_some_and(|value| value.is_empty() || value.starts_with(char::is_whitespace))
}

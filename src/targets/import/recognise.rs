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
        let object = text
            .strip_prefix('{')
            .map(str::trim_start)
            .unwrap_or_default();
        if object.starts_with("\"format_version\"") || is_state(object) {
            return Some(F::Terraform);
        }
        let row = JSON.iter().find(|row| has_marks(text, row));
        let of_wrapper = || match empty_wrapper(text)? {
            "value" => Some(F::Aks),
            // Google's, too, and nothing in it tells which.
            _ => Some(F::Eks),
        };
        return row.map(|(format, ..)| *format).or_else(of_wrapper);
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

/// What a file is that is read as this inventory, if it shows that it is another one.
pub(super) fn mistaken(format: ImportFormat, head: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(head);
    let text = text.trim_start();
    let has_own = || match format {
        F::Kubeconfig if is_kubeconfig(text) => true,
        // Keys may be in any order, and names of services are in the attributes.
        F::Terraform => text.contains("\"resources\"") || text.contains("\"planned_values\""),
        _ => JSON
            .iter()
            .any(|row| row.0 == format && has_marks(text, row)),
    };
    let of_any_service = empty_wrapper(text) == Some("clusters");
    match recognise(head)? {
        F::Eks if of_any_service => (format == F::Aks || format == F::Terraform)
            .then(|| "an empty list of GKE or EKS clusters".to_owned()),
        other if other == format || has_own() => None,
        other => Some(format!("{}, to be read with --from {other}", other.what())),
    }
}

/// Whether the inside of an object begins as a state file of Terraform does.
fn is_state(object: &str) -> bool {
    let version = object.strip_prefix("\"version\"").map(str::trim_start);
    let number = version
        .and_then(|rest| rest.strip_prefix(':'))
        .map(str::trim_start);
    let after = number.and_then(|rest| rest.strip_prefix('4'));
    after.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit() || c == '.'))
}

/// The only key of an object with an empty array in it, as services wrap a list of no clusters: `value`, `clusters`.
fn empty_wrapper(text: &str) -> Option<&'static str> {
    let marks: String = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .take(64)
        .collect();
    ["value", "clusters"].into_iter().find(|key| {
        let rest = marks.strip_prefix(&format!("{{\"{key}\":[]"));
        rest.is_some_and(|rest| rest.starts_with(['}', ',']))
    })
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

fn has_marks(text: &str, (_, all, any): &Marks) -> bool {
    let has = |key: &&str| text.contains(*key);
    all.iter().all(has) && any.iter().any(has)
}

const JSON: [Marks; 10] = [
    (
        F::Terraform,
        &["\"terraform_version\""],
        &[
            "\"format_version\"",
            "\"lineage\"",
            "\"serial\"",
            "\"version\": 4",
            "\"version\":4",
        ],
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
            "\"missingZones\"",
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

//! The object that `/version` returns.

use serde_json::{Map, Value};

use super::json::text;

/// The fields of `/version` (`version.Info` of k8s.io/apimachinery), as text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VersionInfo {
    /// `v1.34.1`, with a vendor's suffix.
    pub git_version: String,
    /// `1`.
    pub major: Option<String>,
    /// `34`, with a `+` on vendors' builds.
    pub minor: Option<String>,
    /// The minor release that the server emulates (KEP-4330): `1.34`.
    pub emulation: Option<String>,
    /// The oldest minor release that it is compatible with (KEP-4330).
    pub minimum_compatibility: Option<String>,
    /// The commit it was built from.
    pub git_commit: Option<String>,
    /// `clean` or `dirty`.
    pub git_tree_state: Option<String>,
    /// When it was built.
    pub build_date: Option<String>,
    /// The Go release it was built with.
    pub go_version: Option<String>,
    /// The compiler.
    pub compiler: Option<String>,
    /// `linux/amd64`.
    pub platform: Option<String>,
}

impl VersionInfo {
    /// `None` without the fields that every release has.
    pub(super) fn read(object: &Map<String, Value>) -> Option<Self> {
        let pair =
            |major, minor| Some(format!("{}.{}", text(object, major)?, text(object, minor)?));
        Some(Self {
            git_version: text(object, "gitVersion")?,
            major: Some(text(object, "major")?),
            minor: Some(text(object, "minor")?),
            emulation: pair("emulationMajor", "emulationMinor"),
            minimum_compatibility: pair("minCompatibilityMajor", "minCompatibilityMinor"),
            git_commit: text(object, "gitCommit"),
            git_tree_state: text(object, "gitTreeState"),
            build_date: text(object, "buildDate"),
            go_version: text(object, "goVersion"),
            compiler: text(object, "compiler"),
            platform: text(object, "platform"),
        })
    }
}

//! The object that `/version` returns.

use serde::{Deserialize, Serialize};
use serde_json_borrow::ObjectAsVec;

use super::json::{owned, text};
use crate::escape::{TEXT, clip_owned};

/// The fields of `/version` (`version.Info` of k8s.io/apimachinery), each of at most 1,024 characters.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct VersionInfo {
    /// `v1.34.1`, with a vendor's suffix.
    #[serde(skip)]
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
    pub(super) fn read(object: &ObjectAsVec<'_>) -> Option<Self> {
        let pair =
            |major, minor| Some(format!("{}.{}", text(object, major)?, text(object, minor)?));
        let text = |key| owned(object, key);
        let info = Self {
            git_version: text("gitVersion")?,
            major: Some(text("major")?),
            minor: Some(text("minor")?),
            emulation: pair("emulationMajor", "emulationMinor"),
            minimum_compatibility: pair("minCompatibilityMajor", "minCompatibilityMinor"),
            git_commit: text("gitCommit"),
            git_tree_state: text("gitTreeState"),
            build_date: text("buildDate"),
            go_version: text("goVersion"),
            compiler: text("compiler"),
            platform: text("platform"),
        };
        Some(info.clipped())
    }

    /// The same fields, each cut to the length that records keep.
    pub(crate) fn clipped(mut self) -> Self {
        let fields = [
            &mut self.major,
            &mut self.minor,
            &mut self.emulation,
            &mut self.minimum_compatibility,
            &mut self.git_commit,
            &mut self.git_tree_state,
            &mut self.build_date,
            &mut self.go_version,
            &mut self.compiler,
            &mut self.platform,
        ];
        let present = fields.into_iter().flatten();
        for text in present.chain([&mut self.git_version]) {
            *text = clip_owned(std::mem::take(text), TEXT);
        }
        self
    }
}

//! What the body of an answer says.

use strum::{EnumIter, IntoEnumIterator, IntoStaticStr};

use super::path::PathClass;
use super::product_body::ProductBody;
use super::status::Status;
use super::version::VersionInfo;

/// The meaning of a body. `strum` derives the word in reports from the name of a variant.
#[derive(Debug, Clone, PartialEq, Eq, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Answer {
    /// A Kubernetes `Status` of a failure.
    Status(Status),
    /// The object of `/version`.
    Version(Box<VersionInfo>),
    /// Text of no known format: its beginning; empty in an answer from a saved report.
    Text(String),
    /// `/api`: `APIVersions`.
    ApiVersions,
    /// `/apis`: `APIGroupList`.
    ApiGroups,
    /// The root list `{"paths":[…]}` that an API server returns for `/` and unknown paths.
    RootPaths,
    /// `/apis/GROUP`: `APIGroup`.
    ApiGroup,
    /// `/api/v1`, `/apis/GROUP/VERSION`: `APIResourceList`.
    ApiResources,
    /// A list of resources. Only its kind is kept.
    ResourceList {
        /// `SecretList`; empty in an answer from a saved report.
        kind: String,
    },
    /// An `OpenAPI` document.
    #[strum(serialize = "openapi")]
    OpenApi {
        /// Whether its title is that of Kubernetes.
        of_kubernetes: bool,
    },
    /// etcd's `/version`.
    Etcd,
    /// A kubelet's refusal of `system:anonymous`: its authorization said no, or could not decide.
    KubeletDeniesAnonymous,
    /// The same refusal of another user.
    KubeletDeniesUser,
    /// Other JSON.
    OtherJson,
    /// Text in the Prometheus exposition format.
    Metrics {
        /// Whether only API servers have a metric with the first name.
        of_api_server: bool,
    },
    /// `/flagz`, `/statusz` or the index of `/debug/pprof/`.
    Diagnostics,
    /// An API server's health text, `ok` or a list of checks that all passed.
    HealthOk,
    /// An API server's list of health checks, of which at least one failed.
    HealthFailing,
    /// A TLS port's answer to plain HTTP.
    WantsTls,
    /// HTML.
    Html,
    /// Bytes that are not UTF-8 text.
    Binary,
    /// No body.
    Empty,
    /// A body longer than the limit, which is not parsed.
    Cut,
    /// A body in a product's own format, which has its own word.
    #[strum(disabled)]
    Product(&'static ProductBody),
}

impl Answer {
    /// The word in reports.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Product(body) => body.word,
            answer => answer.into(),
        }
    }

    /// The answer with this word in a report. `status` and `version` return the fields that the report has.
    pub fn from_word(
        word: &str,
        status: impl FnOnce() -> Status,
        version: impl FnOnce() -> Box<VersionInfo>,
    ) -> Option<Self> {
        let answer = Self::iter().find(|answer| answer.as_str() == word);
        match answer.or_else(|| ProductBody::by_word(word).map(Self::Product))? {
            Self::Status(_) => Some(Self::Status(status())),
            Self::Version(_) => Some(Self::Version(version())),
            answer => Some(answer),
        }
    }

    /// Every word in reports.
    pub fn words() -> impl Iterator<Item = &'static str> {
        Self::iter()
            .map(|answer| answer.as_str())
            .chain(ProductBody::words())
    }

    /// The text of a refusal: the message of a `Status`, or the plain text of API servers before 1.7
    /// (`User "system:anonymous" cannot …`).
    pub fn refusal(&self) -> Option<&str> {
        match self {
            Self::Status(status) => Some(&status.message),
            Self::Text(text) if text.starts_with("User \"") && text.contains("\" cannot ") => {
                Some(text)
            }
            _ => None,
        }
    }

    /// Whether only programs with the Kubernetes API return this body. Other programs return health text and metrics
    /// too.
    pub const fn is_kubernetes(&self) -> bool {
        matches!(
            self,
            Self::Status(_)
                | Self::Version(_)
                | Self::ApiVersions
                | Self::ApiGroups
                | Self::ApiGroup
                | Self::ApiResources
                | Self::RootPaths
                | Self::ResourceList { .. }
        )
    }

    /// Whether an API server returns this body at this path, which has no query. For telemetry and a product's own
    /// paths, only the class is compared.
    pub fn fits(&self, class: PathClass, path: &str) -> bool {
        let path = path.trim_matches('/');
        match (class, self) {
            (PathClass::Health, Self::HealthOk | Self::HealthFailing)
            | (PathClass::Version, Self::Version(_))
            | (PathClass::OpenApi, Self::OpenApi { .. })
            | (PathClass::Metrics, Self::Metrics { .. })
            | (PathClass::Diagnostics, Self::Diagnostics)
            | (PathClass::Product, Self::Product(ProductBody { refusal: false, .. })) => true,
            (PathClass::Discovery, document) => {
                let (first, depth) = (path.split('/').next(), path.split('/').count());
                match (first.unwrap_or_default(), depth) {
                    ("", 1) => *document == Self::RootPaths,
                    ("api", 1) => *document == Self::ApiVersions,
                    ("apis", 1) => *document == Self::ApiGroups,
                    ("apis", 2) => *document == Self::ApiGroup,
                    ("api", 2) | ("apis", 3) => *document == Self::ApiResources,
                    _ => false,
                }
            }
            (PathClass::ResourceList { .. }, Self::ResourceList { kind }) => path
                .rsplit('/')
                .next()
                .is_some_and(|resource| is_list_of(kind, resource)),
            _ => false,
        }
    }

    /// The `Status`, if it is one.
    pub const fn status(&self) -> Option<&Status> {
        match self {
            Self::Status(status) => Some(status),
            _ => None,
        }
    }
}

/// Whether a list of this kind holds this resource: `SecretList` and `secrets`, `NetworkPolicyList` and
/// `networkpolicies`. A custom resource with an irregular plural never matches.
fn is_list_of(kind: &str, resource: &str) -> bool {
    let Some(singular) = kind.strip_suffix("List").map(str::to_ascii_lowercase) else {
        return false;
    };
    let ends_in_y = singular.strip_suffix('y');
    resource == singular
        || resource
            .strip_prefix(&*singular)
            .is_some_and(|ending| matches!(ending, "s" | "es"))
        || ends_in_y.is_some_and(|stem| resource.strip_prefix(stem) == Some("ies"))
}

//! What the body of an answer says.

use super::path::PathClass;
use super::product_body::ProductBody;
use super::status::Status;
use super::version::VersionInfo;

/// The meaning of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A Kubernetes `Status` of a failure.
    Status(Status),
    /// The object of `/version`.
    Version(Box<VersionInfo>),
    /// `/api`: `APIVersions`.
    ApiVersions,
    /// `/apis`: `APIGroupList`.
    ApiGroups,
    /// `/apis/GROUP`: `APIGroup`.
    ApiGroup,
    /// `/api/v1`, `/apis/GROUP/VERSION`: `APIResourceList`.
    ApiResources,
    /// The root list `{"paths":[…]}` that an API server gives for `/` and unknown paths.
    RootPaths,
    /// A list of resources. Only its kind is kept.
    ResourceList {
        /// `SecretList`; empty in an answer from a saved report.
        kind: String,
    },
    /// An `OpenAPI` document.
    OpenApi {
        /// Whether its title is that of Kubernetes.
        of_kubernetes: bool,
    },
    /// A body in a product's own format.
    Product(&'static ProductBody),
    /// etcd's `/version`.
    Etcd,
    /// A kubelet's refusal of an authenticated user: its authorization said no, or could not decide.
    KubeletDenial {
        /// Whether that user is `system:anonymous`.
        anonymous: bool,
    },
    /// Other JSON.
    OtherJson,
    /// Text in the Prometheus exposition format.
    Metrics {
        /// Whether only API servers have a metric with the first name.
        of_api_server: bool,
    },
    /// `/flagz`, `/statusz` or the index of `/debug/pprof/`.
    Diagnostics,
    /// An API server's health text: `ok`, or its list of `[+]`/`[-]` checks.
    Health {
        /// Whether every check passed.
        ok: bool,
    },
    /// A TLS port's answer to plain HTTP.
    WantsTls,
    /// HTML.
    Html,
    /// Other text, its beginning.
    Text(String),
    /// Not text.
    Binary,
    /// No body.
    Empty,
    /// Longer than the limit, so not parsed.
    Cut,
}

/// The answers of which a report keeps the word alone.
static PLAIN: [Answer; 20] = [
    Answer::ApiVersions,
    Answer::ApiGroups,
    Answer::RootPaths,
    Answer::ApiGroup,
    Answer::ApiResources,
    Answer::ResourceList {
        kind: String::new(),
    },
    Answer::OpenApi {
        of_kubernetes: false,
    },
    Answer::Etcd,
    Answer::KubeletDenial { anonymous: true },
    Answer::KubeletDenial { anonymous: false },
    Answer::OtherJson,
    Answer::Metrics {
        of_api_server: false,
    },
    Answer::Diagnostics,
    Answer::Health { ok: true },
    Answer::Health { ok: false },
    Answer::WantsTls,
    Answer::Html,
    Answer::Binary,
    Answer::Empty,
    Answer::Cut,
];

impl Answer {
    /// The word in reports.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Status(_) => "status",
            Self::Version(_) => "version",
            Self::Text(_) => "text",
            Self::Product(body) => body.word,
            Self::ApiVersions => "api-versions",
            Self::ApiGroups => "api-groups",
            Self::RootPaths => "root-paths",
            Self::ApiGroup => "api-group",
            Self::ApiResources => "api-resources",
            Self::ResourceList { .. } => "resource-list",
            Self::OpenApi { .. } => "openapi",
            Self::Etcd => "etcd",
            Self::KubeletDenial { anonymous: true } => "kubelet-denies-anonymous",
            Self::KubeletDenial { anonymous: false } => "kubelet-denies-user",
            Self::OtherJson => "other-json",
            Self::Metrics { .. } => "metrics",
            Self::Diagnostics => "diagnostics",
            Self::Health { ok: true } => "health-ok",
            Self::Health { ok: false } => "health-failing",
            Self::WantsTls => "wants-tls",
            Self::Html => "html",
            Self::Binary => "binary",
            Self::Empty => "empty",
            Self::Cut => "cut",
        }
    }

    /// The answer that a report has as this word and these fields. Text is not in reports.
    pub fn from_word(
        word: &str,
        status: impl FnOnce() -> Status,
        version: impl FnOnce() -> Box<VersionInfo>,
    ) -> Option<Self> {
        match word {
            "status" => Some(Self::Status(status())),
            "version" => Some(Self::Version(version())),
            "text" => Some(Self::Text(String::new())),
            word => {
                let plain = PLAIN.iter().find(|plain| plain.as_str() == word);
                plain
                    .cloned()
                    .or_else(|| ProductBody::by_word(word).map(Self::Product))
            }
        }
    }

    /// Every word in reports.
    pub fn words() -> impl Iterator<Item = &'static str> {
        let plain = PLAIN.iter().map(Self::as_str);
        ["status", "version", "text"]
            .into_iter()
            .chain(plain)
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

    /// Whether only a program that speaks the Kubernetes API gives this body. Other programs give health text and
    /// metrics too.
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

    /// Whether an API server gives this body at this path, which has no query. Of telemetry and of paths that a
    /// product opens, only the class is compared.
    pub fn fits(&self, class: PathClass, path: &str) -> bool {
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        match (class, self) {
            (PathClass::Health, Self::Health { .. })
            | (PathClass::Version, Self::Version(_))
            | (PathClass::OpenApi, Self::OpenApi { .. })
            | (PathClass::Metrics, Self::Metrics { .. })
            | (PathClass::Diagnostics, Self::Diagnostics)
            | (PathClass::Product, Self::Product(ProductBody { refusal: false, .. })) => true,
            (PathClass::Discovery, document) => match segments.as_slice() {
                [""] => *document == Self::RootPaths,
                ["api"] => *document == Self::ApiVersions,
                ["apis"] => *document == Self::ApiGroups,
                ["apis", _] => *document == Self::ApiGroup,
                ["api", _] | ["apis", _, _] => *document == Self::ApiResources,
                _ => false,
            },
            (PathClass::ResourceList { .. }, Self::ResourceList { kind }) => segments
                .last()
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
/// `networkpolicies`. A custom resource with an irregular plural fits nothing.
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

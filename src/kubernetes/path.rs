//! The paths of an API server, and those that kubeknock refuses to request.
//!
//! It never requests objects and sub-resources: a GET would return data, and a HEAD on a `proxy` or `exec`
//! sub-resource would reach a node or pod.

/// What kind of path it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PathClass {
    /// `/version`.
    Version,
    /// `/healthz`, `/livez`, `/readyz` and what is below them.
    Health,
    /// `/api`, `/apis` and their groups and versions, and the root list `/`.
    Discovery,
    /// `/openapi/…`, `/swagger…`.
    OpenApi,
    /// `/metrics` and what is below it.
    Metrics,
    /// `/flagz`, `/statusz` and `/debug/pprof/`: the server's flags and state.
    Diagnostics,
    /// A list of resources: `/api/v1/secrets`, `/apis/apps/v1/deployments`, within a namespace or not.
    ResourceList {
        /// Whether its content is worth more to an attacker than an inventory: secrets, config maps, roles.
        sensitive: bool,
    },
    /// A path that a product opens by design. It never changes the verdict.
    Product,
    /// Any other non-resource path.
    Other,
}

/// Lists whose content is worth more to an attacker than an inventory.
const SENSITIVE: [&str; 8] = [
    "secrets",
    "configmaps",
    "serviceaccounts",
    "roles",
    "rolebindings",
    "clusterroles",
    "clusterrolebindings",
    "certificatesigningrequests",
];

/// Paths that products or RBAC examples open on purpose: k3s and RKE2 (`/ping`, `/cacerts`),
/// `OpenShift`'s OAuth metadata, the service-account issuer's discovery document and keys.
const PRODUCT: [&str; 5] = [
    "/ping",
    "/cacerts",
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
    "/openid/v1/jwks",
];

/// Characters that a server could read as another path, or that a URL may not contain (RFC 3986, appendix A).
const NOT_PLAIN: [char; 11] = ['%', '#', '\\', '"', '<', '>', '^', '`', '{', '|', '}'];

impl PathClass {
    /// Whether it is a list of resources.
    pub const fn is_list(self) -> bool {
        matches!(self, Self::ResourceList { .. })
    }

    /// Whether a default cluster opens it: version and health.
    pub const fn is_public(self) -> bool {
        matches!(self, Self::Version | Self::Health)
    }

    /// Whether its documents are long, so that only their first bytes are read.
    pub const fn is_telemetry(self) -> bool {
        matches!(self, Self::OpenApi | Self::Metrics | Self::Diagnostics)
    }

    /// The class of a path, with or without a query.
    ///
    /// # Errors
    /// [`PathError`] for paths that kubeknock refuses to request: single objects, sub-resources, the deprecated `watch`
    /// and `proxy` forms, and spellings that a server could read as another path.
    pub fn of(path: &str) -> Result<Self, PathError> {
        let bare = path.split_once('?').map_or(path, |(bare, _)| bare);
        if !bare.starts_with('/') {
            return Err(PathError::NoSlash);
        }
        if let Some(odd) = path
            .chars()
            .find(|c| !c.is_ascii_graphic() || NOT_PLAIN.contains(c))
        {
            return Err(PathError::Character(odd));
        }
        let trimmed = bare.trim_end_matches('/');
        let segments: Vec<&str> = trimmed.split('/').skip(1).collect();
        if segments
            .iter()
            .any(|segment| matches!(*segment, "" | "." | ".."))
        {
            return Err(PathError::Segments);
        }
        if PRODUCT.contains(&bare) {
            return Ok(Self::Product);
        }
        match segments.as_slice() {
            [] | ["api" | "apis"] | ["api" | "apis", _] | ["apis", _, _] => Ok(Self::Discovery),
            ["api", _, rest @ ..] | ["apis", _, _, rest @ ..] => resource(rest),
            ["version"] => Ok(Self::Version),
            ["healthz" | "livez" | "readyz", ..] => Ok(Self::Health),
            ["metrics", ..] => Ok(Self::Metrics),
            ["flagz" | "statusz"] | ["debug", "pprof"] => Ok(Self::Diagnostics),
            ["debug", "pprof", ..] => Err(PathError::Profile),
            [first, ..] if *first == "openapi" || first.starts_with("swagger") => Ok(Self::OpenApi),
            _ => Ok(Self::Other),
        }
    }
}

/// The class of what follows the group and version.
fn resource(rest: &[&str]) -> Result<PathClass, PathError> {
    let list = match rest {
        ["watch" | "proxy", ..] => return Err(PathError::SubResource),
        [list] | ["namespaces", _, list] => *list,
        [_, _] | ["namespaces", _, _, _] => return Err(PathError::Object),
        _ => return Err(PathError::SubResource),
    };
    // A sub-resource of a namespace has the form of a namespaced list.
    if matches!(rest, ["namespaces", _, "status" | "finalize"]) {
        return Err(PathError::SubResource);
    }
    Ok(PathClass::ResourceList {
        sensitive: SENSITIVE.contains(&list),
    })
}

/// Why kubeknock refuses to request a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It does not begin with a slash.
    #[error("a path begins with '/'")]
    NoSlash,
    /// A character that a server could read as another path.
    #[error("the character {0:?} may not stand in a path; write it plainly, without escapes")]
    Character(char),
    /// Empty, `.` or `..` segments.
    #[error("a path has no empty, '.' or '..' segments")]
    Segments,
    /// A single object.
    #[error(
        "this path names one object; kubeknock asks for lists only (/api/v1/secrets, /api/v1/namespaces/kube-system/pods)"
    )]
    Object,
    /// A sub-resource.
    #[error(
        "this path names a sub-resource: a request may execute something; kubeknock asks for lists only"
    )]
    SubResource,
    /// A profile of the server.
    #[error(
        "this path makes the server record a profile of itself; kubeknock asks for the index /debug/pprof/ only"
    )]
    Profile,
}

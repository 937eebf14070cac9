//! The user and the request that a 403 refuses. Its words are those of kube-apiserver's `responsewriters.Forbidden` and
//! `forbiddenMessage`.

use super::path::PathClass;

/// Which user and request a refusal names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// `system:anonymous`, and the request that was made.
    Anonymous,
    /// `system:anonymous`, and another request.
    OtherRequest,
    /// Another user: a proxy in between authenticates as that user.
    OtherUser,
    /// No user: the message is not worded like an API server's.
    OwnWords,
}

const USER: &str = "User \"";
const ANONYMOUS: &str = "system:anonymous\" cannot ";

impl Refusal {
    /// Compares a message with the request that was made. The path has no query and no prefix of an endpoint behind a
    /// front end, because the API server does not see that prefix.
    pub(crate) fn of(message: &str, class: PathClass, path: &str) -> Self {
        let Some((_, rest)) = message.split_once(USER) else {
            return Self::OwnWords;
        };
        let Some(refused) = rest.strip_prefix(ANONYMOUS) else {
            return Self::OtherUser;
        };
        let is_of_this_request = match class {
            PathClass::ResourceList { .. } => refuses_list(refused, path),
            _ => refuses_path(refused, path),
        };
        if is_of_this_request {
            Self::Anonymous
        } else {
            Self::OtherRequest
        }
    }
}

/// `get path "/api"`. The server escapes `&` as for HTML.
fn refuses_path(refused: &str, path: &str) -> bool {
    let named = refused
        .strip_prefix("get path \"")
        .and_then(|rest| rest.split_once('"'));
    named.is_some_and(|(named, _)| {
        named == path || path.contains('&') && named == path.replace('&', "&amp;")
    })
}

/// `list resource "secrets" in API group "" at the cluster scope`, or, below 1.9,
/// `list secrets at the cluster scope` and `list deployments.apps in the namespace "x"`.
fn refuses_list(refused: &str, path: &str) -> bool {
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    let (group, rest) = match segments.as_slice() {
        ["api", _, rest @ ..] => ("", rest),
        ["apis", group, _, rest @ ..] => (*group, rest),
        _ => return false,
    };
    let (resource, scope) = match rest {
        [resource] => (*resource, "at the cluster scope".to_owned()),
        ["namespaces", namespace, resource] => {
            (*resource, format!("in the namespace \"{namespace}\""))
        }
        _ => return false,
    };
    let qualified = if group.is_empty() {
        resource.to_owned()
    } else {
        format!("{resource}.{group}")
    };
    [
        format!("list resource \"{resource}\" in API group \"{group}\" {scope}"),
        format!("list {qualified} {scope}"),
    ]
    .iter()
    .any(|words| refused.starts_with(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(message: &str, path: &str) -> Refusal {
        Refusal::of(message, PathClass::of(path).unwrap(), path)
    }

    #[test]
    fn a_refusal_names_the_requested_path() {
        let message =
            "forbidden: User \"system:anonymous\" cannot get path \"/api\": RBAC: not found";
        assert_eq!(refusal(message, "/api"), Refusal::Anonymous);
        assert_eq!(refusal(message, "/apis"), Refusal::OtherRequest);
        assert_eq!(refusal(message, "/api/v1/secrets"), Refusal::OtherRequest);
        let old = "User \"system:anonymous\" cannot get path \"/api\".: \"No policy matched.\"";
        assert_eq!(refusal(old, "/api"), Refusal::Anonymous);
        let escaped = "forbidden: User \"system:anonymous\" cannot get path \"/a&amp;b\"";
        assert_eq!(refusal(escaped, "/a&b"), Refusal::Anonymous);
        let verb = "forbidden: User \"system:anonymous\" cannot post path \"/api\"";
        assert_eq!(refusal(verb, "/api"), Refusal::OtherRequest);
    }

    #[test]
    fn a_refusal_names_verb_resource_group_and_scope() {
        let secrets = "secrets is forbidden: User \"system:anonymous\" cannot list resource \"secrets\" in API \
                       group \"\" at the cluster scope";
        assert_eq!(refusal(secrets, "/api/v1/secrets"), Refusal::Anonymous);
        assert_eq!(refusal(secrets, "/api/v1/pods"), Refusal::OtherRequest);
        assert_eq!(
            refusal(secrets, "/api/v1/namespaces/a/secrets"),
            Refusal::OtherRequest
        );
        let apps = "deployments.apps is forbidden: User \"system:anonymous\" cannot list resource \"deployments\" \
                    in API group \"apps\" in the namespace \"a\"";
        assert_eq!(
            refusal(apps, "/apis/apps/v1/namespaces/a/deployments"),
            Refusal::Anonymous
        );
        assert_eq!(
            refusal(apps, "/apis/extensions/v1beta1/namespaces/a/deployments"),
            Refusal::OtherRequest
        );
        let old = "User \"system:anonymous\" cannot list deployments.apps at the cluster scope.";
        assert_eq!(
            refusal(old, "/apis/apps/v1/deployments"),
            Refusal::Anonymous
        );
        // The controller manager has no resources: it refuses the path.
        let path = "forbidden: User \"system:anonymous\" cannot get path \"/api/v1/secrets\"";
        assert_eq!(refusal(path, "/api/v1/secrets"), Refusal::OtherRequest);
    }

    #[test]
    fn a_refusal_of_another_user_differs_from_one_without_a_user() {
        let node = "forbidden: User \"system:node-proxy\" cannot get path \"/api\"";
        assert_eq!(refusal(node, "/api"), Refusal::OtherUser);
        let near = "forbidden: User \"system:anonymous:x\" cannot get path \"/api\"";
        assert_eq!(refusal(near, "/api"), Refusal::OtherUser);
        assert_eq!(
            refusal("cannot retrieve user and group", "/api"),
            Refusal::OwnWords
        );
    }
}

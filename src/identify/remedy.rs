//! How to close what is open, with the product's own switch where it has one.

use crate::model::{Identification, Minor, Remedy, Text, Verdict};

use super::posture::Answered;
use super::products::{Entry, TABLE};

/// The page on anonymous requests of the Kubernetes documentation.
const ANONYMOUS: &str =
    "https://kubernetes.io/docs/reference/access-authn-authz/authentication/#anonymous-requests";
/// The first minor release that takes path conditions without a feature gate (KEP-4633, beta).
const CONDITIONS: Minor = Minor { major: 1, minor: 32 };
/// What takes a grant away, whoever runs the cluster.
const BINDING: &str = "Remove the role bindings and cluster role bindings whose subjects name the user \
     system:anonymous or the group system:unauthenticated, beside system:public-info-viewer";
/// What limits anonymous requests to health checks.
const LIMIT: &str = "Limit anonymous requests to the health paths with AuthenticationConfiguration \
     (anonymous: enabled: true, conditions: /livez, /readyz, /healthz), which kubelet probes and joins need; \
     --anonymous-auth=false only where nothing needs them";
/// What is left before path conditions.
const BEFORE_CONDITIONS: &str = "This release has no path conditions (they came with 1.32): set \
     --anonymous-auth=false only where neither kubelet probes of the API server nor token-based joins \
     need anonymous requests, and upgrade";

/// The remedy for what an endpoint leaves open.
pub(super) fn remedy(
    entry: Option<&'static Entry>,
    identification: &Identification,
    answered: Answered<'_>,
) -> Option<Remedy> {
    let open = match answered.verdict {
        Verdict::Exposed => Some(true),
        Verdict::Forbidden => Some(false),
        // The one product whose refusal may be the weakest setting of all.
        Verdict::Rejected if entry.is_some_and(|entry| entry.product.id == "microk8s") => Some(false),
        _ => None,
    }?;
    // A switch of its own, else that of what it is built on.
    let own = entry.and_then(|entry| {
        let roots = entry.built_on.iter().map(|root| &TABLE.entries[*root]);
        std::iter::once(entry).chain(roots).find_map(|entry| entry.change.as_deref())
    });
    let setting = match own {
        Some(own) => own.trim_end_matches('.').to_owned(),
        None if entry.is_some_and(|entry| entry.product.managed) => {
            "No setting of this service is known that limits anonymous requests: restrict who can reach \
             the endpoint, and ask the provider"
                .to_owned()
        }
        None => general(identification),
    };
    let text = if open { format!("{BINDING}. {setting}.") } else { format!("{setting}.") };
    Some(Remedy {
        text,
        url: Some(Text::Borrowed(entry.and_then(|entry| entry.url.as_deref()).unwrap_or(ANONYMOUS))),
        changeable: entry.and_then(|entry| entry.changeable),
        network_url: entry.and_then(|entry| entry.network_url.as_deref()).map(Text::Borrowed),
    })
}

/// Of a cluster whose product is not known or has no switch of its own.
fn general(identification: &Identification) -> String {
    let minor = identification.version.as_deref().and_then(Minor::of_git_version);
    let what = if minor.is_some_and(|minor| minor < CONDITIONS) { BEFORE_CONDITIONS } else { LIMIT };
    what.to_owned()
}

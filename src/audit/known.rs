//! The audit policies that products are known to use.

use std::sync::LazyLock;

use super::policy::Policy;

/// The policy of a product.
pub struct KnownPolicy {
    /// Ids of the products.
    products: &'static [&'static str],
    /// Whose policy it is, for people.
    pub name: &'static str,
    /// The policy, as far as it is about requests that read and have no credentials.
    pub policy: LazyLock<Policy>,
}

impl std::fmt::Debug for KnownPolicy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// Panics on an error in the file, which is part of this program; a test reads it.
fn parsed(text: &str) -> Policy {
    Policy::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

static KNOWN: [KnownPolicy; 2] = [
    KnownPolicy {
        products: &["eks", "gke", "gke-dns-endpoint"],
        name: "the reference policy of GCE, which EKS and GKE build on",
        policy: LazyLock::new(|| parsed(include_str!("policies/gce.yaml"))),
    },
    KnownPolicy {
        products: &["openshift", "rosa-classic", "aro", "hypershift", "roks"],
        name: "OpenShift's own policy, which every profile has",
        policy: LazyLock::new(|| parsed(include_str!("policies/openshift.yaml"))),
    },
];

/// The policy of a product, by its id; `None` if it is not known.
pub fn known_policy(product: &str) -> Option<&'static KnownPolicy> {
    KNOWN.iter().find(|known| known.products.contains(&product))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::policy::Caller;
    use crate::kubernetes::Attributes;

    #[test]
    fn known_policies_lose_what_the_real_ones_lose() {
        for (product, anonymous, refused) in [("eks", "--+++", "--+++"), ("aro", "---++", "+++++")]
        {
            let known = known_policy(product).unwrap();
            let signs = |caller| {
                let paths = [
                    "/version",
                    "/healthz",
                    "/api",
                    "/kubeknock-audit-1",
                    "/api/v1/secrets",
                ];
                paths
                    .map(|path| {
                        known
                            .policy
                            .decide(&Attributes::of("GET", path), caller)
                            .is_logged()
                    })
                    .map(|is_logged| if is_logged { '+' } else { '-' })
                    .iter()
                    .collect::<String>()
            };
            assert_eq!(signs(Caller::Anonymous), anonymous, "{product}");
            assert_eq!(signs(Caller::Unauthenticated), refused, "{product}");
        }
        assert!(known_policy("k3s").is_none());
    }

    #[test]
    fn every_product_of_a_known_policy_is_in_the_table_of_products() {
        let ids: Vec<&str> = (crate::products::TABLE.entries.iter())
            .map(|entry| &*entry.id)
            .collect();
        for product in KNOWN.iter().flat_map(|known| known.products) {
            assert!(ids.contains(product), "{product}");
        }
    }
}

//! The advice of a rule in the way of the product that was identified.

use super::draft::of_guide;
use super::texts::{TEXTS, for_rule};
use crate::model::{Confidence, Identification, Remediation};
use crate::products::{self, Entry, Guide};

/// How to get a maintained release of Kubernetes here, as the advice of this rule.
pub(crate) fn for_upgrade(rule: &str, identification: &Identification) -> Remediation {
    let managed = &TEXTS.guides.managed_upgrade;
    of_product(identification, |entry| entry.upgrade.as_ref(), managed)
        .unwrap_or_else(|| for_rule(rule))
}

/// How to renew the serving certificate here, as the advice of this rule. A front end presents its own certificate.
pub(crate) fn for_renewal(rule: &str, identification: &Identification) -> Remediation {
    let managed = &TEXTS.guides.managed_renewal;
    let is_own = !identification.through_front;
    is_own
        .then(|| of_product(identification, |entry| entry.renew.as_ref(), managed))
        .flatten()
        .unwrap_or_else(|| for_rule(rule))
}

/// The product's own way, or what holds for every managed service. `None` where the product is not known well enough:
/// the command of another product would do harm.
fn of_product(
    identification: &Identification,
    own: impl Fn(&'static Entry) -> Option<&'static Guide>,
    managed: &'static Guide,
) -> Option<Remediation> {
    let is_known = identification.attribution.confidence > Some(Confidence::Low);
    let product = identification.product().filter(|_| is_known)?;
    let entry = products::entry(product)?;
    let guide = own(entry).or(entry.managed.then_some(managed));
    guide.map(of_guide)
}

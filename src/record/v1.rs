//! Turns records of earlier versions into those of today.
//!
//! Keys that an earlier version lacks have a default in the types of the record. Where the default depends on
//! other keys, it is set here.

use super::endpoint::Endpoint;
use super::tls::{SignatureWord, Tls};
use super::v3;
use crate::model::DistinguishedName;

/// The number of the probe in records from before there were rechecks.
pub(super) const fn first_probe() -> u8 {
    1
}

/// Upgrades the records of one report, which must come in its order.
#[derive(Default)]
pub(super) struct Upgrade {
    /// Index, target and DNS name of the last record.
    last: Option<(u64, String, Option<String>)>,
}

impl Upgrade {
    pub(super) fn record(&mut self, record: &mut Endpoint<'_>) {
        v3::upgrade(&mut record.host, &mut record.name, &mut record.former_label);
        if record.index.is_none() {
            record.index = Some(self.next_index(record));
        }
        let without_sni = record.without_sni.as_mut();
        let without_sni = without_sni.and_then(|without_sni| without_sni.tls.as_mut());
        record.tls.iter_mut().chain(without_sni).for_each(tls);
    }

    /// Version 1 had no `index`: targets count in the order of the report, with all addresses of a name as one.
    fn next_index(&mut self, record: &Endpoint<'_>) -> u64 {
        let (target, name) = (&record.target, record.host.as_deref());
        let index = match &self.last {
            Some((index, last, sni)) if last == target && sni.as_deref() == name => *index,
            Some((index, ..)) => index.saturating_add(1),
            None => 0,
        };
        self.last = Some((index, target.to_string(), name.map(str::to_owned)));
        index
    }
}

/// Earlier versions had no `signature`, and wrote distinguished names as `O=…, CN=…`.
fn tls(tls: &mut Tls<'_>) {
    if tls.signature.is_none() {
        tls.signature = Some(if tls.signature_valid {
            SignatureWord::Valid
        } else {
            tls.signature_why = Some("the report does not say whether it was checked".into());
            SignatureWord::NotChecked
        });
    }
    for name in &mut tls.client_ca_names {
        *name = DistinguishedName::from(&**name).to_string().into();
    }
}

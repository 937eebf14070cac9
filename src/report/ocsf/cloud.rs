//! The cloud that runs an endpoint, from its product and its names.

use super::super::ordered_json::{Json, object};
use crate::model::{EndpointReport, Host};

/// Who runs a product, by the product's id.
const PROVIDERS: [(&str, &str); 19] = [
    ("eks", "AWS"),
    ("rosa-classic", "AWS"),
    ("gke", "GCP"),
    ("gke-dns-endpoint", "GCP"),
    ("aks", "Azure"),
    ("aro", "Azure"),
    ("iks", "IBM Cloud"),
    ("roks", "IBM Cloud"),
    ("oke", "Oracle Cloud"),
    ("doks", "DigitalOcean"),
    ("lke", "Akamai"),
    ("ovh-mks", "OVHcloud"),
    ("scaleway-kapsule", "Scaleway"),
    ("vultr-vke", "Vultr"),
    ("exoscale-sks", "Exoscale"),
    ("upcloud-uks", "UpCloud"),
    ("ack", "Alibaba Cloud"),
    ("tke", "Tencent Cloud"),
    ("cce", "Huawei Cloud"),
];

/// Ends of names that the region stands directly before.
const REGION_SUFFIXES: [&str; 4] = [
    ".eks.amazonaws.com",
    ".eks.amazonaws.com.cn",
    ".azmk8s.io",
    ".scw.cloud",
];

/// A provider, and where.
pub(super) struct Cloud {
    provider: &'static str,
    pub(super) region: Option<String>,
}

impl Cloud {
    pub(super) fn json(self) -> Json {
        object! { "provider": self.provider, "region": self.region }
    }
}

/// The cloud of the first record whose product a provider runs.
pub(super) fn of(records: &[&EndpointReport]) -> Option<Cloud> {
    records.iter().find_map(|record| {
        let product = record.identification.as_ref()?.product()?;
        let (_, provider) = PROVIDERS.iter().find(|(id, _)| product.id == *id)?;
        Some(Cloud {
            provider,
            region: region_of(record),
        })
    })
}

/// The region in one of the endpoint's names: as asked for, or in its certificate.
fn region_of(record: &EndpointReport) -> Option<String> {
    let asked = match &record.target.host {
        Host::Name(name) => Some(&**name),
        Host::Ip(_) => record.target.sni.as_deref(),
    };
    let certified = record.certificate().map(|known| &known.sans.kept);
    let certified = certified.into_iter().flatten().map(String::as_str);
    asked.into_iter().chain(certified).find_map(region)
}

fn region(name: &str) -> Option<String> {
    let front = REGION_SUFFIXES
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix))?;
    let (_, region) = front.rsplit_once('.')?;
    let is_region = (3..=32).contains(&region.len())
        && region
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    is_region.then(|| region.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_the_region() {
        for (name, expected) in [
            (
                "0123456789ABCDEF.gr7.eu-west-1.eks.amazonaws.com",
                Some("eu-west-1"),
            ),
            ("x.yl4.cn-north-1.eks.amazonaws.com.cn", Some("cn-north-1")),
            ("dns-1.hcp.westeurope.azmk8s.io", Some("westeurope")),
            ("dns-1.privatelink.westeurope.azmk8s.io", Some("westeurope")),
            ("6a.api.k8s.fr-par.scw.cloud", Some("fr-par")),
            ("eu-west-1.eks.amazonaws.com", None),
            ("x.EU.azmk8s.io", None),
            ("api.example", None),
        ] {
            assert_eq!(region(name).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn every_product_is_in_the_table_of_products() {
        let products = include_str!("../../products/products.toml");
        for (id, _) in PROVIDERS {
            assert!(products.contains(&format!("\nid = \"{id}\"\n")), "{id}");
        }
    }
}

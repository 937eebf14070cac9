//! The formats of other scanners and of inventories.

use strum::{Display, EnumString, VariantArray, VariantNames};

use crate::model::{InvalidWord, words};

/// The format of another scanner's results, or of an inventory of clusters.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Display, EnumString, VariantArray, VariantNames,
)]
#[strum(serialize_all = "kebab-case", parse_err_ty = InvalidWord, parse_err_fn = ImportFormat::invalid)]
#[non_exhaustive]
pub enum ImportFormat {
    /// Whichever of the others the content shows.
    Auto,
    /// A kubeconfig.
    Kubeconfig,
    /// `az aks list -o json`, and Azure's REST API.
    Aks,
    /// `gcloud container clusters list --format=json`, and Google's REST API.
    Gke,
    /// `aws eks describe-cluster`.
    Eks,
    /// `terraform show -json`, and state files of version 4.
    Terraform,
    /// Shadowserver's report `scan_kubernetes`.
    Shadowserver,
    /// Target groups of Prometheus, as a service answers.
    HttpSd,
    /// Target groups of Prometheus in a file.
    FileSd,
    /// `masscan -oJ` and `-oD`.
    MasscanJson,
    /// `masscan -oL`.
    MasscanList,
    /// `nmap -oX`.
    NmapXml,
    /// `zmap`: one address per line, CSV with a header that has `saddr`, or `-O json`.
    Zmap,
    /// `naabu`: one `host:port` per line, or JSON lines.
    Naabu,
    /// `httpx -json`.
    HttpxJson,
}

words!(ImportFormat, all, "import format");

impl ImportFormat {
    /// What a file of this format is.
    pub(in crate::targets) const fn what(self) -> &'static str {
        match self {
            Self::Auto => "a file of another program",
            Self::Kubeconfig => "a kubeconfig",
            Self::Aks => "a list of AKS clusters",
            Self::Gke => "a list of GKE clusters",
            Self::Eks => "a description of EKS clusters",
            Self::Terraform => "a state or plan of Terraform",
            Self::Shadowserver => "a report of Shadowserver",
            Self::HttpSd | Self::FileSd => "target groups of Prometheus",
            Self::MasscanJson => "JSON of masscan",
            Self::MasscanList => "a list of masscan -oL",
            Self::NmapXml => "XML",
            Self::Zmap => "output of zmap",
            Self::Naabu => "JSON of naabu",
            Self::HttpxJson => "JSON of httpx",
        }
    }

    /// Whether a file of this format lists clusters. Its warnings are about clusters that it should list.
    pub(in crate::targets) const fn is_of_clusters(self) -> bool {
        matches!(
            self,
            Self::Auto | Self::Kubeconfig | Self::Aks | Self::Gke | Self::Eks | Self::Terraform
        )
    }

    /// What is said of a file that lists nothing.
    pub(in crate::targets) const fn empty(self) -> &'static str {
        match self {
            Self::Auto | Self::Kubeconfig | Self::Aks | Self::Gke | Self::Eks | Self::Terraform => {
                "no clusters: the inventory is empty"
            }
            Self::Shadowserver | Self::HttpSd | Self::FileSd => "no targets: the list is empty",
            Self::MasscanJson
            | Self::MasscanList
            | Self::NmapXml
            | Self::Zmap
            | Self::Naabu
            | Self::HttpxJson => "no open ports: the other scanner found none",
        }
    }
}

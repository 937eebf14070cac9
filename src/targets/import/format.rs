//! The formats of other scanners and of inventories, and how each is read.

use std::io::{self, BufRead};

use strum::{Display, EnumString, VariantArray, VariantNames};

use super::lines::{Handler, ImportedLine, LineFormat};
use super::recognise::recognise;
use super::{aks, eks, gke, kubeconfig, masscan, nmap, projectdiscovery, zmap};
use crate::input::PeekedFile;
use crate::model::{InvalidWord, words};
use crate::targets::error::Problem;
use crate::targets::lines::each_line;

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
            Self::MasscanJson => "JSON of masscan",
            Self::MasscanList => "a list of masscan -oL",
            Self::NmapXml => "XML",
            Self::Zmap => "output of zmap",
            Self::Naabu => "JSON of naabu",
            Self::HttpxJson => "JSON of httpx",
        }
    }

    /// Reads a file. Calls `handle` with the line of each open port and its specification, of each entry of an
    /// inventory, of each warning of the other scanner, and of each error.
    ///
    /// # Errors
    /// The line where reading failed, and why.
    pub(in crate::targets) fn read(
        self,
        reader: PeekedFile<impl BufRead>,
        handle: Handler<'_>,
    ) -> Result<(), (u32, io::Error)> {
        let mut format: Box<dyn LineFormat> = match self {
            Self::Auto => {
                let Some(format) = recognise(reader.head()) else {
                    handle(1, Err(unrecognised()));
                    return Ok(());
                };
                return format.read(reader, handle);
            }
            Self::Kubeconfig => return kubeconfig::read(reader, handle),
            Self::Aks => return aks::read(reader, handle),
            Self::Gke => return gke::read(reader, handle),
            Self::Eks => return eks::read(reader, handle),
            Self::NmapXml => return nmap::read(reader, handle),
            Self::MasscanJson => Box::new(masscan::Json::default()),
            Self::MasscanList => Box::new(masscan::List::default()),
            Self::Zmap => Box::new(zmap::Zmap::default()),
            Self::Naabu => Box::new(projectdiscovery::Naabu::default()),
            Self::HttpxJson => Box::new(projectdiscovery::Httpx),
        };
        let mut last_failed = false;
        let end = each_line(reader, |number, line| {
            let specs = line
                .map_err(Problem::from)
                .and_then(|line| format.line(line.trim()));
            last_failed = specs.is_err();
            match specs {
                Ok(specs) => specs
                    .into_iter()
                    .for_each(|spec| handle(number, Ok(ImportedLine::Spec(spec)))),
                Err(problem) => handle(number, Err(problem)),
            }
        })?;
        // The error of a truncated last line says enough.
        if !last_failed && let Err(problem) = format.end(end.terminated) {
            handle(end.lines, Err(problem));
        }
        Ok(())
    }
}

/// The error for a file that shows none of the formats.
fn unrecognised() -> Problem {
    let formats: Vec<&str> = (ImportFormat::ALL.into_iter())
        .filter(|format| *format != ImportFormat::Auto)
        .map(ImportFormat::as_str)
        .collect();
    format!(
        "the content shows no known format: name one of {}; a list of targets is read with -f FILE",
        formats.join(", ")
    )
    .into()
}

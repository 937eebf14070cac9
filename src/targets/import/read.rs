//! How the file of each format is read.

use std::io::{self, BufRead};

use serde::de::IgnoredAny;

use super::format::ImportFormat;
use super::imported::{Handler, ImportedLine};
use super::lines::LineFormat;
use super::recognise::{is_empty_array, mistaken, recognise};
use super::{
    aks, documents, eks, gke, kubeconfig, masscan, nmap, projectdiscovery, service_discovery,
    shadowserver, terraform, zmap,
};
use crate::input::PeekedFile;
use crate::targets::error::Problem;
use crate::targets::lines::each_line;

impl ImportFormat {
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
        let is_inventory = self != Self::Auto && self.is_of_clusters();
        if is_inventory && let Some(what) = mistaken(self, reader.head()) {
            handle(1, Err(format!("{what}, not {}", self.what()).into()));
            return Ok(());
        }
        let mut format: Box<dyn LineFormat> = match self {
            Self::Auto => match recognise(reader.head()) {
                Some(format) => return format.read(reader, handle),
                None if is_empty_array(reader.head()) => {
                    let expected = "an inventory of clusters";
                    return documents::each(
                        reader,
                        expected,
                        handle,
                        |line, _: IgnoredAny, handle| {
                            handle(line, Err(unrecognised()));
                        },
                    );
                }
                None => {
                    handle(1, Err(unrecognised()));
                    return Ok(());
                }
            },
            Self::Kubeconfig => return kubeconfig::read(reader, handle),
            Self::Aks => return aks::read(reader, handle),
            Self::Gke => return gke::read(reader, handle),
            Self::Eks => return eks::read(reader, handle),
            Self::Terraform => return terraform::read(reader, handle),
            Self::Shadowserver => return shadowserver::read(reader, handle),
            Self::HttpSd | Self::FileSd => {
                return service_discovery::read(reader, self, handle);
            }
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

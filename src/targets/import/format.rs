//! The formats of other scanners, and how each is read.

use std::io::{self, BufRead};

use strum::{Display, EnumString, VariantArray, VariantNames};

use super::lines::{Handler, ImportedLine, LineFormat};
use super::{masscan, nmap, projectdiscovery, zmap};
use crate::model::{InvalidWord, words};
use crate::targets::error::Problem;
use crate::targets::lines::each_line;

/// Another scanner's result format.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Display, EnumString, VariantArray, VariantNames,
)]
#[strum(serialize_all = "kebab-case", parse_err_ty = InvalidWord, parse_err_fn = ImportFormat::invalid)]
#[non_exhaustive]
pub enum ImportFormat {
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
    /// Reads results. Calls `handle` with the line of each open port and its specification, of each
    /// warning of the other scanner, and of each error.
    ///
    /// # Errors
    /// The line where reading failed, and why.
    pub(in crate::targets) fn read(
        self,
        reader: impl BufRead,
        handle: Handler<'_>,
    ) -> Result<(), (u32, io::Error)> {
        let mut format: Box<dyn LineFormat> = match self {
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

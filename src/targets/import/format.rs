//! The formats of other scanners, and how each is read.

use std::io::{self, BufRead};

use super::lines::{Found, Handler, LineFormat};
use super::{masscan, nmap, projectdiscovery, zmap};
use crate::targets::error::Problem;
use crate::targets::lines::each_line;

/// Another scanner's result format.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[strum(
    serialize_all = "kebab-case",
    parse_err_fn = UnknownImportFormat::new,
    parse_err_ty = UnknownImportFormat
)]
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

/// A word that names no [`ImportFormat`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid import format: expected one of {}", ImportFormat::words().join(", "))]
#[non_exhaustive]
pub struct UnknownImportFormat;

impl UnknownImportFormat {
    fn new(_: &str) -> Self {
        Self
    }
}

impl ImportFormat {
    /// Every format.
    pub const ALL: &[Self] = <Self as strum::VariantArray>::VARIANTS;

    /// The names of all formats, as on the command line.
    pub fn words() -> Vec<&'static str> {
        Self::ALL.iter().map(Into::into).collect()
    }

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
                    .for_each(|spec| handle(number, Ok(Found::Spec(spec)))),
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

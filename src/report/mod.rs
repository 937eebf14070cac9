//! Renders the [`Results`] of a scan and its [`EndpointReport`](crate::model::EndpointReport)s in any
//! [`Format`].
//!
//! Each format is one file or folder: a function from results and records to a writer, which fails only if the
//! writer fails. [`record`](crate::record) writes `json` and `jsonl`, because it also reads them. To add a format,
//! write its file, add it to the table in `format.rs` and to [`ReportWriter::finish`], and take snapshots of the
//! sample in `sample/`.
//!
//! Text from the network is written through [`escape()`] or a JSON encoder. `phrases` has the texts that several
//! formats share.

pub mod audit;
mod csv;
mod defectdojo;
pub mod diff;
pub mod endpoint_text;
mod findings_by_endpoint;
mod findings_with_records;
mod folded;
mod format;
mod github;
mod gitlab;
mod html;
mod junit;
mod markdown;
pub mod notification;
mod ocsf;
mod ordered_json;
mod phrases;
mod prometheus;
pub mod raw_text;
mod replaced;
mod results;
pub mod rule_text;
mod sarif;
mod shadowserver;
mod source_location;
mod specification_text;
mod spreadsheet;
mod table;
mod worst_first;

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
#[path = "../../tests/suite/skip.rs"]
mod skip;
#[cfg(test)]
mod tests;

pub use format::{Format, RenderOptions, ReportWriter, render};
pub use markdown::comparison::write as write_diff_as_markdown;
pub use results::{GateResult, Results};
pub use source_location::Repository;
pub use table::TableOptions;

use crate::escape;
pub use crate::escape::escape;
use crate::record::encode;

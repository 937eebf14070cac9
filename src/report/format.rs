//! The report formats, and [`render()`], which writes a report in any of them.

use std::io;

use strum::{Display, EnumString, VariantArray, VariantNames};

use super::results::Results;
use super::source_location::Repository;
use super::table::TableOptions;
use super::{
    csv, defectdojo, github, gitlab, html, junit, markdown, ocsf, prometheus, sarif, shadowserver,
    table,
};
use crate::model::{EndpointReport, InvalidWord, words};
use crate::record::{self, Spool, Tally};

/// Defines [`Format`] from a table of its values: name, usual file extension, purpose.
macro_rules! formats {
    ($($name:ident $extension:literal $purpose:literal)*) => {
        /// A report format.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[derive(Display, EnumString, VariantArray, VariantNames)]
        #[strum(
            serialize_all = "kebab-case",
            parse_err_ty = InvalidWord,
            parse_err_fn = Format::invalid
        )]
        pub enum Format {
            $(#[doc = $purpose] $name,)*
        }

        impl Format {
            /// What the format is for: `one self-contained page`.
            pub const fn purpose(self) -> &'static str {
                match self {
                    $(Self::$name => $purpose,)*
                }
            }

            /// The usual extension of its files, without the dot.
            pub const fn extension(self) -> &'static str {
                match self {
                    $(Self::$name => $extension,)*
                }
            }
        }
    };
}

formats! {
    Table "txt" "for people: what to look at first, then the counts"
    Json "json" "the whole report as one JSON document"
    Jsonl "jsonl" "one JSON object a line: each endpoint as it is finished, the summary last"
    Sarif "sarif" "findings for code scanning"
    Markdown "md" "a pull-request comment or job summary"
    Html "html" "one self-contained page"
    Github "txt" "annotations of GitHub Actions"
    Gitlab "json" "a code quality report of GitLab"
    Csv "csv" "a row for each endpoint, for spreadsheets"
    Junit "xml" "a test case for each endpoint"
    Prometheus "prom" "metrics for the textfile collector"
    Shadowserver "csv" "the report of the Shadowserver Foundation"
    Ocsf "jsonl" "findings as events of the Open Cybersecurity Schema Framework"
    Defectdojo "json" "findings for the generic import of DefectDojo"
}

words!(Format, all, "report format");

impl Format {
    /// Whether [`ReportWriter::endpoint`] writes each endpoint when it is finished.
    pub const fn streams(self) -> bool {
        matches!(self, Self::Jsonl)
    }

    /// Whether people read it, so that it may leave out findings that they do not want to see.
    pub const fn is_for_people(self) -> bool {
        matches!(self, Self::Table | Self::Markdown | Self::Html)
    }

    /// What goes wrong with a report of a part of a scan, if nothing in a file of this format can say that it is one.
    pub const fn why_whole(self) -> Option<&'static str> {
        match self {
            Self::Gitlab | Self::Defectdojo => {
                Some("the platform would show the findings of all others as fixed")
            }
            Self::Prometheus => Some(
                "its series would take the place of those of the whole scan, whose name they have",
            ),
            _ => None,
        }
    }

    /// Whether the report tells people the reason for the exit code.
    pub const fn states_exit_code(self) -> bool {
        matches!(self, Self::Table | Self::Markdown | Self::Github)
    }
}

/// What some formats need besides the results.
#[derive(Debug, Clone, Default)]
pub struct RenderOptions<'a> {
    /// Colours and width, for `table`.
    pub table: TableOptions,
    /// The repository that targets files belong to, for `sarif`, `github` and `gitlab`.
    pub repository: Repository<'a>,
    /// The name of this analysis among others of the same repository, for `sarif`.
    pub category: Option<&'a str>,
    /// The name of a scan that has none, for `prometheus`.
    pub scan_name: Option<&'a str>,
}

/// Writes a whole report.
///
/// # Errors
/// The writer fails, or the temporary file of `records` cannot be read.
pub fn render(
    format: Format,
    out: &mut dyn io::Write,
    results: &Results<'_>,
    records: &mut Spool,
    options: &RenderOptions<'_>,
) -> io::Result<()> {
    let mut writer = ReportWriter::new(format);
    if format.streams() {
        records.read(|records| {
            for record in records {
                writer.endpoint(out, &record)?;
            }
            Ok(())
        })?;
    }
    writer.finish(out, results, records, options)
}

/// Writes one report while the scan runs. If the format does not stream, [`Self::finish`] writes all of it.
#[derive(Debug)]
pub struct ReportWriter {
    format: Format,
    /// Counts of the endpoints written so far, for the summary at the end.
    tally: Tally,
}

impl ReportWriter {
    /// A report that is still empty.
    pub fn new(format: Format) -> Self {
        Self {
            format,
            tally: Tally::default(),
        }
    }

    /// The format of the report.
    pub const fn format(&self) -> Format {
        self.format
    }

    /// Writes one finished endpoint, if the format streams.
    ///
    /// # Errors
    /// The writer fails.
    pub fn endpoint(&mut self, out: &mut dyn io::Write, record: &EndpointReport) -> io::Result<()> {
        if self.format.streams() {
            record::write_line(out, record, &mut self.tally)?;
        }
        Ok(())
    }

    /// Writes the rest of the report: everything but the endpoints if the format streams, or else all of it.
    ///
    /// # Errors
    /// The writer fails, or the temporary file of `records` cannot be read.
    pub fn finish(
        &self,
        out: &mut dyn io::Write,
        results: &Results<'_>,
        records: &mut Spool,
        options: &RenderOptions<'_>,
    ) -> io::Result<()> {
        let RenderOptions {
            table: table_options,
            repository,
            category,
            scan_name,
        } = options;
        let contents = results.contents();
        match self.format {
            Format::Table => {
                records.read(|records| table::write(out, results, records, table_options))
            }
            Format::Json => records
                .read_both(|own, carried| record::write_document(out, &contents, own, carried)),
            Format::Jsonl => records.read_carried(|carried| {
                record::write_last_lines(out, &contents, carried, &self.tally)
            }),
            Format::Sarif => {
                records.read(|records| sarif::write(out, results, records, *repository, *category))
            }
            Format::Markdown => records.read(|records| markdown::write(out, results, records)),
            Format::Html => records.read(|records| html::write(out, results, records)),
            Format::Github => github::write(out, results, *repository),
            Format::Gitlab => gitlab::write(out, results, *repository),
            Format::Csv => records.read(|records| csv::write(out, results, records)),
            Format::Junit => junit::write(out, results, records),
            Format::Prometheus => {
                records.read(|records| prometheus::write(out, results, records, *scan_name))
            }
            Format::Shadowserver => records.read(|records| shadowserver::write(out, records)),
            Format::Ocsf => ocsf::write(out, results, records),
            Format::Defectdojo => defectdojo::write(out, results, records),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_is_parsed_and_errors_list_all_formats() {
        for format in Format::ALL {
            assert_eq!(format.as_str().parse(), Ok(format));
        }
        assert_eq!(
            "JSON".parse::<Format>().unwrap_err().to_string(),
            "invalid report format `JSON`: expected one of table, json, jsonl, sarif, markdown, html, github, \
             gitlab, csv, junit, prometheus, shadowserver, ocsf, defectdojo"
        );
    }
}

//! The report formats: everything that is known of each, and [`render()`].

use std::io;

use strum::{Display, EnumString, VariantArray, VariantNames};

use super::results::Results;
use super::source_location::Repository;
use super::table::TableOptions;
use super::{
    csv, github, gitlab, html, json, jsonl, junit, markdown, prometheus, sarif, shadowserver, table,
};
use crate::model::{EndpointReport, InvalidWord, words};
use crate::record::{Spool, Tally};

/// A report format.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Display, EnumString, VariantArray, VariantNames,
)]
#[strum(serialize_all = "kebab-case", parse_err_ty = InvalidWord, parse_err_fn = Format::invalid)]
pub enum Format {
    /// For people: what to look at first, then the counts.
    Table,
    /// One JSON document.
    Json,
    /// One JSON object a line: each endpoint as it is done, the summary last.
    Jsonl,
    /// Findings for code scanning.
    Sarif,
    /// A pull-request comment or job summary.
    Markdown,
    /// One self-contained page.
    Html,
    /// Annotations of GitHub Actions.
    Github,
    /// A code quality report of GitLab.
    Gitlab,
    /// A row for each endpoint.
    Csv,
    /// A test case for each endpoint.
    Junit,
    /// Metrics for the textfile collector.
    Prometheus,
    /// The report of the Shadowserver Foundation.
    Shadowserver,
}

words!(Format, all, "report format");

/// Everything that is known of a format.
struct Properties {
    /// What the format is for, as the help says it.
    purpose: &'static str,
    /// The usual extension of its files.
    extension: &'static str,
    /// Whether people read in it why the exit code is what it is.
    states_exit_code: bool,
    render: Render,
}

/// How a format is written.
enum Render {
    /// At the end of the scan, from all results.
    AtEnd(fn(&mut dyn io::Write, &mut Input<'_>) -> io::Result<()>),
    /// Each endpoint when it is finished, and the rest at the end.
    AsStream {
        endpoint: fn(&mut dyn io::Write, &EndpointReport, &mut Tally) -> io::Result<()>,
        end: fn(&mut dyn io::Write, &Results<'_>, &Tally) -> io::Result<()>,
    },
}
use Render::{AsStream, AtEnd};

/// What a format is written from.
struct Input<'a> {
    results: &'a Results<'a>,
    records: &'a mut Spool,
    options: &'a RenderOptions<'a>,
}

/// A format that is written at the end of the scan.
const fn at_end(
    purpose: &'static str,
    extension: &'static str,
    write: fn(&mut dyn io::Write, &mut Input<'_>) -> io::Result<()>,
) -> Properties {
    Properties {
        purpose,
        extension,
        states_exit_code: false,
        render: AtEnd(write),
    }
}

impl Properties {
    const fn stating_exit_code(self) -> Self {
        Self {
            states_exit_code: true,
            ..self
        }
    }
}

impl Format {
    fn properties(self) -> Properties {
        match self {
            Self::Table => at_end(
                "for people: what to look at first, then the counts",
                "txt",
                |out, input| {
                    let options = &input.options.table;
                    (input.records)
                        .read(|records| table::write(out, input.results, records, options))
                },
            )
            .stating_exit_code(),
            Self::Json => at_end(
                "the whole report as one JSON document",
                "json",
                |out, input| {
                    (input.records).read(|records| json::write(out, input.results, records))
                },
            ),
            Self::Jsonl => Properties {
                purpose: "one JSON object a line: each endpoint as it is finished, the summary last",
                extension: "jsonl",
                states_exit_code: false,
                render: AsStream {
                    endpoint: jsonl::write_endpoint,
                    end: jsonl::write_summary,
                },
            },
            Self::Sarif => at_end("findings for code scanning", "sarif", |out, input| {
                let RenderOptions {
                    repository,
                    category,
                    ..
                } = *input.options;
                sarif::write(out, input.results, repository, category)
            }),
            Self::Markdown => at_end(
                "a pull-request comment or job summary",
                "md",
                |out, input| {
                    (input.records).read(|records| markdown::write(out, input.results, records))
                },
            )
            .stating_exit_code(),
            Self::Html => at_end("one self-contained page", "html", |out, input| {
                (input.records).read(|records| html::write(out, input.results, records))
            }),
            Self::Github => at_end("annotations of GitHub Actions", "txt", |out, input| {
                github::write(out, input.results, input.options.repository)
            })
            .stating_exit_code(),
            Self::Gitlab => at_end("a code quality report of GitLab", "json", |out, input| {
                gitlab::write(out, input.results, input.options.repository)
            }),
            Self::Csv => at_end(
                "a row for each endpoint, for spreadsheets",
                "csv",
                |out, input| {
                    (input.records).read(|records| csv::write(out, input.results, records))
                },
            ),
            Self::Junit => at_end("a test case for each endpoint", "xml", |out, input| {
                junit::write(out, input.results, input.records)
            }),
            Self::Prometheus => at_end(
                "metrics for the textfile collector",
                "prom",
                |out, input| {
                    (input.records).read(|records| prometheus::write(out, input.results, records))
                },
            ),
            Self::Shadowserver => at_end(
                "the report of the Shadowserver Foundation",
                "csv",
                |out, input| (input.records).read(|records| shadowserver::write(out, records)),
            ),
        }
    }

    /// What the format is for: `one self-contained page`.
    pub fn purpose(self) -> &'static str {
        self.properties().purpose
    }

    /// The usual extension of its files, without the dot.
    pub fn extension(self) -> &'static str {
        self.properties().extension
    }

    /// Whether [`ReportWriter::endpoint`] writes each endpoint when it is finished.
    pub fn streams(self) -> bool {
        matches!(self.properties().render, AsStream { .. })
    }

    /// Whether people read in it why the exit code is what it is.
    pub fn states_exit_code(self) -> bool {
        self.properties().states_exit_code
    }
}

/// What some formats need to know beside the results.
#[derive(Debug, Clone, Default)]
pub struct RenderOptions<'a> {
    /// Colours and width, for `table`.
    pub table: TableOptions,
    /// The repository that targets files belong to, for `sarif`, `github` and `gitlab`.
    pub repository: Repository<'a>,
    /// The name that tells this analysis from others of the same repository, for `sarif`.
    pub category: Option<&'a str>,
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

/// Writes one report while the scan runs; what does not stream is written by [`Self::finish`].
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
        match self.format.properties().render {
            AsStream { endpoint, .. } => endpoint(out, record, &mut self.tally),
            AtEnd(_) => Ok(()),
        }
    }

    /// Writes what is left: of a format that streams, everything but the endpoints.
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
        match self.format.properties().render {
            AsStream { end, .. } => end(out, results, &self.tally),
            AtEnd(write) => write(
                out,
                &mut Input {
                    results,
                    records,
                    options,
                },
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_names_its_format_and_others_are_told_which_there_are() {
        for format in Format::ALL {
            assert_eq!(format.as_str().parse(), Ok(format));
        }
        assert_eq!(
            "JSON".parse::<Format>().unwrap_err().to_string(),
            "invalid report format `JSON`: expected one of table, json, jsonl, sarif, markdown, html, github, \
             gitlab, csv, junit, prometheus, shadowserver"
        );
    }
}

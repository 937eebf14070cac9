//! The reports of one scan: opens their files and lets the library write them.

mod choices;
mod links;
mod sink;

use std::env;
use std::io::{self, IsTerminal as _};
use std::path::Path;

use anyhow::{Context as _, bail};
use kubeknock::model::{EndpointReport, Finding, Severity};
use kubeknock::record::Spool;
use kubeknock::report::{Format, RenderOptions, ReportWriter, Repository, Results, TableOptions};

use crate::args::{ColorWord, OutputArgs};
use crate::say;
pub(crate) use choices::{Choices, names};
use choices::{check_distinct, split, with_format};
use sink::Sink;

/// The format that stands for the formats of the current CI system.
pub(crate) const AUTO: &str = "auto";
/// The name that GitLab's own templates use for this report.
const GITLAB_REPORT: &str = "gl-code-quality-report.json";

/// All reports of one scan.
pub(crate) struct Outputs {
    all: Vec<Output>,
    color: bool,
    /// Distinguishes this analysis from others in code scanning.
    category: Option<String>,
    /// The severities that reports for people show; empty for all.
    severities: Vec<Severity>,
    /// The targets end with the program, so they cannot be asked again.
    pub(crate) targets_are_gone: bool,
}

/// Writes a format of a command that has its own form of it: `None` for formats that it leaves to the library. Gets the
/// findings to show, and whether the output is standard output.
pub(crate) type OwnFormat<'a> =
    dyn FnMut(Format, &Results<'_>, bool, &mut dyn io::Write) -> Option<io::Result<()>> + 'a;

struct Output {
    writer: ReportWriter,
    sink: Sink,
    /// Writing failed, so the report file is not created or replaced.
    failed: bool,
}

impl Outputs {
    /// Opens every report of `-o`, and these `more`. The default is a table on standard output.
    pub(crate) fn open(args: &OutputArgs, more: &[String]) -> anyhow::Result<Self> {
        let mut all = Vec::new();
        let mut texts = with_format(&args.output, args.format.as_deref(), is_format);
        texts.extend_from_slice(more);
        if texts.is_empty() {
            all.push(Output::new(Format::Table, Sink::stdout()));
        }
        for text in &texts {
            if text == AUTO {
                all.extend(automatic()?);
            } else {
                all.push(Output::open(text)?);
            }
        }
        check_distinct(all.iter().map(|output| &output.sink))?;
        Ok(Self {
            all,
            color: color(args.color),
            category: args.category.clone(),
            severities: args.severity.clone(),
            targets_are_gone: false,
        })
    }

    /// Fails if a report would overwrite one of these files, which the scan reads or keeps.
    pub(crate) fn check_inputs(&self, inputs: &[&Path]) -> anyhow::Result<()> {
        for output in &self.all {
            let replaced = output.sink.replaced_file();
            if replaced.is_some()
                && inputs
                    .iter()
                    .any(|input| links::identity(input) == replaced)
            {
                bail!(
                    "-o: {} is needed by this scan; give the report another path",
                    output.sink.name()
                );
            }
        }
        Ok(())
    }

    /// Whether a report on standard output shows the reason for the exit code.
    pub(crate) fn states_exit_code(&self) -> bool {
        self.all
            .iter()
            .any(|output| output.sink.is_stdout() && output.writer.format().states_exit_code())
    }

    /// The formats.
    pub(crate) fn formats(&self) -> impl Iterator<Item = Format> {
        self.all.iter().map(|output| output.writer.format())
    }

    /// Whether a format needs all records at the end.
    pub(crate) fn needs_records(&self) -> bool {
        !self.all.iter().all(Output::streams)
    }

    /// Writes one finished endpoint to the formats that stream. Returns the first error, and writes no more
    /// to a report that failed.
    pub(crate) fn endpoint(&mut self, record: &EndpointReport) -> anyhow::Result<()> {
        let mut first_error = Ok(());
        for output in self.all.iter_mut().filter(|output| !output.failed) {
            let written = output.writer.endpoint(output.sink.writer(), record);
            let written = output.sink.check(written);
            output.failed = written.is_err();
            first_error = first_error.and(written);
        }
        first_error
    }

    /// Writes all endpoints to the formats that stream.
    pub(crate) fn endpoints(&mut self, records: &mut Spool) -> anyhow::Result<()> {
        let mut first_error = Ok(());
        if self.all.iter().any(Output::streams) {
            records
                .read(|records| {
                    for record in records {
                        let written = self.endpoint(&record);
                        if first_error.is_ok() {
                            first_error = written;
                        }
                    }
                    Ok(())
                })
                .context("cannot read the temporary file")?;
        }
        first_error
    }

    /// Completes the reports and puts their files in place. A report that fails does not stop the others;
    /// the first error is returned.
    pub(crate) fn finish(self, results: &Results<'_>, records: &mut Spool) -> anyhow::Result<()> {
        self.finish_with(results, records, &mut |_, _, _, _| None)
    }

    /// The same, where `own` writes some formats itself.
    pub(crate) fn finish_with(
        self,
        results: &Results<'_>,
        records: &mut Spool,
        own: &mut OwnFormat<'_>,
    ) -> anyhow::Result<()> {
        let working_directory = env::current_dir().unwrap_or_default();
        let repository = Repository {
            working_directory: &working_directory,
            root: repository_root(&working_directory),
            one_finding_per_line: is_set("GITLAB_CI"),
        };
        let findings: Vec<Finding> = (results.findings.iter())
            .filter(|finding| {
                self.severities.is_empty() || self.severities.contains(&finding.severity)
            })
            .cloned()
            .collect();
        let shown = Results {
            findings: &findings,
            not_shown: results.counting_findings().count()
                - (findings.iter()).filter(|finding| finding.counts()).count(),
            ..*results
        };
        let mut first_error = Ok(());
        for output in self.all.into_iter().filter(|output| !output.failed) {
            let Output {
                writer, mut sink, ..
            } = output;
            let file_name = sink.file_stem();
            let table = if sink.is_stdout() {
                TableOptions {
                    color: self.color,
                    width: terminal_width(),
                    targets_are_gone: self.targets_are_gone,
                }
            } else {
                TableOptions::default()
            };
            let options = RenderOptions {
                table,
                repository,
                category: self.category.as_deref(),
                scan_name: file_name.as_deref(),
            };
            let is_unnamed = file_name.is_none() && results.info.config.scan_name.is_none();
            if is_unnamed && writer.format() == Format::Prometheus {
                say::note(
                    "the metrics do not say which scan they are of; name it with --scan-name if there are several",
                );
            }
            let results = if writer.format().is_for_people() {
                &shown
            } else {
                results
            };
            let is_stdout = sink.is_stdout();
            let written = own(writer.format(), results, is_stdout, sink.writer())
                .unwrap_or_else(|| writer.finish(sink.writer(), results, records, &options));
            let closed = sink.check(written).and_then(|()| sink.close());
            first_error = first_error.and(closed);
        }
        first_error
    }
}

impl Output {
    fn new(format: Format, sink: Sink) -> Self {
        Self {
            writer: ReportWriter::new(format),
            sink,
            failed: false,
        }
    }

    /// Opens a report that is written as `FORMAT` or `FORMAT=PATH`.
    fn open(text: &str) -> anyhow::Result<Self> {
        let (word, path) = split(text);
        let format: Format = word.parse().map_err(|error| {
            let hint = as_path(text).unwrap_or_default();
            anyhow::anyhow!("-o: {error}, auto{hint}")
        })?;
        let sink = choices::open(path, format.as_str(), format.extension())?;
        Ok(Self::new(format, sink))
    }

    fn streams(&self) -> bool {
        self.writer.format().streams()
    }
}

/// Whether a text is a format, alone or before `=`.
pub(crate) fn is_format(text: &str) -> bool {
    let (word, _) = split(text);
    word == AUTO || word.parse::<Format>().is_ok()
}

/// The end of the error for a path without a format: other tools take one.
fn as_path(text: &str) -> Option<String> {
    if let Some((format, path)) = text.split_once(':').filter(|(word, _)| is_format(word)) {
        return Some(format!("; for a file, write -o {format}={path}"));
    }
    let (_, extension) = text.rsplit_once('.')?;
    let is_usual = |format: &&Format| format.extension() == extension;
    let format = Format::ALL.iter().find(is_usual)?;
    Some(format!("; for a file, write -o {format}={text}"))
}

/// The reports that suit the CI system: annotations and a job summary on GitHub, a code quality report
/// and the table on GitLab, elsewhere the table.
fn automatic() -> anyhow::Result<Vec<Output>> {
    let mut outputs = Vec::new();
    if is_set("GITHUB_ACTIONS") {
        outputs.push(Output::new(Format::Github, Sink::stdout()));
        if let Some(path) = env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()) {
            let sink = Sink::append(Path::new(&path))?;
            outputs.push(Output::new(Format::Markdown, sink));
        }
        return Ok(outputs);
    }
    if is_set("GITLAB_CI") {
        let sink = Sink::open(Path::new(GITLAB_REPORT))?;
        outputs.push(Output::new(Format::Gitlab, sink));
    }
    outputs.push(Output::new(Format::Table, Sink::stdout()));
    Ok(outputs)
}

/// Whether a CI system has set this variable.
fn is_set(name: &str) -> bool {
    env::var_os(name).is_some_and(|value| value == "true")
}

/// The root of the repository around a folder, or the folder itself.
fn repository_root(folder: &Path) -> &Path {
    folder
        .ancestors()
        .find(|ancestor| ancestor.join(".git").exists())
        .unwrap_or(folder)
}

/// Whether to use colours: by default on a terminal, unless `NO_COLOR` is set (<https://no-color.org>).
pub(crate) fn color(word: ColorWord) -> bool {
    match word {
        ColorWord::Always => true,
        ColorWord::Never => false,
        ColorWord::Auto => {
            let unwanted = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            let dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
            io::stdout().is_terminal() && !unwanted && !dumb
        }
    }
}

/// The width of the terminal; `None` in a pipe, where lines are not wrapped.
pub(crate) fn terminal_width() -> Option<usize> {
    if !io::stdout().is_terminal() {
        return None;
    }
    terminal_size::terminal_size().map(|(width, _)| usize::from(width.0))
}

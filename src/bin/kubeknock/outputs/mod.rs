//! The reports of one scan, and what goes into each.

mod links;
mod sink;

use std::collections::HashSet;
use std::io::{self, IsTerminal as _, Write};
use std::path::Path;

use anyhow::{Context as _, bail};
use kubeknock::model::EndpointReport;
use kubeknock::report::table::TableOptions;
use kubeknock::report::{self, Files, Format, Results, Spool};

use crate::args::{ColorWord, OutputArgs};
use crate::stdout::ignore_broken_pipe;
use sink::Sink;

/// Chooses by the place of the scan.
pub(crate) const AUTO: &str = "auto";
/// The name under which GitLab's own templates keep the report.
const GITLAB_REPORT: &str = "gl-code-quality-report.json";

/// All outputs of one scan.
pub(crate) struct Outputs {
    all: Vec<Output>,
    color: bool,
    /// What tells this analysis from others, for code scanning.
    category: Option<String>,
}

struct Output {
    format: Format,
    sink: Sink,
    /// What has streamed so far, for the summary at the end.
    streamed: report::Tally,
    /// Whether it could not be written: it is not put in place.
    broken: bool,
}

impl Outputs {
    /// Opens everything that `-o` asks for; a table on standard output if it asks for nothing.
    pub(crate) fn open(args: &OutputArgs) -> anyhow::Result<Self> {
        let mut outputs = Vec::new();
        let default = ["table".to_owned()];
        let asked = if args.output.is_empty() {
            &default[..]
        } else {
            &args.output
        };
        for text in asked {
            if text == AUTO {
                outputs.extend(automatic()?);
                continue;
            }
            let (word, path) = text
                .split_once('=')
                .map_or((text.as_str(), None), |(word, path)| (word, Some(path)));
            let format: Format = word
                .parse()
                .map_err(|error| anyhow::anyhow!("-o: {error}, auto"))?;
            let sink = match path {
                None | Some("-") => Sink::stdout(),
                Some("") => bail!("-o: the path is missing; write {format}=PATH"),
                Some(path) => Sink::open(Path::new(path))?,
            };
            outputs.push(Output::new(format, sink));
        }
        if outputs
            .iter()
            .filter(|output| output.sink.is_stdout())
            .count()
            > 1
        {
            bail!(
                "-o: only one report can go to standard output; give the others a path: json=report.json"
            );
        }
        let mut files = HashSet::new();
        if let Some(twice) = outputs.iter().find(|output| {
            output
                .sink
                .replaced()
                .is_some_and(|file| !files.insert(file))
        }) {
            bail!(
                "-o: two reports would go to {}; give each a path of its own",
                twice.sink.name()
            );
        }
        Ok(Self {
            all: outputs,
            color: color(args.color),
            category: args.category.clone(),
        })
    }

    /// Refuses to write over what a scan reads or keeps.
    pub(crate) fn spare(&self, inputs: &[&Path]) -> anyhow::Result<()> {
        for output in &self.all {
            let own = output.sink.replaced();
            if own.is_some() && inputs.iter().any(|input| links::identity(input) == own) {
                bail!(
                    "-o: {} is needed by this scan; give the report another path",
                    output.sink.name()
                );
            }
        }
        Ok(())
    }

    /// Whether people see the gate's sentence on standard output.
    pub(crate) fn tell_people(&self) -> bool {
        let to_people = |output: &&Output| {
            matches!(
                output.format,
                Format::Table | Format::Markdown | Format::Github
            )
        };
        self.all
            .iter()
            .filter(to_people)
            .any(|output| output.sink.is_stdout())
    }

    /// Whether some format needs all records at the end.
    pub(crate) fn needs_records(&self) -> bool {
        self.all.iter().any(|output| output.format != Format::Jsonl)
    }

    /// Writes one finished endpoint to the formats that stream.
    pub(crate) fn endpoint(&mut self, record: &EndpointReport) -> anyhow::Result<()> {
        let streaming = |output: &&mut Output| output.format == Format::Jsonl && !output.broken;
        let mut outcome = Ok(());
        for output in self.all.iter_mut().filter(streaming) {
            let written =
                output.write(|out, streamed| report::jsonl::write_endpoint(out, record, streamed));
            output.broken = written.is_err();
            outcome = outcome.and(written);
        }
        outcome
    }

    /// Writes all endpoints to them, in order.
    pub(crate) fn endpoints(&mut self, records: &mut Spool) -> anyhow::Result<()> {
        let mut outcome = Ok(());
        for output in self
            .all
            .iter_mut()
            .filter(|output| output.format == Format::Jsonl)
        {
            let written = output.write(|out, streamed| {
                records.read(|records| {
                    for record in records {
                        report::jsonl::write_endpoint(out, &record, streamed)?;
                    }
                    Ok(())
                })
            });
            output.broken = written.is_err();
            outcome = outcome.and(written);
        }
        outcome
    }

    /// Writes the rest and puts the files in place. One that cannot be written loses no other; the first
    /// error is told.
    pub(crate) fn finish(
        mut self,
        results: &Results<'_>,
        records: &mut Spool,
    ) -> anyhow::Result<()> {
        let mut outcome = Ok(());
        for output in std::mem::take(&mut self.all)
            .into_iter()
            .filter(|output| !output.broken)
        {
            outcome = outcome.and(self.whole(output, results, records));
        }
        outcome
    }

    /// Writes what is left of one, and puts it in place.
    fn whole(
        &self,
        mut output: Output,
        results: &Results<'_>,
        records: &mut Spool,
    ) -> anyhow::Result<()> {
        let here = std::env::current_dir().unwrap_or_default();
        let files = Files {
            here: &here,
            root: repository(&here),
        };
        match output.format {
            Format::Json => {
                output.write(|out, _| {
                    records.read(|records| report::json::write(out, results, records))
                })?;
            }
            Format::Jsonl => {
                output
                    .write(|out, streamed| report::jsonl::write_summary(out, results, streamed))?;
            }
            Format::Table => {
                let to_stdout = output.sink.is_stdout();
                let options = TableOptions {
                    color: self.color && to_stdout,
                    width: if to_stdout { terminal_width() } else { None },
                };
                output.write(|out, _| {
                    records.read(|records| report::table::write(out, results, records, &options))
                })?;
            }
            Format::Markdown => {
                output.write(|out, _| {
                    records.read(|records| report::markdown::write(out, results, records))
                })?;
            }
            Format::Html => {
                output.write(|out, _| {
                    records.read(|records| report::html::write(out, results, records))
                })?;
            }
            Format::Github => output.write(|out, _| report::github::write(out, results, files))?,
            Format::Gitlab => output.write(|out, _| report::gitlab::write(out, results, files))?,
            Format::Junit => output.write(|out, _| {
                let counts =
                    records.read(|records| Ok(report::junit::Counts::of(results, records)))?;
                records.read(|records| report::junit::write(out, results, counts, records))
            })?,
            Format::Prometheus => {
                output.write(|out, _| {
                    records.read(|records| report::prometheus::write(out, results, records))
                })?;
            }
            Format::Shadowserver => {
                output.write(|out, _| {
                    records.read(|records| report::shadowserver::write(out, records))
                })?;
            }
            Format::Csv => {
                output.write(|out, _| {
                    records.read(|records| report::csv::write(out, results, records))
                })?;
            }
            Format::Sarif => {
                let category = self.category.as_deref();
                output.write(|out, _| report::sarif::write(out, results, files, category))?;
            }
        }
        output.sink.close()
    }
}

/// What the place of the scan shows by itself: on GitHub annotations and a job summary, on GitLab a code
/// quality report beside the table, elsewhere the table.
fn automatic() -> anyhow::Result<Vec<Output>> {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| value == "true");
    let mut outputs = Vec::new();
    if set("GITHUB_ACTIONS") {
        outputs.push(Output::new(Format::Github, Sink::stdout()));
        if let Some(summary) =
            std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty())
        {
            outputs.push(Output::new(
                Format::Markdown,
                Sink::append(Path::new(&summary))?,
            ));
        }
        return Ok(outputs);
    }
    if set("GITLAB_CI") {
        outputs.push(Output::new(
            Format::Gitlab,
            Sink::open(Path::new(GITLAB_REPORT))?,
        ));
    }
    outputs.push(Output::new(Format::Table, Sink::stdout()));
    Ok(outputs)
}

impl Output {
    fn new(format: Format, sink: Sink) -> Self {
        Self {
            format,
            sink,
            streamed: report::Tally::default(),
            broken: false,
        }
    }

    fn write(
        &mut self,
        write: impl FnOnce(&mut dyn Write, &mut report::Tally) -> io::Result<()>,
    ) -> anyhow::Result<()> {
        ignore_broken_pipe(write(self.sink.writer(), &mut self.streamed))
            .with_context(|| format!("cannot write {}", self.sink.name()))
    }
}

/// The root of the repository that the working directory lies in, or itself.
fn repository(here: &Path) -> &Path {
    here.ancestors()
        .find(|folder| folder.join(".git").exists())
        .unwrap_or(here)
}

/// Colours where a person looks: on a terminal, unless `NO_COLOR` is set (<https://no-color.org>).
pub(crate) fn color(word: ColorWord) -> bool {
    match word {
        ColorWord::Always => true,
        ColorWord::Never => false,
        ColorWord::Auto => {
            let said_no = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
            io::stdout().is_terminal() && !said_no && !dumb
        }
    }
}

/// The terminal's width; `None` in a pipe, where lines are not cut.
fn terminal_width() -> Option<usize> {
    if !io::stdout().is_terminal() {
        return None;
    }
    terminal_size::terminal_size().map(|(width, _)| usize::from(width.0))
}

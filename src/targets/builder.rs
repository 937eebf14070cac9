//! Collects specifications and exclusions from arguments, files and other scanners' results.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use super::allowlist::Allowlist;
use super::collector::Collector;
use super::error::{ErrorLog, LineError, Problem, TargetError, TargetErrors};
use super::exclusions::Exclusions;
use super::file_kind::FileKind;
use super::import::{ImportFormat, ImportedLine, is_empty_array, recognise};
use super::lines::{MAX_LINE, TOO_LONG, each_line};
use super::options::TargetOptions;
use super::set::TargetSet;
use super::specification::{exclusion_line, target_line};
use super::warnings::Warnings;
use crate::input::{PeekedFile, UTF_16};
use crate::model::{ClusterNotAsked, Origin, Selection, Source};

/// The source under which errors of exclusion arguments are counted.
const EXCLUSIONS: &str = "exclusions";
/// The source under which errors of `--allow` are counted.
const ALLOWED: &str = "--allow";

/// Collects specifications and exclusions in any order, and reports all their errors at once.
#[derive(Debug)]
pub struct TargetSetBuilder {
    pub(super) options: TargetOptions,
    pub(super) collector: Collector,
    exclusions: Exclusions,
    /// `None` if everything may be asked.
    allowlist: Option<Allowlist>,
    /// Clusters of inventories that are not asked.
    pub(super) not_asked: Vec<ClusterNotAsked>,
    /// Sources that are not read.
    unread: Vec<Source>,
    /// Whether a file of another program lists nothing, and says so itself.
    has_empty_import: bool,
    /// Specifications that `--where` does not select.
    pub(super) not_selected: u64,
    pub(super) warnings: Warnings,
    errors: ErrorLog,
    arguments: u32,
    exclusion_arguments: u32,
    allow_arguments: u32,
}

/// What handles a line of a list; returns `false` if the line is blank.
type LineHandler = fn(&mut TargetSetBuilder, &Source, u32, &str) -> Result<bool, LineError>;

impl TargetSetBuilder {
    /// An empty list.
    pub fn new(mut options: TargetOptions) -> Self {
        let mut errors = ErrorLog::default();
        let mut seen = HashSet::new();
        options.ports.retain(|port| seen.insert(*port));
        if options.ports.is_empty() || options.ports.contains(&0) {
            let problem = "invalid ports: expected at least one, each from 1 to 65535";
            errors.push("", String::new(), problem);
        }
        Self {
            options,
            collector: Collector::default(),
            exclusions: Exclusions::default(),
            allowlist: None,
            not_asked: Vec::new(),
            unread: Vec::new(),
            has_empty_import: false,
            not_selected: 0,
            warnings: Warnings::default(),
            errors,
            arguments: 0,
            exclusion_arguments: 0,
            allow_arguments: 0,
        }
    }

    /// Adds one specification from the command line; annotations may follow it.
    pub fn argument(&mut self, text: &str) {
        self.arguments = self.arguments.saturating_add(1);
        let (source, number) = (Source::Argument, self.arguments);
        if let Err(error) = self.one_argument(Self::target, number, text) {
            self.line_error(&source, number, error);
        }
    }

    /// Adds the lines of standard input, or of any other reader.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a caller makes the source for this call"
    )]
    pub fn read(&mut self, source: Source, reader: impl BufRead) {
        self.lines(&source, reader, Self::target, FileKind::not_targets);
    }

    /// Adds the lines of the file at this path.
    pub fn file(&mut self, path: &Path) {
        if let Some((source, reader)) = self.open(path) {
            self.lines(&source, reader, Self::target, FileKind::not_targets);
        }
    }

    /// Adds what another scanner or an inventory of clusters wrote to the file at this path.
    pub fn import_file(&mut self, format: ImportFormat, path: &Path) {
        if let Some((source, reader)) = self.open(path) {
            self.import(format, source, reader);
        }
    }

    /// Adds the open ports that another scanner found, or the clusters of an inventory.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a caller makes the source for this call"
    )]
    pub fn import(&mut self, format: ImportFormat, source: Source, reader: impl BufRead) {
        let Some(reader) = self.peek(&source, reader) else {
            return;
        };
        let (mut is_empty, mut is_explained) = (true, false);
        let end = format.read(reader, &mut |number, found| {
            is_empty &= matches!(found, Ok(ImportedLine::Warning(_)));
            let added = match found {
                Ok(ImportedLine::Spec(line)) => self.imported(&source, number, &line),
                Ok(ImportedLine::Entry(entry)) => self.add_inventoried(&source, number, *entry),
                Ok(ImportedLine::Warning(text)) => {
                    is_explained |= format.is_of_clusters();
                    self.warnings.push(&origin(&source, number, ""), text);
                    Ok(())
                }
                Err(problem) => Err(problem),
            };
            if let Err(problem) = added {
                self.line_error(&source, number, problem.into());
            }
        });
        if let Err((number, error)) = end {
            self.read_error(&source, number, &error);
        } else if is_empty {
            self.has_empty_import = true;
            if !is_explained {
                self.warnings.push(&origin(&source, 1, ""), format.empty());
            }
        }
    }

    /// Notes a source that is not read, so that the set may be empty.
    pub fn unread(&mut self, source: Source) {
        self.unread.push(source);
    }

    /// Adds a file of any kind: a list, another scanner's results, or an inventory.
    pub fn any_file(&mut self, path: &Path) {
        if let Some((source, reader)) = self.open(path) {
            self.any(source, reader);
        }
    }

    /// Adds a list, another scanner's results, or an inventory.
    pub fn any(&mut self, source: Source, reader: impl BufRead) {
        let reader = PeekedFile::new(reader);
        match recognise(reader.head()) {
            Some(format) => self.import(format, source, reader),
            None if is_empty_array(reader.head()) => {
                self.import(ImportFormat::Auto, source, reader);
            }
            None => self.read(source, reader),
        }
    }

    /// Adds one exclusion: an address, CIDR, range or name; a single one with or without a port.
    pub fn exclude(&mut self, text: &str) {
        self.exclusion_arguments = self.exclusion_arguments.saturating_add(1);
        let number = self.exclusion_arguments;
        if let Err(error) = self.one_argument(Self::exclusion, number, text) {
            let place = error.place(format!("exclusion {number}"), true);
            self.errors.push(EXCLUSIONS, place, error.problem);
        }
    }

    /// Adds the exclusions in the file at this path, one per line.
    pub fn exclude_file(&mut self, path: &Path) {
        if let Some((source, reader)) = self.open(path) {
            self.lines(&source, reader, Self::exclusion, FileKind::not_exclusions);
        }
    }

    /// Allows only this and what else is allowed: an address, CIDR, range or name; a single one with or without port.
    pub fn allow(&mut self, text: &str) {
        self.allow_arguments = self.allow_arguments.saturating_add(1);
        let number = self.allow_arguments;
        self.allowlist.get_or_insert_default();
        if let Err(error) = self.one_argument(Self::allowed, number, text) {
            let place = error.place(format!("--allow {number}"), true);
            self.errors.push(ALLOWED, place, error.problem);
        }
    }

    /// Allows only what the file at this path lists, one per line, and what else is allowed.
    pub fn allow_file(&mut self, path: &Path) {
        self.allowlist.get_or_insert_default();
        if let Some((source, reader)) = self.open(path) {
            self.lines(&source, reader, Self::allowed, FileKind::not_exclusions);
        }
    }

    /// The target set. It has no targets if everything is outside of the allowlist, if the inventories have no
    /// clusters or only such that are not asked, or if sources are not read.
    ///
    /// # Errors
    /// All errors in the list, or the list has no targets.
    pub fn build(self) -> Result<TargetSet, TargetErrors> {
        self.errors.finish()?;
        let no_targets = self.collector.specs.is_empty();
        let selection = Selection::before(&self.options.selectors, self.not_selected);
        let may_be_empty = !self.not_asked.is_empty() || !self.unread.is_empty();
        let problem: Problem = if no_targets && self.not_selected > 0 && !may_be_empty {
            format!("--where selects none of the {} targets", self.not_selected).into()
        } else if no_targets && !may_be_empty && !self.has_empty_import {
            "no targets: give an address, CIDR, range, name or URL, or a file of them".into()
        } else {
            let unused = self.collector.unused(self.options.expectations);
            match self
                .collector
                .finish(self.exclusions, self.allowlist, self.warnings, unused)
            {
                Ok(set) if set.is_empty() && set.outside_allow() == 0 && !no_targets => {
                    format!("every target is excluded ({})", set.excluded()).into()
                }
                Ok(mut set) => {
                    set.not_asked = self.not_asked;
                    set.unread = self.unread;
                    set.selection = selection;
                    return Ok(set);
                }
                Err(problem) => problem,
            }
        };
        Err(TargetErrors(vec![TargetError {
            place: String::new(),
            problem: problem.into_owned(),
        }]))
    }

    /// Opens a list, or adds an error.
    fn open(&mut self, path: &Path) -> Option<(Source, BufReader<File>)> {
        let name = path.display().to_string();
        let problem = match File::open(path) {
            // Opening a directory works, reading it does not.
            Ok(file) if file.metadata().is_ok_and(|file| file.is_dir()) => {
                "is a directory; expected a file".to_owned()
            }
            Ok(file) => return Some((Source::File(name.into()), BufReader::new(file))),
            Err(error) => format!("cannot open file: {error}"),
        };
        self.errors.push(&name, name.clone(), problem);
        None
    }

    /// Reads the beginning of a file. A file in another encoding gets one error and nothing else.
    fn peek<R: BufRead>(&mut self, source: &Source, reader: R) -> Option<PeekedFile<R>> {
        let reader = PeekedFile::new(reader);
        if reader.is_utf_16() {
            self.source_error(source, UTF_16);
            return None;
        }
        Some(reader)
    }

    fn lines(
        &mut self,
        source: &Source,
        reader: impl BufRead,
        handle: LineHandler,
        not_a_list: fn(FileKind) -> String,
    ) {
        let Some(reader) = self.peek(source, reader) else {
            return;
        };
        if let Some(kind) = FileKind::of(reader.head()) {
            return self.source_error(source, not_a_list(kind));
        }
        let end = each_line(reader, |number, line| {
            let handled = line
                .map_err(LineError::from)
                .and_then(|line| handle(self, source, number, line));
            if let Err(error) = handled {
                self.line_error(source, number, error);
            }
        });
        if let Err((number, error)) = end {
            self.read_error(source, number, &error);
        }
    }

    /// Adds an error that concerns a whole source.
    fn source_error(&mut self, source: &Source, problem: impl Into<String>) {
        let name = source.to_string();
        self.errors.push(&name, name.clone(), problem);
    }

    /// Adds an error in a line of a source, or in an argument.
    fn line_error(&mut self, source: &Source, number: u32, error: LineError) {
        let place = origin(source, number, "").to_string();
        let place = error.place(place, matches!(source, Source::Argument));
        self.errors.push(&source.to_string(), place, error.problem);
    }

    fn read_error(&mut self, source: &Source, number: u32, error: &std::io::Error) {
        self.line_error(
            source,
            number,
            format!("cannot read further: {error}").into(),
        );
    }

    /// Handles an argument. Files may contain blank lines, but a blank argument is an error: most
    /// likely a shell variable is unset.
    fn one_argument(
        &mut self,
        handle: LineHandler,
        number: u32,
        text: &str,
    ) -> Result<(), LineError> {
        if text.len() > MAX_LINE {
            return Err(TOO_LONG.into());
        }
        if handle(self, &Source::Argument, number, text)? {
            Ok(())
        } else {
            Err("empty argument: expected an address, CIDR, range or name".into())
        }
    }

    fn target(&mut self, source: &Source, number: u32, line: &str) -> Result<bool, LineError> {
        let Some(spec) = target_line(line)? else {
            return Ok(false);
        };
        if !self.selects(spec.label.as_deref(), None) {
            return Ok(true);
        }
        let text = [&[spec.text], &*spec.narrowing].concat().join(" ");
        let origin = origin(source, number, &text);
        self.collector
            .add(spec, origin, &self.options, &mut self.warnings)?;
        Ok(true)
    }

    /// Adds a target that another scanner found.
    fn imported(&mut self, source: &Source, number: u32, line: &str) -> Result<(), Problem> {
        // The column of the error is dropped: it refers to the generated line, not to the file.
        let Some(mut spec) = target_line(line).map_err(|error| error.problem)? else {
            return Ok(());
        };
        if !self.selects(None, None) {
            return Ok(());
        }
        spec.imported = true;
        let origin = origin(source, number, spec.text);
        self.collector
            .add(spec, origin, &self.options, &mut self.warnings)
    }

    fn allowed(&mut self, source: &Source, number: u32, line: &str) -> Result<bool, LineError> {
        let Some((text, spec)) = exclusion_line(line)? else {
            return Ok(false);
        };
        if let Some(warning) = &spec.warning {
            let origin = origin(source, number, text);
            self.warnings.push(&origin, format!("--allow {warning}"));
        }
        self.allowlist.get_or_insert_default().add(spec)?;
        Ok(true)
    }

    fn exclusion(&mut self, source: &Source, number: u32, line: &str) -> Result<bool, LineError> {
        let Some((text, spec)) = exclusion_line(line)? else {
            return Ok(false);
        };
        if let Some(warning) = &spec.warning {
            let origin = origin(source, number, text);
            self.warnings.push(&origin, format!("exclusion {warning}"));
        }
        self.exclusions.add(spec)?;
        Ok(true)
    }
}

pub(super) fn origin(source: &Source, line: u32, text: &str) -> Arc<Origin> {
    Arc::new(Origin {
        source: source.clone(),
        line,
        column: None,
        text: text.into(),
    })
}

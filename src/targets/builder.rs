//! Everything that names targets or excludes them, taken in piece by piece.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use super::TargetOptions;
use super::draft::Draft;
use super::error::{ErrorLog, TargetError, TargetErrors};
use super::exclusions::Exclusions;
use super::import::ImportFormat;
use super::notes::Notes;
use super::reader::{MAX_LINE, TOO_LONG, each_line};
use super::set::TargetSet;
use super::spec::{exclusion_line, target_line};
use crate::model::{Origin, Source};

/// Takes in specifications and exclusions from everywhere, in any order, and says everything that
/// is wrong with them in one go.
#[derive(Debug)]
pub struct TargetSetBuilder {
    options: TargetOptions,
    draft: Draft,
    exclusions: Exclusions,
    notes: Notes,
    errors: ErrorLog,
    arguments: u32,
    exclusion_arguments: u32,
}

impl TargetSetBuilder {
    /// An empty list.
    pub fn new(mut options: TargetOptions) -> Self {
        let mut errors = ErrorLog::default();
        let mut seen = HashSet::new();
        options.ports.retain(|port| seen.insert(*port));
        if options.ports.is_empty() || options.ports.contains(&0) {
            errors.push(String::new(), "ports: name at least one, each from 1 to 65535".into());
        }
        Self {
            options,
            draft: Draft::new(),
            exclusions: Exclusions::default(),
            notes: Notes::default(),
            errors,
            arguments: 0,
            exclusion_arguments: 0,
        }
    }

    /// Takes in one specification from the command line; annotations may follow it.
    pub fn argument(&mut self, text: &str) {
        self.arguments = self.arguments.saturating_add(1);
        let (source, number) = (Source::Argument, self.arguments);
        let taken = bounded(text).and_then(|text| self.target(&source, number, text));
        self.note_problem(place(&source, number), not_empty(taken));
    }

    /// Takes in the lines of a file or of standard input.
    #[expect(clippy::needless_pass_by_value, reason = "a caller makes the source for this call")]
    pub fn read(&mut self, source: Source, reader: impl BufRead) {
        self.lines(&source, reader, Self::target);
    }

    /// Takes in the lines of the file at this path.
    pub fn file(&mut self, path: &Path) {
        if let Some((source, reader)) = self.open(path) {
            self.lines(&source, reader, Self::target);
        }
    }

    /// Takes in what another scanner found open, from the file at this path.
    pub fn import_file(&mut self, format: ImportFormat, path: &Path) {
        if let Some((source, reader)) = self.open(path) {
            self.import(format, source, reader);
        }
    }

    /// Takes in what another scanner found open.
    #[expect(clippy::needless_pass_by_value, reason = "a caller makes the source for this call")]
    pub fn import(&mut self, format: ImportFormat, source: Source, reader: impl BufRead) {
        let end = format.read(reader, &mut |number, found| {
            let taken = found.and_then(|line| self.imported(&source, number, &line));
            self.note_problem(place(&source, number), taken);
        });
        if let Err((number, error)) = end {
            self.errors.push(place(&source, number), format!("cannot read any further: {error}"));
        }
    }

    /// Takes in one exclusion: an address, CIDR, range or name, a single one with or without a
    /// port.
    pub fn exclude(&mut self, text: &str) {
        self.exclusion_arguments = self.exclusion_arguments.saturating_add(1);
        let number = self.exclusion_arguments;
        let taken = bounded(text).and_then(|text| self.exclusion(&Source::Argument, number, text));
        self.note_problem(format!("exclusion {number}"), not_empty(taken));
    }

    /// Takes in the exclusions in the file at this path, one a line.
    pub fn exclude_file(&mut self, path: &Path) {
        if let Some((source, reader)) = self.open(path) {
            self.lines(&source, reader, Self::exclusion);
        }
    }

    /// The set of all that was taken in.
    ///
    /// # Errors
    /// Everything that is wrong with the list, or that nothing is left to ask.
    pub fn build(self) -> Result<TargetSet, TargetErrors> {
        self.errors.finish()?;
        let problem = if self.draft.is_empty() {
            "there is no target: give an address, CIDR, range, name or URL, or a file of them".into()
        } else {
            let idle = self.draft.idle(self.options.expectations);
            match self.draft.finish(self.exclusions, self.notes, idle) {
                Ok(set) if set.is_empty() => {
                    format!("every target is excluded ({}): nothing is left to ask", set.excluded())
                }
                Ok(set) => return Ok(set),
                Err(problem) => problem,
            }
        };
        Err(TargetErrors(vec![TargetError { place: String::new(), problem }]))
    }

    /// Opens a list; an error says what to do about it.
    fn open(&mut self, path: &Path) -> Option<(Source, BufReader<File>)> {
        let name = path.display().to_string();
        match File::open(path) {
            // A folder can be opened, and is of no use.
            Ok(file) if file.metadata().is_ok_and(|file| file.is_dir()) => {
                self.errors.push(name, "it is a folder; name a file in it".to_owned());
                None
            }
            Ok(file) => Some((Source::File(name.into()), BufReader::new(file))),
            Err(error) => {
                let problem = format!("cannot open the file: {error}; check the path and its permissions");
                self.errors.push(name, problem);
                None
            }
        }
    }

    fn lines(&mut self, source: &Source, reader: impl BufRead, take: Take) {
        let end = each_line(reader, |number, line| {
            let taken = line.map_err(str::to_owned).and_then(|line| take(self, source, number, line));
            self.note_problem(place(source, number), taken.map(|_| ()));
        });
        if let Err((number, error)) = end {
            self.errors.push(place(source, number), format!("cannot read any further: {error}"));
        }
    }

    fn note_problem(&mut self, place: String, taken: Result<(), String>) {
        if let Err(problem) = taken {
            self.errors.push(place, problem);
        }
    }

    /// Takes a line in; `false` if it is blank.
    fn target(&mut self, source: &Source, number: u32, line: &str) -> Result<bool, String> {
        let Some(spec) = target_line(line)? else { return Ok(false) };
        let origin = origin(source, number, &[&[spec.text], &*spec.narrowed].concat().join(" "));
        self.draft.add(spec, origin, &self.options, &mut self.notes)?;
        Ok(true)
    }

    /// Takes in what another scanner's line came to.
    fn imported(&mut self, source: &Source, number: u32, line: &str) -> Result<(), String> {
        let Some(mut spec) = target_line(line)? else { return Ok(()) };
        spec.imported = true;
        let origin = origin(source, number, spec.text);
        self.draft.add(spec, origin, &self.options, &mut self.notes)
    }

    /// Takes an exclusion in; `false` if the line is blank.
    fn exclusion(&mut self, source: &Source, number: u32, line: &str) -> Result<bool, String> {
        let Some((text, word)) = exclusion_line(line)? else { return Ok(false) };
        if let Some(remark) = &word.remark {
            self.notes.push(&origin(source, number, text), format!("exclusion {remark}"), false);
        }
        self.exclusions.add(word);
        Ok(true)
    }
}

/// What a line of a list is given to.
type Take = fn(&mut TargetSetBuilder, &Source, u32, &str) -> Result<bool, String>;

/// The bound on a line holds for an argument too.
fn bounded(text: &str) -> Result<&str, String> {
    if text.len() > MAX_LINE { Err(TOO_LONG.into()) } else { Ok(text) }
}

/// A blank line says nothing, a blank argument is a mistake: an unset variable, most likely.
fn not_empty(taken: Result<bool, String>) -> Result<(), String> {
    if taken? { Ok(()) } else { Err("it is empty; give an address, CIDR, range or name".into()) }
}

fn origin(source: &Source, line: u32, text: &str) -> Arc<Origin> {
    Arc::new(Origin { source: source.clone(), line, text: text.into() })
}

fn place(source: &Source, line: u32) -> String {
    origin(source, line, "").to_string()
}

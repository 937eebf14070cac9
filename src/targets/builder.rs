//! Everything that names targets or excludes them, taken in piece by piece.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use super::TargetOptions;
use super::draft::Draft;
use super::error::{ErrorLog, Kind, Mistake, TargetError, TargetErrors};
use super::exclusions::Exclusions;
use super::foreign::{self, Foreign};
use super::import::{Found, ImportFormat};
use super::notes::Notes;
use super::reader::{MAX_LINE, TOO_LONG, each_line};
use super::set::TargetSet;
use super::spec::{exclusion_line, target_line};
use crate::input::{Begun, UTF_16};
use crate::model::{Origin, Source};

/// What errors of exclusions on the command line are counted as.
const EXCLUSIONS: &str = "exclusions";

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
            errors.push(
                "",
                String::new(),
                "ports: name at least one, each from 1 to 65535",
            );
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
        if let Err(mistake) = not_empty(taken) {
            self.wrong(&source, number, mistake);
        }
    }

    /// Takes in the lines of a file or of standard input.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a caller makes the source for this call"
    )]
    pub fn read(&mut self, source: Source, reader: impl BufRead) {
        self.lines(&source, reader, Self::target, Foreign::no_targets);
    }

    /// Takes in the lines of the file at this path.
    pub fn file(&mut self, path: &Path) {
        if let Some((source, reader)) = self.open(path) {
            self.lines(&source, reader, Self::target, Foreign::no_targets);
        }
    }

    /// Takes in what another scanner found open, from the file at this path.
    pub fn import_file(&mut self, format: ImportFormat, path: &Path) {
        if let Some((source, reader)) = self.open(path) {
            self.import(format, source, reader);
        }
    }

    /// Takes in what another scanner found open.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a caller makes the source for this call"
    )]
    pub fn import(&mut self, format: ImportFormat, source: Source, reader: impl BufRead) {
        let Some(reader) = self.begin(&source, reader) else {
            return;
        };
        let end = format.read(reader, &mut |number, found| {
            let taken = match found {
                Ok(Found::Spec(line)) => self.imported(&source, number, &line),
                Ok(Found::Note(text)) => {
                    self.notes.push(&origin(&source, number, ""), text, false);
                    Ok(())
                }
                Err(kind) => Err(kind),
            };
            if let Err(kind) = taken {
                self.wrong(&source, number, kind.into());
            }
        });
        if let Err((number, error)) = end {
            self.unreadable(&source, number, &error);
        }
    }

    /// Takes in one exclusion: an address, CIDR, range or name, a single one with or without a
    /// port.
    pub fn exclude(&mut self, text: &str) {
        self.exclusion_arguments = self.exclusion_arguments.saturating_add(1);
        let number = self.exclusion_arguments;
        let taken = bounded(text).and_then(|text| self.exclusion(&Source::Argument, number, text));
        if let Err(mistake) = not_empty(taken) {
            let place = with_column(format!("exclusion {number}"), &mistake, true);
            self.errors.push(EXCLUSIONS, place, mistake.kind);
        }
    }

    /// Takes in the exclusions in the file at this path, one a line.
    pub fn exclude_file(&mut self, path: &Path) {
        if let Some((source, reader)) = self.open(path) {
            self.lines(&source, reader, Self::exclusion, Foreign::no_exclusions);
        }
    }

    /// The set of all that was taken in.
    ///
    /// # Errors
    /// Everything that is wrong with the list, or that nothing is left to ask.
    pub fn build(self) -> Result<TargetSet, TargetErrors> {
        self.errors.finish()?;
        let problem: Kind = if self.draft.is_empty() {
            "there is no target: give an address, CIDR, range, name or URL, or a file of them"
                .into()
        } else {
            let idle = self.draft.idle(self.options.expectations);
            match self.draft.finish(self.exclusions, self.notes, idle) {
                Ok(set) if set.is_empty() => format!(
                    "every target is excluded ({}): nothing is left to ask",
                    set.excluded()
                )
                .into(),
                Ok(set) => return Ok(set),
                Err(problem) => problem,
            }
        };
        let problem = problem.into_owned();
        Err(TargetErrors(vec![TargetError {
            place: String::new(),
            problem,
        }]))
    }

    /// Opens a list; an error says what to do about it.
    fn open(&mut self, path: &Path) -> Option<(Source, BufReader<File>)> {
        let name = path.display().to_string();
        match File::open(path) {
            // A folder can be opened, and is of no use.
            Ok(file) if file.metadata().is_ok_and(|file| file.is_dir()) => {
                self.errors
                    .push(&name, name.clone(), "it is a folder; name a file in it");
                None
            }
            Ok(file) => Some((Source::File(name.into()), BufReader::new(file))),
            Err(error) => {
                let problem =
                    format!("cannot open the file: {error}; check the path and its permissions");
                self.errors.push(&name, name.clone(), problem);
                None
            }
        }
    }

    /// Looks at the beginning of a file; an error is all that is said of one in another encoding.
    fn begin<R: BufRead>(&mut self, source: &Source, reader: R) -> Option<Begun<R>> {
        let reader = Begun::new(reader);
        if reader.is_utf_16() {
            self.errors
                .push(&source.to_string(), source.to_string(), UTF_16);
            return None;
        }
        Some(reader)
    }

    fn lines(
        &mut self,
        source: &Source,
        reader: impl BufRead,
        take: Take,
        no_list: fn(Foreign) -> String,
    ) {
        let Some(reader) = self.begin(source, reader) else {
            return;
        };
        if let Some(foreign) = foreign::known(reader.head()) {
            self.errors
                .push(&source.to_string(), source.to_string(), no_list(foreign));
            return;
        }
        let end = each_line(reader, |number, line| {
            let line = line.map_err(|problem| Mistake::from(Kind::from(problem)));
            if let Err(mistake) = line.and_then(|line| take(self, source, number, line)) {
                self.wrong(source, number, mistake);
            }
        });
        if let Err((number, error)) = end {
            self.unreadable(source, number, &error);
        }
    }

    /// Notes a mistake in a line of a source, or in an argument.
    fn wrong(&mut self, source: &Source, number: u32, mistake: Mistake) {
        let place = place(source, number);
        let place = with_column(place, &mistake, matches!(source, Source::Argument));
        self.errors.push(&source.to_string(), place, mistake.kind);
    }

    fn unreadable(&mut self, source: &Source, number: u32, error: &std::io::Error) {
        let problem = format!("cannot read any further: {error}");
        self.errors
            .push(&source.to_string(), place(source, number), problem);
    }

    /// Takes a line in; `false` if it is blank.
    fn target(&mut self, source: &Source, number: u32, line: &str) -> Result<bool, Mistake> {
        let Some(spec) = target_line(line)? else {
            return Ok(false);
        };
        let origin = origin(
            source,
            number,
            &[&[spec.text], &*spec.narrowed].concat().join(" "),
        );
        self.draft
            .add(spec, origin, &self.options, &mut self.notes)?;
        Ok(true)
    }

    /// Takes in what another scanner's line came to.
    fn imported(&mut self, source: &Source, number: u32, line: &str) -> Result<(), Kind> {
        // The column is one of our own words, not of the file.
        let Some(mut spec) = target_line(line).map_err(|mistake| mistake.kind)? else {
            return Ok(());
        };
        spec.imported = true;
        let origin = origin(source, number, spec.text);
        self.draft.add(spec, origin, &self.options, &mut self.notes)
    }

    /// Takes an exclusion in; `false` if the line is blank.
    fn exclusion(&mut self, source: &Source, number: u32, line: &str) -> Result<bool, Mistake> {
        let Some((text, word)) = exclusion_line(line)? else {
            return Ok(false);
        };
        if let Some(remark) = &word.remark {
            self.notes.push(
                &origin(source, number, text),
                format!("exclusion {remark}"),
                false,
            );
        }
        self.exclusions.add(word)?;
        Ok(true)
    }
}

/// What a line of a list is given to.
type Take = fn(&mut TargetSetBuilder, &Source, u32, &str) -> Result<bool, Mistake>;

/// The bound on a line holds for an argument too.
fn bounded(text: &str) -> Result<&str, Mistake> {
    if text.len() > MAX_LINE {
        Err(Kind::from(TOO_LONG).into())
    } else {
        Ok(text)
    }
}

/// A blank line says nothing, a blank argument is a mistake: an unset variable, most likely.
fn not_empty(taken: Result<bool, Mistake>) -> Result<(), Mistake> {
    const EMPTY: &str = "it is empty; give an address, CIDR, range or name";
    if taken? {
        Ok(())
    } else {
        Err(Kind::from(EMPTY).into())
    }
}

fn origin(source: &Source, line: u32, text: &str) -> Arc<Origin> {
    Arc::new(Origin {
        source: source.clone(),
        line,
        text: text.into(),
    })
}

fn place(source: &Source, line: u32) -> String {
    origin(source, line, "").to_string()
}

/// The place of a mistake. That an argument is wrong where it begins need not be said.
fn with_column(place: String, mistake: &Mistake, argument: bool) -> String {
    match mistake.column {
        Some(column) if column > 1 || !argument => format!("{place}:{column}"),
        _ => place,
    }
}

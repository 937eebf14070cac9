//! Reads a file as YAML or JSON documents.

use serde_saphyr::Options;
use serde_saphyr::options::DuplicateKeyPolicy;

use super::node::{Node, Value};
use super::place::Place;
use crate::model::Source;

/// The most events that aliases of a file may repeat.
const MAX_REPLAYED: usize = 50_000;
/// The most values that a file may have.
const MAX_NODES: usize = 4_000_000;
/// How deep documents may lie in texts of other documents.
const MAX_EMBEDDED: u8 = 3;

/// A file with its lines, from which the places of texts within a value are taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct File<'a> {
    pub(super) source: &'a Source,
    pub(super) text: &'a str,
    /// How many documents this one lies in.
    depth: u8,
}

/// A file, or a text in one, that cannot be read. It says what is wrong without repeating the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Where.
    pub place: Place,
    /// What is wrong.
    pub problem: String,
}

impl<'a> File<'a> {
    pub(super) const fn new(source: &'a Source, text: &'a str) -> Self {
        Self {
            source,
            text,
            depth: 0,
        }
    }

    pub(super) fn place(self, line: u32, column: u32) -> Place {
        Place::new(self.source.clone(), line, column)
    }

    /// Its documents, without empty ones.
    pub(super) fn documents(self) -> Result<Vec<Node>, Unreadable> {
        let mut nodes = parse(self.text).map_err(|(line, column, problem)| Unreadable {
            place: self.place(line, column),
            problem,
        })?;
        for node in &mut nodes {
            node.relocate(&|line, column| self.place(line, column));
        }
        Ok(nodes)
    }

    /// The documents in the text of a value.
    pub(super) fn documents_in(self, node: &Node) -> Result<(Self, Vec<Node>), Unreadable> {
        let inner = Self {
            depth: self.depth + 1,
            ..self
        };
        let text = node.text().unwrap_or_default();
        if inner.depth > MAX_EMBEDDED {
            return Err(Unreadable {
                place: node.place.clone(),
                problem: "too many documents within documents".to_owned(),
            });
        }
        let at = self.positions_in(node);
        let mut nodes = parse(text).map_err(|(line, column, problem)| Unreadable {
            place: at(line, column),
            problem,
        })?;
        for node in &mut nodes {
            node.relocate(&at);
        }
        Ok((inner, nodes))
    }

    /// The text of the document that a node is, and how many lines are before it; `None` for a text within a document.
    pub(super) fn document_text(self, node: &Node) -> Option<(u32, &'a str)> {
        if self.depth > 0 {
            return None;
        }
        let (mut before, mut begin, mut end) = (0, 0, self.text.len());
        let mut at = 0;
        for (number, line) in (1..).zip(self.text.split_inclusive('\n')) {
            if line.trim_end() == "---" {
                if number > node.place.line {
                    end = at;
                    break;
                }
                (before, begin) = (number, at + line.len());
            }
            at += line.len();
        }
        Some((before, self.text.get(begin..end)?))
    }

    /// Whether the first document of the file is empty and this is not it: a program that reads one document reads
    /// nothing then.
    pub(super) fn is_behind_empty_document(self, node: &Node) -> bool {
        let before = self
            .text
            .lines()
            .take((node.place.line as usize).saturating_sub(1));
        let lines: Vec<&str> = before
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .collect();
        self.depth == 0 && lines.len() > 1 && lines.iter().all(|line| *line == "---")
    }

    /// Where a position in the text of a value lies in the file. A block scalar (`|`) has a line of the file for each
    /// line of the text. Everything in another scalar lies where the scalar begins.
    pub(super) fn positions_in<'n>(
        self,
        node: &'n Node,
    ) -> impl Fn(u32, u32) -> Place + use<'n, 'a> {
        let start = &node.place;
        let mut lines = self.text.lines().skip(start.line as usize - 1);
        let first = lines.next().unwrap_or_default();
        let text = node.text().unwrap_or_default();
        let is_block = self.depth == 0
            && text.contains('\n')
            && first.trim_start() == text.lines().next().unwrap_or_default().trim_end();
        move |line, column| {
            if is_block {
                let line = start.line.saturating_add(line - 1);
                self.place(line, start.column.saturating_add(column - 1))
            } else {
                start.clone()
            }
        }
    }
}

/// The line and column of a mistake, and what it is.
type Mistake = (u32, u32, String);

fn parse(text: &str) -> Result<Vec<Node>, Mistake> {
    let mut options = Options::default();
    options.with_snippet = false;
    options.duplicate_keys = DuplicateKeyPolicy::Error;
    options.alias_limits.max_total_replayed_events = MAX_REPLAYED;
    if let Some(budget) = &mut options.budget {
        (budget.max_events, budget.max_nodes) = (MAX_NODES * 2, MAX_NODES);
    }
    match serde_saphyr::from_multiple_with_options::<Option<Node>>(text, options) {
        Ok(documents) => {
            let is_there = |node: &Node| !matches!(node.value, Value::Null);
            Ok(documents.into_iter().flatten().filter(is_there).collect())
        }
        Err(error) => {
            let number = |number: u64| u32::try_from(number).unwrap_or(u32::MAX).max(1);
            let place = error.location();
            let (line, column) = place.map_or((1, 1), |place| {
                (number(place.line()), number(place.column()))
            });
            Err((
                line,
                column,
                "invalid YAML or JSON, or a field twice".to_owned(),
            ))
        }
    }
}

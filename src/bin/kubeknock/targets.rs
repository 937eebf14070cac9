//! `kubeknock targets`: shows the targets of lists and of inventories of clusters. Sends nothing.

use std::io::{self, Write};

use kubeknock::model::{ClusterNotAsked, Declared, NotAskedReason, Verdict};
use kubeknock::report::escape;
use kubeknock::targets::{Spec, TargetSet};
use serde::Serialize;

use crate::args::{TargetsArgs, TargetsFormat};
use crate::outputs::Choices;
use crate::settings;

/// Writes the list.
pub(crate) fn run(args: &TargetsArgs, verbose: u8) -> anyhow::Result<u8> {
    let outputs = Choices::open(&args.output, args.format.as_deref())?;
    let set = settings::listed(args, verbose)?;
    let rows: Vec<Row<'_>> = (set.specs().iter().map(Row::of_spec))
        .chain(set.not_asked().iter().map(Row::of_unasked))
        .collect();
    outputs.write(|format, _, out| match format {
        TargetsFormat::Table => table(out, &rows, &set),
        TargetsFormat::Json => {
            serde_json::to_writer_pretty(&mut *out, &rows)?;
            writeln!(out)
        }
        TargetsFormat::Lines => rows.iter().try_for_each(|row| line(out, row)),
    })?;
    Ok(0)
}

/// A line of a list, or an endpoint of a cluster of an inventory.
#[derive(Serialize)]
struct Row<'a> {
    /// The target as a line of a list has it, without `name=` and `expect=`; empty for a cluster without an endpoint.
    target: &'a str,
    /// The user's or the inventory's name for it.
    name: Option<&'a str>,
    expect: Option<Verdict>,
    /// Where it is written: file and line.
    origin: String,
    /// How many targets it names: hosts and ports, without those that are excluded or that an earlier line has.
    targets: u64,
    /// Whether a missing verdict lowers the coverage.
    counts: bool,
    /// Why it is not asked; null if it is.
    not_asked: Option<&'static str>,
    #[serde(skip)]
    why_not: Option<String>,
    declared: Option<&'a Declared>,
}

impl<'a> Row<'a> {
    fn of_spec(spec: &'a Spec) -> Self {
        Self {
            target: &spec.origin.text,
            name: spec.label.as_deref(),
            expect: spec.expect,
            origin: spec.origin.to_string(),
            targets: spec.targets,
            counts: spec.must_answer(),
            not_asked: None,
            why_not: None,
            declared: spec.declared.as_deref(),
        }
    }

    fn of_unasked(cluster: &'a ClusterNotAsked) -> Self {
        Self {
            target: &cluster.origin.text,
            name: cluster.label.as_deref(),
            expect: None,
            origin: cluster.origin.to_string(),
            targets: 0,
            counts: false,
            not_asked: Some(cluster.why.as_str()),
            why_not: Some(cluster.text()),
            declared: Some(&cluster.declared),
        }
    }

    /// What the inventory declares, or why it is not asked.
    fn remark(&self) -> String {
        let mut declared = self.declared.cloned().unwrap_or_default();
        if self.not_asked == Some(NotAskedReason::NeedsProxy.as_str()) {
            declared.proxy = None;
        }
        let declared = declared.phrases();
        let not_asked = self.why_not.iter().map(|why| format!("not asked: {why}"));
        not_asked.chain(declared).collect::<Vec<_>>().join("; ")
    }
}

/// A line of a target list. A cluster that is not asked is a comment.
fn line(out: &mut dyn Write, row: &Row<'_>) -> io::Result<()> {
    if let Some(why) = &row.why_not {
        write!(out, "# {why}: ")?;
    }
    write!(out, "{}", escape(row.target, usize::MAX))?;
    if let Some(name) = row.name {
        write!(out, " name={}", escape(name, usize::MAX))?;
    }
    if let Some(expect) = row.expect {
        write!(out, " expect={expect}")?;
    }
    writeln!(out)
}

const TITLES: [&str; 6] = [
    "NAME", "TARGET", "PROVIDER", "REGION", "VERSION", "DECLARED",
];

fn table(out: &mut dyn Write, rows: &[Row<'_>], set: &TargetSet) -> io::Result<()> {
    if rows.is_empty() {
        return writeln!(out, "0 entries: 0 targets");
    }
    let cells: Vec<[String; 6]> = std::iter::once(TITLES.map(str::to_owned))
        .chain(rows.iter().map(cells))
        .collect();
    // A column without any text is left out.
    let columns =
        (0..TITLES.len()).filter(|column| cells.iter().skip(1).any(|row| !row[*column].is_empty()));
    let columns: Vec<(usize, usize)> = columns
        .map(|column| {
            let widths = cells.iter().map(|row| row[column].chars().count());
            (column, widths.max().unwrap_or_default())
        })
        .collect();
    for row in &cells {
        let padded = columns
            .iter()
            .map(|(column, width)| format!("{:width$}", row[*column]));
        writeln!(out, "{}", padded.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    let excluded = match set.not_asked().len() {
        0 => String::new(),
        not_asked => format!(", {not_asked} not asked"),
    };
    let entries = match rows.len() {
        1 => "1 entry".to_owned(),
        count => format!("{count} entries"),
    };
    let targets = match set.len() {
        1 => "1 target".to_owned(),
        count => format!("{count} targets"),
    };
    writeln!(out, "\n{entries}: {targets}{excluded}")
}

fn cells(row: &Row<'_>) -> [String; 6] {
    let declared = row.declared;
    let text = |text: Option<&str>| escape(text.unwrap_or_default(), usize::MAX);
    [
        text(row.name),
        text(Some(row.target)),
        text(declared.and_then(|declared| declared.provider.as_deref())),
        text(declared.and_then(|declared| declared.region.as_deref())),
        text(declared.and_then(|declared| declared.version.as_deref())),
        escape(&row.remark(), usize::MAX),
    ]
}

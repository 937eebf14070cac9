//! The columns of the table: each endpoint has one line.
//!
//! On a terminal, columns shorten by priority: first what an anonymous caller may do and who answered, at the end of a
//! word; then the column about who answered is left out. A verdict, a target and a name are never cut: where one does
//! not fit its column, the row goes on in the next line. In a pipe, nothing is cut or padded.

use super::lines::{shortened, width};
use super::rows::Row;
use super::style::{TableOptions, shown, verdict_style};
use crate::model::Verdict;

/// Between columns.
const GAP: &str = "  ";
/// The titles of the columns.
const TITLES: [&str; COLUMNS] = ["VERDICT", "TARGET", "NAME", "WHO", "ANONYMOUS MAY"];
const COLUMNS: usize = 5;
const TARGET: usize = 1;
const NAME: usize = 2;
const WHO: usize = 3;
const MAY: usize = 4;
/// The narrowest column about what an anonymous caller may do. If there is less room, the column about who answered is
/// left out.
const MIN_MAY: usize = 28;
/// The narrowest column about who answered.
const MIN_WHO: usize = 14;

type Cells = [String; COLUMNS];

/// The lines of the table: the titles, then the rows.
pub(super) fn lines(rows: &[Row], width: Option<usize>, options: &TableOptions) -> Vec<String> {
    let cells: Vec<Cells> = rows.iter().map(cells).collect();
    let labelled = rows.iter().any(|row| !row.label.is_empty());
    let titles = TITLES.map(str::to_owned);
    let columns: Vec<usize> = (0..COLUMNS)
        .filter(|column| *column != NAME || labelled)
        .collect();
    let mut all = Vec::with_capacity(cells.len() + 1);
    if let Some(available) = width {
        let (columns, widths) = fit(&columns, &cells, available);
        all.extend(row(&titles, &columns, &widths));
        for (cells, Row { verdict, .. }) in cells.iter().zip(rows) {
            let mut lines = row(cells, &columns, &widths);
            if let Some(first) = lines.first_mut() {
                *first = painted(first, *verdict, options);
            }
            all.extend(lines);
        }
    } else {
        let joined = |cells: &Cells| {
            let cells: Vec<&str> = columns.iter().map(|column| &*cells[*column]).collect();
            cells.join(GAP)
        };
        all.push(joined(&titles));
        for (cells, Row { verdict, .. }) in cells.iter().zip(rows) {
            all.push(painted(&joined(cells), *verdict, options));
        }
    }
    all
}

/// The cells of a row as they are shown. Spaces between words are single, because columns have two between them.
fn cells(row: &Row) -> Cells {
    let may = match row.expected {
        Some(expected) => format!("expected {expected}; {}", shown(&row.may)),
        None => shown(&row.may),
    };
    let texts = [&row.target, &row.label, &row.who].map(|text| shown(text));
    let [target, label, who] = texts;
    [row.verdict.as_str().to_owned(), target, label, who, may].map(|text| {
        let words: Vec<&str> = text.split_whitespace().collect();
        if words.is_empty() {
            "-".to_owned()
        } else {
            words.join(" ")
        }
    })
}

/// The line of a row, which begins with its verdict, in the colour of the verdict.
fn painted(line: &str, verdict: Verdict, options: &TableOptions) -> String {
    let word = verdict.as_str();
    let rest = line.strip_prefix(word).unwrap_or_default();
    format!("{}{rest}", options.painted(verdict_style(verdict), word))
}

/// The columns that fit, and their widths.
fn fit(columns: &[usize], cells: &[Cells], available: usize) -> (Vec<usize>, [usize; COLUMNS]) {
    let widest = |column: usize, most: usize| {
        let widths = cells.iter().map(|cells| width(&cells[column]));
        let widest = widths.filter(|width| *width <= most).max();
        widest.unwrap_or(0).max(TITLES[column].len())
    };
    let mut widths = [0; COLUMNS];
    let labelled = columns.contains(&NAME);
    widths[0] = widest(0, usize::MAX);
    widths[TARGET] = widest(TARGET, available / 3);
    widths[NAME] = if labelled {
        widest(NAME, available / 5)
    } else {
        0
    };
    let used: usize = columns
        .iter()
        .filter(|column| **column < WHO)
        .map(|column| widths[*column] + GAP.len())
        .sum();
    let left = available.saturating_sub(used);
    let may = widest(MAY, usize::MAX);
    let who = widest(WHO, usize::MAX);
    // Who answered gets what the last column does not need, and at least a fourth of the line.
    let room = left.saturating_sub(GAP.len());
    let share = (available / 4).max(room.saturating_sub(may));
    let share = share.min(room.saturating_sub(MIN_MAY)).min(who);
    let mut columns = columns.to_vec();
    if share >= MIN_WHO.min(who) {
        widths[WHO] = share;
        widths[MAY] = room - share;
    } else {
        columns.retain(|column| *column != WHO);
        widths[MAY] = left.max(MIN_WHO);
    }
    (columns, widths)
}

/// The lines of one row. No line ends with a space.
fn row(cells: &Cells, columns: &[usize], widths: &[usize; COLUMNS]) -> Vec<String> {
    let (mut lines, mut line, mut start) = (Vec::new(), String::new(), 0);
    for column in columns.iter().copied() {
        if !line.is_empty() && width(&line) + GAP.len() > start {
            lines.push(std::mem::take(&mut line));
        }
        let padding = start - width(&line);
        line.push_str(&" ".repeat(padding));
        if column < WHO {
            line.push_str(&cells[column]);
        } else {
            line.push_str(&shortened(&cells[column], widths[column]));
        }
        start += widths[column] + GAP.len();
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(verdict: Verdict, target: &str, label: &str) -> Row {
        Row {
            verdict,
            target: target.to_owned(),
            label: label.to_owned(),
            who: "kubeadm v1.34.1, through a front end".to_owned(),
            may: "list pods, secrets and 4 more; read discovery, OpenAPI, metrics; version, health"
                .to_owned(),
            expected: None,
        }
    }

    fn at(width: Option<usize>, rows: &[Row]) -> String {
        lines(rows, width, &TableOptions::default()).join("\n")
    }

    #[test]
    fn columns_shorten_and_drop_by_priority() {
        let rows = [
            made(Verdict::Exposed, "192.0.2.17:6443", "prod-fra-2"),
            made(Verdict::NotApiServer, "192.0.2.18:6443", ""),
        ];
        assert_eq!(
            at(Some(80), &rows),
            "VERDICT         TARGET           NAME        ANONYMOUS MAY\n\
             exposed         192.0.2.17:6443  prod-fra-2  list pods, secrets and 4 more…\n\
             not-api-server  192.0.2.18:6443  -           list pods, secrets and 4 more…"
        );
        assert_eq!(
            at(Some(110), &rows),
            "VERDICT         TARGET           NAME        WHO                          ANONYMOUS MAY\n\
             exposed         192.0.2.17:6443  prod-fra-2  kubeadm v1.34.1, through a… \u{20}list pods, secrets and 4 more; read…\n\
             not-api-server  192.0.2.18:6443  -           kubeadm v1.34.1, through a… \u{20}list pods, secrets and 4 more; read…"
        );
    }

    #[test]
    fn a_target_that_does_not_fit_goes_on_in_the_next_line() {
        let rows = [
            made(
                Verdict::Exposed,
                "https://rancher.example:443/k8s/clusters/c-1 at 2001:db8::5",
                "prod-fra-2",
            ),
            made(Verdict::Forbidden, "192.0.2.18:6443", "prod-fra-3"),
        ];
        assert_eq!(
            at(Some(80), &rows),
            "VERDICT    TARGET           NAME        ANONYMOUS MAY\n\
             exposed    https://rancher.example:443/k8s/clusters/c-1 at 2001:db8::5\n\
             \u{20}                           prod-fra-2  list pods, secrets and 4 more; read…\n\
             forbidden  192.0.2.18:6443  prod-fra-3  list pods, secrets and 4 more; read…"
        );
    }

    #[test]
    fn a_pipe_gets_one_line_for_each_endpoint_without_padding() {
        let rows = [
            made(Verdict::Exposed, "192.0.2.17:6443", "prod  fra"),
            made(Verdict::Forbidden, "api.example:6443 at 192.0.2.18", ""),
        ];
        let text = at(None, &rows);
        for line in text.lines() {
            assert_eq!(line.split("  ").count(), COLUMNS, "{line}");
        }
        assert!(text.starts_with(
            "VERDICT  TARGET  NAME  WHO  ANONYMOUS MAY\nexposed  192.0.2.17:6443  prod fra  "
        ));
    }
}

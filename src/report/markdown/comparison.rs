//! `kubeknock diff -o markdown`: what changed from one scan to the next, for a comment or a ticket.

use std::io;

use super::super::diff::Diff;
use super::super::folded::{Folded, folded};
use super::{END_OF_CHANGES, END_OF_FINDINGS, MAX_PAGE, Page, changes, fixes, outcome, row};
use crate::model::{BaselineState, Time};

/// Writes the page: the outcome, new findings with what to do, what changed, and findings that are gone.
pub fn write(out: &mut dyn io::Write, diff: &Diff<'_>) -> io::Result<()> {
    let new = &diff.new;
    let listed = new.listed_findings();
    let in_state = |state| {
        let listed = listed.iter().copied();
        folded(listed.filter(move |finding| finding.baseline == Some(state)))
    };
    let mut page = Page::default();
    outcome(&mut page, new);
    let (old_start, new_start) = (Time(diff.old.started), Time(new.summary.started));
    page.line(&format!("From {old_start} to {new_start}.\n"));
    let opened = in_state(BaselineState::New);
    fixes(&mut page, &opened);
    table(&mut page, END_OF_FINDINGS, "New findings", &opened);
    changes(&mut page, new);
    let gone = in_state(BaselineState::Absent);
    let end = END_OF_CHANGES.midpoint(MAX_PAGE);
    table(&mut page, end, "Findings that are gone", &gone);
    if let Some(notice) = new.carried_notice() {
        page.line(&format!("Also {notice}."));
    }
    out.write_all(page.text.as_bytes())?;
    out.flush()
}

/// Findings of one rule with one fix in one row. `end` is the length of the page up to which there are rows.
fn table(page: &mut Page, end: usize, title: &str, folds: &[Folded<'_>]) {
    if folds.is_empty() {
        page.line(&format!("{title}: none.\n"));
        return;
    }
    page.line(&format!("### {title}\n"));
    page.line("| severity | rule | target | what | |\n|---|---|---|---|---|");
    page.rows(end, 0, folds.iter().map(row));
    page.line("");
}

#[cfg(test)]
mod tests {
    use super::super::super::sample::{self, Sample};
    use super::*;

    fn page(sample: &Sample) -> String {
        let diff = Diff {
            old: &sample.summary,
            new: sample.results(),
        };
        sample::written(|out| write(out, &diff))
    }

    #[test]
    fn what_is_new_and_what_is_gone() {
        insta::assert_snapshot!(page(&sample::mixed()));
    }

    #[test]
    fn nothing_new() {
        let mut sample = sample::empty();
        sample.changes = Some(Vec::new());
        let page = page(&sample);
        assert!(
            page.contains("New findings: none.") && page.contains("Nothing changed"),
            "{page}"
        );
    }

    #[test]
    fn a_comment_has_room_for_an_estate() {
        let mut sample = sample::outage(3000);
        for (number, finding) in sample.findings.iter_mut().enumerate() {
            let gone = number % 2 == 0;
            finding.baseline = Some(if gone {
                BaselineState::Absent
            } else {
                BaselineState::New
            });
        }
        sample.outage = None;
        let page = page(&sample);
        assert!(page.chars().count() < 65_536, "{}", page.chars().count());
    }
}

//! `github`: workflow commands that become annotations at the lines of the targets file
//! (<https://docs.github.com/actions/reference/workflow-commands-for-github-actions>).
//!
//! One line a finding, worst first; accepted findings and those that are gone are left out.

use std::io;

use super::Results;
use super::escape::escape;
use super::place::{Files, place};
use crate::model::Severity;

/// Characters of a message.
const SHOWN: usize = 1000;

/// Writes the commands.
pub fn write(out: &mut dyn io::Write, results: &Results<'_>, files: Files<'_>) -> io::Result<()> {
    for finding in results.findings.iter().filter(|finding| finding.counts()) {
        let command = match finding.severity {
            Severity::Critical | Severity::High => "error",
            Severity::Medium => "warning",
            Severity::Low | Severity::Note => "notice",
        };
        let place = place(&finding.origin, files);
        writeln!(
            out,
            "::{command} file={},line={},title={}::{}",
            property(&place.path),
            place.line,
            property(finding.rule.id),
            data(&format!("{}: {}", finding.about, finding.message)),
        )?;
    }
    out.flush()
}

/// The text of a command: one line, nothing that begins another.
fn data(text: &str) -> String {
    escape(text, SHOWN).replace('%', "%25")
}

/// The value of a property, which a colon or a comma would end.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::super::sample::{self, Sample};
    use super::*;

    fn text(sample: &Sample) -> String {
        let mut out = Vec::new();
        let files = Files { here: Path::new("/repo"), root: Path::new("/repo") };
        write(&mut out, &sample.results(), files).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_command_for_each_finding_that_counts() {
        insta::assert_snapshot!(text(&sample::mixed()));
        assert_eq!(text(&sample::empty()), "");
    }

    proptest! {
        #[test]
        fn no_text_begins_a_command_or_ends_a_property(text in "\\PC*|[\\x00-\\x7f]{0,40}") {
            let mut sample = sample::mixed();
            sample.findings.truncate(1);
            sample.findings[0].message.clone_from(&text);
            let written = self::text(&sample);
            prop_assert_eq!(written.lines().count(), 1);
            prop_assert!(written.starts_with("::error file=targets.txt,line="));
        }
    }
}

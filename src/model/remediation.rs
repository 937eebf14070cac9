//! How to fix something, as steps.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::Text;
#[cfg(test)]
use super::serial::Clipped;
use super::serial::{clipped, clipped_if_any};

/// How to fix something: what to do, in steps, with what that breaks and how to go back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Remediation {
    /// What to do, in one sentence or two.
    #[serde(serialize_with = "clipped")]
    #[cfg_attr(test, schemars(with = "Clipped"))]
    pub summary: Text,
    /// What to do one after the other; empty if the summary says all.
    pub steps: Vec<Step>,
    /// What stops working, and because of which step; null if nothing is known to.
    #[serde(serialize_with = "clipped_if_any")]
    #[cfg_attr(test, schemars(with = "Option<Clipped>"))]
    pub breaks: Option<Text>,
    /// How to go back; null without a way.
    #[serde(serialize_with = "clipped_if_any")]
    #[cfg_attr(test, schemars(with = "Option<Clipped>"))]
    pub undo: Option<Text>,
    /// A page with more about it; null without one.
    #[serde(serialize_with = "clipped_if_any")]
    #[cfg_attr(test, schemars(with = "Option<Clipped>"))]
    pub reference: Option<Text>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Step {
    /// What to do.
    #[serde(serialize_with = "clipped")]
    #[cfg_attr(test, schemars(with = "Clipped"))]
    pub text: Text,
    /// A complete command, or an excerpt of a file; null without one. It may have several lines, and words in capital
    /// letters stand for the reader's own names.
    #[serde(serialize_with = "clipped_if_any")]
    #[cfg_attr(test, schemars(with = "Option<Clipped>"))]
    pub command: Option<Text>,
}

impl Remediation {
    /// What an earlier version wrote as one text.
    pub(crate) fn of_text(text: String, reference: Option<Text>) -> Self {
        Self {
            summary: text.into(),
            reference,
            ..Self::default()
        }
    }

    /// What follows the steps: what stops working and how to go back, each with its title.
    pub fn notes(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let notes = [("Breaks", &self.breaks), ("Undo", &self.undo)];
        notes
            .into_iter()
            .filter_map(|(title, text)| Some((title, text.as_deref()?)))
    }

    /// As a text of several lines and at most `max` characters, without the reference.
    ///
    /// Steps that do not fit are left out as a whole. What a step breaks is never left out, because advice without it
    /// may do harm.
    pub fn text(&self, max: usize) -> String {
        let mut after = String::new();
        for (title, text) in self.notes() {
            let _ = write!(after, "\n{title}: {text}");
        }
        let mut out = self.summary.to_string();
        let mut left = max.saturating_sub(out.chars().count() + after.chars().count() + 2);
        for (number, Step { text, command }) in (1..).zip(&self.steps) {
            let mut step = format!("\n{number}. {text}");
            for line in command.iter().flat_map(|command| command.lines()) {
                let _ = write!(step, "\n    {line}");
            }
            let length = step.chars().count();
            if length > left {
                out.push_str("\n…");
                break;
            }
            left -= length;
            out.push_str(&step);
        }
        out + &after
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remediation() -> Remediation {
        let step = |text: &'static str, command: Option<&'static str>| Step {
            text: text.into(),
            command: command.map(Into::into),
        };
        Remediation {
            summary: "Turn it off.".into(),
            steps: vec![
                step("Set this.", Some("a:\n  b: false")),
                step("Restart it.", None),
            ],
            breaks: Some("Probes fail.".into()),
            undo: Some("Set it as it was.".into()),
            reference: Some("https://docs.example/".into()),
        }
    }

    #[test]
    fn a_text_has_a_line_for_each_part() {
        assert_eq!(
            remediation().text(1000),
            "Turn it off.\n1. Set this.\n    a:\n      b: false\n2. Restart it.\nBreaks: Probes fail.\n\
             Undo: Set it as it was."
        );
        assert_eq!(
            Remediation::of_text("Do it.".to_owned(), None).text(3),
            "Do it."
        );
    }

    #[test]
    fn a_short_text_leaves_steps_out_and_never_what_breaks() {
        let whole = remediation().text(1000);
        for max in 64..whole.chars().count() + 2 {
            let text = remediation().text(max);
            assert!(text.chars().count() <= max, "{max}: {text}");
            assert!(
                text.ends_with("\nBreaks: Probes fail.\nUndo: Set it as it was."),
                "{text}"
            );
            assert!(text == whole || text.contains("\n…\n"), "{text}");
        }
    }
}

//! A remediation that is made from guides and steps.

use crate::model::{Remediation, Step, Text};
use crate::products::{Action, Guide};

/// What a remediation is made from, in order.
#[derive(Default)]
pub(super) struct Draft {
    summaries: Vec<&'static str>,
    actions: Vec<&'static Action>,
}

impl Draft {
    pub(super) fn add(&mut self, guide: &'static Guide) {
        self.summaries.push(&guide.summary);
        self.actions.extend(&guide.steps);
    }

    pub(super) fn step(&mut self, action: &'static Action) {
        self.actions.push(action);
    }

    pub(super) fn remediation(self, reference: Option<&'static str>) -> Remediation {
        let consequences = |of: fn(&Action) -> Option<&String>| {
            joined(
                self.actions
                    .iter()
                    .filter_map(|action| Some(of(action)?.as_str())),
            )
        };
        Remediation {
            summary: joined(self.summaries.iter().copied()).unwrap_or_default(),
            breaks: consequences(|action| action.breaks.as_ref()),
            undo: consequences(|action| action.undo.as_ref()),
            reference: reference.map(Text::Borrowed),
            steps: (self.actions.iter())
                .map(|action| Step {
                    text: Text::Borrowed(&action.text),
                    command: action.command.as_deref().map(Text::Borrowed),
                })
                .collect(),
        }
    }
}

/// Sentences after one another, each once; `None` without any.
fn joined(sentences: impl Iterator<Item = &'static str>) -> Option<Text> {
    let mut all: Vec<&'static str> = Vec::new();
    for sentence in sentences {
        if !all.contains(&sentence) {
            all.push(sentence);
        }
    }
    match all.as_slice() {
        [] => None,
        [one] => Some(Text::Borrowed(one)),
        several => Some(several.join(" ").into()),
    }
}

/// One guide as a remediation.
pub(super) fn of_guide(guide: &'static Guide) -> Remediation {
    let mut draft = Draft::default();
    draft.add(guide);
    draft.remediation(guide.url.as_deref())
}

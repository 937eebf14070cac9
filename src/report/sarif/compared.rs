//! What inventories declare, compared with what was observed. Most of it is no finding, so these are notifications.

use std::borrow::Borrow;
use std::sync::Arc;

use super::escaping::text;
use super::notices::MAX_LISTED;
use crate::model::{EndpointReport, Origin};

#[derive(Default)]
pub(super) struct Compared {
    /// Each with the line that names the target.
    pub(super) sentences: Vec<(String, Arc<Origin>)>,
    /// How many more there are.
    pub(super) more: usize,
}

impl Compared {
    pub(super) fn of(reports: impl Iterator<Item: Borrow<EndpointReport>>) -> Self {
        let mut found = Self::default();
        for report in reports {
            let report = report.borrow();
            let target = &report.target;
            let name = target.label.as_deref();
            let name = name.map_or_else(String::new, |name| format!("{name} "));
            for compared in &report.compared {
                if found.sentences.len() == MAX_LISTED {
                    found.more += 1;
                    continue;
                }
                let (fact, sentence) = (compared.fact.phrase(), &compared.sentence);
                let message = text(&format!("{name}{target}: {fact}: {sentence}."));
                found.sentences.push((message, Arc::clone(&target.origin)));
            }
        }
        found
    }
}

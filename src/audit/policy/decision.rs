//! What a policy does with a request: the first rule that matches decides.

use super::rule::Rule;
use super::words::{Caller, Level, Place, Stage};
use crate::kubernetes::Attributes;

/// An audit policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Stages that no rule writes.
    pub(super) omit_stages: Vec<Stage>,
    pub(super) rules: Vec<Rule>,
    pub(super) unknown_keys: Vec<(Place, String)>,
}

/// What a policy does with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The level of the rule that decides.
    pub level: Level,
    /// The position of the rule that decides, from 0; `None` if no rule matches, and then nothing is written.
    pub rule: Option<usize>,
    /// The stages that are written, in order. Empty if the level is `None`, or if all are omitted.
    pub stages: Vec<Stage>,
}

impl Decision {
    /// Whether the log has the request.
    pub const fn is_logged(&self) -> bool {
        !self.stages.is_empty()
    }

    /// Whether the log says how the request ended.
    pub fn has_answer(&self) -> bool {
        (self.stages.iter()).any(|stage| *stage != Stage::RequestReceived)
    }
}

impl Policy {
    /// The rules, in the order in which the server tries them.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Keys that the server does not know, as they stand in the file, with the place of their rule or document. The
    /// server warns and starts, and a rule that lacks the condition it was meant to have matches too much.
    pub fn unknown_keys(&self) -> &[(Place, String)] {
        &self.unknown_keys
    }

    /// Which events of a request by this caller are written.
    pub fn decide(&self, request: &Attributes<'_>, caller: Caller<'_>) -> Decision {
        let user = caller.user();
        let rule = (self.rules.iter()).position(|rule| rule.matches(request, user));
        let (level, omitted) = match rule {
            Some(at) => (self.rules[at].level, &*self.rules[at].omit_stages),
            None => (Level::None, &[][..]),
        };
        let stages: &[Stage] = match caller {
            Caller::Unauthenticated => &[Stage::ResponseStarted],
            _ if request.is_long_running() => &[
                Stage::RequestReceived,
                Stage::ResponseStarted,
                Stage::ResponseComplete,
            ],
            _ => &[Stage::RequestReceived, Stage::ResponseComplete],
        };
        let is_written = |stage: &&Stage| {
            level != Level::None && !omitted.contains(stage) && !self.omit_stages.contains(stage)
        };
        Decision {
            level,
            rule,
            stages: stages.iter().filter(is_written).copied().collect(),
        }
    }
}

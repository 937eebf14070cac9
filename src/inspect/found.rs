//! What the documents of the input say, before it is evaluated.

use super::audit_policy::PolicyReport;
use super::authentication::AuthenticationFile;
use super::authorization::AuthorizationFile;
use super::document::Unreadable;
use super::place::Place;
use super::rbac::Rbac;
use super::server::Server;

/// What the files of the input say.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) servers: Vec<Server>,
    pub(super) authentication: Vec<AuthenticationFile>,
    pub(super) authorization: Vec<AuthorizationFile>,
    pub(super) rbac: Rbac,
    pub(super) policies: Vec<PolicyReport>,
    pub(super) notes: Vec<Note>,
    pub(super) unreadable: Vec<Unreadable>,
    /// The first documents of files that say nothing about anonymous access.
    pub(super) foreign: Vec<Place>,
    /// How many objects say nothing about anonymous access.
    pub(super) others: u64,
}

/// Something that the reader of the report must know about the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Where.
    pub place: Place,
    /// What.
    pub text: String,
    /// Whether the input should have had a server here, and has none.
    pub is_gap: bool,
}

impl Found {
    pub(super) fn note(&mut self, place: &Place, text: impl Into<String>) {
        self.notes.push(Note::at(place, text));
    }

    pub(super) fn gap(&mut self, place: &Place, text: impl Into<String>) {
        self.notes.push(Note {
            place: place.clone(),
            text: text.into(),
            is_gap: true,
        });
    }
}

impl Note {
    pub(super) fn at(place: &Place, text: impl Into<String>) -> Self {
        Self {
            place: place.clone(),
            text: text.into(),
            is_gap: false,
        }
    }
}

//! Notifications: what is new, worse, fixed or lost since the baseline, for receivers that are told only of changes.
//!
//! [`Notification`] chooses what to say, and [`body`] writes it for a receiver. [`alertmanager`] is told the alerts that open
//! and close instead.

pub mod alertmanager;
mod news;
mod slack;
mod webhook;

#[cfg(test)]
mod tests;

use strum::{VariantArray, VariantNames};

use crate::model::words;
pub use news::{Before, News, NewsKind, Notification};

/// Who is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, VariantArray, VariantNames)]
#[strum(serialize_all = "kebab-case")]
pub enum Receiver {
    /// Alertmanager, by version 2 of its API.
    Alertmanager,
    /// A service that takes JSON.
    Webhook,
    /// An incoming webhook of Slack, or of a service that takes the same.
    Slack,
}

words!(Receiver, all);

/// The body of the POST to a receiver that is told the news; `None` for [`Receiver::Alertmanager`], which is told alerts.
pub fn body(notification: &Notification<'_>, receiver: Receiver) -> Option<String> {
    let id = notification.id();
    match receiver {
        Receiver::Alertmanager => None,
        Receiver::Webhook => Some(webhook::body(notification, &id)),
        Receiver::Slack => Some(slack::body(notification, &id)),
    }
}

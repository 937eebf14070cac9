//! `--notify`: tells receivers what changed. The requests are no probes, and go to the receivers alone.

mod message;
mod notifier;
mod outbox;
mod receiver;

pub(crate) use message::Message;
pub(crate) use notifier::Notifier;
pub(crate) use outbox::Outbox;
pub(crate) use receiver::Receiver;

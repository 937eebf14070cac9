//! What a receiver is sent.

use serde::{Deserialize, Serialize};

/// The messages about one scan.
#[derive(Default)]
pub(crate) struct Messages {
    /// What changed.
    pub(super) news: Vec<Message>,
    /// What did not, for an Alertmanager that was restarted. The next scan tells it, too, so nothing keeps them.
    pub(super) again: Vec<Message>,
}

/// A message for one receiver, as it is kept until the receiver has it.
#[derive(Serialize, Deserialize)]
pub(crate) struct Message {
    /// The receiver, as written on the command line.
    pub(super) receiver: String,
    /// Its identity: the same whenever it is sent.
    pub(super) id: String,
    /// The body of the request.
    pub(super) body: String,
}

#[cfg(test)]
impl Message {
    pub(crate) fn body(&self) -> &str {
        &self.body
    }
}

//! The async runtime of the program.

use tokio::runtime::{Builder, Runtime};

use crate::limits;

/// The tokio runtime, with a worker thread for each core.
pub(crate) fn runtime() -> anyhow::Result<Runtime> {
    limits::ensure_room()?;
    Ok(Builder::new_multi_thread().enable_all().build()?)
}

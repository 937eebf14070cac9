//! What benchmarks and tests measure on its own. It is no part of the API.

pub use crate::advise::advise;
pub use crate::assess::assess;
pub use crate::connect::Connector;
pub use crate::identify::{identify, prepare};
pub use crate::probe::{Dial, Dialled, Prober};

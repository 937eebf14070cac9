//! Who may connect now: the rate, the permits, the caps per host and network, congestion, resource
//! exhaustion, and the connect itself.

mod caps;
mod congestion;
mod dialer;
mod own_side_failures;
mod permits;
mod rate;
mod throttle;

pub(super) use caps::UnderCaps;
pub(super) use dialer::{Dialer, Redialer};
pub(super) use own_side_failures::OwnSideFailures;
pub(super) use permits::ConnectPermit;
pub(super) use rate::RateLimiter;
pub(super) use throttle::Throttle;

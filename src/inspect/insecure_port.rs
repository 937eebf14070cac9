//! The insecure port, which releases before 1.20 have.

use super::flags::Flag;
use super::prediction::PredictedAccess;
use super::server::{Server, Statement};
use crate::kubernetes::Minor;

/// The port of old releases without authentication, if others than the machine itself reach it, or may.
pub(super) fn access(server: &Server) -> Option<(PredictedAccess, Statement)> {
    if server
        .release
        .is_some_and(|release| release >= Minor::NO_INSECURE_PORT)
    {
        return None;
    }
    let flags = &server.flags;
    let port = flags.last("insecure-port");
    if port.is_some_and(|flag| flag.has("0")) {
        return None;
    }
    let address = flags
        .last("insecure-bind-address")
        .or_else(|| flags.last("address"));
    let is_local = |flag: &&Flag| {
        let value = flag.value.as_deref();
        matches!(value, Some("127.0.0.1" | "::1" | "localhost"))
    };
    let beyond = address.filter(|flag| !is_local(flag));
    let (access, flag, text) = match (beyond, port, server.release) {
        // A port that is not 0 belongs to a release that has it.
        (Some(flag), _, Some(_)) | (Some(flag), Some(_), None) => (
            PredictedAccess::Granted,
            flag,
            "the insecure port listens beyond this machine: everybody who reaches it is an administrator, without TLS",
        ),
        (None, Some(flag), None) => (
            PredictedAccess::Unclear,
            flag,
            "only releases before 1.20 start with this: everybody who reaches the insecure port, at least from this \
             machine, is an administrator, without TLS",
        ),
        (Some(flag), None, None) => (
            PredictedAccess::Unclear,
            flag,
            "the release is not given: before 1.20 everybody who reaches the insecure port is an administrator, \
             without TLS",
        ),
        (None, _, _) => return None,
    };
    Some((access, Statement::at(&flag.place, text)))
}

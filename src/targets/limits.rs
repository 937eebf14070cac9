//! How large a target list may be: bounds on memory, and the errors that name them.

use super::error::Problem;

/// The most addresses that one specification may name without `--allow-large`.
pub(super) const MAX_ADDRESSES: u128 = 1 << 24;
/// A set has fewer targets than this.
pub(super) const MAX_TARGETS: u64 = 1 << 63;
/// The most pieces (specifications × ports, cut by overlaps and exclusions) that a set is made of.
/// A piece takes some 450 bytes while the set is built.
pub(super) const MAX_PIECES: usize = if cfg!(test) { 1 << 18 } else { 1 << 22 };
/// The most bytes that all specifications take as written; reports repeat them.
pub(super) const MAX_TEXT: usize = if cfg!(test) { 1 << 22 } else { 1 << 29 };

/// The error for a list that exceeds [`MAX_PIECES`] or [`MAX_TEXT`].
pub(super) fn too_large() -> Problem {
    format!(
        "the list is too large: more than {MAX_PIECES} specifications × ports, or {} MiB of text; write CIDRs or \
         ranges instead of single addresses, or use fewer ports",
        MAX_TEXT >> 20
    )
    .into()
}

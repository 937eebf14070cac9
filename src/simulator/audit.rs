//! Generates `Audit-Id` values.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::random::nth;

static COUNT: AtomicU64 = AtomicU64::new(0);

/// An identifier that looks like a random UUID and is unique in this process.
pub(super) fn fresh_audit_id() -> String {
    let count = COUNT.fetch_add(2, Ordering::Relaxed);
    let (high, low) = (nth(count), nth(count.wrapping_add(1)));
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        (low >> 48) & 0x3fff | 0x8000,
        low & 0xffff_ffff_ffff
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn audit_ids_look_like_random_uuids_and_differ() {
        let ids: Vec<String> = (0..1000).map(|_| fresh_audit_id()).collect();
        for id in &ids {
            let lengths: Vec<usize> = id.split('-').map(str::len).collect();
            assert_eq!(lengths, [8, 4, 4, 4, 12], "{id}");
            assert_eq!(&id[14..15], "4");
            assert!(matches!(&id[19..20], "8" | "9" | "a" | "b"), "{id}");
        }
        assert_eq!(
            ids.iter().collect::<std::collections::HashSet<_>>().len(),
            ids.len()
        );
    }
}

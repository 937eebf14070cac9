//! Basic authentication: which requests have the password of a user.

use std::collections::HashSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

/// Passwords that are checked at once: each check costs this machine's processor.
const CHECKS: usize = 2;

/// The users, and what is known of passwords.
pub(super) struct Users {
    hashes: Vec<(String, String)>,
    /// Digests of users and passwords that were right, so that not every scrape costs a check. At most one for each
    /// user.
    right: Mutex<HashSet<[u8; 32]>>,
    checks: Semaphore,
}

impl Users {
    pub(super) fn new(hashes: impl IntoIterator<Item = (String, String)>) -> Self {
        Self {
            hashes: hashes.into_iter().collect(),
            right: Mutex::default(),
            checks: Semaphore::new(CHECKS),
        }
    }

    /// Whether a request may be answered: it has the password of a user, or there are no users.
    pub(super) async fn allow(self: &Arc<Self>, headers: &HeaderMap) -> bool {
        let Some((_, any_hash)) = self.hashes.first() else {
            return true;
        };
        let Some((user, password)) = credentials(headers) else {
            return false;
        };
        let digest = digest(&user, &password);
        if self.right.lock().contains(&digest) {
            return true;
        }
        let known = self.hashes.iter().find(|(name, _)| *name == user);
        // An unknown user takes as long as a wrong password.
        let (hash, is_known) = known.map_or((any_hash, false), |(_, hash)| (hash, true));
        let hash = hash.clone();
        let Ok(_check) = self.checks.acquire().await else {
            return false;
        };
        let check =
            tokio::task::spawn_blocking(move || bcrypt::verify(password, &hash).unwrap_or(false));
        let is_right = check.await.unwrap_or(false) && is_known;
        if is_right {
            self.right.lock().insert(digest);
        }
        is_right
    }
}

/// The user and the password of a request.
fn credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let text = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = text.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    let decoded = BASE64_STANDARD.decode(encoded.trim()).ok()?;
    let decoded = String::from_utf8(decoded).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

fn digest(user: &str, password: &str) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update(user.len().to_be_bytes());
    digest.update(user);
    digest.update(password);
    digest.finalize().into()
}

//! How a test says that it did not run: the same way in the library's own tests and in the suite.

use std::io::Write as _;

/// Says something past the test harness's capture, on a line of its own.
pub(crate) fn aloud(words: &str) {
    // Whole, so that no other thread's words stand within; the harness may have begun a line.
    let _ = std::io::stderr().write_all(format!("\n{words}\n").as_bytes());
}

/// Says that a test was skipped.
pub(crate) fn skipped(reason: &str) {
    aloud(&format!("SKIPPED: {reason}"));
}

/// Skips for want of a tool that `.ci/run` installs, where it may be missing.
#[track_caller]
pub(crate) fn without(tool: &str, test: &str) {
    let required = std::env::var_os("KUBEKNOCK_TEST_TOOLS").is_some_and(|word| word == "required");
    assert!(
        !required,
        "{test}: {tool} is not installed, and KUBEKNOCK_TEST_TOOLS says that it must be"
    );
    skipped(&format!("{test}: {tool} is not installed"));
}

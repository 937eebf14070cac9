//! How a skipped test reports that it did not run. The unit tests of the library use this file, too.

use std::io::Write as _;

/// Prints a line that the test harness does not capture.
pub(crate) fn aloud(words: &str) {
    // One write, so that no other thread can print in between. The harness may have started a line.
    let _ = std::io::stderr().write_all(format!("\n{words}\n").as_bytes());
}

/// Reports that a test was skipped.
pub(crate) fn skipped(reason: &str) {
    aloud(&format!("SKIPPED: {reason}"));
}

/// Reports that a test was skipped because a tool is missing. Fails if `KUBEKNOCK_TEST_TOOLS` requires tools.
#[track_caller]
pub(crate) fn without(tool: &str, test: &str) {
    let required = std::env::var_os("KUBEKNOCK_TEST_TOOLS").is_some_and(|word| word == "required");
    assert!(
        !required,
        "{test}: {tool} is not installed, but KUBEKNOCK_TEST_TOOLS requires it"
    );
    skipped(&format!("{test}: {tool} is not installed"));
}

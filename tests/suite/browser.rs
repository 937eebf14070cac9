//! Renders a page in Chromium. The unit tests of the library use this file, too.

use std::path::Path;
use std::process::Command;

/// The DOM of a page and the browser's output. Without a browser, prints that the test was skipped and returns
/// `None`. `network` is the option that disables the network.
pub(crate) fn chromium(file: &Path, fragment: &str, network: &str) -> Option<(String, String)> {
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new("chromium")
        .args([
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
        ])
        .args([network, "--disable-background-networking", "--no-first-run"])
        .args([
            "--enable-logging=stderr",
            "--virtual-time-budget=2000",
            "--dump-dom",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}{fragment}", file.display()))
        .output();
    let output = output.ok()?;
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    Some((text(&output.stdout), text(&output.stderr)))
}

/// The DOM of a page in a browser without network. Fails if the browser reports an error.
pub(crate) fn browse(file: &Path, fragment: &str) -> Option<String> {
    let (dom, said) = chromium(file, fragment, "--host-resolver-rules=MAP * ~NOTFOUND")?;
    // The console shows errors of the page and violations of its content security policy.
    assert!(!said.contains("CONSOLE"), "{said}");
    assert!(dom.contains("</html>"), "{dom}{said}");
    Some(dom)
}

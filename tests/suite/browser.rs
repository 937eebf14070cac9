//! A page as Chromium shows it. The tests of the library read this file too.

use std::path::Path;
use std::process::Command;

/// What a file has become in a browser, and what the browser said; `None` where there is none, which
/// the test then says.
/// `network` is the option that keeps it from the network.
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

/// What a file has become in a browser that knows no host. The browser has nothing to complain of.
pub(crate) fn browse(file: &Path, fragment: &str) -> Option<String> {
    let (dom, said) = chromium(file, fragment, "--host-resolver-rules=MAP * ~NOTFOUND")?;
    // Errors of the page and violations of its policy are told on the console.
    assert!(!said.contains("CONSOLE"), "{said}");
    assert!(dom.contains("</html>"), "{dom}{said}");
    Some(dom)
}

//! Readers of the formats that are written in Python. `.ci/check` installs them.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use super::super::skip;

/// What a script of `tests/data` prints about a report; `None` if the Python package that it needs is not installed.
pub(in crate::report) fn read_with(script: &str, package: &str, report: &str) -> Option<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let packages = root.join("target/tools/python");
    let python = packages.is_dir().then(|| {
        Command::new("python3")
            .arg(root.join("tests/data").join(script))
            .env("PYTHONPATH", packages)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
    });
    let Some(Ok(mut child)) = python else {
        skip::without(package, script);
        return None;
    };
    let mut input = child.stdin.take()?;
    let output = thread::scope(|scope| {
        scope.spawn(move || input.write_all(report.as_bytes()));
        child.wait_with_output()
    });
    let output = output.unwrap();
    assert!(
        output.status.success(),
        "{script}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(String::from_utf8(output.stdout).unwrap())
}

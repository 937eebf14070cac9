//! The picture of a terminal in the README is what `kubeknock demo` shows.

use std::io::{ErrorKind, Read as _};
use std::path::Path;
use std::process::Stdio;

use anstyle::{Color, RgbColor};
use anstyle_svg::Term;
use nix::pty::{Winsize, openpty};
use regex::Regex;

use crate::support::kubeknock;

/// The columns of the terminal.
const WIDTH: u16 = 100;

/// What a user sees after `kubeknock demo`, with its colours.
fn terminal() -> String {
    let size = Winsize {
        ws_row: 24,
        ws_col: WIDTH,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    let pty = openpty(Some(&size), None).unwrap();
    let mut command = kubeknock();
    command
        .arg("demo")
        .env("TERM", "xterm-256color")
        .env_remove("NO_COLOR")
        .stdout(pty.slave)
        .stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    // The terminal ends with its last writer.
    drop(command);
    let (mut seen, mut master) = (Vec::new(), std::fs::File::from(pty.master));
    let mut part = [0; 4096];
    loop {
        match master.read(&mut part) {
            Ok(0) => break,
            Ok(length) => seen.extend_from_slice(&part[..length]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let notes = String::from_utf8(output.stderr).unwrap();
    let (first, last) = notes.split_once('\n').unwrap();
    let table = String::from_utf8(seen).unwrap().replace("\r\n", "\n");
    format!("$ kubeknock demo\n{first}\n{table}{last}")
}

/// The ports and the time are of this run; those of the picture are always the same.
fn without_chance(text: &str) -> String {
    let port = Regex::new(r"127\.0\.0\.1:(\d{5})\b").unwrap();
    let mut ports: Vec<String> = Vec::new();
    let text = port.replace_all(text, |found: &regex::Captures<'_>| {
        let port = found[1].to_owned();
        let number = ports.iter().position(|known| *known == port);
        let number = number.unwrap_or_else(|| {
            ports.push(port);
            ports.len() - 1
        });
        format!("127.0.0.1:{}", 42_001 + number)
    });
    let elapsed = Regex::new(r"elapsed: [\d.]+ s").unwrap();
    elapsed.replace_all(&text, "elapsed: 0.2 s").into_owned()
}

/// `KUBEKNOCK_WRITE_PICTURE=1` writes the picture.
#[test]
fn the_picture_of_the_readme_is_what_the_demo_shows() {
    let grey = |shade| Color::Rgb(RgbColor(shade, shade, shade));
    let drawn = Term::new()
        .bg_color(Color::Rgb(RgbColor(24, 26, 31)))
        .fg_color(grey(220))
        .palette(anstyle_svg::WIN10_CONSOLE)
        .render_svg(&without_chance(&terminal()));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/demo.svg");
    if std::env::var_os("KUBEKNOCK_WRITE_PICTURE").is_some() {
        std::fs::write(&path, &drawn).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        drawn, kept,
        "docs/demo.svg is out of date: run this test with KUBEKNOCK_WRITE_PICTURE=1"
    );
}

//! The README and the documentation agree with the program.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{COMMANDS, run, stdout};

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The long options in a text.
fn options(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices("--") {
        let before = text[..at].chars().next_back();
        let name: String = text[at + 2..]
            .chars()
            .take_while(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-')
            .collect();
        if !name.is_empty()
            && !name.starts_with('-')
            && before.is_none_or(|c| !c.is_ascii_alphanumeric() && c != '-')
        {
            found.insert(name.trim_end_matches('-').to_owned());
        }
    }
    found
}

#[test]
fn the_page_of_options_lists_exactly_those_of_the_program() {
    let mut helped = BTreeSet::new();
    for command in COMMANDS {
        helped.extend(options(&stdout(&run(&[command, "--help"]))));
    }
    let page = read("docs/options.md");
    let (section, earlier) = page.split_once("## Earlier forms").unwrap();
    let mut documented = options(section);
    for hidden in ["--exclude-file", "--resume", "--format"] {
        assert!(earlier.contains(hidden), "{hidden}");
    }
    // Every command has these two.
    for common in ["help", "version"] {
        helped.remove(common);
        documented.remove(common);
    }
    let missing: Vec<_> = helped.difference(&documented).collect();
    let stale: Vec<_> = documented.difference(&helped).collect();
    assert!(missing.is_empty(), "not in docs/options.md: {missing:?}");
    assert!(
        stale.is_empty(),
        "in docs/options.md, but no option: {stale:?}"
    );
}

#[test]
fn the_defaults_in_the_page_of_options_are_those_of_the_help() {
    let help = stdout(&run(&["scan", "--help"]));
    let page = read("docs/options.md");
    // Each `[default: x]` of the help is in the page's row for that option.
    let mut option = String::new();
    let mut checked = 0;
    for line in help.lines() {
        let trimmed = line.trim_start();
        if let Some(at) = trimmed.find("--").filter(|_| trimmed.starts_with('-')) {
            let name = trimmed[at..].split([' ', '=', '.']).next().unwrap();
            name.clone_into(&mut option);
        }
        if let Some(default) = line
            .split("[default: ")
            .nth(1)
            .and_then(|rest| rest.split(']').next())
        {
            if default.contains("VERSION") || default.contains("kubeknock.toml") {
                continue;
            }
            let row = page
                .lines()
                .find(|line| line.starts_with('|') && line.contains(&format!("`{option}")));
            let row = row.unwrap_or_else(|| panic!("{option} has no row in docs/options.md"));
            assert!(
                row.contains(&format!("`{default}`")),
                "{option}: default {default} is not in {row}"
            );
            checked += 1;
        }
    }
    assert!(checked > 8, "only {checked} defaults found in the help");
}

/// How open a server is, compared with its documentation, has three names everywhere: stricter, as documented and
/// more open.
#[test]
fn the_posture_has_the_same_names_everywhere() {
    fn files(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files(&path, found);
            } else {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = vec![root.join("README.md")];
    for folder in ["docs", "src", "deploy"] {
        files(&root.join(folder), &mut found);
    }
    let mut seen = 0;
    for path in found {
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        seen += usize::from(text.contains("more open than"));
        for other in [
            "less than documented",
            "more than documented",
            "less open than",
            "looser than",
        ] {
            assert!(!text.contains(other), "{}: {other}", path.display());
        }
    }
    assert!(seen > 2, "{seen}");
}

#[test]
fn every_verdict_and_exit_code_is_explained() {
    let readme = read("README.md");
    for verdict in kubeknock::model::Verdict::ALL {
        assert!(readme.contains(&format!("`{verdict}`")), "{verdict}");
    }
    for code in ["`0`", "`1`", "`2`", "`3`", "`130`"] {
        assert!(readme.contains(&format!("| {code} ")), "exit code {code}");
    }
}

#[test]
fn there_are_exactly_two_set_up_commands() {
    let readme = read("README.md");
    let section = readme
        .split("## Set up")
        .nth(1)
        .expect("a section \"Set up\"")
        .split("\n## ")
        .next()
        .unwrap();
    let commands: Vec<&str> = section
        .split("```")
        .skip(1)
        .step_by(2)
        .flat_map(str::lines)
        .filter(|line| !line.trim().is_empty() && *line != "sh")
        .collect();
    assert_eq!(
        commands,
        ["cargo run --release -- demo", "cargo test --all-features"]
    );
    assert!(
        read(".ci/run").contains("(cargo test --all-features \"$@\" "),
        ".ci/run runs the same test command"
    );
}

/// `.ci/run` counts these lines in its log, and requires the tools that it installs.
#[test]
fn a_skipped_test_says_so_although_output_is_captured() {
    let nothing = tempfile::tempdir().unwrap();
    let without_tools = |word: &str| {
        std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "deploy::kubectl_understands_every_field"])
            .env("PATH", nothing.path())
            .env("KUBEKNOCK_TEST_TOOLS", word)
            .output()
            .unwrap()
    };
    let output = without_tools("");
    assert!(output.status.success(), "{}", stdout(&output));
    let said = crate::support::stderr(&output);
    assert!(
        said.lines()
            .any(|line| line == "SKIPPED: manifests: kubectl is not installed"),
        "{said}"
    );
    assert!(!without_tools("required").status.success());
    let ci = read(".ci/run");
    assert!(ci.contains("export KUBEKNOCK_TEST_TOOLS=") && ci.contains("'^SKIPPED'"));
}

#[test]
fn the_example_targets_are_accepted() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("targets.example.txt");
    let output = run(&["scan", "--dry-run", "-f", path.to_str().unwrap()]);
    assert!(
        output.status.success(),
        "{}",
        crate::support::stderr(&output)
    );
}

#[test]
fn the_example_settings_are_accepted() {
    let page = read("docs/settings.md");
    let example = page
        .split("```toml\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("kubeknock.toml"), example).unwrap();
    fs::write(folder.path().join("clusters.txt"), "192.0.2.1\n").unwrap();
    fs::write(folder.path().join("open.json"), "[]").unwrap();
    let output = crate::support::kubeknock()
        .current_dir(folder.path())
        .args(["scan", "--dry-run"])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        crate::support::stderr(&output)
    );
}

#[test]
fn every_link_leads_to_a_file() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for page in [
        "README.md",
        "docs/architecture.md",
        "docs/inventories.md",
        "docs/managed.md",
        "docs/monitoring.md",
        "docs/platforms.md",
        "docs/options.md",
        "docs/security.md",
        "docs/settings.md",
        "docs/rules.md",
        "docs/stability.md",
    ] {
        let text = read(page);
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            if link.starts_with("http") || link.starts_with('#') {
                continue;
            }
            let file = link.split('#').next().unwrap();
            let path = root.join(page).parent().unwrap().join(file);
            assert!(path.exists(), "{page} links to {link}");
        }
    }
}

#[test]
fn the_limits_in_the_security_page_match_the_constants() {
    let page = read("docs/security.md");
    let rows = page
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split_once("| `src/"));
    let mut checked = 0;
    for (row, place) in rows {
        let said = row
            .trim_end_matches([' ', '|'])
            .rsplit("| ")
            .next()
            .unwrap();
        let (file, rest) = place.split_once("` `").unwrap();
        let name = rest.split('`').next().unwrap();
        let code = read(&format!("src/{file}"));
        let value = code
            .split(&format!("const {name}: "))
            .nth(1)
            .and_then(|rest| rest.split([';']).next());
        let value = value.unwrap_or_else(|| panic!("src/{file} has no constant {name}"));
        let value = value.split_once(" = ").unwrap().1;
        assert_eq!(
            number(said),
            product(value),
            "{name} is {value} in src/{file}, but {said} in the page"
        );
        checked += 1;
    }
    assert!(checked > 20, "only {checked} limits found");
}

/// `64 KiB`, `10,000` or `3 s` as a number.
fn number(said: &str) -> u64 {
    let (number, unit) = said.split_once(' ').unwrap_or((said, ""));
    let factor = match unit {
        "" | "s" => 1,
        "KiB" => 1024,
        "MiB" => 1024 * 1024,
        other => panic!("{other} is no unit of this page"),
    };
    number.replace(',', "").parse::<u64>().unwrap() * factor
}

/// `64 * 1024`, or `Duration::from_secs(3)`.
fn product(value: &str) -> u64 {
    let value = value
        .trim_start_matches("Duration::from_secs(")
        .trim_end_matches(')')
        .replace('_', "");
    value
        .split('*')
        .map(|factor| factor.trim().parse::<u64>().unwrap())
        .product()
}

//! Options as people use them: a short help, one way to choose outputs, checkpoints that go on by themselves.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::skip;
use crate::support::{COMMANDS, kubeknock, run, run_in, start, stderr, stdout};

#[test]
fn every_short_help_fits_one_screen() {
    for command in COMMANDS.into_iter().map(Some).chain([None]) {
        let short = stdout(&run(&command.into_iter().chain(["-h"]).collect::<Vec<_>>()));
        let lines = short.lines().count();
        assert!((8..=24).contains(&lines), "{lines} lines:\n{short}");
        assert!(
            short.lines().all(|line| line.chars().count() <= 80),
            "{short}"
        );
        let more = command.map_or(String::new(), |command| format!("{command} "));
        let more = format!("All options and examples: kubeknock {more}--help\n");
        assert!(short.ends_with(&more), "{short}");
    }
    let short = stdout(&run(&["scan", "-h"]));
    for heading in ["Targets:", "Gate:", "Output:", "Rate:"] {
        assert!(
            short.lines().any(|line| line == heading),
            "{heading}\n{short}"
        );
    }
    let long = stdout(&run(&["scan", "--help"]));
    for expert in [
        "--order",
        "--seed",
        "--per-host",
        "--per-network",
        "--no-adaptive",
        "--connect-timeout",
        "--max-body",
        "--http2",
        "--stats-interval",
        "--allow-large",
        "--category",
    ] {
        assert!(!short.contains(expert), "{expert} is for experts");
        assert!(
            long.contains(&format!("{expert} ")) || long.contains(&format!("{expert}\n")),
            "{expert}"
        );
    }
    for hidden in ["--exclude-file", "--resume", "--format"] {
        assert!(
            !long.contains(&format!("{hidden} <")),
            "{hidden} is an earlier form"
        );
    }
}

#[test]
fn every_help_and_page_ends_with_examples_that_are_understood() {
    let pages = tempfile::tempdir().unwrap();
    assert!(
        run(&["man", "--dir", pages.path().to_str().unwrap()])
            .status
            .success()
    );
    for command in COMMANDS {
        let help = stdout(&run(&[command, "--help"]));
        let (_, examples) = help
            .rsplit_once("Examples:\n")
            .unwrap_or_else(|| panic!("{command}: {help}"));
        let name = format!("kubeknock-{command}.1");
        let page = fs::read_to_string(pages.path().join(name)).unwrap();
        assert!(page.contains("\n.SH EXAMPLES\n"), "{command}: {page}");
        for example in examples.lines() {
            let words = example
                .trim()
                .strip_prefix("kubeknock ")
                .unwrap_or_else(|| panic!("{example:?}"));
            let words = words.split(['>', '|']).next().unwrap().split_whitespace();
            // With --help the arguments before it are parsed, and nothing runs.
            let output = kubeknock().args(words).arg("--help").output().unwrap();
            assert!(output.status.success(), "{example}: {}", stderr(&output));
        }
    }
    assert!(stdout(&run(&["--help"])).contains("Examples:\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_output_is_chosen_the_same_way_in_every_command() {
    let (closed, open) = (start("rejecting").await, start("exposed").await);
    let folder = tempfile::tempdir().unwrap();
    let run = |words: &[&str]| run_in(folder.path(), words);
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let [closed, open] = [&closed, &open].map(|server| server.address().to_string());
    let scan = run(&[
        "scan",
        "-q",
        &closed,
        &open,
        "--fail-on",
        "never",
        "-o",
        "json=now.json",
    ]);
    assert!(scan.status.success(), "{}", stderr(&scan));

    // identify: several targets, and the records of the report.
    let output = run(&[
        "identify",
        &closed,
        &open,
        "-o",
        "json",
        "-o",
        "text=text",
        "-o",
        "jsonl=lines",
    ]);
    assert!(output.status.success(), "{}", stderr(&output));
    let (records, report) = (json(&stdout(&output)), json(&read("now.json")));
    let keys = |records: &Value| {
        let records = records["endpoints"].as_array().unwrap();
        let mut keys: Vec<(String, Vec<String>)> = records
            .iter()
            .map(|record| {
                let record = record.as_object().unwrap();
                (
                    record["target"].as_str().unwrap().to_owned()
                        + record["verdict"].as_str().unwrap(),
                    record.keys().cloned().collect(),
                )
            })
            .collect();
        keys.sort();
        keys
    };
    assert_eq!(keys(&records), keys(&report));
    assert_eq!(read("lines").lines().count(), 2);
    assert!(read("text").contains(&closed) && read("text").contains(&open));
    let range = run(&["identify", &closed, "192.0.2.0/24"]);
    assert!(
        stderr(&range).contains("identify explains single hosts"),
        "{}",
        stderr(&range)
    );

    // report: -o, a format among the arguments, and the hidden form.
    for words in [
        &["report", "now.json", "-o", "csv"][..],
        &["report", "csv", "now.json"],
        &["report", "now.json", "--format", "csv"],
    ] {
        let output = run(&[words, &["--fail-on", "never"]].concat());
        assert!(
            output.status.success() && stdout(&output).contains(','),
            "{words:?}: {}",
            stderr(&output)
        );
    }
    // diff: as before, and into files.
    for words in [
        &["-o", "json"][..],
        &["--format", "json"],
        &["--format=json", "-o", "-"],
    ] {
        let output = run(&[
            &["diff", "now.json", "now.json", "--fail-on", "never"],
            words,
        ]
        .concat());
        assert!(
            stdout(&output).starts_with('{'),
            "{words:?}: {}",
            stderr(&output)
        );
    }
    let output = run(&[
        "diff",
        "now.json",
        "now.json",
        "-o",
        "json=changes",
        "-o",
        "table",
        "--fail-on",
        "never",
    ]);
    assert!(!stdout(&output).is_empty() && read("changes").starts_with('{'));
    let output = run(&["diff", "now.json", "now.json", "-o", "sarif"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("one of table, markdown, json"),
        "{}",
        stderr(&output)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn severities_are_left_out_only_of_what_people_read() {
    let server = start("exposed").await;
    let folder = tempfile::tempdir().unwrap();
    let scan = |more: &[&str], name: &str| {
        let files = ["json", "markdown", "html", "csv", "table"]
            .map(|format| format!("--output={format}={name}.{format}"));
        let output = kubeknock()
            .current_dir(folder.path())
            .args(["scan", "-q", &server.address().to_string()])
            .args(more)
            .args(files)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        assert!(stderr(&output).contains("exit 1"), "{}", stderr(&output));
    };
    scan(&[], "all");
    scan(&["--severity", "note"], "notes");
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let findings = |name: &str| {
        let report: Value = serde_json::from_str(&read(name)).unwrap();
        report["findings"].as_array().unwrap().len()
    };
    assert!(findings("all.json") > 0);
    assert_eq!(
        findings("all.json"),
        findings("notes.json"),
        "a saved report is whole"
    );
    assert_eq!(
        read("all.csv").lines().count(),
        read("notes.csv").lines().count()
    );
    let report: Value = serde_json::from_str(&read("all.json")).unwrap();
    let is_other = |finding: &&Value| finding["severity"] != "note";
    let others = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(is_other)
        .count();
    let notice = format!("{others} finding");
    for format in ["table", "markdown", "html"] {
        let (all, notes) = (
            read(&format!("all.{format}")),
            read(&format!("notes.{format}")),
        );
        assert!(
            all.contains("anonymous-") && !all.contains("not shown (--severity)"),
            "{all}"
        );
        assert!(
            notes.contains(&notice) && notes.contains("not shown (--severity)"),
            "{notes}"
        );
    }
    assert!(!read("notes.markdown").contains("anonymous-discovery-exposed"));
}

/// The outputs in the settings are those of a scan: `report` and `diff` would overwrite what they read.
#[tokio::test(flavor = "multi_thread")]
async fn the_outputs_in_the_settings_are_for_scan_only() {
    let server = start("rejecting").await;
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("kubeknock.toml"),
        "[scan]\noutput = [\"json=saved.json\"]\nseverity = [\"high\"]\n",
    )
    .unwrap();
    let run = |words: &[&str]| run_in(folder.path(), words);
    let scan = run(&["scan", &server.address().to_string()]);
    assert_eq!(
        (scan.status.code(), stdout(&scan).as_str()),
        (Some(0), ""),
        "{}",
        stderr(&scan)
    );
    let before = fs::metadata(folder.path().join("saved.json"))
        .unwrap()
        .modified()
        .unwrap();
    for words in [
        &["report", "saved.json"][..],
        &["diff", "saved.json", "saved.json"],
    ] {
        let output = run(words);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{words:?}: {}",
            stderr(&output)
        );
        assert!(!stdout(&output).is_empty(), "{words:?}");
    }
    let after = fs::metadata(folder.path().join("saved.json"))
        .unwrap()
        .modified()
        .unwrap();
    assert_eq!(before, after);
}

#[test]
fn an_exclusion_may_be_a_file() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("fragile.txt"),
        "# printers\n192.0.2.0/31\n192.0.2.3\n",
    )
    .unwrap();
    fs::create_dir(folder.path().join("below")).unwrap();
    fs::write(
        folder.path().join("kubeknock.toml"),
        "[scan]\nexclude = [\"@fragile.txt\"]\n",
    )
    .unwrap();
    let plan = |place: &Path, words: &[&str]| {
        let output = kubeknock()
            .current_dir(place)
            .args(["scan", "192.0.2.0/30", "-p", "6443", "--dry-run", "-q"])
            .args(words)
            .output()
            .unwrap();
        (stdout(&output), stderr(&output))
    };
    let config = folder.path().join("kubeknock.toml");
    let config = ["--config", config.to_str().unwrap()];
    for (place, words) in [
        (folder.path(), &["--exclude", "@fragile.txt"][..]),
        (folder.path(), &["--exclude-file", "fragile.txt"]),
        // A path in the settings begins at their folder.
        (&folder.path().join("below"), &config),
    ] {
        let (plan, said) = plan(place, words);
        assert!(
            plan.contains("(1 targets, 3 excluded)"),
            "{words:?}: {plan}{said}"
        );
    }
    let (_, said) = plan(folder.path(), &["--exclude", "@missing.txt"]);
    assert!(said.contains("missing.txt: cannot open file"), "{said}");
    let (_, said) = plan(
        folder.path(),
        &["-o", "json=x", "--exclude", "@fragile.txt"],
    );
    assert_eq!(said, "");
    let output = kubeknock()
        .current_dir(folder.path())
        .args([
            "scan",
            "192.0.2.9",
            "--exclude",
            "@fragile.txt",
            "-o",
            "json=fragile.txt",
        ])
        .output()
        .unwrap();
    assert!(
        stderr(&output).contains("is needed by this scan"),
        "{}",
        stderr(&output)
    );
}

fn scan(words: &[&str]) -> Output {
    kubeknock()
        .args(["scan", "--require-coverage", "0"])
        .args(words)
        .output()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_goes_on_by_itself() {
    let server = start("default").await;
    let address = server.address().to_string();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint");
    let path = path.to_str().unwrap();
    let asked = || server.stats().connections();

    // Unfinished: stopped before the range was done. The same command goes on, also without --seed.
    let words = [
        &address,
        "127.9.0.0/24",
        "-p",
        "9",
        "--checkpoint",
        path,
        "--retries",
        "0",
    ];
    let first = scan(&[&words[..], &["--max-duration", "300ms", "--rate", "100"]].concat());
    assert_eq!(first.status.code(), Some(0), "{}", stderr(&first));
    let again = scan(&words);
    assert!(
        stderr(&again).contains("resuming the scan that began at"),
        "{}",
        stderr(&again)
    );
    assert_eq!(asked(), 1, "what is done is not asked again");
    assert!(
        stdout(&again).contains("256 unreachable"),
        "{}",
        stdout(&again)
    );

    // Finished: a new scan replaces it.
    let third = scan(&words);
    assert_eq!(third.status.code(), Some(0), "{}", stderr(&third));
    assert!(
        stderr(&third).contains("a new one begins and replaces it"),
        "{}",
        stderr(&third)
    );
    assert_eq!(asked(), 2);
    let quiet = scan(&[&words[..], &["-q", "--seed", "7"]].concat());
    assert_eq!((asked(), stderr(&quiet).as_str()), (3, ""), "with any seed");

    // Of other targets or options: nothing is asked, and the difference is named.
    for (words, difference) in [
        (
            &["127.9.0.1", "--checkpoint", path][..],
            "its targets or exclusions differ",
        ),
        (
            &[&words[..], &["--deep", "--timeout", "9s"]].concat(),
            "its options differ: --timeout, --deep",
        ),
        (
            &[&words[..], &["--shard", "1/2", "--seed", "7"]].concat(),
            "its shard is 1/1, not 1/2",
        ),
    ] {
        let other = scan(words);
        assert_eq!(other.status.code(), Some(2), "{}", stderr(&other));
        assert!(
            stderr(&other).contains(difference),
            "{difference}: {}",
            stderr(&other)
        );
    }
    fs::write(path, "192.0.2.1\n").unwrap();
    assert!(stderr(&scan(&words)).contains("not a checkpoint of kubeknock"));
    assert_eq!(fs::read_to_string(path).unwrap(), "192.0.2.1\n");
    assert_eq!(asked(), 3);
}

/// `-q` writes nothing to standard error if the exit code is 0, and `-v` writes sentences.
#[tokio::test(flavor = "multi_thread")]
async fn quiet_is_quiet_and_verbose_speaks_to_people() {
    let server = start("default").await;
    let address = server.address().to_string();
    for words in [
        &[
            "scan",
            "-q",
            &address,
            "127.0.0.1:1",
            "--require-coverage",
            "50",
        ][..],
        &["scan", "-q", "-v", &address],
        &[
            "scan",
            "-q",
            "-vv",
            &address,
            "no-such-name.invalid",
            "--fail-on",
            "never",
            "--require-coverage",
            "0",
        ],
        &["identify", "-q", "-v", &address],
        &["demo", "-q"],
        &["rules", "-q"],
    ] {
        let output = run(words);
        assert_eq!(
            (output.status.code(), stderr(&output).as_str()),
            (Some(0), ""),
            "{words:?}"
        );
    }
    let said = stderr(&run(&[
        "scan",
        "-v",
        &address,
        "127.0.0.1:1",
        "--require-coverage",
        "0",
    ]));
    assert!(
        said.contains(&format!("kubeknock: {address}: forbidden: ")),
        "{said}"
    );
    for line in said.lines() {
        assert!(line.starts_with("kubeknock: "), "{line}");
        for word in ["DEBUG", "INFO", "WARN", "kubeknock::", "verdict="] {
            assert!(!line.contains(word), "{line}");
        }
    }
}

/// What the shells themselves propose, where they are installed.
#[test]
fn shells_propose_rules_formats_and_profiles() {
    let fish = stdout(&run(&["completions", "fish"]));
    let zsh = stdout(&run(&["completions", "zsh"]));
    let rules = stdout(&run(&["rules"]));
    for rule in rules
        .lines()
        .filter_map(|line| line.split_whitespace().next())
    {
        assert!(fish.contains(&format!("-f -a \"{rule}\"")), "{rule}");
        assert!(zsh.contains(rule), "{rule}");
    }
    for (command, option, words) in [
        ("scan", "output", ["shadowserver", "auto"]),
        ("report", "output", ["shadowserver", "auto"]),
        ("identify", "output", ["text", "jsonl"]),
        ("simulate", "profile", ["rejecting", "exposed"]),
        ("scan", "severity", ["critical", "note"]),
    ] {
        let from = format!("__fish_kubeknock_using_subcommand {command}\"");
        let options = fish
            .split("complete -c ")
            .filter(|line| line.contains(&from));
        let line = options
            .clone()
            .find(|line| line.contains(&format!("-l {option} ")));
        let line = line.unwrap_or_else(|| panic!("{command} --{option}"));
        assert!(words.iter().all(|word| line.contains(word)), "{line}");
    }
}

/// A line that is typed, and what the shell makes of it at the tab key.
const TYPED: [(&str, &str); 5] = [
    ("kubeknock sim", "kubeknock simulate"),
    (
        "kubeknock scan --output shado",
        "kubeknock scan --output shadowserver",
    ),
    ("kubeknock diff -o mark", "kubeknock diff -o markdown"),
    (
        "kubeknock rules anonymous-auth-limi",
        "kubeknock rules anonymous-auth-limited",
    ),
    (
        "kubeknock scan --fail-on expo",
        "kubeknock scan --fail-on exposed",
    ),
];

#[test]
fn fish_completes() {
    let test = "fish_completes";
    if Command::new("fish").arg("--version").output().is_err() {
        return skip::without("fish", test);
    }
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("kubeknock.fish");
    fs::write(&script, run(&["completions", "fish"]).stdout).unwrap();
    for (typed, expected) in TYPED {
        let output = Command::new("fish")
            .env("HOME", folder.path())
            .args(["--no-config", "-c", "source $argv[1]; complete -C $argv[2]"])
            .args([script.to_str().unwrap(), typed])
            .output()
            .unwrap();
        let proposed = stdout(&output);
        let words: Vec<&str> = proposed
            .lines()
            .filter_map(|line| line.split('\t').next())
            .collect();
        let word = expected.rsplit(' ').next().unwrap();
        assert_eq!(words, [word], "{typed}: {}", stderr(&output));
    }
}

/// Types lines in a terminal of zsh, whose command prints what it got.
const IN_ZSH: &str = r#"
zmodload zsh/zpty || exit 77
zpty z zsh -f -i
zpty -w z "fpath=($1 \$fpath); autoload -Uz compinit; compinit -u -D; \
kubeknock() { print -r -- \"GOT[kubeknock \$*]\"; }; print REA''DY"
zpty -r z out '*READY*'
shift
for line in "$@"; do
  zpty -w -n z "$line"$'\t\n'
  zpty -r z out $'*GOT\\[*\\]*'
  print -r -- "${${out##*GOT\[}%%\]*}"
done
zpty -d z
"#;

#[test]
fn zsh_completes() {
    let test = "zsh_completes";
    if Command::new("zsh").arg("--version").output().is_err() {
        return skip::without("zsh", test);
    }
    let folder = tempfile::tempdir().unwrap();
    let completions = run(&["completions", "zsh"]).stdout;
    fs::write(folder.path().join("_kubeknock"), completions).unwrap();
    let output = Command::new("timeout")
        .env("HOME", folder.path())
        .args(["60", "zsh", "-f", "-c", IN_ZSH, "zsh"])
        .arg(folder.path())
        .args(TYPED.map(|(typed, _)| typed))
        .output()
        .unwrap();
    if output.status.code() == Some(77) {
        return skip::without("zsh/zpty", test);
    }
    let made = stdout(&output);
    let made: Vec<&str> = made.lines().map(str::trim_end).collect();
    assert_eq!(
        made,
        TYPED.map(|(_, expected)| expected),
        "{}",
        stderr(&output)
    );
}

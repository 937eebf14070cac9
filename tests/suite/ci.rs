//! The CI files of `deploy/`: the scripts in the YAML are run by the shells that the CI system uses.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use kubeknock::simulator::{self, SimulatedServer};

use crate::skip::without;
use crate::support::{stderr, stdout};

const PROGRAM: &str = env!("CARGO_BIN_EXE_kubeknock");

/// A file of `deploy/`.
fn deployed(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("deploy")
        .join(file);
    fs::read_to_string(path).unwrap()
}

/// The block of text after the first `key: |` or `- |` that follows `behind`.
fn block(file: &str, behind: &str, key: &str) -> String {
    let text = deployed(file);
    let mut lines = text
        .lines()
        .skip_while(|line| line.trim() != behind)
        .skip(1);
    let head = lines
        .find(|line| line.trim() == key)
        .unwrap_or_else(|| panic!("{file}: {behind} has no {key}"));
    let depth = |line: &str| line.len() - line.trim_start().len();
    let outside = depth(head);
    let inside: Vec<&str> = lines
        .take_while(|line| line.is_empty() || depth(line) > outside)
        .collect();
    let indent = depth(inside[0]);
    let lines: Vec<&str> = inside
        .iter()
        .map(|line| line.get(indent..).unwrap_or_default())
        .collect();
    lines.join("\n") + "\n"
}

/// Runs a script in a folder with these variables, and without those of the CI that runs this test.
fn shell(words: &[&str], script: &str, folder: &Path, variables: &[(&str, &str)]) -> Output {
    let file = folder.join(".script");
    fs::write(&file, script).unwrap();
    let mut command = Command::new(words[0]);
    for name in [
        "GITHUB_ACTIONS",
        "GITHUB_STEP_SUMMARY",
        "GITLAB_CI",
        "RUST_LOG",
    ] {
        command.env_remove(name);
    }
    command
        .args(&words[1..])
        .arg(file)
        .current_dir(folder)
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}

/// Runs a step as GitHub's runner does for `shell: bash`. Also returns the outputs of the step.
fn github(step: &str, folder: &Path, variables: &[(&str, &str)]) -> (Output, String) {
    let script = block("github/action.yml", &format!("- name: {step}"), "run: |");
    let outputs = folder.join(".outputs");
    fs::write(&outputs, "").unwrap();
    let own = [
        ("GITHUB_OUTPUT", outputs.to_str().unwrap()),
        ("RUNNER_TEMP", folder.to_str().unwrap()),
    ];
    let words = ["bash", "--noprofile", "--norc", "-eo", "pipefail"];
    let output = shell(&words, &script, folder, &[&own, variables].concat());
    (output, fs::read_to_string(outputs).unwrap())
}

/// Starts two default clusters and writes a targets file with them.
async fn two_servers(folder: &Path) -> [SimulatedServer; 2] {
    let start = async |address: &str| {
        simulator::start(
            simulator::scenario("default").unwrap(),
            address.parse().unwrap(),
        )
        .await
        .unwrap()
    };
    let servers = [start("127.0.0.1:0").await, start("127.0.0.2:0").await];
    let [one, other] = servers.each_ref().map(SimulatedServer::address);
    fs::write(folder.join("clusters.txt"), format!("{one}\n{other}\n")).unwrap();
    servers
}

#[tokio::test(flavor = "multi_thread")]
async fn the_action_passes_its_inputs_to_the_scan() {
    let folder = tempfile::tempdir().unwrap();
    let [one, other] = two_servers(folder.path()).await;
    let scan = |fail_on: &str, arguments: &str| {
        let variables = [
            ("PROGRAM", PROGRAM),
            ("TARGETS", "clusters.txt\n"),
            ("ARGUMENTS", arguments),
            ("FAIL_ON", fail_on),
            ("BASELINE", ""),
            ("RUN", ""),
            ("KEPT", "none"),
            ("CATEGORY", ""),
            ("SARIF", "kubeknock.sarif"),
            ("REPORT", "kubeknock.json"),
        ];
        let (output, outputs) = github("Scan", folder.path(), &variables);
        assert_eq!(
            output.status.code(),
            Some(0),
            "the gate is a later step: {}",
            stderr(&output)
        );
        outputs
    };
    let exclude = format!("--retries 0\n--exclude {}\n", other.address().ip());
    let code = |code: u8| format!("baseline=\ncode={code}\n");
    assert_eq!(scan("", &exclude), code(0));
    assert!(one.stats().requests() > 0);
    assert_eq!(other.stats().requests(), 0, "excluded on the second line");
    assert_eq!(scan("forbidden", ""), code(1));
    assert!(other.stats().requests() > 0);
    let log = fs::read_to_string(folder.path().join("kubeknock.sarif")).unwrap();
    assert!(log.contains("\"clusters.txt\"") && folder.path().join("kubeknock.json").is_file());

    // The settings file applies only to inputs that are not set.
    settings(
        folder.path(),
        "[scan]\nfail-on = \"forbidden\"\ncategory = \"night\"\n",
    );
    assert_eq!(scan("", ""), code(1));
    assert!(
        fs::read_to_string(folder.path().join("kubeknock.sarif"))
            .unwrap()
            .contains("\"night/")
    );
    assert_eq!(scan("never", ""), code(0));
    assert_eq!(scan("", "--config /dev/null"), code(0));
}

/// Writes a settings file that everybody may write, as in a container.
fn settings(folder: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;

    let path = folder.join("kubeknock.toml");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
}

/// A release, either a binary or an archive, runs only if its checksum matches.
#[test]
fn the_action_verifies_the_checksum_of_a_release() {
    if Command::new("curl").arg("--version").output().is_err() {
        without("curl", "the action's release");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    fs::create_dir(place.join("kubeknock-x86")).unwrap();
    fs::write(
        place.join("kubeknock-x86/kubeknock"),
        "#!/bin/sh\necho it ran\n",
    )
    .unwrap();
    let packed = Command::new("tar")
        .args(["-czf", "it.tar.gz", "kubeknock-x86"])
        .current_dir(place)
        .status();
    assert!(packed.unwrap().success());
    let sum = |file: &str| {
        let output = Command::new("sha256sum")
            .arg(place.join(file))
            .output()
            .unwrap();
        stdout(&output)[..64].to_owned()
    };
    let fetch = |file: &str, sum: &str| {
        let release = format!("file://{}", place.join(file).display());
        let variables = [
            ("BINARY", ""),
            ("RELEASE", &*release),
            ("SHA256", sum),
            ("SOURCE", ""),
        ];
        github("Program", place, &variables)
    };
    for file in ["kubeknock-x86/kubeknock", "it.tar.gz"] {
        let (output, outputs) = fetch(file, &sum(file));
        assert!(output.status.success(), "{file}: {}", stderr(&output));
        let program = outputs.trim().strip_prefix("program=").unwrap();
        assert_eq!(
            stdout(&Command::new(program).output().unwrap()),
            "it ran\n",
            "{file}"
        );
        for wrong in ["", &"0".repeat(64)] {
            let (output, outputs) = fetch(file, wrong);
            assert_eq!(
                (output.status.code(), &*outputs),
                (Some(2), ""),
                "{file}: {wrong:?}"
            );
            assert!(
                stdout(&output).starts_with("::error::release does not match sha256"),
                "{}",
                stdout(&output)
            );
        }
    }
    let given = [
        ("BINARY", "./mine"),
        ("RELEASE", ""),
        ("SHA256", ""),
        ("SOURCE", ""),
    ];
    assert_eq!(github("Program", place, &given).1, "program=./mine\n");
}

/// Without a binary and a release, the action builds its own source. The cache's key is that of the source.
#[test]
fn the_action_builds_its_source_once() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let write = |name: &str, text: &str| {
        let path = place.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("source/Cargo.toml", "[package]\n");
    write("source/Cargo.lock", "version = 4\n");
    write("source/src/main.rs", "fn main() {}\n");
    // The last argument of the action's call is the folder of the build.
    write(
        "bin/cargo",
        "#!/bin/sh\necho built >>builds\nfor folder; do :; done\n\
         mkdir -p \"$folder/release\"\nprintf '#!/bin/sh\\necho it ran\\n' >\"$folder/release/kubeknock\"\n\
         chmod +x \"$folder/release/kubeknock\"\n",
    );
    fs::set_permissions(place.join("bin/cargo"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!(
        "{}:{}",
        place.join("bin").display(),
        std::env::var("PATH").unwrap()
    );
    let source = place.join("source").display().to_string();
    let variables = [
        ("BINARY", ""),
        ("RELEASE", ""),
        ("SHA256", ""),
        ("SOURCE", &*source),
        ("RUNNER_OS", "Linux"),
        ("RUNNER_ARCH", "X64"),
        ("PATH", &*path),
    ];
    let key = || {
        let (output, outputs) = github("Key", place, &variables);
        assert!(output.status.success(), "{}", stderr(&output));
        outputs
    };
    let first = key();
    assert!(first.starts_with("key=kubeknock-Linux-X64-"), "{first}");
    assert_eq!(key(), first);
    for _ in 0..2 {
        let (output, outputs) = github("Program", place, &variables);
        assert!(output.status.success(), "{}", stderr(&output));
        let program = outputs.trim().strip_prefix("program=").unwrap();
        assert_eq!(stdout(&Command::new(program).output().unwrap()), "it ran\n");
    }
    assert_eq!(fs::read_to_string(place.join("builds")).unwrap(), "built\n");
    write("source/src/main.rs", "fn main() { loop {} }\n");
    assert_ne!(key(), first, "another source is built anew");
}

/// GitLab reads the reports of a job that succeeds, so the gate is a job of its own.
#[tokio::test(flavor = "multi_thread")]
async fn the_gitlab_scan_succeeds_and_a_second_job_is_the_gate() {
    let folder = tempfile::tempdir().unwrap();
    let [_one, other] = two_servers(folder.path()).await;
    let job = |name: &str, fail_on: &str, coverage: &str| {
        let script = block("gitlab/kubeknock.yml", name, "- |");
        let variables = [
            ("GITLAB_CI", "true"),
            ("KUBEKNOCK", PROGRAM),
            ("KUBEKNOCK_RELEASE", ""),
            ("KUBEKNOCK_TARGETS", "clusters.txt"),
            ("KUBEKNOCK_FAIL_ON", fail_on),
            ("KUBEKNOCK_REQUIRE_COVERAGE", coverage),
        ];
        let output = shell(&["sh", "-e"], &script, folder.path(), &variables);
        output.status.code()
    };
    let gate = |fail_on: &str, coverage: &str| job("kubeknock-gate:", fail_on, coverage);
    settings(folder.path(), "[scan]\nfail-on = \"forbidden\"\n");
    assert_eq!(
        job("kubeknock:", "", ""),
        Some(0),
        "the settings do not fail the scan"
    );
    for report in [
        "kubeknock.json",
        "kubeknock.xml",
        "kubeknock.sarif",
        "gl-code-quality-report.json",
    ] {
        assert!(folder.path().join(report).is_file(), "{report}");
    }
    assert_eq!((gate("", ""), gate("never", "")), (Some(1), Some(0)));
    fs::remove_file(folder.path().join("kubeknock.toml")).unwrap();
    assert_eq!((gate("", ""), gate("forbidden", "")), (Some(0), Some(1)));
    // A target that does not answer fails the second job only.
    drop(other);
    assert_eq!(job("kubeknock:", "", ""), Some(0));
    assert_eq!((gate("", ""), gate("", "50")), (Some(3), Some(0)));
}

#[test]
fn the_gitlab_job_verifies_the_checksum_of_a_release() {
    if Command::new("curl").arg("--version").output().is_err() {
        without("curl", "the GitLab job's release");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    fs::write(place.join("released"), "#!/bin/sh\necho \"it ran: $1\"\n").unwrap();
    let output = Command::new("sha256sum")
        .arg(place.join("released"))
        .output();
    let right = stdout(&output.unwrap())[..64].to_owned();
    let release = format!("file://{}", place.join("released").display());
    let script = block("gitlab/kubeknock.yml", ".kubeknock:", "- |")
        + &block("gitlab/kubeknock.yml", "kubeknock:", "- |");
    for (sum, code, text) in [
        (&*right, 0, "it ran: scan\n"),
        ("", 2, "KUBEKNOCK_RELEASE does not match"),
        (&"0".repeat(64), 2, "KUBEKNOCK_RELEASE does not match"),
    ] {
        let variables = [
            ("KUBEKNOCK", "kubeknock"),
            ("KUBEKNOCK_RELEASE", &*release),
            ("KUBEKNOCK_SHA256", sum),
            ("KUBEKNOCK_TARGETS", "clusters.txt"),
            ("KUBEKNOCK_FAIL_ON", ""),
        ];
        let output = shell(&["sh", "-e"], &script, place, &variables);
        assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
        assert!(stdout(&output).starts_with(text), "{}", stdout(&output));
    }
}

/// Most clusters are `forbidden` by default, so that threshold would fail on the first day.
#[test]
fn the_examples_fail_only_for_what_is_open() {
    for (file, before) in [
        ("github/example-workflow.yml", "fail-on: "),
        ("github/example-container.yml", "--fail-on "),
    ] {
        let text = deployed(file);
        let thresholds: Vec<&str> = (text.split(before).skip(1))
            .map(|rest| rest.split_whitespace().next().unwrap())
            .collect();
        assert_eq!(thresholds, ["exposed"], "{file}");
    }
}

#[test]
fn actionlint_accepts_the_workflows() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy");
    let lint = |file: &Path| Command::new("actionlint").arg(file).output();
    for name in &ON_GITHUB[1..] {
        let Ok(output) = lint(&folder.join(name)) else {
            without("actionlint", "workflows");
            return;
        };
        assert!(output.status.success(), "{name}: {}", stdout(&output));
    }
    // The linter does find a mistake.
    let wrong = tempfile::NamedTempFile::with_suffix(".yml").unwrap();
    let text = fs::read_to_string(folder.join("github/example-workflow.yml")).unwrap();
    fs::write(wrong.path(), text.replace("runs-on:", "run-on:")).unwrap();
    assert!(!lint(wrong.path()).unwrap().status.success());
}

/// The workflows and the action.
const ON_GITHUB: [&str; 4] = [
    "github/action.yml",
    "github/example-workflow.yml",
    "github/example-container.yml",
    "scheduled/github.yml",
];

/// `zizmor` looks for what an attacker could use: template injection, stored credentials, more rights than needed.
#[test]
fn zizmor_finds_nothing_in_the_workflows() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy");
    let audit = |files: &[&Path]| {
        let mut command = Command::new("zizmor");
        command.args(["--offline", "--no-progress", "--persona=pedantic"]);
        command.args(files).output()
    };
    let files = ON_GITHUB.map(|file| folder.join(file));
    let files = files.each_ref().map(AsRef::as_ref);
    let Ok(output) = audit(&files) else {
        without("zizmor", "workflows");
        return;
    };
    assert!(
        output.status.success(),
        "{}{}",
        stdout(&output),
        stderr(&output)
    );
    // The audit does find a mistake.
    let wrong = tempfile::NamedTempFile::with_suffix(".yml").unwrap();
    let text = deployed("github/example-workflow.yml");
    let changed = text.replace("with: { persist-credentials: false }", "");
    assert_ne!(changed, text);
    fs::write(wrong.path(), changed).unwrap();
    let output = audit(&[wrong.path()]).unwrap();
    assert!(!output.status.success() && stdout(&output).contains("artipacked"));
}

/// A tag can be moved to other code, a commit cannot. All files use the same commit of an action.
#[test]
fn actions_are_pinned_by_commit_and_jobs_have_the_rights_that_they_need() {
    let mut pins = std::collections::BTreeMap::new();
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"));
    let texts = ON_GITHUB.map(deployed).into_iter().chain([readme.unwrap()]);
    for text in texts {
        let uses = text.lines().filter_map(|line| line.split_once("uses: "));
        for (_, action) in uses {
            let (pin, comment) = action
                .split_once(" # ")
                .unwrap_or_else(|| panic!("no release in a comment: {action}"));
            let (name, commit) = pin.split_once('@').unwrap();
            let is_commit =
                commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
            assert!(is_commit, "{action}");
            if !name.starts_with("your-organisation/") {
                let known = pins.entry(name.to_owned()).or_insert(action.to_owned());
                assert_eq!(known, action);
                assert!(comment.starts_with('v'), "{action}");
            }
        }
    }
    assert_eq!(pins.len(), 7, "{pins:?}");
    for file in &ON_GITHUB[1..] {
        let text = deployed(file);
        let rights: Vec<&str> = text
            .split("    permissions:\n")
            .nth(1)
            .unwrap()
            .lines()
            .take_while(|line| line.starts_with("      "))
            .map(|line| line.split(" #").next().unwrap().trim())
            .collect();
        let needed: &[&str] = if *file == "scheduled/github.yml" {
            &["contents: read"]
        } else {
            &["contents: read", "security-events: write", "actions: read"]
        };
        assert_eq!(rights, needed, "{file}");
        assert!(text.contains("\npermissions: {}\n"), "nothing else: {file}");
        assert!(text.contains("persist-credentials: false"), "{file}");
    }
}

/// Global variables can be overridden by the including file; variables of the job cannot.
#[test]
fn the_including_file_can_set_the_variables_of_the_gitlab_job() {
    let text = deployed("gitlab/kubeknock.yml");
    let (global, job) = text.split_once("\nkubeknock:\n").unwrap();
    assert!(
        global.contains("\nvariables:\n  KUBEKNOCK_TARGETS: "),
        "{global}"
    );
    assert!(!job.contains("variables:"), "{job}");
}

/// Runs a step of the workflow with a container, as GitHub's runner does without `shell:`.
fn container(step: &str, folder: &Path, variables: &[(&str, &str)]) -> (Output, String) {
    let script = block(
        "github/example-container.yml",
        &format!("- name: {step}"),
        "run: |",
    );
    let outputs = folder.join(".outputs");
    fs::write(&outputs, "").unwrap();
    let own = [("GITHUB_OUTPUT", outputs.to_str().unwrap())];
    let output = shell(
        &["bash", "-e"],
        &script,
        folder,
        &[&own, variables].concat(),
    );
    (output, fs::read_to_string(outputs).unwrap())
}

/// A fake `docker` runs the program in the mounted folder.
#[tokio::test(flavor = "multi_thread")]
async fn the_container_workflow_tells_of_an_exposed_server() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let _servers = two_servers(place).await;
    let docker = format!(
        "#!/bin/sh\n[ \"$1 $2\" = 'run --rm' ] || exit 125\nwhile [ \"$1\" != kubeknock:1 ]; do shift; done\n\
         shift\nexec {PROGRAM} \"$@\"\n"
    );
    fs::create_dir(place.join("bin")).unwrap();
    fs::write(place.join("bin/docker"), docker).unwrap();
    fs::set_permissions(place.join("bin/docker"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!(
        "{}:{}",
        place.join("bin").display(),
        std::env::var("PATH").unwrap()
    );
    let summary = place.join("summary.md").display().to_string();
    let variables = [
        ("IMAGE", "kubeknock:1"),
        ("RUN", ""),
        ("PATH", &*path),
        ("GITHUB_STEP_SUMMARY", &*summary),
    ];
    let scan = || {
        let (output, outputs) = container("Scan", place, &variables);
        assert_eq!(
            output.status.code(),
            Some(0),
            "the gate is a later step: {}",
            stderr(&output)
        );
        (stdout(&output), outputs)
    };
    assert_eq!(scan().1, "baseline=\ncode=0\n");
    let open = simulator::scenario("exposed").unwrap();
    let open = simulator::start(open, "127.0.0.1:0".parse().unwrap()).await;
    let open = open.unwrap();
    fs::write(place.join("clusters.txt"), format!("{}\n", open.address())).unwrap();
    fs::remove_file(&summary).unwrap();
    let (said, outputs) = scan();
    assert_eq!(outputs, "baseline=\ncode=1\n");
    assert!(said.contains("::"), "{said}");
    assert!(
        fs::read_to_string(summary)
            .unwrap()
            .starts_with("## kubeknock failed")
    );
    for file in ["kubeknock.sarif", "kubeknock.json"] {
        assert!(place.join(file).is_file(), "{file}");
    }
}

/// Runs a step of a workflow.
type Step = fn(&str, &Path, &[(&str, &str)]) -> (Output, String);

/// Only a run on this branch of this repository has the baseline. A fake `curl` answers for the API.
#[test]
fn the_baseline_is_that_of_the_last_run_on_the_branch() {
    if Command::new("jq").arg("--version").output().is_err() {
        without("jq", "the baseline of the last run");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let curl = "#!/bin/sh\nfor last in \"$@\"; do :; done\necho \"$last\" >asked\n[ -f list ] && cat list\n";
    fs::write(place.join("curl"), curl).unwrap();
    fs::set_permissions(place.join("curl"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", place.display(), std::env::var("PATH").unwrap());
    let find = |step: Step, list: Option<&str>| {
        let _ = fs::remove_file(place.join("list"));
        if let Some(list) = list {
            fs::write(place.join("list"), list).unwrap();
        }
        let variables = [
            ("PATH", &*path),
            ("API", "https://api.example/repos/a/b"),
            ("TOKEN", "t"),
            ("BRANCH", "main"),
            ("CATEGORY", "a/b"),
        ];
        let (output, outputs) = step("Find", place, &variables);
        assert!(output.status.success(), "{}", stderr(&output));
        let asked = fs::read_to_string(place.join("asked")).unwrap();
        let start = "https://api.example/repos/a/b/actions/artifacts?name=kubeknock-baseline";
        assert!(asked.starts_with(start), "{asked}");
        let run = outputs.lines().find_map(|line| line.strip_prefix("run="));
        let lost = outputs.lines().any(|line| line == "lost=true");
        let warned = stdout(&output).starts_with("::warning title=kubeknock::");
        assert_eq!(warned, lost);
        (run.map(str::to_owned), lost)
    };
    let artifact = |run: u64, at: &str, branch: &str, repository: u64, expired: bool| {
        serde_json::json!({
            "created_at": at, "expired": expired,
            "workflow_run": {
                "id": run, "head_branch": branch, "repository_id": 7, "head_repository_id": repository,
            },
        })
    };
    let all = [
        artifact(1, "2026-11-01T00:00:00Z", "main", 7, false),
        artifact(2, "2026-11-08T00:00:00Z", "main", 7, false),
        artifact(3, "2026-11-09T00:00:00Z", "main", 7, true),
        artifact(4, "2026-11-10T00:00:00Z", "topic", 7, false),
        artifact(5, "2026-11-11T00:00:00Z", "main", 8, false),
    ];
    let list = serde_json::json!({ "artifacts": all }).to_string();
    for step in [github as Step, container] {
        assert_eq!(find(step, Some(&list)), (Some("2".to_owned()), false));
        let none = find(step, Some("{\"artifacts\": []}"));
        assert_eq!(none, (Some(String::new()), false), "the first run");
        assert_eq!(find(step, None), (None, true));
        assert_eq!(find(step, Some("<html>")), (None, true));
    }
}

/// The baseline of the last run is used if it can be read.
#[tokio::test(flavor = "multi_thread")]
async fn the_action_scans_with_the_baseline_of_the_last_run() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let _servers = two_servers(place).await;
    let scan = |kept: &str| {
        let variables = [
            ("PROGRAM", PROGRAM),
            ("TARGETS", "clusters.txt"),
            ("ARGUMENTS", "--retries 0"),
            ("FAIL_ON", ""),
            ("BASELINE", ""),
            ("RUN", "41"),
            ("KEPT", kept),
            ("CATEGORY", ""),
            ("SARIF", "kubeknock.sarif"),
            ("REPORT", "kubeknock.json"),
        ];
        let (output, outputs) = github("Scan", place, &variables);
        assert!(output.status.success(), "{}", stderr(&output));
        let warned = stdout(&output).contains("::warning title=kubeknock::the report of run 41");
        let log = fs::read_to_string(place.join("kubeknock.sarif")).unwrap();
        (outputs, warned, log.contains("\"baselineState\":"))
    };
    let without = || ("lost=true\nbaseline=\ncode=0\n".to_owned(), true, false);
    assert_eq!(scan("missing.json"), without());
    fs::copy(place.join("kubeknock.json"), place.join("last.json")).unwrap();
    fs::write(place.join("torn.json"), "{\"schema\": ").unwrap();
    assert_eq!(scan("torn.json"), without());
    let with = ("baseline=last.json\ncode=0\n".to_owned(), false, true);
    assert_eq!(scan("last.json"), with);
}

/// The cache has the baseline. Without one, a scan that did not cover every target reports nothing to GitLab.
#[tokio::test(flavor = "multi_thread")]
async fn the_gitlab_job_keeps_a_baseline() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let [one, other] = two_servers(place).await;
    let scan = || {
        let script = block("gitlab/kubeknock.yml", "kubeknock:", "- |");
        let variables = [
            ("GITLAB_CI", "true"),
            ("KUBEKNOCK", PROGRAM),
            ("KUBEKNOCK_TARGETS", "clusters.txt"),
        ];
        let output = shell(&["sh", "-e"], &script, place, &variables);
        assert!(output.status.success(), "{}", stderr(&output));
        let issues = fs::read_to_string(place.join("gl-code-quality-report.json"));
        let issues = issues
            .ok()
            .map(|text| text.matches("anonymous-auth-enabled").count());
        let said = stdout(&output);
        (
            issues,
            said.contains("cannot be read"),
            said.contains("No findings are reported"),
        )
    };
    let kept = place.join(".kubeknock/baseline.json");
    let list = fs::read_to_string(place.join("clusters.txt")).unwrap();
    fs::write(place.join("clusters.txt"), format!("{list}127.0.0.1:9\n")).unwrap();
    assert_eq!(scan(), (None, false, true));
    assert!(!place.join("kubeknock.sarif").exists() && !kept.exists());
    fs::write(place.join("clusters.txt"), list).unwrap();
    assert_eq!(scan(), (Some(2), false, false));
    assert!(kept.exists());
    // One is down: its finding is carried, and by the next report again.
    let address = other.address();
    drop(other);
    while tokio::net::TcpStream::connect(address).await.is_ok() {}
    assert_eq!(scan(), (Some(2), false, false));
    assert_eq!(scan(), (Some(2), false, false));
    fs::write(&kept, "{").unwrap();
    // A lost baseline is not a first run, although this scan covers every target.
    let list = fs::read_to_string(place.join("clusters.txt")).unwrap();
    let first = list.lines().next().unwrap();
    fs::write(place.join("clusters.txt"), format!("{first}\n")).unwrap();
    assert_eq!(scan(), (None, true, true));
    fs::remove_file(&kept).unwrap();
    assert_eq!(scan(), (Some(1), false, false));
    drop(one);
}

/// In a first run nothing is new: it passes, and the next one compares with it.
#[tokio::test(flavor = "multi_thread")]
async fn a_gate_on_what_is_new_passes_at_first_and_then_compares() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let [one, other] = two_servers(place).await;
    let list = |addresses: &[std::net::SocketAddr]| {
        let lines: Vec<String> = addresses
            .iter()
            .map(|address| format!("{address}\n"))
            .collect();
        fs::write(place.join("clusters.txt"), lines.concat()).unwrap();
    };
    let github_scan = |fail_on: &str, baseline: &str, lost: &str| {
        let variables = [
            ("PROGRAM", PROGRAM),
            ("TARGETS", "clusters.txt"),
            ("ARGUMENTS", "--retries 0"),
            ("FAIL_ON", fail_on),
            ("BASELINE", baseline),
            ("RUN", ""),
            ("LOST", lost),
            ("KEPT", ""),
            ("CATEGORY", ""),
            ("SARIF", "kubeknock.sarif"),
            ("REPORT", "kubeknock.json"),
        ];
        let (_, outputs) = github("Scan", place, &variables);
        outputs
            .lines()
            .find_map(|line| line.strip_prefix("code="))
            .unwrap()
            .to_owned()
    };
    list(&[one.address()]);
    assert_eq!(github_scan("new", "", ""), "0", "the first run");
    assert_eq!(
        github_scan("new", "", "true"),
        "2",
        "a lost baseline is no first run"
    );
    settings(place, "[scan]\nfail-on = \"new:medium\"\n");
    assert_eq!(
        github_scan("", "", ""),
        "0",
        "the threshold of the settings"
    );
    fs::copy(place.join("kubeknock.json"), place.join("last.json")).unwrap();
    assert_eq!(github_scan("", "last.json", ""), "0");
    list(&[one.address(), other.address()]);
    assert_eq!(github_scan("", "last.json", ""), "1", "one server is new");

    let gitlab = |name: &str| {
        let script = block("gitlab/kubeknock.yml", name, "- |");
        let variables = [
            ("GITLAB_CI", "true"),
            ("KUBEKNOCK", PROGRAM),
            ("KUBEKNOCK_TARGETS", "clusters.txt"),
            ("KUBEKNOCK_FAIL_ON", "new"),
            ("KUBEKNOCK_REQUIRE_COVERAGE", ""),
        ];
        let output = shell(&["sh", "-e"], &script, place, &variables);
        output.status.code()
    };
    list(&[one.address()]);
    for (servers, code) in [(1, Some(0)), (1, Some(0)), (2, Some(1)), (2, Some(0))] {
        list(&[one.address(), other.address()][..servers]);
        assert_eq!(gitlab("kubeknock:"), Some(0));
        assert_eq!(gitlab("kubeknock-gate:"), code, "{servers} servers");
    }
}

/// GitLab shows the findings that a report lacks as fixed, so it gets none of a scan that was interrupted.
#[test]
fn the_gitlab_job_reports_nothing_of_an_interrupted_scan() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let reports = ["kubeknock.sarif", "gl-code-quality-report.json"];
    for code in [2, 130] {
        let program = format!("#!/bin/sh\ntouch {}\nexit {code}\n", reports.join(" "));
        fs::write(place.join("program"), program).unwrap();
        fs::set_permissions(place.join("program"), fs::Permissions::from_mode(0o755)).unwrap();
        let script = block("gitlab/kubeknock.yml", "kubeknock:", "- |");
        let variables = [
            ("KUBEKNOCK", "./program"),
            ("KUBEKNOCK_TARGETS", "clusters.txt"),
        ];
        let output = shell(&["sh", "-e"], &script, place, &variables);
        assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
        for report in reports {
            assert!(!place.join(report).exists(), "{report} after {code}");
        }
    }
}

/// Code scanning closes the alerts that an upload lacks. An exposed server must not hide that another one was down.
#[tokio::test(flavor = "multi_thread")]
async fn only_what_code_scanning_may_believe_is_uploaded() {
    if Command::new("jq").arg("--version").output().is_err() {
        without("jq", "the decision to upload");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let open = simulator::scenario("exposed").unwrap();
    let open = simulator::start(open, "127.0.0.1:0".parse().unwrap()).await;
    let server = open.unwrap();
    let open = server.address().to_string();
    let save = |file: &str, targets: &[&str]| {
        let to = format!("json={}", place.join(file).display());
        let common = ["scan", "-q", "--config=/dev/null", "--retries=0", "-o", &to];
        let output = Command::new(PROGRAM)
            .args(common)
            .args(targets)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    };
    save("whole.json", &[&open]);
    save("down.json", &[&open, "127.0.0.1:9"]);
    // A scan that ran out of time attempted only some of its targets.
    let whole = fs::read_to_string(place.join("whole.json")).unwrap();
    let half = whole.replace("\"complete\": true", "\"complete\": false");
    assert_ne!(half, whole);
    fs::write(place.join("half.json"), half).unwrap();
    fs::write(place.join("torn.json"), "{\"summary\": {\"complete\": tr").unwrap();
    for (report, code, baseline, lost, uploaded) in [
        ("whole.json", "0", "", "", true),
        ("whole.json", "1", "", "", true),
        ("whole.json", "2", "", "", false),
        ("whole.json", "101", "", "", false),
        ("whole.json", "130", "", "", false),
        ("whole.json", "137", "", "", false),
        ("whole.json", "2", "last.json", "", false),
        ("whole.json", "130", "last.json", "", false),
        ("down.json", "1", "", "", false),
        ("down.json", "3", "", "", false),
        ("down.json", "3", "last.json", "", true),
        ("half.json", "0", "", "", false),
        ("torn.json", "0", "", "", false),
        ("none.json", "0", "", "", false),
        ("whole.json", "0", "", "true", false),
    ] {
        let kept = place.join("kept/baseline.json");
        let variables = [
            ("CODE", code),
            ("REPORT", report),
            ("BASELINE", baseline),
            ("LOST", lost),
            ("KEPT", kept.to_str().unwrap()),
        ];
        let _ = fs::remove_file(place.join("kubeknock.json"));
        let _ = fs::copy(place.join(report), place.join("kubeknock.json"));
        for (file, kept, step) in [
            ("action.yml", "kept", github as Step),
            ("example-container.yml", "kubeknock-baseline", container),
        ] {
            let kept = place.join(kept);
            let _ = fs::remove_dir_all(&kept);
            let (output, outputs) = step("Decide", place, &variables);
            let case = format!(
                "{file}: {report}, {code}, {baseline:?}, {lost:?}: {}",
                stderr(&output)
            );
            assert_eq!(output.status.code(), Some(0), "{case}");
            assert_eq!(
                outputs,
                if uploaded { "upload=true\n" } else { "" },
                "{case}"
            );
            let warned = stdout(&output).starts_with("::warning title=kubeknock::");
            assert_eq!(warned, !uploaded, "{case}");
            // What is not uploaded is no baseline either.
            let kept = fs::read_to_string(kept.join("baseline.json")).ok();
            let saved = fs::read_to_string(place.join(report)).ok();
            assert_eq!(kept, saved.filter(|_| uploaded), "{case}");
        }
    }
    // The upload waits for the decision.
    for file in ["action.yml", "example-container.yml"] {
        let text = deployed(&format!("github/{file}"));
        let (before, _) = text
            .split_once("uses: github/codeql-action/upload-sarif@")
            .unwrap();
        let (after, _) = text[before.len()..].split_once("- name: ").unwrap();
        let condition = "if: ${{ steps.decide.outputs.upload == 'true' }}";
        let step = before.rsplit("- name: ").next().unwrap().to_owned() + after;
        assert_eq!(step.matches(condition).count(), 1, "{file}");
    }
}

/// GitLab starts a shell in the image of a job.
#[test]
fn the_image_for_ci_has_a_shell_and_no_image_runs_as_root() {
    let file =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Dockerfile")).unwrap();
    let stages: Vec<&str> = file
        .lines()
        .filter(|line| line.starts_with("FROM "))
        .collect();
    assert_eq!(
        stages.last(),
        Some(&"FROM scratch"),
        "what docker build makes unless told otherwise"
    );
    for base in &stages[..stages.len() - 1] {
        let (_, digest) = base.split_once("@sha256:").unwrap();
        let digest = digest.split(' ').next().unwrap();
        let is_hex = digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(digest.len() == 64 && is_hex, "{base}");
    }
    let stage = file
        .split("\nFROM ")
        .find(|stage| stage.lines().next().unwrap().ends_with(" AS ci"))
        .unwrap();
    assert!(
        !stage.starts_with("scratch") && !stage.contains("ENTRYPOINT"),
        "{stage}"
    );
    for stage in file.split("\nFROM ").skip(2) {
        assert!(stage.contains("\nUSER 65532:65532\n"), "not root: {stage}");
    }
}

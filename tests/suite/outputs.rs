//! Where reports are written: through symbolic links, to pipes and descriptors, over existing files. A report that
//! cannot be written is an error before the scan sends anything.

use std::fs;
use std::path::Path;
use std::process::Output;

use crate::support::{kubeknock, stderr, stdout};

/// Scans a closed port and writes these reports.
fn scan(folder: &Path, outputs: &[&str]) -> Output {
    let mut command = kubeknock();
    command.current_dir(folder).args([
        "scan",
        "-q",
        "127.0.0.1:9",
        "--retries=0",
        "--require-coverage=0",
    ]);
    for output in outputs {
        command.args(["-o", output]);
    }
    command.output().unwrap()
}

/// The previous content of a file, longer than any report of these tests.
fn old() -> String {
    "old\n".repeat(10_000)
}

fn is_report(path: &Path) -> bool {
    let report: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap_or_default();
    report["schema"] == kubeknock::record::SCHEMA
}

/// The files in a folder, except the known ones.
fn left_over(folder: &Path, known: &[&str]) -> Vec<String> {
    let names = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names
        .filter(|name| !known.contains(&name.as_str()))
        .collect()
}

#[cfg(unix)]
mod unix {
    use std::fs::OpenOptions;
    use std::io::{Read as _, Write as _};
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
    use std::process::{Command, Stdio};

    use super::*;
    use crate::skip::skipped;

    #[test]
    fn a_link_stays_and_its_target_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("store")).unwrap();
        fs::write(path("store/old.json"), "old").unwrap();
        symlink("store/old.json", path("old.json")).unwrap();
        symlink(path("store/new.json"), path("new.json")).unwrap();
        let output = scan(folder.path(), &["json=old.json", "json=new.json"]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        for name in ["old.json", "new.json"] {
            assert!(
                path(name).symlink_metadata().unwrap().is_symlink(),
                "{name}"
            );
            assert!(is_report(&path("store").join(name)), "{name}");
        }
        assert_eq!(
            left_over(&path("store"), &["old.json", "new.json"]),
            [""; 0]
        );
        // Two names of one file count as one file.
        for outputs in [
            ["json=old.json", "csv=store/old.json"],
            ["json=new.json", "csv=./store/../new.json"],
        ] {
            let output = scan(folder.path(), &outputs);
            assert_eq!(output.status.code(), Some(2), "{outputs:?}");
            assert!(
                stderr(&output).contains("two reports would go to"),
                "{}",
                stderr(&output)
            );
        }
    }

    #[test]
    fn a_file_keeps_its_mode_its_owner_and_its_hard_links() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let made = |name: &str, mode: u32| {
            fs::write(path(name), old()).unwrap();
            fs::set_permissions(path(name), fs::Permissions::from_mode(mode)).unwrap();
        };
        made("private.json", 0o600);
        made("shared.json", 0o666);
        made("two.json", 0o640);
        fs::hard_link(path("two.json"), path("names.json")).unwrap();
        let output = scan(
            folder.path(),
            &[
                "json=private.json",
                "json=shared.json",
                "json=two.json",
                "json=new.json",
            ],
        );
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let mode_of = |name: &str| path(name).metadata().unwrap().permissions().mode() & 0o7777;
        for (name, expected) in [
            ("private.json", 0o600),
            ("shared.json", 0o666),
            ("two.json", 0o640),
        ] {
            assert!(
                is_report(&path(name)) && mode_of(name) == expected,
                "{name}: {:o}",
                mode_of(name)
            );
        }
        assert!(
            is_report(&path("names.json")) && path("names.json").metadata().unwrap().nlink() == 2
        );
        assert_eq!(mode_of("new.json") & 0o111, 0);

        if std::os::unix::fs::chown(path("shared.json"), Some(12345), Some(54321)).is_err() {
            return skipped("a report over the file of another user: only root gives files away");
        }
        assert_eq!(
            scan(folder.path(), &["json=shared.json"]).status.code(),
            Some(0)
        );
        let found = path("shared.json").metadata().unwrap();
        assert_eq!(
            (found.uid(), found.gid(), found.mode() & 0o7777),
            (12345, 54321, 0o666)
        );
    }

    /// A writable file in a folder in which no file can be created.
    #[test]
    fn a_writable_file_in_a_read_only_folder_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let closed = folder.path().join("closed");
        fs::create_dir(&closed).unwrap();
        fs::write(closed.join("r.json"), "old").unwrap();
        fs::set_permissions(closed.join("r.json"), fs::Permissions::from_mode(0o666)).unwrap();
        let run = |arguments: &str| {
            // Root may write everywhere, so another user runs this.
            let drop = "if [ \"$(id -u)\" = 0 ]; then exec setpriv --reuid=65534 --regid=65534 --clear-groups \"$@\"; fi; exec \"$@\"";
            let output = format!("json={}", closed.join(arguments).display());
            let mut command = Command::new("sh");
            command.args([
                "-c",
                drop,
                "sh",
                env!("CARGO_BIN_EXE_kubeknock"),
                "scan",
                "--config",
                "/dev/null",
                "-q",
            ]);
            command.args([
                "127.0.0.1:9",
                "--retries=0",
                "--require-coverage=0",
                "-o",
                &output,
            ]);
            command.current_dir("/").output().unwrap()
        };
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
        let output = run("r.json");
        if stderr(&output).contains("not found") || stderr(&output).contains("setpriv: ") {
            return skipped(
                "a report in a folder that is closed: no setpriv, or the program is out of reach",
            );
        }
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert!(is_report(&closed.join("r.json")));
        let output = run("new.json");
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        assert!(
            stderr(&output).contains("new.json: Permission denied"),
            "{}",
            stderr(&output)
        );
        fs::set_permissions(closed.join("r.json"), fs::Permissions::from_mode(0o444)).unwrap();
        assert!(stderr(&run("r.json")).contains("r.json: Permission denied"));
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A pipe or device gets the report while it is made, and is not replaced by a file.
    #[test]
    fn pipes_get_the_report() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        assert!(
            Command::new("mkfifo")
                .arg(&fifo)
                .status()
                .unwrap()
                .success()
        );
        let reader = std::thread::spawn(move || {
            let mut text = String::new();
            fs::File::open(fifo)
                .unwrap()
                .read_to_string(&mut text)
                .unwrap();
            text
        });
        let output = scan(folder.path(), &["json=fifo"]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert!(reader.join().unwrap().contains("\"schema\""));
        assert!(!folder.path().join("fifo").metadata().unwrap().is_file());
        assert_eq!(left_over(folder.path(), &["fifo"]), [""; 0]);
    }

    /// `/dev/stdout` means the process's descriptor, not a file of that name, and earlier output there stays.
    /// The test makes links of its own: a faulty program that root runs would replace the links of the machine.
    #[cfg(target_os = "linux")]
    #[test]
    fn open_descriptors_get_the_report() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("dev")).unwrap();
        for (to, link) in [
            ("/proc/self/fd", "fd"),
            ("fd/1", "stdout"),
            ("fd/2", "stderr"),
        ] {
            symlink(to, path("dev").join(link)).unwrap();
        }
        symlink(path("dev/stdout"), path("link.json")).unwrap();
        for output in [
            "json=dev/stdout",
            "json=dev/fd/1",
            "json=/proc/self/fd/1",
            "json=link.json",
        ] {
            let mut file = fs::File::create(path("out.txt")).unwrap();
            file.write_all(b"before\n").unwrap();
            let status = kubeknock()
                .current_dir(folder.path())
                .args([
                    "scan",
                    "-q",
                    "127.0.0.1:9",
                    "--retries=0",
                    "--require-coverage=0",
                    "-o",
                    output,
                ])
                .stdout(Stdio::from(file.try_clone().unwrap()))
                .status()
                .unwrap();
            assert_eq!(status.code(), Some(0), "{output}");
            file.write_all(b"behind\n").unwrap();
            let text = fs::read_to_string(path("out.txt")).unwrap();
            assert!(
                text.starts_with("before\n{\n") && text.ends_with("}\nbehind\n"),
                "{output}: {text}"
            );
            for link in ["link.json", "dev/stdout"] {
                assert!(
                    path(link).symlink_metadata().unwrap().is_symlink(),
                    "{output}: {link}"
                );
            }
        }
        let both = scan(folder.path(), &["table", "json=dev/stdout"]);
        assert_eq!(both.status.code(), Some(2));
        assert!(
            stderr(&both).contains("only one report can go to standard output"),
            "{}",
            stderr(&both)
        );
        let errors = scan(folder.path(), &["json=dev/stderr"]);
        assert!(stderr(&errors).contains("\"schema\"") && stdout(&errors).is_empty());
        // To another descriptor, the report is appended.
        fs::write(path("log"), "before\n").unwrap();
        let log = OpenOptions::new().append(true).open(path("log")).unwrap();
        let shell = "exec 3>&0; exec \"$@\"";
        let status = Command::new("sh")
            .args([
                "-c",
                shell,
                "sh",
                env!("CARGO_BIN_EXE_kubeknock"),
                "scan",
                "--config",
                "/dev/null",
                "-q",
            ])
            .args([
                "127.0.0.1:9",
                "--retries=0",
                "--require-coverage=0",
                "-o",
                "json=/proc/self/fd/3",
            ])
            .stdin(Stdio::from(log))
            .status()
            .unwrap();
        assert_eq!(status.code(), Some(0));
        let text = fs::read_to_string(path("log")).unwrap();
        assert!(
            text.starts_with("before\n{\n") && text.ends_with("}\n"),
            "{text}"
        );
    }

    /// A file that was mounted into a container cannot be replaced.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_mounted_file_gets_the_report() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["behind.json", "mounted.json"] {
            fs::write(path(name), old()).unwrap();
        }
        let script = "mount --bind behind.json mounted.json || exit 77; exec \"$@\"";
        let output = Command::new("unshare")
            .current_dir(folder.path())
            .args([
                "-r",
                "-m",
                "sh",
                "-c",
                script,
                "sh",
                env!("CARGO_BIN_EXE_kubeknock"),
                "scan",
                "-q",
                "127.0.0.1:9",
            ])
            .args([
                "--retries=0",
                "--require-coverage=0",
                "-o",
                "json=mounted.json",
            ])
            .output();
        let Some(output) = crate::support::in_namespaces(output, "a report over a mounted file")
        else {
            return;
        };
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert!(is_report(&path("behind.json")));
        assert_eq!(fs::read_to_string(path("mounted.json")).unwrap(), old());
        assert_eq!(
            left_over(folder.path(), &["behind.json", "mounted.json"]),
            [""; 0]
        );
    }

    /// In a folder that everybody may write to, another user's link can lead a report over a foreign file.
    #[test]
    fn another_users_link_in_a_shared_folder_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("tmp")).unwrap();
        fs::set_permissions(path("tmp"), fs::Permissions::from_mode(0o1777)).unwrap();
        fs::write(path("precious"), "precious").unwrap();
        symlink(path("precious"), path("tmp/report.json")).unwrap();
        if std::os::unix::fs::lchown(path("tmp/report.json"), Some(65534), None).is_err() {
            return skipped("another user's link: only root gives files away");
        }
        let output = scan(folder.path(), &["json=tmp/report.json"]);
        assert_eq!(output.status.code(), Some(2));
        assert!(
            stderr(&output).contains("another user's link"),
            "{}",
            stderr(&output)
        );
        assert_eq!(fs::read_to_string(path("precious")).unwrap(), "precious");
        std::os::unix::fs::lchown(
            path("tmp/report.json"),
            Some(nix::unistd::geteuid().as_raw()),
            None,
        )
        .unwrap();
        assert_eq!(
            scan(folder.path(), &["json=tmp/report.json"]).status.code(),
            Some(0)
        );
        assert!(is_report(&path("precious")));
    }

    /// A report over the settings file would change the next scan.
    #[test]
    fn no_report_overwrites_the_settings() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("kubeknock.toml"), "[scan]\nrate = 7\n").unwrap();
        symlink("kubeknock.toml", folder.path().join("link")).unwrap();
        for output in ["json=kubeknock.toml", "json=link"] {
            let output = scan(folder.path(), &[output]);
            assert_eq!(output.status.code(), Some(2));
            assert!(
                stderr(&output).contains("is needed by this scan"),
                "{}",
                stderr(&output)
            );
        }
    }
}

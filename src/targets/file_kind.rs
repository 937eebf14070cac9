//! Recognises files that are not target lists, so that one error says what they are and what to do.

use std::borrow::Cow;

use super::import::{is_empty_array, is_json, is_key, recognise};

/// A kind of file that is not a list of targets or exclusions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileKind {
    name: &'static str,
    /// How to get targets from it.
    advice: Cow<'static, str>,
}

impl FileKind {
    /// The kind of a file that begins with these bytes; `None` if it may be a list.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        if COMPRESSED.iter().any(|magic| head.starts_with(magic)) {
            return Some(kind("a compressed file", "decompress it first"));
        }
        if head.contains(&0) {
            return Some(kind(
                "a binary file",
                "read the results of other scanners with --from FORMAT FILE",
            ));
        }
        if let Some(format) = recognise(head) {
            return Some(Self {
                name: format.what(),
                advice: format!("read it with --from {} FILE", format.as_str()).into(),
            });
        }
        if is_empty_array(head) {
            let advice = "read an inventory without clusters with --from auto FILE";
            return Some(kind("an empty JSON array", advice));
        }
        let text = String::from_utf8_lossy(head);
        let text = text.trim_start();
        json(text).or_else(|| yaml(text)).or_else(|| other(text))
    }

    /// The error where a list of targets is expected.
    pub(super) fn not_targets(self) -> String {
        format!("{}, not a list of targets; {}", self.name, self.advice)
    }

    /// The error where a list of exclusions is expected.
    pub(super) fn not_exclusions(self) -> String {
        format!(
            "{}, not a list of exclusions; write an address, CIDR, range or name on each line",
            self.name
        )
    }
}

const fn kind(name: &'static str, advice: &'static str) -> FileKind {
    FileKind {
        name,
        advice: Cow::Borrowed(advice),
    }
}

/// The first bytes of compressed files: gzip, zip, zstd, xz.
const COMPRESSED: [&[u8]; 4] = [b"\x1f\x8b", b"PK\x03\x04", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ"];

fn json(text: &str) -> Option<FileKind> {
    if !is_json(text) {
        return None;
    }
    Some(if text.contains("\"kubeknock/report/") {
        kind(
            "a report of kubeknock",
            "read it with kubeknock report, or give it to --baseline",
        )
    } else {
        kind(
            "JSON",
            "read inventories of clusters and the results of other scanners with --from FORMAT FILE",
        )
    })
}

fn yaml(text: &str) -> Option<FileKind> {
    let has_key = |key: &str| text.lines().any(|line| is_key(line, key));
    let begins = text
        .lines()
        .next()
        .is_some_and(|line| line.trim_end() == "---");
    (begins || has_key("apiVersion") || has_key("kind")).then_some(kind(
        "YAML",
        "write an address, name or URL on each line, or read another scanner's results with --from FORMAT FILE",
    ))
}

fn other(text: &str) -> Option<FileKind> {
    let first = text.lines().next().unwrap_or_default();
    Some(if text.starts_with('<') {
        kind(
            "XML or HTML",
            "read a report of nmap -oX with --from nmap-xml FILE",
        )
    } else if text.starts_with("-----BEGIN ") {
        kind(
            "a certificate or a key",
            "give a CA certificate with --ca-file FILE",
        )
    } else if first.starts_with("# Nmap ") {
        kind(
            "nmap's output for people",
            "run nmap with -oX and read that file with --from nmap-xml FILE",
        )
    } else {
        return None;
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_kinds_are_named() {
        for (head, said) in [
            (
                &b"apiVersion: v1\nclusters:\n- cluster:\n    server: https://x\nkind: Config\n"[..],
                "a kubeconfig",
            ),
            (b"# mine\nkind: Config\n", "a kubeconfig"),
            (
                b"{\"kind\":\"Config\",\"apiVersion\":\"v1\",\"clusters\":[]}",
                "a kubeconfig",
            ),
            (b"---\nhosts:\n", "YAML"),
            (b"apiVersion: v1\nkind: Secret\n", "YAML"),
            (b"{\"ip\":\"192.0.2.1\"}\n", "JSON"),
            (b"[\n{}\n]", "JSON"),
            (b"[{\"host\":1}]", "JSON"),
            (
                b"[]",
                "an empty JSON array, not a list of targets; read an inventory without clusters with --from auto FILE",
            ),
            (
                b"{\n  \"schema\": \"kubeknock/report/v2\",",
                "a report of kubeknock",
            ),
            (b"  <?xml version=\"1.0\"?>", "XML"),
            (b"<!DOCTYPE html>", "XML or HTML"),
            (b"-----BEGIN CERTIFICATE-----\n", "a certificate"),
            (b"\x1f\x8b\x08\0", "compressed"),
            (b"\x7fELF\x02\x01\x01\0", "binary"),
            (
                b"#masscan\nopen tcp 443 192.0.2.1 1\n",
                "--from masscan-list",
            ),
            (b"# Nmap 7.93 scan initiated\n", "--from nmap-xml"),
            (b"saddr,sport\n", "--from zmap"),
        ] {
            let kind =
                FileKind::of(head).unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(head)));
            let error = kind.clone().not_targets();
            assert!(error.contains(said), "{said}: {error}");
            assert!(!error.contains('\n') && !kind.not_exclusions().contains("--from"));
        }
    }

    #[test]
    fn a_target_list_is_not_mistaken_for_another_kind() {
        for head in [
            "",
            "\n",
            "192.0.2.1\n",
            "[2001:db8::1]:6443\n",
            "[fe80::1\n",
            "[]:443\n",
            "kind:6443 name=kind\nclusters:443\n",
            "# apiVersion: v1\n192.0.2.1\n",
            "# saddr,sport\n192.0.2.1\n",
        ] {
            assert_eq!(FileKind::of(head.as_bytes()), None, "{head}");
        }
    }
}

//! Files that are no list: told in one sentence what they are, and how what they hold can be given.

/// A file that is no list of targets or exclusions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Foreign {
    /// What it is.
    what: &'static str,
    /// How targets can be had from it.
    instead: &'static str,
}

impl Foreign {
    /// The sentence for a list of targets.
    pub(super) fn no_targets(self) -> String {
        format!(
            "this is {}, no list of targets; {}",
            self.what, self.instead
        )
    }

    /// The sentence for a list of exclusions.
    pub(super) fn no_exclusions(self) -> String {
        format!(
            "this is {}, no list of exclusions; write an address, CIDR, range or name in each line",
            self.what
        )
    }
}

const fn foreign(what: &'static str, instead: &'static str) -> Foreign {
    Foreign { what, instead }
}

/// How compressed files begin: gzip, zip, zstd, xz.
const COMPRESSED: [&[u8]; 4] = [b"\x1f\x8b", b"PK\x03\x04", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ"];

/// What a file is that begins so, if it is no list.
pub(super) fn known(head: &[u8]) -> Option<Foreign> {
    if COMPRESSED.iter().any(|begin| head.starts_with(begin)) {
        return Some(foreign("a compressed file", "unpack it first"));
    }
    if head.contains(&0) {
        let instead = "what other scanners write is read with --from FORMAT FILE";
        return Some(foreign("a binary file", instead));
    }
    let text = String::from_utf8_lossy(head);
    let text = text.trim_start();
    json(text).or_else(|| yaml(text)).or_else(|| other(text))
}

fn json(text: &str) -> Option<Foreign> {
    if !is_json(text) {
        return None;
    }
    Some(
        if ["\"current-context\"", "\"clusters\""]
            .iter()
            .any(|key| text.contains(key))
        {
            KUBECONFIG
        } else if text.contains("\"kubeknock/report/") {
            foreign(
                "a report of kubeknock",
                "kubeknock report reads it, and so does --baseline",
            )
        } else {
            foreign(
                "JSON",
                "what masscan, zmap, naabu and httpx write is read with --from FORMAT FILE",
            )
        },
    )
}

fn yaml(text: &str) -> Option<Foreign> {
    let has_key = |key: &str| text.lines().any(|line| is_key(line, key));
    if has_key("clusters")
        || has_key("current-context")
        || text.lines().any(|line| line.trim() == "kind: Config")
    {
        return Some(KUBECONFIG);
    }
    let begins = text
        .lines()
        .next()
        .is_some_and(|line| line.trim_end() == "---");
    (begins || has_key("apiVersion") || has_key("kind")).then_some(foreign(
        "YAML",
        "write an address, name or URL in each line, or give what another scanner wrote with --from FORMAT FILE",
    ))
}

fn other(text: &str) -> Option<Foreign> {
    let first = text.lines().next().unwrap_or_default();
    Some(if text.starts_with('<') {
        foreign(
            "XML or HTML",
            "a report of nmap -oX is read with --from nmap-xml FILE",
        )
    } else if text.starts_with("-----BEGIN ") {
        foreign(
            "a certificate or a key",
            "a CA's certificate is given with --ca-file FILE",
        )
    } else if first == "#masscan" {
        foreign(
            "a list of masscan -oL",
            "it is read with --from masscan-list FILE",
        )
    } else if first.starts_with("# Nmap ") {
        foreign(
            "nmap's output for people",
            "write it with nmap -oX and give it with --from nmap-xml FILE",
        )
    } else if first.split(',').any(|column| column.trim() == "saddr") {
        foreign("zmap's CSV", "it is read with --from zmap FILE")
    } else {
        return None;
    })
}

/// With the way to its servers; credentials are not needed, and not shown by this command.
const KUBECONFIG: Foreign = foreign(
    "a kubeconfig",
    "write its servers down with kubectl config view -o \
     jsonpath='{range .clusters[*]}{.cluster.server}{\"\\n\"}{end}', or give what another scanner found with --from FORMAT FILE",
);

/// An object or an array; not an IPv6 address in brackets.
fn is_json(text: &str) -> bool {
    match text.strip_prefix('[') {
        Some(rest) => {
            let empty = rest
                .strip_prefix(']')
                .is_some_and(|after| after.trim().is_empty());
            empty
                || rest.is_empty()
                || rest.starts_with(|c: char| c.is_whitespace() || matches!(c, '{' | '[' | '"'))
        }
        None => text.starts_with('{'),
    }
}

/// Whether a line is this key of YAML; `kind:6443` is a host and its port.
fn is_key(line: &str, key: &str) -> bool {
    let value = line
        .strip_prefix(key)
        .and_then(|rest| rest.strip_prefix(':'));
    value.is_some_and(|value| value.is_empty() || value.starts_with(char::is_whitespace))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_told_what_it_is() {
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
            (b"[]", "JSON"),
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
            let foreign =
                known(head).unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(head)));
            assert!(
                foreign.no_targets().contains(said),
                "{said}: {}",
                foreign.no_targets()
            );
            assert!(
                !foreign.no_targets().contains('\n') && !foreign.no_exclusions().contains("--from")
            );
        }
    }

    #[test]
    fn a_list_is_a_list() {
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
            assert_eq!(known(head.as_bytes()), None, "{head}");
        }
    }
}

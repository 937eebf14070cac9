//! This machine's hosts file. The reader of hickory leaves out names with an underscore, and does not say
//! which answers are from the file.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;

use crate::config::Family;

#[cfg(not(windows))]
const FILE: &str = "/etc/hosts";
#[cfg(windows)]
const FILE: &str = r"C:\Windows\System32\drivers\etc\hosts";

/// The addresses of names in lower case.
#[derive(Debug, Default)]
pub(super) struct HostsFile(HashMap<String, Vec<IpAddr>>);

impl HostsFile {
    /// The file of this machine; empty if there is none.
    pub(super) fn of_this_machine() -> Self {
        let text = std::fs::read(Path::new(FILE)).unwrap_or_default();
        Self::parse(&String::from_utf8_lossy(&text))
    }

    /// Parses lines of an address and its names; `#` begins a comment.
    pub(super) fn parse(text: &str) -> Self {
        let mut hosts = Self::default();
        for line in text.trim_start_matches('\u{feff}').lines() {
            let mut words = line
                .split('#')
                .next()
                .unwrap_or_default()
                .split_whitespace();
            let Some(address) = words.next().and_then(|word| word.parse::<IpAddr>().ok()) else {
                continue;
            };
            for name in words {
                let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
                hosts
                    .0
                    .entry(name)
                    .or_default()
                    .push(address.to_canonical());
            }
        }
        hosts
    }

    /// The addresses of a name in lower case, sorted; none if the file does not have it.
    pub(super) fn addresses(&self, name: &str, family: Family) -> Vec<IpAddr> {
        let all = self.0.get(name).into_iter().flatten().copied();
        let mut addresses: Vec<IpAddr> = all.filter(|address| family.admits(*address)).collect();
        addresses.sort_unstable();
        addresses.dedup();
        addresses
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_files_are_parsed() {
        let hosts = HostsFile::parse(
            "\u{feff}127.0.0.1\tlocalhost Kind-Control-Plane # the first\n\n# 10.0.0.9 off\n\
             192.168.49.2 control_plane.minikube.internal.\n::1 localhost\nnonsense here\n10.0.0.1",
        );
        let found = |name: &str, family| {
            hosts
                .addresses(name, family)
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(found("localhost", Family::Both), "127.0.0.1 ::1");
        assert_eq!(found("localhost", Family::V6), "::1");
        assert_eq!(found("kind-control-plane", Family::Both), "127.0.0.1");
        assert_eq!(
            found("control_plane.minikube.internal", Family::Both),
            "192.168.49.2"
        );
        assert_eq!(found("control_plane.minikube.internal", Family::V6), "");
        assert_eq!(
            found("off", Family::Both) + &found("here", Family::Both),
            ""
        );
    }
}

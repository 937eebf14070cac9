//! The flags of an API server, read as it reads them: underscores are dashes, and the last of several counts.

use super::place::Place;
use super::words::Word;

/// The flags whose values decide what anonymous callers may do or what is logged of them, or whether the server starts.
const DECISIVE: [&str; 16] = [
    "address",
    "anonymous-auth",
    "audit-policy-file",
    "authentication-config",
    "authorization-config",
    "authorization-mode",
    "authorization-policy-file",
    "authorization-webhook-config-file",
    "feature-gates",
    "help",
    "insecure-bind-address",
    "insecure-port",
    "oidc-client-id",
    "oidc-issuer-url",
    "openshift-config",
    "version",
];

/// The flags that are switches in any release: they do not take the next word as their value.
const SWITCHES: [&str; 40] = [
    "add-dir-header",
    "aggregator-reject-forwarding-redirect",
    "allow-privileged",
    "also-stdout",
    "alsologtostderr",
    "anonymous-auth",
    "audit-log-batch-throttle-enable",
    "audit-log-compress",
    "audit-log-truncate-enabled",
    "audit-webhook-batch-throttle-enable",
    "audit-webhook-truncate-enabled",
    "contention-profiling",
    "disable-http2-serving",
    "emulation-forward-compatible",
    "enable-aggregator-routing",
    "enable-bootstrap-token-auth",
    "enable-garbage-collector",
    "enable-inflight-quota-handler",
    "enable-logs-handler",
    "enable-priority-and-fairness",
    "enable-swagger-ui",
    "encryption-provider-config-automatic-reload",
    "help",
    "kubelet-https",
    "log-json-split-stream",
    "log-text-split-stream",
    "logtostderr",
    "one-output",
    "permit-address-sharing",
    "permit-port-sharing",
    "profiling",
    "repair-malformed-updates",
    "runtime-config-emulation-forward-compatible",
    "service-account-extend-token-expiration",
    "service-account-lookup",
    "shutdown-send-retry-after",
    "skip-headers",
    "skip-log-headers",
    "version",
    "watch-cache",
];

/// The flags whose names look like those that decide about anonymous requests, in any release.
const ALIKE: [&str; 16] = [
    "anonymous-auth",
    "authentication-config",
    "authentication-token-webhook-cache-ttl",
    "authentication-token-webhook-config-file",
    "authentication-token-webhook-version",
    "authorization-config",
    "authorization-mode",
    "authorization-policy-file",
    "authorization-rbac-super-user",
    "authorization-webhook-cache-authorized-ttl",
    "authorization-webhook-cache-unauthorized-ttl",
    "authorization-webhook-config-file",
    "authorization-webhook-version",
    "enable-bootstrap-token-auth",
    "experimental-bootstrap-token-auth",
    "kubelet-certificate-authority",
];

/// The name of a flag as the server compares it.
pub(super) fn normalised(name: &str) -> String {
    name.replace('_', "-")
}

/// Whether the value of this flag is read.
pub(super) fn is_decisive(name: &str) -> bool {
    DECISIVE.binary_search(&name).is_ok()
}

/// A flag as it is given.
#[derive(Debug, Clone)]
pub(super) struct Flag {
    /// The name, with dashes.
    pub(super) name: String,
    /// The value; `None` for a switch without one.
    pub(super) value: Option<String>,
    pub(super) place: Place,
}

/// A word that decides about the whole command line.
#[derive(Debug, Clone)]
pub(super) struct WordProblem {
    pub(super) place: Place,
    pub(super) problem: String,
}

/// The flags of a command line.
#[derive(Debug, Clone, Default)]
pub(super) struct Flags {
    all: Vec<Flag>,
    /// The first word with which the server does not start.
    pub(super) bad: Option<WordProblem>,
    /// Why the flags are not known: a variable stands for some of them, for example.
    pub(super) unclear: Option<WordProblem>,
}

impl Flags {
    /// Reads the words behind the program's name.
    pub(super) fn read(words: &[Word]) -> Self {
        let mut flags = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let name = word.text.split('=').next().unwrap_or_default();
            if is_variable(name) || name.starts_with('`') {
                flags.unclear.get_or_insert_with(|| WordProblem {
                    place: word.place.clone(),
                    problem: "a variable may stand for any flags, and its value is not given"
                        .to_owned(),
                });
                continue;
            }
            let Some(body) = word.text.strip_prefix("--") else {
                flags.short(word, &mut words);
                continue;
            };
            if body.is_empty() {
                if let Some(next) = words.next() {
                    flags.reject(next, "an argument behind --, and the server takes none");
                }
                break;
            }
            if body.starts_with(['-', '=']) {
                let text = "no flag: more than two dashes; a name in a list of flags is written without dashes";
                flags.reject(word, text);
                continue;
            }
            let (name, value) = match body.split_once('=') {
                Some((name, value)) => (normalised(name), Some(value.to_owned())),
                None => (normalised(body), None),
            };
            let is_switch = SWITCHES.binary_search(&name.as_str()).is_ok();
            let value = match value {
                None if !is_switch => {
                    let next = words.next();
                    if next.is_none() {
                        flags.reject(word, &format!("--{name} needs a value"));
                    }
                    next.map(|next| next.text.clone())
                }
                value => value,
            };
            flags.all.push(Flag {
                name,
                value,
                place: word.place.clone(),
            });
        }
        flags
    }

    /// Reads a word that does not begin with two dashes.
    fn short<'a>(&mut self, word: &Word, words: &mut impl Iterator<Item = &'a Word>) {
        match word.text.strip_prefix('-') {
            // The level of the log.
            Some("v") => drop(words.next()),
            Some(rest) if rest == "h" || rest.starts_with("h=") => self.all.push(Flag {
                name: "help".to_owned(),
                value: rest.strip_prefix("h=").map(str::to_owned),
                place: word.place.clone(),
            }),
            Some(rest) if rest.starts_with('v') => {}
            Some(rest) if !rest.is_empty() => {
                self.reject(word, "a flag with one dash; it has two");
            }
            _ if word.text.is_empty() => {}
            _ => self.reject(
                word,
                "an argument that is no flag, and the server takes none; the value of a switch follows a =",
            ),
        }
    }

    fn reject(&mut self, word: &Word, problem: &str) {
        self.bad.get_or_insert_with(|| WordProblem {
            place: word.place.clone(),
            problem: problem.to_owned(),
        });
    }

    /// The last flag of this name.
    pub(super) fn last(&self, name: &str) -> Option<&Flag> {
        self.all.iter().rev().find(|flag| flag.name == name)
    }

    /// The last flag of this name, unless it is empty, which servers take for a flag that is not there.
    pub(super) fn given(&self, name: &str) -> Option<&Flag> {
        let is_empty = |flag: &&Flag| flag.value.as_deref().unwrap_or_default().is_empty();
        self.last(name).filter(|flag| !is_empty(flag))
    }

    /// Every flag of this name.
    pub(super) fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Flag> {
        self.all.iter().filter(move |flag| flag.name == name)
    }

    /// The flags that look like misspelt ones about anonymous requests.
    pub(super) fn misspelt(&self) -> impl Iterator<Item = &Flag> {
        let is_alike = |name: &str| {
            let has = |part| name.contains(part);
            ["anon", "onymous", "uthori", "uthent", "orization"]
                .into_iter()
                .any(has)
                || name.ends_with("-auth")
        };
        self.all.iter().filter(move |flag| {
            is_alike(&flag.name) && ALIKE.binary_search(&flag.name.as_str()).is_err()
        })
    }

    /// The first flag that begins with this text.
    pub(super) fn beginning(&self, with: &str) -> Option<&Flag> {
        self.all.iter().find(|flag| flag.name.starts_with(with))
    }
}

/// Whether a text has a variable or a template in it.
fn is_variable(text: &str) -> bool {
    text.contains('$') || text.contains("{{")
}

/// A switch as the server understands it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Switch {
    On,
    Off,
    /// With this value the server does not start.
    Invalid,
    /// A variable whose value is not in the file.
    Variable,
}

impl Flag {
    /// The value of a switch (Go's `strconv.ParseBool`).
    pub(super) fn switch(&self) -> Switch {
        match self.value.as_deref() {
            None | Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Switch::On,
            Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Switch::Off,
            Some(_) if self.is_variable() => Switch::Variable,
            Some(_) => Switch::Invalid,
        }
    }

    /// Whether this is its value.
    pub(super) fn has(&self, value: &str) -> bool {
        self.value.as_deref() == Some(value)
    }

    /// Whether its value is a variable or a template.
    pub(super) fn is_variable(&self) -> bool {
        is_variable(self.value.as_deref().unwrap_or_default())
    }

    /// The values of a list.
    pub(super) fn list(&self) -> impl Iterator<Item = &str> {
        let value = self.value.as_deref().unwrap_or_default();
        value.split(',').filter(|item| !item.is_empty())
    }

    /// The values of a list that the server reads as a line of CSV: an item may be empty or quoted. `None` if the server
    /// cannot read it.
    pub(super) fn csv(&self) -> Option<Vec<String>> {
        let mut rest = self.value.as_deref().unwrap_or_default();
        let mut items = Vec::new();
        if rest.is_empty() {
            return Some(items);
        }
        loop {
            let mut item = String::new();
            if let Some(quoted) = rest.strip_prefix('"') {
                rest = quoted;
                loop {
                    let (text, behind) = rest.split_once('"')?;
                    item.push_str(text);
                    rest = behind;
                    // Two quotes stand for one.
                    match rest.strip_prefix('"') {
                        Some(behind) => {
                            item.push('"');
                            rest = behind;
                        }
                        None => break,
                    }
                }
            } else {
                let end = rest.find(',').unwrap_or(rest.len());
                item.push_str(&rest[..end]);
                rest = &rest[end..];
                if item.contains('"') {
                    return None;
                }
            }
            items.push(item);
            if rest.is_empty() {
                return Some(items);
            }
            rest = rest.strip_prefix(',')?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_sorted_for_the_search() {
        assert!(DECISIVE.is_sorted() && ALIKE.is_sorted() && SWITCHES.is_sorted());
    }
}

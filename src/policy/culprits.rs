//! The first few names of many, so that the gate can name what made it fail.

use crate::escape::escape;
use crate::model::Severity;
use crate::natural_order::Natural;
use crate::wording::first_and_more;

/// Names before "and N more".
pub(super) const MAX_NAMED: usize = 3;
/// Characters of a name or an address.
const MAX_TEXT: usize = 80;

/// Names, those with the worst finding first, and then in natural order. Only the first few are kept, so memory does not
/// grow with their number.
#[derive(Debug, Clone, Default)]
pub(super) struct Culprits {
    first: Vec<Culprit>,
}

#[derive(Debug, Clone)]
struct Culprit {
    severity: Severity,
    name: String,
    /// How often it occurs.
    count: u64,
}

impl Culprits {
    /// Adds a name, with the severity of its worst finding.
    pub(super) fn add(&mut self, name: String, severity: Severity) {
        let position = self.first.binary_search_by(|known| {
            (known.severity, Natural(&known.name)).cmp(&(severity, Natural(&name)))
        });
        match position {
            Ok(at) => self.first[at].count += 1,
            Err(at) if at < MAX_NAMED => {
                let culprit = Culprit {
                    severity,
                    name,
                    count: 1,
                };
                self.first.insert(at, culprit);
                self.first.truncate(MAX_NAMED);
            }
            Err(_) => {}
        }
    }

    /// `a, b × 2, c and 5 more`, where `total` names were added.
    pub(super) fn text(&self, total: u64) -> String {
        let shown = (self.first.iter()).map(|Culprit { name, count, .. }| match count {
            1 => name.clone(),
            _ => format!("{name} × {count}"),
        });
        let counted = self.first.iter().map(|culprit| culprit.count).sum();
        first_and_more(&shown.collect::<Vec<_>>(), total.saturating_sub(counted))
    }
}

/// A target or specification as people know it: `onprem-fra-2 (127.50.2.15:6443)`, or without a `name=` the second
/// part alone. Both may come from a file and are escaped.
pub(super) fn name(label: Option<&str>, about: &str) -> String {
    // TLS is the rule, so only plain HTTP is said.
    let about = escape(about.strip_prefix("https://").unwrap_or(about), MAX_TEXT);
    match label {
        Some(label) => format!("{} ({about})", escape(label, MAX_TEXT)),
        None => about,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_names_are_kept_in_natural_order() {
        let mut culprits = Culprits::default();
        let names = ["n-10", "n-9", "n-100", "n-2", "n-9", "n-30", "n-2", "n-9"];
        for name in names {
            culprits.add(name.to_owned(), Severity::High);
        }
        assert_eq!(culprits.text(8), "n-2 × 2, n-9 × 3, n-10 and 2 more");
        culprits.add("n-50".to_owned(), Severity::Critical);
        assert_eq!(culprits.text(9), "n-50, n-2 × 2, n-9 × 3 and 3 more");
        assert!(culprits.first.len() <= MAX_NAMED);
    }
}

//! A minor release of Kubernetes.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

/// A minor release: `1.34`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Minor {
    /// The major number.
    pub major: u16,
    /// The minor number.
    pub minor: u16,
}

impl Minor {
    /// The first release that refuses with a `Status`, not with plain text.
    pub(crate) const STATUS_REFUSALS: Self = Self::one(7);
    /// The first release whose discovery is not public by default (KEP-789).
    pub(crate) const CLOSED_DISCOVERY: Self = Self::one(14);
    /// The first release with `/livez` and `/readyz`.
    pub(crate) const LIVEZ: Self = Self::one(16);
    /// The first release without an insecure port: its flags have no effect (kubernetes/kubernetes pull request
    /// 106859 removed them in 1.24).
    pub(crate) const NO_INSECURE_PORT: Self = Self::one(20);
    /// The first release that limits anonymous requests to paths without a feature gate (KEP-4633, beta).
    pub(crate) const PATH_CONDITIONS: Self = Self::one(32);

    /// A minor release of Kubernetes 1.
    const fn one(minor: u16) -> Self {
        Self { major: 1, minor }
    }

    /// The minor release of a `gitVersion`: `v1.34.1-gke.100` is 1.34. `None` if it does not begin with
    /// `vMAJOR.MINOR.PATCH`, and for builds without a version (`v0.0.0-…`).
    pub fn of_git_version(text: &str) -> Option<Self> {
        let mut numbers = text.strip_prefix('v')?.splitn(3, '.');
        let (major, minor, rest) = (numbers.next()?, numbers.next()?, numbers.next()?);
        rest.starts_with(|c: char| c.is_ascii_digit())
            .then_some(())?;
        let minor = Self {
            major: number(major)?,
            minor: number(minor)?,
        };
        (minor.major > 0).then_some(minor)
    }
}

/// Parses digits only; `parse` alone would accept a sign.
fn number(text: &str) -> Option<u16> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())?
}

impl fmt::Display for Minor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// A text that is not a minor release.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no minor release; write it as 1.34")]
pub struct NoMinor(pub String);

impl FromStr for Minor {
    type Err = NoMinor;

    fn from_str(text: &str) -> Result<Self, NoMinor> {
        let parse = || {
            let (major, minor) = text.split_once('.')?;
            Some(Self {
                major: number(major)?,
                minor: number(minor)?,
            })
        };
        parse().ok_or_else(|| NoMinor(text.to_owned()))
    }
}

impl TryFrom<String> for Minor {
    type Error = NoMinor;

    fn try_from(text: String) -> Result<Self, NoMinor> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minors_of_real_versions() {
        for (text, minor) in [
            ("v1.34.1", "1.34"),
            ("v1.20.2", "1.20"),
            ("v1.35.0-gke.1171000", "1.35"),
            ("v1.29.10+67d3387", "1.29"),
            ("v1.28.2+k3s1", "1.28"),
            ("v1.17.17-r0-CCE21.6.1.B004", "1.17"),
        ] {
            assert_eq!(
                Minor::of_git_version(text).unwrap().to_string(),
                minor,
                "{text}"
            );
        }
    }

    #[test]
    fn texts_that_are_not_versions_have_no_minor_release() {
        for text in [
            "",
            "v",
            "1.34.1",
            "v1.34",
            "v1.x.2",
            "v1.+3.2",
            "v0.0.0-master+$Format:%h$",
            "v99999.1.2",
            "v1.2.",
        ] {
            assert_eq!(Minor::of_git_version(text), None, "{text}");
        }
        assert!("1".parse::<Minor>().is_err() && "1.-2".parse::<Minor>().is_err());
        assert!("1.9".parse::<Minor>().unwrap() < "1.10".parse().unwrap());
    }
}

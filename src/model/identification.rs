//! What answered, and which product it belongs to.

use jiff::civil::Date;

use super::{Attribution, Clue, Component, Confidence, Product};
use crate::kubernetes::{Minor, Support};

/// What answered, how sure that is, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identification {
    /// The kind of program.
    pub component: Component,
    /// How sure the component is.
    pub confidence: Confidence,
    /// `gitVersion`, where `/version` showed it.
    pub version: Option<String>,
    /// Whether there is any sign of Kubernetes.
    pub kubernetes: bool,
    /// Whether a front end passes on an API server's answers.
    pub through_front: bool,
    /// The product: the distribution or the managed service.
    pub attribution: Attribution,
    /// The signs, in the order of [`ClueKind`](super::ClueKind), at most one of each.
    pub clues: Vec<Clue>,
}

impl Identification {
    /// The product, where one is named.
    pub const fn product(&self) -> Option<&Product> {
        self.attribution.product.as_ref()
    }

    /// The minor release, where `/version` showed one of Kubernetes: extension API servers count their
    /// own.
    pub fn minor(&self) -> Option<Minor> {
        let version = self
            .version
            .as_deref()
            .filter(|_| self.component == Component::KubeApiServer);
        version.and_then(Minor::of_git_version)
    }

    /// The CPE name of its release, to look vulnerabilities up; `None` unless upstream built it.
    ///
    /// Vendors fix flaws under an upstream version number, and so may managed services that show no mark in their
    /// version. A pre-release has no name here.
    pub fn cpe(&self) -> Option<String> {
        if self.component != Component::KubeApiServer {
            return None;
        }
        let Attribution {
            product, others, ..
        } = &self.attribution;
        if product.iter().chain(others).any(|product| product.managed) {
            return None;
        }
        let release = self.version.as_deref()?.strip_prefix('v')?;
        let numbers: Vec<&str> = release.split('.').collect();
        let is_number = |text: &&str| {
            (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        (numbers.len() == 3 && numbers.iter().all(is_number))
            .then(|| format!("cpe:2.3:a:kubernetes:kubernetes:{release}:*:*:*:*:*:*:*"))
    }

    /// What upstream does for its version on a day; [`Support::Unknown`] without a version or a day.
    pub fn support(&self, on: Option<Date>) -> Support {
        self.minor()
            .zip(on)
            .map_or(Support::Unknown, |(minor, on)| minor.support(on))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cpe(
        component: Component,
        version: &str,
        product: Option<bool>,
        other: Option<bool>,
    ) -> Option<String> {
        let product_of = |managed| Product {
            id: "x".into(),
            name: "X".into(),
            short: "X".into(),
            managed,
        };
        Identification {
            component,
            confidence: Confidence::High,
            version: Some(version.to_owned()),
            kubernetes: true,
            through_front: false,
            attribution: Attribution {
                product: product.map(product_of),
                others: other.map(product_of).into_iter().collect(),
                ..Attribution::default()
            },
            clues: Vec::new(),
        }
        .cpe()
    }

    #[test]
    fn only_a_release_that_upstream_built_has_a_cpe() {
        let server = Component::KubeApiServer;
        let name = Some("cpe:2.3:a:kubernetes:kubernetes:1.29.3:*:*:*:*:*:*:*".to_owned());
        assert_eq!(cpe(server, "v1.29.3", None, None), name);
        assert_eq!(cpe(server, "v1.29.3", Some(false), Some(false)), name);
        assert_eq!(cpe(server, "v1.29.3", Some(true), None), None);
        assert_eq!(cpe(server, "v1.29.3", None, Some(true)), None);
        assert_eq!(
            cpe(Component::AggregatedApiServer, "v1.29.3", None, None),
            None
        );
        for version in [
            "v1.29.3+k3s1",
            "v1.29.3-eks-0a1b2c3",
            "v1.29.3-rc.1",
            "v1.29.3-dirty",
            "1.29.3",
            "v1.29",
            "v1.29.3.1",
            "v1.29.:*",
            "v1..3",
            "",
        ] {
            assert_eq!(cpe(server, version, None, None), None, "{version}");
        }
    }
}

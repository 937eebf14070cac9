//! What an exporter asks, and how it judges the answers. It can be replaced while the exporter runs.

use std::time::Instant;

use super::known::Module;
use super::target_list::TargetList;
use crate::config::ScanConfig;
use crate::error::Error;
use crate::policy::Policy;
use crate::scan::Scanner;

/// How targets are asked, and how the answers are judged.
pub struct ProbeSettings {
    plain: Scanner,
    /// The scanner of `module=deep`, if it is allowed.
    deep: Option<Scanner>,
    pub(super) policy: Policy,
    /// Answers of earlier probes were found by other settings.
    pub(super) since: Instant,
}

impl ProbeSettings {
    /// The configuration and the policy are those of a scan. `deep` allows `module=deep`.
    ///
    /// # Errors
    /// [`Error`] for a setting out of range.
    pub fn new(config: &ScanConfig, policy: Policy, deep: bool) -> Result<Self, Error> {
        let scanner = |deep| Scanner::new(config.clone().with(|config| config.deep = deep));
        Ok(Self {
            plain: scanner(false)?,
            deep: deep.then(|| scanner(true)).transpose()?,
            policy,
            since: Instant::now(),
        })
    }

    /// Sets up the resolver if a list has names, so that its errors show early.
    ///
    /// # Errors
    /// Those of [`Scanner::prepare`].
    pub async fn prepare(&self, list: &TargetList) -> Result<(), Error> {
        self.plain.prepare(&list.set).await
    }

    /// Whether `module=deep` is allowed.
    pub const fn allows_deep(&self) -> bool {
        self.deep.is_some()
    }

    /// The module with this name; without a name, the one with the usual requests.
    pub(super) fn module(&self, name: Option<&str>) -> Option<Module> {
        match name {
            None | Some("" | "default") => Some(Module::Plain),
            Some("deep") => self.allows_deep().then_some(Module::Deep),
            Some(_) => None,
        }
    }

    pub(super) fn scanner(&self, module: Module) -> &Scanner {
        match (module, &self.deep) {
            (Module::Deep, Some(deep)) => deep,
            _ => &self.plain,
        }
    }
}

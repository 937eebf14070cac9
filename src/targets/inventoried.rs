//! Adds the clusters of inventories to a target set.

use std::sync::Arc;

use super::builder::{TargetSetBuilder, origin};
use super::error::Problem;
use super::import::{Entry, NO_AUTHORITY, ca_bundle};
use super::specification::target_line;
use crate::model::{ClusterNotAsked, Declared, NotAskedReason, Selector, Source};

impl TargetSetBuilder {
    /// Whether the options select a target with this name and these declarations. Counts those that they do not.
    pub(super) fn selects(&mut self, name: Option<&str>, declared: Option<&Declared>) -> bool {
        let selected = Selector::all_select(&self.options.selectors, name, declared);
        self.not_selected += u64::from(!selected);
        selected
    }

    /// Adds an endpoint of a cluster of an inventory, or notes why it is not asked.
    pub(super) fn add_inventoried(
        &mut self,
        source: &Source,
        number: u32,
        entry: Entry,
    ) -> Result<(), Problem> {
        let Entry {
            name,
            line,
            not_asked,
            mut declared,
            ca_file,
            ca_is_damaged,
        } = entry;
        if !self.selects(name.as_deref(), Some(&declared)) {
            return Ok(());
        }
        let label: Option<Arc<str>> = name.map(Into::into);
        let needs_proxy = !self.options.goes_through(declared.proxy.as_deref());
        let not_asked = not_asked.or(needs_proxy.then_some(NotAskedReason::NeedsProxy));
        if let Some(why) = not_asked {
            let origin = origin(source, number, &line);
            let cluster = ClusterNotAsked::new(origin, label, why, declared);
            self.not_asked.push(cluster);
            return Ok(());
        }
        let Some(mut spec) = target_line(&line).map_err(|error| error.problem)? else {
            return Err("missing endpoint".into());
        };
        let text = [&[spec.text], &*spec.narrowing].concat().join(" ");
        let origin = origin(source, number, &text);
        if ca_is_damaged {
            self.warnings.push(&origin, NO_AUTHORITY);
        }
        if let Some(file) = ca_file {
            match ca_bundle(source, &file) {
                Ok(found) => declared.authorities = found,
                Err(problem) => self.warnings.push(&origin, problem),
            }
        }
        spec.label = label;
        spec.declared = Some(declared.into());
        self.collector
            .add(spec, origin, &self.options, &mut self.warnings)
    }
}

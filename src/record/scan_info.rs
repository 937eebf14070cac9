//! The scan that a report is about.

use crate::config::ScanConfig;
use crate::model::ScanSummary;

/// Which version scanned, and with which settings.
#[derive(Debug, Clone, Copy)]
pub struct ScanInfo<'a> {
    /// The version of kubeknock that scanned.
    pub tool_version: &'a str,
    /// The scan's settings.
    pub config: &'a ScanConfig,
}

impl<'a> ScanInfo<'a> {
    /// A scan by this version of kubeknock.
    pub const fn new(config: &'a ScanConfig) -> Self {
        Self {
            tool_version: env!("CARGO_PKG_VERSION"),
            config,
        }
    }
}

/// The scan of a saved report.
#[derive(Debug, Clone)]
pub struct SavedScan {
    /// The version of kubeknock that scanned.
    pub tool_version: String,
    /// The scan's settings.
    pub config: ScanConfig,
    /// When it ran, and where every target ended.
    pub summary: ScanSummary,
}

impl SavedScan {
    /// The version and the settings.
    pub fn info(&self) -> ScanInfo<'_> {
        ScanInfo {
            tool_version: &self.tool_version,
            config: &self.config,
        }
    }
}

//! What is predicted of a server.

use strum::VariantNames;

use super::server::Statement;
use crate::kubernetes::PathClass;
use crate::model::{Grade, Verdict, words};

/// What the server does with an anonymous request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, VariantNames)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum PredictedAccess {
    /// 401: authentication refuses it.
    Rejected,
    /// 403: authorization refuses it.
    Forbidden,
    /// The request comes through.
    Granted,
    /// The configuration does not decide it: a webhook or a file that is not given does.
    Unclear,
}

words!(PredictedAccess);

/// A path with what the server does with an anonymous request to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPrediction {
    /// The path.
    pub path: String,
    /// What the server does.
    pub access: PredictedAccess,
    /// What decides it.
    pub because: Statement,
    /// Whether a scan with `--deep` asks it.
    pub is_asked: bool,
}

/// What is predicted of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prediction {
    /// The verdict of a scan without `--deep`; `None` if the server does not start.
    pub without_deep: Option<Verdict>,
    /// The verdict of a scan with `--deep`.
    pub verdict: Option<Verdict>,
    /// The paths that a scan asks, and others that the configuration names.
    pub paths: Vec<PathPrediction>,
    /// Why the server does not start, or may not start.
    pub start_problems: Vec<Statement>,
    /// What decides, in the order in which the server looks at it.
    pub statements: Vec<Statement>,
    /// Whether a webhook or ABAC may open more than the prediction says.
    pub is_lower_bound: bool,
    /// Whether everything is open because of an authorizer that allows everything.
    pub allows_everything: bool,
}

impl Prediction {
    /// The paths that anonymous callers may request.
    pub fn granted(&self) -> impl Iterator<Item = &str> {
        let is_granted = |path: &&PathPrediction| path.access == PredictedAccess::Granted;
        self.paths
            .iter()
            .filter(is_granted)
            .map(|path| path.path.as_str())
    }

    /// Those of them beyond version and health.
    pub fn exposed(&self) -> impl Iterator<Item = &str> {
        self.granted()
            .filter(|path| PathClass::of(path).map(Grade::of).is_ok_and(Grade::exposes))
    }
}

//! `--policy`: policies in Rego, evaluated on the report.

use std::path::{Path, PathBuf};

#[cfg(feature = "rego")]
pub(crate) use with_rego::Policies;
#[cfg(not(feature = "rego"))]
pub(crate) use without_rego::Policies;

/// Reads the policies of `--policy`; `None` without any.
pub(crate) fn open(paths: &[PathBuf]) -> anyhow::Result<Option<Policies>> {
    match paths {
        [] => Ok(None),
        [first, ..] => Policies::read(paths, first).map(Some),
    }
}

#[cfg(not(feature = "rego"))]
mod without_rego {
    use super::{Path, PathBuf};
    use kubeknock::inspect::Inspection;
    use kubeknock::model::ScanSummary;
    use kubeknock::policy::{Evaluation, Policy};
    use kubeknock::record::{ScanInfo, Spool};

    /// Policies, of which this build has none.
    pub(crate) enum Policies {}

    impl Policies {
        pub(super) fn read(_: &[PathBuf], _: &Path) -> anyhow::Result<Self> {
            anyhow::bail!(
                "--policy: this kubeknock was built without policies in Rego; build it with \
                 cargo install --path . --locked --features rego, or give the json report to conftest or opa"
            )
        }

        pub(crate) fn judge(
            &self,
            _: &Policy,
            _: (ScanInfo<'_>, &ScanSummary),
            _: &Evaluation,
            _: &mut Spool,
        ) -> anyhow::Result<Evaluation> {
            match *self {}
        }

        pub(crate) fn judge_inspection(
            &self,
            _: &Policy,
            _: &Inspection,
            _: &Evaluation,
        ) -> anyhow::Result<Evaluation> {
            match *self {}
        }
    }
}

#[cfg(feature = "rego")]
mod with_rego {
    use std::collections::BTreeMap;
    use std::fs;
    use std::io::Read as _;

    use anyhow::{Context as _, bail, ensure};
    use kubeknock::inspect::{Inspection, write_json};
    use kubeknock::model::{ScanSummary, Source};
    use kubeknock::policy::{Evaluation, Policy, PolicyFindings, RULES, RegoPolicies};
    use kubeknock::record::{ScanInfo, Spool};
    use kubeknock::report::{Format, GateResult, RenderOptions, Results, render};

    use super::{Path, PathBuf};
    use crate::evaluated_scan::NO_TEMPORARY_FILE;

    /// Bytes of one file.
    const MAX_FILE: u64 = 16 * 1024 * 1024;
    /// Folders within folders.
    const MAX_DEPTH: usize = 16;

    /// Policies in Rego.
    pub(crate) struct Policies {
        rego: RegoPolicies,
        /// The first path of `--policy`, where findings about the report as a whole are located.
        place: String,
    }

    impl Policies {
        pub(super) fn read(paths: &[PathBuf], first: &Path) -> anyhow::Result<Self> {
            let mut files = Vec::new();
            for path in paths {
                if path.is_dir() {
                    let known = files.len();
                    of_folder(path, MAX_DEPTH, &mut files)?;
                    ensure!(
                        files.len() > known,
                        "--policy: {} has no policy (.rego) and no data (.json, .yaml, .yml)",
                        path.display()
                    );
                } else {
                    files.push(read(path)?);
                }
            }
            let rego = RegoPolicies::load(files).context("--policy")?;
            let place = first.display().to_string();
            Ok(Self { rego, place })
        }

        /// The findings of the policies about a scan, and the acceptances that match none of them.
        pub(crate) fn judge(
            &self,
            policy: &Policy,
            (info, summary): (ScanInfo<'_>, &ScanSummary),
            evaluation: &Evaluation,
            records: &mut Spool,
        ) -> anyhow::Result<Evaluation> {
            let results = Results {
                info,
                summary,
                findings: &evaluation.findings,
                carried: &[],
                since_reported: &BTreeMap::new(),
                accepted_verdicts: &evaluation.accepted_verdicts,
                unused_acceptances: &evaluation.unused_acceptances,
                not_shown: 0,
                changes: None,
                outage: None,
                rules: &RULES,
                outcome: GateResult {
                    code: 0,
                    sentence: "",
                },
            };
            let mut report = Vec::new();
            let options = RenderOptions::default();
            render(Format::Json, &mut report, &results, records, &options)
                .context(NO_TEMPORARY_FILE)?;
            let report = String::from_utf8(report)?;
            let judged = self.rego.evaluate(&report).context("--policy")?;
            let mut findings = PolicyFindings::new(policy, summary.started, judged);
            let added = records.read(|records| {
                records.for_each(|record| findings.add(&record));
                Ok(())
            });
            added.context(NO_TEMPORARY_FILE)?;
            Ok(findings.finish(&summary.coverage, Source::File(self.place.as_str().into())))
        }
    }

    impl Policies {
        /// The same about an inspection.
        pub(crate) fn judge_inspection(
            &self,
            policy: &Policy,
            inspection: &Inspection,
            evaluation: &Evaluation,
        ) -> anyhow::Result<Evaluation> {
            let mut document = Vec::new();
            write_json(
                &mut document,
                inspection,
                &evaluation.findings,
                (0, ""),
                false,
            )?;
            let document = String::from_utf8(document)?;
            let judged = self.rego.evaluate(&document).context("--policy")?;
            let place = Source::File(self.place.as_str().into());
            Ok(inspection.judged(policy, judged, place))
        }
    }

    /// Adds the files of a folder, in the order of their names, without the tests of policies and without Kubernetes
    /// manifests.
    fn of_folder(
        folder: &Path,
        depth: usize,
        files: &mut Vec<(String, String)>,
    ) -> anyhow::Result<()> {
        if depth == 0 {
            bail!(
                "--policy: {}: too many folders in folders",
                folder.display()
            );
        }
        let entries = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let entries =
            entries.with_context(|| format!("--policy: cannot read {}", folder.display()))?;
        let mut paths: Vec<PathBuf> = entries.iter().map(fs::DirEntry::path).collect();
        paths.sort();
        for path in paths {
            let extension = path.extension().and_then(|extension| extension.to_str());
            let is_test = (path.file_stem().and_then(|stem| stem.to_str()))
                .is_some_and(|stem| stem.ends_with("_test"));
            if path.is_dir() {
                of_folder(&path, depth - 1, files)?;
            } else if matches!(extension, Some("rego" | "json" | "yaml" | "yml")) && !is_test {
                let (name, text) = read(&path)?;
                if !RegoPolicies::is_manifest(&name, &text) {
                    files.push((name, text));
                }
            }
        }
        Ok(())
    }

    fn read(path: &Path) -> anyhow::Result<(String, String)> {
        let cannot_read = || format!("--policy: cannot read {}", path.display());
        let file = fs::File::open(path).with_context(cannot_read)?;
        let mut text = String::new();
        let read = file.take(MAX_FILE + 1).read_to_string(&mut text);
        let read = read.with_context(cannot_read)?;
        ensure!(
            read as u64 <= MAX_FILE,
            "--policy: {} has more than {MAX_FILE} bytes",
            path.display()
        );
        Ok((path.display().to_string(), text))
    }
}

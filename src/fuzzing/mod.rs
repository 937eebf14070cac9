//! The bodies of the fuzz targets in `fuzz/`: they read every kind of untrusted input as the program does, and
//! check properties that must hold for any input.
//!
//! They are compiled for `cargo fuzz`, which sets `cfg(fuzzing)`, and for tests, which replay the seeds. The
//! target for the settings file is in the program, because the library does not read that file.

#![expect(
    clippy::missing_panics_doc,
    reason = "a fuzz target reports a failure by panicking"
)]

mod answers;
mod certificates;
mod checkpoint;
mod reports;
mod targets;

pub use answers::answers;
pub use certificates::certificates;
pub use checkpoint::checkpoint;
pub use reports::saved_reports;
pub use targets::{imports, targets, targets_files};

#[cfg(test)]
mod tests {
    use std::path::Path;

    type Body = fn(&[u8]);

    /// Each body, and the folder of its seeds in `fuzz/seeds`.
    const BODIES: [(&str, Body); 7] = [
        ("targets", super::targets),
        ("targets_files", super::targets_files),
        ("imports", super::imports),
        ("answers", super::answers),
        ("certificates", super::certificates),
        ("saved_reports", super::saved_reports),
        ("checkpoint", super::checkpoint),
    ];

    /// Needs no nightly toolchain. Inputs that once caused a failure are among the seeds.
    #[test]
    fn every_seed_is_replayed() {
        let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
        let mut folders = 0;
        for (name, body) in BODIES {
            assert!(
                fuzz.join("fuzz_targets")
                    .join(name)
                    .with_extension("rs")
                    .is_file(),
                "{name}"
            );
            let mut seeds: Vec<_> = std::fs::read_dir(fuzz.join("seeds").join(name))
                .unwrap()
                .map(|e| e.unwrap().path())
                .collect();
            seeds.sort();
            assert!(seeds.len() >= 3, "{name} has {} seeds", seeds.len());
            for seed in seeds {
                println!("{}", seed.display());
                body(&std::fs::read(&seed).unwrap());
            }
            folders += 1;
        }
        // The tests of the program replay the seeds of the settings file.
        let all = std::fs::read_dir(fuzz.join("seeds")).unwrap().count();
        assert_eq!(folders + 1, all, "no test replays a folder of seeds");
    }
}

//! The bodies of the fuzz targets in `fuzz/`: everything that strangers can write, taken in as the program
//! takes it, with what must hold whatever it says.
//!
//! They are compiled for `cargo fuzz` (which sets `cfg(fuzzing)`) and for tests, which replay the seeds.
//! The one for the settings file is in the program, which alone knows that file.

#![expect(
    clippy::missing_panics_doc,
    reason = "what does not hold panics: that is what they are for"
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

    /// A body and the folder of its seeds in `fuzz/seeds`.
    const BODIES: [(&str, Body); 7] = [
        ("targets", super::targets),
        ("targets_files", super::targets_files),
        ("imports", super::imports),
        ("answers", super::answers),
        ("certificates", super::certificates),
        ("saved_reports", super::saved_reports),
        ("checkpoint", super::checkpoint),
    ];

    /// Without a nightly toolchain too: what was found once is not found again.
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
        // The settings file's are replayed by the program's own tests.
        let all = std::fs::read_dir(fuzz.join("seeds")).unwrap().count();
        assert_eq!(folders + 1, all, "a folder of seeds that nobody replays");
    }
}

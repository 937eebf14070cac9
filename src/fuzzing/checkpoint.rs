//! A checkpoint with a valid first record and arbitrary further ones, replayed like `--resume`.

use std::cell::LazyCell;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use crate::config::{Order, ScanConfig};
use crate::scan::{Checkpoint, Scanner};
use crate::targets::{TargetOptions, TargetSet, TargetSetBuilder};

/// The input is a list of records, each preceded by its length in two little-endian bytes. They get a correct
/// checksum. If a length exceeds the input, the rest becomes a truncated record.
pub fn checkpoint(data: &[u8]) {
    SETUP.with(|setup| setup.replay(&file(data, &setup.header)));
}

/// The checkpoint file.
fn file(mut data: &[u8], header: &[u8]) -> Vec<u8> {
    let mut file = header.to_vec();
    while let Some((length, rest)) = data.split_first_chunk() {
        let Some((record, rest)) = rest.split_at_checked(u16::from_le_bytes(*length).into()) else {
            break;
        };
        let length = u32::from(u16::from_le_bytes(*length)).to_le_bytes();
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&length);
        hasher.update(record);
        file.extend_from_slice(&length);
        file.extend_from_slice(&hasher.finalize().to_le_bytes());
        file.extend_from_slice(record);
        data = rest;
    }
    file.extend_from_slice(data);
    file
}

thread_local! {
    static SETUP: LazyCell<Setup> = LazyCell::new(Setup::new);
}

/// What all runs share.
struct Setup {
    runtime: tokio::runtime::Runtime,
    scanner: Scanner,
    targets: Arc<TargetSet>,
    folder: tempfile::TempDir,
    header: Vec<u8>,
}

impl Setup {
    fn new() -> Self {
        let mut builder = TargetSetBuilder::new(TargetOptions::default());
        builder.argument("192.0.2.0/28 ports=6443");
        builder.argument("api.example.com:6443 name=prod");
        let targets = Arc::new(builder.build().expect("good targets"));
        let config = ScanConfig {
            order: Order::Seeded(1),
            keep_all: true,
            ..ScanConfig::default()
        };
        // In memory if possible, because every run writes a file.
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() {
            tempfile::tempdir_in(memory)
        } else {
            tempfile::tempdir()
        };
        let folder = folder.expect("a folder");
        let path = folder.path().join("new");
        Checkpoint::create(&path, &config, &targets).expect("a new checkpoint");
        Self {
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime"),
            scanner: Scanner::new(config).expect("a good configuration"),
            targets,
            header: std::fs::read(path).expect("it was written"),
            folder,
        }
    }

    /// Resumes from the file without probing anything.
    fn replay(&self, content: &[u8]) {
        let path = self.folder.path().join("checkpoint");
        std::fs::File::create(&path)
            .and_then(|mut file| file.write_all(content))
            .expect("a file");
        let Ok(checkpoint) = Checkpoint::resume(&path, self.scanner.config(), &self.targets) else {
            return;
        };
        self.runtime.block_on(async {
            let mut scan = self
                .scanner
                .scan_with(Arc::clone(&self.targets), checkpoint);
            // Stopped before it starts, so that nothing is probed.
            scan.stop_handle().stop("enough");
            let mut records = 0;
            while scan.next().await.is_some() {
                records += 1;
            }
            let coverage = scan.finish().coverage;
            assert!(coverage.adds_up(), "{records} records, {coverage:?}");
        });
    }
}

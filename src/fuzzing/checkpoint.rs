//! A checkpoint: a whole first record and what the file says behind it, replayed as `--resume` does.

use std::cell::LazyCell;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use crate::config::{Order, ScanConfig};
use crate::scan::{Checkpoint, Scanner};
use crate::targets::{TargetOptions, TargetSet, TargetSetBuilder};

/// Records, each behind its length in two bytes, little-endian; they get the checksum that belongs to them.
/// A length beyond the end leaves the rest as it is, a torn record.
pub fn checkpoint(data: &[u8]) {
    STAGE.with(|stage| stage.replay(&file(data, &stage.header)));
}

/// The file as the journal would have it.
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
    static STAGE: LazyCell<Stage> = LazyCell::new(Stage::new);
}

/// What every run shares.
struct Stage {
    runtime: tokio::runtime::Runtime,
    scanner: Scanner,
    targets: Arc<TargetSet>,
    folder: tempfile::TempDir,
    header: Vec<u8>,
}

impl Stage {
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
        // In memory where there is such a place: every run writes a file.
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

    /// Goes on from the file, without asking anything more.
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
            // Before its first turn: what the file does not have is not asked.
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

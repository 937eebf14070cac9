//! Unpacks gzip and Zstandard, recognised by their first bytes: also several parts one after the other.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// Bytes that are read at once.
const CHUNK: usize = 256 * 1024;
/// The largest window of Zstandard. `zstd --ultra` needs 128 MiB, which is more than this program may use.
const MAX_WINDOW: u64 = 32 * 1024 * 1024;

/// The text of a log, unpacked.
pub(super) fn unpacked<'r>(input: impl Read + 'r) -> io::Result<Box<dyn BufRead + 'r>> {
    let mut input = BufReader::with_capacity(CHUNK, input);
    let head = input.fill_buf()?;
    Ok(if head.starts_with(b"\x1f\x8b") {
        Box::new(BufReader::with_capacity(CHUNK, MultiGzDecoder::new(input)))
    } else if head.starts_with(b"\x28\xb5\x2f\xfd") {
        Box::new(BufReader::with_capacity(CHUNK, Frames::new(input)))
    } else {
        Box::new(input)
    })
}

/// All frames of a Zstandard file.
struct Frames<R: BufRead> {
    input: R,
    decoder: FrameDecoder,
}

impl<R: BufRead> Frames<R> {
    fn new(input: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(MAX_WINDOW);
        Self { input, decoder }
    }

    /// Begins the next frame. Returns `false` at the end.
    fn next(&mut self) -> io::Result<bool> {
        while !self.input.fill_buf()?.is_empty() {
            match self.decoder.init(&mut self.input) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let mut skipped = self.input.by_ref().take(u64::from(length));
                    io::copy(&mut skipped, &mut io::sink())?;
                }
                Err(error) => return Err(io::Error::other(error)),
            }
        }
        Ok(false)
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.decoder.can_collect() == 0 {
            if self.decoder.is_finished() {
                if !self.next()? {
                    return Ok(0);
                }
            } else {
                let one = BlockDecodingStrategy::UptoBlocks(1);
                (self.decoder.decode_blocks(&mut self.input, one)).map_err(io::Error::other)?;
            }
        }
        self.decoder.read(buffer)
    }
}

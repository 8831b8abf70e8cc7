//! Bytes made small: links and snapshots.

use zlib_rs::{Deflate, DeflateFlush, Inflate, InflateFlush, Status};

const WINDOW_BITS: u8 = 15;

/// Why packed bytes cannot be opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unpack {
    /// They end too early, or were never packed so.
    Damaged,
    /// What they hold is larger than what is read.
    TooLarge,
}

/// Packs. Both sides know the `dictionary`; of `level`s, 1 is the quickest and 9 the smallest.
pub(super) fn pack(bytes: &[u8], level: i32, dictionary: &[u8]) -> Vec<u8> {
    let mut deflate = Deflate::new(level, false, WINDOW_BITS);
    if !dictionary.is_empty() {
        deflate.set_dictionary(dictionary).expect("a new stream takes a dictionary");
    }
    // Deflate never adds more than a few bytes to a block of 64 KiB.
    let mut out = vec![0; bytes.len() + bytes.len() / 1000 + 64];
    let status = deflate.compress(bytes, &mut out, DeflateFlush::Finish);
    assert_eq!(status, Ok(Status::StreamEnd), "there is room for everything");
    out.truncate(usize::try_from(deflate.total_out()).expect("it fits into memory"));
    out
}

/// Opens what [`pack`] made, up to `most` bytes.
pub(super) fn unpack(packed: &[u8], most: usize, dictionary: &[u8]) -> Result<Vec<u8>, Unpack> {
    let mut inflate = Inflate::new(false, WINDOW_BITS);
    if !dictionary.is_empty() {
        inflate.set_dictionary(dictionary).map_err(|_| Unpack::Damaged)?;
    }
    let mut out = vec![0; (packed.len() * 8).clamp(4096, most)];
    loop {
        let (read, written) = (inflate.total_in() as usize, inflate.total_out() as usize);
        match inflate.decompress(&packed[read..], &mut out[written..], InflateFlush::Finish) {
            Ok(Status::StreamEnd) => {
                out.truncate(inflate.total_out() as usize);
                return Ok(out);
            }
            Ok(_) if inflate.total_out() as usize == out.len() => {
                if out.len() >= most {
                    return Err(Unpack::TooLarge);
                }
                out.resize((out.len() * 4).min(most), 0);
            }
            // The bytes ended before the stream did, or are no stream at all.
            _ => return Err(Unpack::Damaged),
        }
    }
}

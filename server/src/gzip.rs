//! Unpacks what others packed, up to a bound.

use std::io::{self, Read as _};

use flate2::read::MultiGzDecoder;

/// Why something packed is not taken.
#[derive(Debug)]
pub(crate) enum Unpacking {
    /// It is no gzip, or a damaged one.
    Damaged(io::Error),
    /// It is longer than allowed when it is unpacked.
    TooLong,
}

/// What was packed, if it has at most so many bytes. No more than that is ever unpacked.
pub(crate) fn unpacked(packed: &[u8], most: usize) -> Result<Vec<u8>, Unpacking> {
    let mut whole = Vec::new();
    let read = MultiGzDecoder::new(packed)
        .take(most as u64 + 1)
        .read_to_end(&mut whole);
    read.map_err(Unpacking::Damaged)?;
    if whole.len() > most {
        return Err(Unpacking::TooLong);
    }
    Ok(whole)
}

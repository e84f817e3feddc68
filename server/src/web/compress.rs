//! Compression of bodies that are made while the server runs. Static files are compressed when Keiki is built.

use std::io::{self, Write};

use brotli::enc::BrotliEncoderParams;
use bytes::Bytes;

use super::assets::Encoding;

/// Brotli's quality: beyond 5 a page costs three times as much and shrinks by a few per cent.
const BROTLI_QUALITY: i32 = 5;
/// Covers the largest page, so that all of it can refer to itself: 2¹⁹ bytes.
const BROTLI_WINDOW: i32 = 19;
const GZIP_LEVEL: u32 = 6;

/// The body in an encoding. Takes milliseconds.
///
/// # Errors
///
/// Never in practice: the writer is memory.
pub(super) fn compress(body: &Bytes, encoding: Encoding) -> io::Result<Bytes> {
    match encoding {
        Encoding::Identity => Ok(body.clone()),
        Encoding::Brotli => {
            let parameters = BrotliEncoderParams {
                quality: BROTLI_QUALITY,
                lgwin: BROTLI_WINDOW,
                size_hint: body.len(),
                ..BrotliEncoderParams::default()
            };
            let mut out = Vec::with_capacity(body.len() / 4);
            brotli::BrotliCompress(&mut &body[..], &mut out, &parameters)?;
            Ok(shrunk(out))
        }
        Encoding::Gzip => {
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::with_capacity(body.len() / 4), flate2::Compression::new(GZIP_LEVEL));
            encoder.write_all(body)?;
            encoder.finish().map(shrunk)
        }
    }
}

/// The cache counts lengths: no spare room must hide behind them.
fn shrunk(mut bytes: Vec<u8>) -> Bytes {
    bytes.shrink_to_fit();
    bytes.into()
}

//! Prometheus remote write 1.0: a snappy block with a `prometheus.WriteRequest`.
//!
//! A sender repeats all labels of a series with every sample. So a series is first asked for by the bytes of its labels
//! as they stand, and they are taken apart and checked only if nobody knows these bytes. Exemplars are counted and left.

mod histogram;
mod labels;

use crate::wire::{self, Field, Reader, Run};

use histogram::Scratch;
pub use histogram::{BucketFault, Buckets, CUSTOM_BOUNDS, Count, Counts, NativeHistogram, ResetHint, Span};
pub use labels::{LabelFault, Labels};

/// How large a buffer is kept for the next request, bytes. One huge request should not hold its memory for ever.
const KEEP: usize = 4 << 20;

/// No snappy block grows by more than this when it is unpacked: its densest element makes 64 bytes of three.
const DENSEST: usize = 22;

/// The NaN by which Prometheus says that a series has ended, as bits. Other NaNs are values.
pub const STALE: u64 = 0x7ff0_0000_0000_0002;

/// Whether the value says that its series has ended.
pub fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE
}

/// The kind of a metric family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "these are the format's own words")]
pub enum MetricType {
    Unknown,
    Counter,
    Gauge,
    Histogram,
    GaugeHistogram,
    Summary,
    Info,
    StateSet,
}

impl MetricType {
    fn of(number: i32) -> Self {
        match number {
            1 => Self::Counter,
            2 => Self::Gauge,
            3 => Self::Histogram,
            4 => Self::GaugeHistogram,
            5 => Self::Summary,
            6 => Self::Info,
            7 => Self::StateSet,
            _ => Self::Unknown,
        }
    }
}

/// Takes what a request has, in its order.
///
/// Of a request that turns out to be bad, what stood before the error has been handed over already: who wants all or
/// nothing keeps it until [`Decoder::decode`] returns.
pub trait Visitor {
    /// What a series is known by.
    type Key: Copy;

    /// The key of the series with these label bytes, if it was declared before. They are the fields as they stand in
    /// the request; another sender may write the same labels in other bytes.
    fn known(&mut self, raw: &[u8]) -> Option<Self::Key>;

    /// A series whose bytes are not known. Its labels are in order, have names and are UTF-8. `is_native` says that native
    /// histograms follow, and no samples.
    fn declare(&mut self, labels: Labels<'_>, raw: &[u8], is_native: bool) -> Self::Key;

    /// A sample; the time in Unix milliseconds. The value may be NaN: one means the end, see [`is_stale`].
    fn value(&mut self, key: Self::Key, value: f64, time_ms: i64);

    /// A native histogram; the time in Unix milliseconds.
    fn histogram(&mut self, key: Self::Key, histogram: &NativeHistogram<'_>, time_ms: i64);

    /// A native histogram that contradicts itself.
    fn rejected(&mut self, key: Self::Key, fault: BucketFault, time_ms: i64);

    /// What a metric family is.
    fn metadata(&mut self, family: &str, kind: MetricType, unit: &str, help: &str);
}

/// How much a request had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decoded {
    /// Bytes after decompression.
    pub bytes: usize,
    /// Series; one that stands twice counts twice.
    pub series: u64,
    /// Samples handed over.
    pub samples: u64,
    /// Native histograms handed over.
    pub histograms: u64,
    /// Native histograms that contradict themselves.
    pub rejected: u64,
    /// Exemplars, which are left.
    pub exemplars: u64,
    /// Metric families described.
    pub metadata: u64,
}

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is no snappy block, or a damaged one.
    #[error("the body is no snappy block: {0}")]
    Snappy(#[from] snap::Error),
    /// Its header promises more than a block of this length can hold.
    #[error("the body of {compressed} bytes is no snappy block: it would unpack to {unpacked} bytes")]
    Implausible {
        /// Bytes of the body.
        compressed: usize,
        /// Bytes after decompression, as the header says.
        unpacked: usize,
    },
    /// It is larger than allowed. Found before anything is unpacked.
    #[error("the request unpacks to {unpacked} bytes; at most {limit} are allowed")]
    TooLarge {
        /// Bytes after decompression.
        unpacked: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// What was unpacked is no request.
    #[error("the request is malformed: {0}")]
    Wire(#[from] wire::Error),
    /// The labels of a series are not as they must be.
    #[error("series {index} (byte {offset}), {labels}: {fault}")]
    Labels {
        /// How many series stand before it in the request.
        index: u64,
        /// Where it begins, bytes after decompression.
        offset: usize,
        /// Its labels as far as they can be shown.
        labels: String,
        /// What is wrong with them.
        fault: LabelFault,
    },
}

/// Decodes one request; see [`Decoder::decode`].
///
/// # Errors
///
/// As of [`Decoder::decode`].
pub fn decode<V: Visitor>(compressed: &[u8], limit: usize, visitor: &mut V) -> Result<Decoded, Error> {
    Decoder::default().decode(compressed, limit, visitor)
}

/// Decodes requests one after the other. It keeps its buffers, so that in the long run a request allocates nothing.
#[derive(Debug, Default)]
pub struct Decoder {
    unpacked: Vec<u8>,
    labels: Vec<u8>,
    histogram: Scratch,
}

impl Decoder {
    /// Decodes one request of at most `limit` bytes after decompression.
    ///
    /// # Errors
    ///
    /// If the request is too large, is no remote-write request, or has a series with bad labels.
    pub fn decode<V: Visitor>(&mut self, compressed: &[u8], limit: usize, visitor: &mut V) -> Result<Decoded, Error> {
        let unpacked = snap::raw::decompress_len(compressed)?;
        if unpacked > limit {
            return Err(Error::TooLarge { unpacked, limit });
        }
        if unpacked / DENSEST > compressed.len() {
            return Err(Error::Implausible {
                compressed: compressed.len(),
                unpacked,
            });
        }
        // It only grows: filling it with zeros anew for every request would cost as much as a tenth of the unpacking.
        if self.unpacked.len() < unpacked {
            self.unpacked.resize(unpacked, 0);
        }
        snap::raw::Decoder::new().decompress(compressed, &mut self.unpacked[..unpacked])?;
        let request = Request {
            reader: Reader::new(&self.unpacked[..unpacked], "WriteRequest"),
            labels: &mut self.labels,
            histogram: &mut self.histogram,
            decoded: Decoded {
                bytes: unpacked,
                ..Decoded::default()
            },
        };
        let decoded = request.decode(visitor);
        if self.unpacked.capacity() > KEEP {
            self.unpacked = Vec::new();
        }
        if self.labels.capacity() > KEEP {
            self.labels = Vec::new();
        }
        decoded
    }
}

/// A request under way.
struct Request<'a> {
    reader: Reader<'a>,
    labels: &'a mut Vec<u8>,
    histogram: &'a mut Scratch,
    decoded: Decoded,
}

impl Request<'_> {
    fn decode<V: Visitor>(mut self, visitor: &mut V) -> Result<Decoded, Error> {
        while let Some(field) = self.reader.field()? {
            match field.number {
                1 => self.series(&field, visitor)?,
                3 => self.metadata(&field, visitor)?,
                _ => {}
            }
        }
        Ok(self.decoded)
    }

    fn series<V: Visitor>(&mut self, field: &Field<'_>, visitor: &mut V) -> Result<(), Error> {
        let message = field.message("TimeSeries")?;
        // Nearly always the labels come first; but they may stand anywhere.
        let mut reader = message;
        let mut run = Run::default();
        reader.pass(1);
        if reader.offset() > message.offset() {
            run.add(message.offset(), reader.offset());
        }
        let others = reader;
        while let Some(field) = reader.field()? {
            if field.number == 1 {
                // That it is a message at all, as what follows takes for granted.
                field.bytes()?;
                let start = field.offset();
                run.add(start, reader.offset());
            }
        }
        let raw = run.bytes(1, message, self.labels)?;
        let key = match visitor.known(raw) {
            Some(key) => key,
            None => {
                let labels = Labels::new(raw, message.offset());
                labels.check()?.map_err(|fault| Error::Labels {
                    index: self.decoded.series,
                    offset: field.offset(),
                    labels: labels.shown(),
                    fault,
                })?;
                visitor.declare(labels, raw, is_native(others)?)
            }
        };
        self.decoded.series += 1;
        let mut reader = others;
        while let Some(field) = reader.field()? {
            match field.number {
                2 => {
                    let (value, time_ms) = sample(field.message("Sample")?)?;
                    visitor.value(key, value, time_ms);
                    self.decoded.samples += 1;
                }
                3 => self.decoded.exemplars += 1,
                4 => match self.histogram.read(field.message("Histogram")?)? {
                    (time_ms, Ok(histogram)) => {
                        visitor.histogram(key, &histogram, time_ms);
                        self.decoded.histograms += 1;
                    }
                    (time_ms, Err(fault)) => {
                        visitor.rejected(key, fault, time_ms);
                        self.decoded.rejected += 1;
                    }
                },
                _ => {}
            }
        }
        Ok(())
    }

    fn metadata<V: Visitor>(&mut self, field: &Field<'_>, visitor: &mut V) -> Result<(), Error> {
        let (mut family, mut kind, mut unit, mut help) = ("", MetricType::Unknown, "", "");
        let mut reader = field.message("MetricMetadata")?;
        while let Some(field) = reader.field()? {
            match field.number {
                1 => kind = MetricType::of(field.enumeration()?),
                2 => family = field.text()?,
                4 => help = field.text()?,
                5 => unit = field.text()?,
                _ => {}
            }
        }
        visitor.metadata(family, kind, unit, help);
        self.decoded.metadata += 1;
        Ok(())
    }
}

/// Whether the first value of a series is a native histogram.
fn is_native(mut series: Reader<'_>) -> Result<bool, wire::Error> {
    while let Some(field) = series.field()? {
        match field.number {
            2 => return Ok(false),
            4 => return Ok(true),
            _ => {}
        }
    }
    Ok(false)
}

#[inline]
fn sample(mut reader: Reader<'_>) -> Result<(f64, i64), wire::Error> {
    let (mut value, mut time_ms) = (0.0, 0);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => value = field.double()?,
            2 => time_ms = field.varint()? as i64,
            _ => {}
        }
    }
    Ok((value, time_ms))
}

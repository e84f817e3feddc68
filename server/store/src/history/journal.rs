//! What has been appended and is in no record yet: written several times a second, read once, after a restart.

use keiki_model::histogram::Distribution;
use keiki_model::series::Value;
use keiki_model::time::Millis;

use super::codec::{Corrupt, Reader, put_distribution, put_f64, put_signed, put_varint};

/// How much may wait for a disk that does not take it, bytes.
const MOST: usize = 64 << 20;

/// Samples that wait to be written. It lies beside the rings, under their lock.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    entries: Entries,
    /// Samples that found no place.
    lost: u64,
}

/// Samples as bytes: who, when, what, each relative to the one before.
#[derive(Debug, Default)]
pub(super) struct Entries {
    bytes: Vec<u8>,
    series: u32,
    time: Millis,
    pub(super) count: u64,
    /// The time of the newest.
    pub(super) newest: Millis,
}

impl Journal {
    pub(crate) fn push(&mut self, series: u32, time: Millis, value: &Value) {
        if self.entries.bytes.len() >= MOST {
            self.lost += 1;
            return;
        }
        self.entries.push(series, time, value);
    }

    /// What waits, and how many samples were lost since the last time.
    pub(super) fn take(&mut self) -> (Option<Entries>, u64) {
        let lost = std::mem::take(&mut self.lost);
        // As much as last time will come again.
        let capacity = self.entries.bytes.len() + self.entries.bytes.len() / 8;
        let entries = std::mem::take(&mut self.entries);
        self.entries.bytes.reserve(capacity);
        ((entries.count > 0).then_some(entries), lost)
    }
}

impl Entries {
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Hands over each sample again, in the order in which they came.
    pub(super) fn each(&self, take: impl FnMut(u32, Millis, Read)) -> Result<(), Corrupt> {
        read_samples(&mut Reader::new(&self.bytes), self.count, take)
    }

    pub(super) fn push(&mut self, series: u32, time: Millis, value: &Value) {
        let is_distribution = matches!(value, Value::Distribution(_));
        let apart = i64::from(series) - i64::from(self.series);
        put_signed(&mut self.bytes, (apart << 1) | i64::from(is_distribution));
        put_signed(&mut self.bytes, time - self.time);
        match value {
            Value::Number(value) => put_f64(&mut self.bytes, *value),
            Value::Distribution(value) => put_distribution(&mut self.bytes, value),
        }
        (self.series, self.time) = (series, time);
        self.newest = if self.count == 0 { time } else { self.newest.max(time) };
        self.count += 1;
    }

    /// As the disk keeps them.
    pub(super) fn encoded(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.bytes.len() + 16);
        put_signed(&mut out, self.newest);
        put_varint(&mut out, self.count);
        out.extend_from_slice(&self.bytes);
        out
    }
}

/// One sample that was read again. An empty distribution has lost its make.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Read {
    Number(f64),
    Distribution(Option<Box<Distribution>>),
}

/// Reads what was written: hands over series, time and value, and returns the newest time.
pub(super) fn replay(bytes: &[u8], take: impl FnMut(u32, Millis, Read)) -> Result<Millis, Corrupt> {
    let mut bytes = Reader::new(bytes);
    let newest = bytes.signed()?;
    let count = bytes.varint()?;
    read_samples(&mut bytes, count, take)?;
    Ok(newest)
}

fn read_samples(bytes: &mut Reader<'_>, count: u64, mut take: impl FnMut(u32, Millis, Read)) -> Result<(), Corrupt> {
    let (mut series, mut time) = (0_i64, 0);
    for _ in 0..count {
        let head = bytes.signed()?;
        series += head >> 1;
        time += bytes.signed()?;
        let value = if head & 1 == 0 {
            Read::Number(bytes.f64()?)
        } else {
            Read::Distribution(bytes.distribution()?.map(Box::new))
        };
        take(
            u32::try_from(series).map_err(|_| Corrupt("a series without a number"))?,
            time,
            value,
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use keiki_model::histogram::Exponential;

    use super::*;

    #[test]
    fn samples_return() {
        let mut histogram = Exponential::new();
        histogram.record(0.25);
        let distribution = Distribution::from(histogram);
        let mut journal = Journal::default();
        assert!(journal.take().0.is_none());
        journal.push(7, 1_000_850, &Value::Number(-1.5));
        journal.push(3, 1_001_850, &Value::Distribution(Box::new(distribution.clone())));
        journal.push(
            u32::MAX - 1,
            1_000_850,
            &Value::Distribution(Box::new(Exponential::new().into())),
        );
        let (entries, lost) = journal.take();
        let bytes = entries.expect("three samples").encoded();
        let mut read = Vec::new();
        let newest = replay(&bytes, |series, time, value| read.push((series, time, value)));
        assert_eq!((newest, lost), (Ok(1_001_850), 0));
        let expected = [
            (7, 1_000_850, Read::Number(-1.5)),
            (3, 1_001_850, Read::Distribution(Some(Box::new(distribution)))),
            (u32::MAX - 1, 1_000_850, Read::Distribution(None)),
        ];
        assert_eq!(read, expected);
        assert!(replay(&bytes[..bytes.len() - 1], |_, _, _| ()).is_err());
    }
}

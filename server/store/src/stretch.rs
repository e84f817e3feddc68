//! Distributions merged over aligned stretches of time, so that a window's figure reads a few instead of hundreds.

use keiki_model::histogram::{Distribution, Part};
use keiki_model::time::{Millis, SECOND};

use super::slide::Slide;

/// The length of the shortest merged stretch, milliseconds.
pub const STRETCH: Millis = 10 * SECOND;

/// The lengths of merged stretches, each a multiple of the one before. With minutes and half minutes, five minutes that
/// begin and end anywhere read a dozen distributions instead of thirty-five.
pub(super) const LENGTHS: [Millis; 3] = [STRETCH, 3 * STRETCH, 6 * STRETCH];

/// What happened in one stretch.
#[derive(Clone, Debug, Default)]
struct Stretch {
    /// The stretch is `[number × length, (number + 1) × length)`.
    number: i64,
    /// All of it merged; `None` if it is not of one make (a program may change its bounds), or empty again. Then what it
    /// is made of must be read.
    merged: Option<Box<Distribution>>,
}

/// The stretches of one length in which something happened.
#[derive(Clone, Debug)]
pub(super) struct Stretches {
    length: Millis,
    all: Slide<Stretch>,
}

impl Stretches {
    pub(super) fn new(length: Millis) -> Self {
        Self {
            length,
            all: Slide::default(),
        }
    }

    /// The merged stretches that lie within `[from, to)`, each with its start and end.
    pub(super) fn within(&self, from: Millis, to: Millis) -> impl Iterator<Item = (Millis, Millis, &Distribution)> {
        let length = self.length;
        let first = self
            .all
            .as_slice()
            .partition_point(|stretch| stretch.number * length < from);
        let from_first = self.all.as_slice()[first..].iter();
        let whole = from_first.take_while(move |stretch| (stretch.number + 1) * length <= to);
        whole.filter_map(move |stretch| {
            let start = stretch.number * length;
            stretch.merged.as_ref().map(|merged| (start, start + length, &**merged))
        })
    }

    /// The stretch of a time.
    pub(super) fn around(&self, time: Millis) -> (Millis, Millis) {
        let start = time.div_euclid(self.length) * self.length;
        (start, start + self.length)
    }

    /// Adds a sample that is newer than all others.
    pub(super) fn add(&mut self, time: Millis, delta: &Distribution) {
        let number = time.div_euclid(self.length);
        match self.all.as_mut_slice().last_mut() {
            Some(last) if last.number == number => {
                if last.merged.as_mut().is_some_and(|merged| merged.merge(delta).is_err()) {
                    last.merged = None;
                }
            }
            _ => self.all.push(Stretch {
                number,
                merged: Some(Box::new(delta.clone())),
            }),
        }
    }

    /// Adds samples in order of time, where there are none yet: the same as adding one after the other, and several times as
    /// fast.
    pub(super) fn fill<'a>(&mut self, samples: impl Iterator<Item = (Millis, Part<'a>)>) {
        let length = self.length;
        let mut samples = samples.map(|(time, part)| (time.div_euclid(length), part)).peekable();
        let mut parts = Vec::new();
        while let Some((number, first)) = samples.next() {
            parts.push(first);
            while let Some((_, part)) = samples.next_if(|(other, _)| *other == number) {
                parts.push(part);
            }
            let merged = Distribution::merged(parts.drain(..)).ok().flatten().map(Box::new);
            self.all.push(Stretch { number, merged });
        }
    }

    /// Puts what the stretch of a time is now in the place of what it was.
    pub(super) fn replace<'a>(&mut self, time: Millis, samples: impl Iterator<Item = Part<'a>>) {
        let number = time.div_euclid(self.length);
        let merged = Distribution::merged(samples).ok().flatten().map(Box::new);
        let at = self.all.as_slice().partition_point(|stretch| stretch.number < number);
        match self.all.as_mut_slice().get_mut(at) {
            Some(found) if found.number == number => found.merged = merged,
            _ => self.all.insert(at, Stretch { number, merged }),
        }
    }

    /// Forgets the stretches before that of `first`, and those after that of `last`.
    pub(super) fn keep(&mut self, first: Millis, last: Millis) {
        let (first, last) = (first.div_euclid(self.length), last.div_euclid(self.length));
        self.all
            .truncate(self.all.as_slice().partition_point(|stretch| stretch.number <= last));
        self.all
            .drop_front(self.all.as_slice().partition_point(|stretch| stretch.number < first));
    }

    /// An estimate of the memory it takes, by the newest one.
    pub(super) fn bytes(&self) -> usize {
        let newest = self
            .all
            .as_slice()
            .iter()
            .rev()
            .find_map(|stretch| stretch.merged.as_ref());
        self.all.bytes() + self.all.len() * newest.map_or(0, |merged| super::histogram::weight(merged))
    }
}

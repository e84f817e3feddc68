//! How long to wait before the stream is opened again: soon at first, then less often, never in step with others.

/// The first wait, milliseconds.
const FIRST: u32 = 250;
/// The longest wait that failures alone lead to, milliseconds. A restarted server is found again within three seconds.
const LONGEST: u32 = 2_000;

/// The waits between attempts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The next wait in milliseconds, given a chance in 0 to 1.
    pub fn next(&mut self, chance: f64) -> u32 {
        let full = FIRST.checked_shl(self.failures).unwrap_or(LONGEST).min(LONGEST);
        self.failures = (self.failures + 1).min(16);
        // From half of it to all of it, so that the viewers of a restarted server do not come all at once.
        full / 2 + (f64::from(full / 2) * chance.clamp(0.0, 1.0)) as u32
    }

    /// Whether an attempt has failed since the last success.
    pub fn failed(&self) -> bool {
        self.failures > 0
    }

    /// An attempt succeeded.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_two_seconds_and_begins_anew() {
        let mut backoff = Backoff::default();
        let waits: Vec<u32> = (0..6).map(|_| backoff.next(1.0)).collect();
        assert_eq!(waits, [250, 500, 1_000, 2_000, 2_000, 2_000]);
        assert!(backoff.failed());
        backoff.reset();
        assert_eq!((backoff.failed(), backoff.next(0.0)), (false, 125));
        for _ in 0..100 {
            assert!(backoff.next(2.0) <= LONGEST);
        }
    }
}

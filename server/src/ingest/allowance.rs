//! How much each sender may send: one that gets into a loop must not take what is the others'.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use keiki_model::time::Millis;
use parking_lot::Mutex;

/// How many seconds' worth may come at once: what was held back while the way was closed.
const BURST: f64 = 10.0;

/// Who was not heard of for so long begins anew.
const FORGOTTEN: Duration = Duration::from_secs(3_600);

/// How much a sender may send per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Samples, points and spans.
    pub samples: usize,
    /// Requests.
    pub requests: usize,
}

/// A sender that was told to wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slowed {
    /// The name of its token; empty for those that show none.
    pub token: String,
    /// How many of its requests were turned away.
    pub requests: u64,
    /// When the last one was.
    pub last: Millis,
}

/// What is left to a sender.
#[derive(Debug)]
struct Left {
    samples: f64,
    requests: f64,
    at: Instant,
}

#[derive(Debug, Default)]
struct State {
    left: HashMap<String, Left>,
    slowed: Vec<Slowed>,
}

/// What all senders may send.
#[derive(Debug)]
pub(crate) struct Allowances {
    rates: Rates,
    state: Mutex<State>,
}

impl Allowances {
    pub(crate) fn new(rates: Rates) -> Self {
        Self {
            rates,
            state: Mutex::default(),
        }
    }

    /// Takes a request of a sender, or tells it how long to wait. How much is in it is known, and [`spent`](Self::spent), when
    /// it has been read: one that sends too much at once waits longer after it.
    pub(crate) fn admit(&self, token: &str, now: Millis, at: Instant) -> Result<(), Duration> {
        let (samples, requests) = (self.rates.samples as f64, self.rates.requests as f64);
        let mut state = self.state.lock();
        if !state.left.contains_key(token) {
            // Tokens come and go.
            state
                .left
                .retain(|_, left| at.saturating_duration_since(left.at) < FORGOTTEN);
        }
        let left = state.left.entry(token.to_owned()).or_insert(Left {
            samples: samples * BURST,
            requests: requests * BURST,
            at,
        });
        let passed = at.saturating_duration_since(left.at).as_secs_f64();
        left.samples = (left.samples + passed * samples).min(samples * BURST);
        left.requests = (left.requests + passed * requests).min(requests * BURST);
        left.at = at;
        if left.samples > 0.0 && left.requests >= 1.0 {
            left.requests -= 1.0;
            return Ok(());
        }
        let wait = (-left.samples / samples).max((1.0 - left.requests) / requests);
        match state.slowed.iter_mut().find(|slowed| slowed.token == token) {
            Some(slowed) => (slowed.requests, slowed.last) = (slowed.requests + 1, now),
            None => state.slowed.push(Slowed {
                token: token.to_owned(),
                requests: 1,
                last: now,
            }),
        }
        // Header and patience are in whole seconds.
        Err(Duration::from_secs(wait.ceil().clamp(1.0, 3_600.0) as u64))
    }

    /// How much was in a request.
    pub(crate) fn spent(&self, token: &str, samples: u64) {
        if let Some(left) = self.state.lock().left.get_mut(token) {
            left.samples -= samples as f64;
        }
    }

    /// Every sender that was told to wait since Keiki started.
    pub(crate) fn slowed(&self) -> Vec<Slowed> {
        self.state.lock().slowed.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_waits_for_what_it_has_spent_and_no_other_does() {
        let rates = Rates {
            samples: 100,
            requests: 2,
        };
        let (all, start) = (Allowances::new(rates), Instant::now());
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        for _ in 0..20 {
            assert_eq!(all.admit("a", 1, at(0)), Ok(()), "ten seconds' worth at once");
        }
        assert_eq!(all.admit("a", 1, at(0)), Err(Duration::from_secs(1)));
        assert_eq!(all.admit("b", 1, at(0)), Ok(()));
        assert_eq!(all.admit("a", 2, at(1)), Ok(()));
        // A request is read as it is, however much is in it; then its sender waits.
        all.spent("a", 1_500);
        assert_eq!(all.admit("a", 3, at(2)), Err(Duration::from_secs(4)));
        assert_eq!(all.admit("a", 4, at(6)), Err(Duration::from_secs(1)));
        assert_eq!(all.admit("a", 5, at(8)), Ok(()));
        let slowed = Slowed {
            token: "a".into(),
            requests: 3,
            last: 4,
        };
        assert_eq!(all.slowed(), [slowed]);
        assert_eq!(
            all.admit("a", 6, at(100_000)),
            Ok(()),
            "what was not used is not saved up"
        );
        all.spent("a", 1_001);
        assert_eq!(all.admit("a", 7, at(100_000)), Err(Duration::from_secs(1)));
    }
}

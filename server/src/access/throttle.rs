//! Slows down who guesses: after a few failures each further attempt of an address has to wait, longer each time.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// So many failures are taken for mistakes.
const FREE: u32 = 5;
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(60);
/// An address without a failure for so long begins anew.
const FORGET: Duration = Duration::from_secs(15 * 60);
/// The most addresses that are remembered; beyond that the oldest are forgotten.
const MOST: usize = 10_000;

#[derive(Debug)]
struct Failures {
    count: u32,
    last: Instant,
}

impl Failures {
    fn wait(&self) -> Duration {
        match self.count.checked_sub(FREE) {
            None => Duration::ZERO,
            Some(more) => Duration::from_secs(1u64.checked_shl(more).unwrap_or(u64::MAX)).min(LONGEST),
        }
    }
}

/// What is known of those who failed.
#[derive(Debug, Default)]
pub struct Throttle(Mutex<HashMap<IpAddr, Failures>>);

/// Who has an IPv6 address has a whole network of them.
fn subject(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from(u128::from(address) & (u128::MAX << 64)).into(),
        address => address,
    }
}

impl Throttle {
    /// How long an address has to wait before its next attempt is looked at.
    pub fn wait(&self, address: IpAddr) -> Option<Duration> {
        let known = self.0.lock();
        let failures = known.get(&subject(address))?;
        failures
            .wait()
            .checked_sub(failures.last.elapsed())
            .filter(|wait| !wait.is_zero())
    }

    /// An attempt failed.
    pub fn failed(&self, address: IpAddr) {
        let mut known = self.0.lock();
        known.retain(|_, failures| failures.last.elapsed() < FORGET);
        if known.len() >= MOST
            && let Some(oldest) = known
                .iter()
                .min_by_key(|(_, failures)| failures.last)
                .map(|(address, _)| *address)
        {
            known.remove(&oldest);
        }
        let now = Instant::now();
        let failures = known
            .entry(subject(address))
            .or_insert(Failures { count: 0, last: now });
        failures.count = failures.count.saturating_add(1);
        failures.last = now;
    }

    /// An attempt was right.
    pub fn succeeded(&self, address: IpAddr) {
        self.0.lock().remove(&subject(address));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn guessing_gets_slower_and_a_pause_heals() {
        let throttle = Throttle::default();
        let (one, other) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        for _ in 0..FREE - 1 {
            throttle.failed(one);
            assert_eq!(throttle.wait(one), None);
        }
        let mut waits = Vec::new();
        for _ in 0..8 {
            throttle.failed(one);
            let wait = throttle.wait(one).unwrap();
            waits.push(wait.as_secs());
            tokio::time::advance(wait).await;
            assert_eq!(throttle.wait(one), None);
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(throttle.wait(other), None);
        throttle.succeeded(one);
        throttle.failed(one);
        assert_eq!(throttle.wait(one), None);
        // A network of IPv6 addresses is one.
        for last in 0..FREE {
            throttle.failed(format!("2001:db8::{last}").parse().unwrap());
        }
        assert!(throttle.wait("2001:db8::ffff".parse().unwrap()).is_some());
        assert!(throttle.wait("2001:db9::1".parse().unwrap()).is_none());
    }
}

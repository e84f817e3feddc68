//! The server's clock, handed to whoever needs the time, so that tests can turn it by hand.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use keiki_model::time::Millis;
use tokio::sync::watch;

/// Tells the wall-clock time and waits for it. Cheap to clone.
pub trait Clock: Clone + Send + Sync + 'static {
    /// The time, Unix milliseconds, rounded down.
    fn now(&self) -> Millis;

    /// Ends when the clock shows `time`; at once if it already does.
    fn sleep_until(&self, time: Millis) -> impl Future<Output = ()> + Send;
}

/// The machine's wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// How far the wall clock may lag behind a finished sleep and still be waited for. Beyond it the clock was set back, and
/// waiting again could take hours.
const SLEW: Millis = 50;

impl Clock for SystemClock {
    fn now(&self) -> Millis {
        // A machine whose clock stands before 1970 has no time worth telling apart from the epoch.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
    }

    async fn sleep_until(&self, time: Millis) {
        let mut left = time.saturating_sub(self.now());
        while left > 0 {
            tokio::time::sleep(Duration::from_millis(left.unsigned_abs())).await;
            left = time.saturating_sub(self.now());
            if left > SLEW {
                return;
            }
        }
    }
}

/// A clock that only moves when told to, for tests.
///
/// A test waits until the tasks under test are asleep ([`ManualClock::asleep`]), turns the clock
/// ([`ManualClock::advance`] or [`ManualClock::set`]) and so knows what ran in between, without sleeping itself.
#[derive(Clone, Debug)]
pub struct ManualClock {
    state: Arc<watch::Sender<Hands>>,
}

#[derive(Debug, Default)]
struct Hands {
    now: Millis,
    next_id: u64,
    deadlines: BTreeMap<u64, Millis>,
}

impl ManualClock {
    /// A clock that shows `now`.
    pub fn new(now: Millis) -> Self {
        Self {
            state: Arc::new(watch::Sender::new(Hands {
                now,
                ..Hands::default()
            })),
        }
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let by = Millis::try_from(by.as_millis()).unwrap_or(Millis::MAX);
        self.state.send_modify(|hands| hands.now = hands.now.saturating_add(by));
    }

    /// Sets the clock, also backwards.
    pub fn set(&self, now: Millis) {
        self.state.send_modify(|hands| hands.now = now);
    }

    /// The earliest time for which anyone sleeps.
    pub fn next_deadline(&self) -> Option<Millis> {
        let hands = self.state.borrow();
        hands
            .deadlines
            .values()
            .copied()
            .filter(|deadline| *deadline > hands.now)
            .min()
    }

    /// Ends as soon as at least `count` sleepers wait for a time that has not come yet.
    pub async fn asleep(&self, count: usize) {
        let waiting = |hands: &Hands| {
            hands
                .deadlines
                .values()
                .filter(|deadline| **deadline > hands.now)
                .count()
        };
        // The sender lives in `self`, so the wait cannot fail.
        let _ = self.state.subscribe().wait_for(|hands| waiting(hands) >= count).await;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Millis {
        self.state.borrow().now
    }

    async fn sleep_until(&self, time: Millis) {
        let sleeper = Sleeper::new(Arc::clone(&self.state), time);
        let _ = sleeper.state.subscribe().wait_for(|hands| hands.now >= time).await;
    }
}

/// One sleep on a manual clock, forgotten when it ends or is given up.
struct Sleeper {
    state: Arc<watch::Sender<Hands>>,
    id: u64,
}

impl Sleeper {
    fn new(state: Arc<watch::Sender<Hands>>, deadline: Millis) -> Self {
        let mut id = 0;
        state.send_modify(|hands| {
            id = hands.next_id;
            hands.next_id += 1;
            hands.deadlines.insert(id, deadline);
        });
        Self { state, id }
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        self.state.send_modify(|hands| {
            hands.deadlines.remove(&self.id);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_manual_clock_wakes_its_sleepers_when_told() {
        let clock = ManualClock::new(1_000);
        let task = tokio::spawn({
            let clock = clock.clone();
            async move {
                clock.sleep_until(1_500).await;
                clock.now()
            }
        });
        clock.asleep(1).await;
        assert_eq!(clock.next_deadline(), Some(1_500));
        clock.advance(Duration::from_millis(499));
        assert_eq!(clock.next_deadline(), Some(1_500));
        clock.advance(Duration::from_millis(1));
        assert_eq!(task.await.expect("the sleeper ends"), 1_500);
        assert_eq!(clock.next_deadline(), None);
    }

    #[tokio::test]
    async fn an_abandoned_sleep_is_forgotten() {
        let clock = ManualClock::new(0);
        let task = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep_until(10).await }
        });
        clock.asleep(1).await;
        task.abort();
        assert!(task.await.is_err());
        assert_eq!(clock.next_deadline(), None);
    }

    #[tokio::test]
    async fn the_past_is_not_waited_for() {
        SystemClock.sleep_until(SystemClock.now() - 10_000).await;
        ManualClock::new(5).sleep_until(5).await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_system_clock_set_back_does_not_prolong_a_sleep() {
        // Tokio's paused time passes at once while the wall clock stands still, as if it had been set back.
        SystemClock.sleep_until(SystemClock.now() + 3_600_000).await;
    }
}

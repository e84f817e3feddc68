//! Work on many groups, shared by two threads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// From how many pieces on two threads work: to begin a thread takes as long as some of them.
const SHARED: usize = 16;

/// What `make` makes of each of these, in order. Either thread takes whatever comes next.
pub(crate) fn by_two<T: Sync, R: Send>(all: &[T], make: impl Fn(&T) -> R + Sync) -> Vec<R> {
    if all.len() < SHARED {
        return all.iter().map(make).collect();
    }
    let next = AtomicUsize::new(0);
    let work = || {
        let mut made = Vec::with_capacity(all.len() / 2);
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(one) = all.get(place) else { break };
            made.push((place, make(one)));
        }
        made
    };
    let mut made = thread::scope(|scope| {
        let other = scope.spawn(work);
        let mut made = work();
        match other.join() {
            Ok(more) => made.extend(more),
            Err(panic) => std::panic::resume_unwind(panic),
        }
        made
    });
    made.sort_unstable_by_key(|(place, _)| *place);
    made.into_iter().map(|(_, one)| one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_is_in_order() {
        for count in [0, 1, SHARED - 1, SHARED, 1_000] {
            let all: Vec<usize> = (0..count).collect();
            assert_eq!(by_two(&all, |one| one + 1), (1..=count).collect::<Vec<_>>());
        }
    }
}

use std::sync::atomic::AtomicBool;

use keiki_instrument::Identity;

use super::*;

impl Key for &'static str {
    fn is_common(&self) -> bool {
        *self == "home"
    }
}

/// Makes `<key>@<tick>`, counts, and fails when told to.
struct Maker {
    tick: AtomicU64,
    made: AtomicUsize,
    fails: AtomicBool,
}

fn cache(max_entries: usize, max_bytes: usize) -> (Arc<Cache<&'static str>>, Arc<Maker>) {
    let maker = Arc::new(Maker {
        tick: AtomicU64::new(1),
        made: AtomicUsize::new(0),
        fails: AtomicBool::new(false),
    });
    let recorder = Recorder::new(Identity::default());
    let inner = Arc::clone(&maker);
    let make = move |key: &&'static str, there: Option<u64>| {
        assert!(*key != "panics", "as told");
        if inner.fails.load(Ordering::SeqCst) {
            return Err(Fault::Busy);
        }
        let seq = inner.tick.load(Ordering::SeqCst);
        if there == Some(seq) {
            return Ok(None);
        }
        inner.made.fetch_add(1, Ordering::SeqCst);
        let body = format!("{key}@{seq}").into();
        Ok(Some(Made {
            body,
            seq,
            headers: HeaderMap::new(),
        }))
    };
    (
        Arc::new(Cache::new(max_entries, max_bytes, &recorder, Arc::new(make))),
        maker,
    )
}

async fn body(cache: &Arc<Cache<&'static str>>, key: &'static str, tick: u64, patience: u64) -> (String, bool) {
    let (ready, hit) = cache.get(key, Encoding::Identity, tick, patience).await.unwrap();
    (String::from_utf8(ready.body.to_vec()).unwrap(), hit)
}

#[tokio::test]
async fn what_has_not_changed_is_not_made_again() {
    let (cache, maker) = cache(8, 1_000);
    assert_eq!(body(&cache, "a", 1, 0).await, ("a@1".into(), false));
    // The tick moved on, but this view publishes every third one.
    assert_eq!(body(&cache, "a", 2, 0).await, ("a@1".into(), false));
    assert_eq!(body(&cache, "a", 2, 0).await, ("a@1".into(), true));
    assert_eq!(maker.made.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn the_impatient_wait_for_the_newest() {
    let (cache, maker) = cache(8, 1_000);
    body(&cache, "a", 1, 0).await;
    maker.tick.store(2, Ordering::SeqCst);
    assert_eq!(body(&cache, "a", 2, 1).await, ("a@1".into(), true));
    assert_eq!(body(&cache, "a", 2, 0).await.0, "a@2");
}

#[tokio::test]
async fn a_failure_is_told_and_not_kept() {
    let (cache, maker) = cache(8, 1_000);
    maker.fails.store(true, Ordering::SeqCst);
    let told = cache.get("a", Encoding::Brotli, 1, 0).await;
    assert_eq!(told.map(|_| ()), Err(Fault::Busy));
    let told = cache.get("panics", Encoding::Identity, 1, 0).await;
    assert_eq!(told.map(|_| ()), Err(Fault::Internal));
    maker.fails.store(false, Ordering::SeqCst);
    assert_eq!(body(&cache, "a", 1, 0).await, ("a@1".into(), false));
}

#[tokio::test]
async fn the_least_worth_makes_room() {
    let (cache, _) = cache(3, 1_000);
    for key in ["hot", "hot", "home", "x1", "x2", "x3"] {
        body(&cache, key, 1, 0).await;
    }
    assert_eq!(cache.len(), 3);
    assert!(body(&cache, "hot", 1, 0).await.1 && body(&cache, "home", 1, 0).await.1);
    assert!(body(&cache, "x3", 1, 0).await.1 && !body(&cache, "x1", 1, 0).await.1);
}

#[tokio::test]
async fn bytes_are_bounded_and_the_old_forgotten() {
    let (cache, maker) = cache(100, 10);
    for key in ["aaaa", "bbbb", "cccc"] {
        body(&cache, key, 1, 0).await;
    }
    cache.trim(1);
    assert_eq!(cache.len(), 1);
    maker.tick.store(20, Ordering::SeqCst);
    cache.trim(20);
    assert_eq!(cache.len(), 0);
}

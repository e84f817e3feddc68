//! A mutational fuzzer without dependencies: it changes seeds at random and asks of the test that it neither panics nor
//! takes too much memory or time. What made it stop is written to `fuzz-<example>-input` in the temporary folder.
//!
//! Arguments of each fuzzer: the seed of the random numbers (1), and for how many seconds to run (10). One seed makes
//! the same inputs on every machine, as far as it gets.
//!
//! To use it, declare `mod fuzz;` in an example and call [`run`].

use std::alloc::{GlobalAlloc, Layout, System};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What a test may take beyond eight times its input, bytes.
const MEMORY: usize = 64 << 20;

/// How long one input may take on a busy machine.
const TIME: Duration = Duration::from_secs(5);

/// How long inputs become, bytes; a few are allowed to grow to sixteen times that.
const LENGTH: usize = 16 << 10;

/// Runs the test on changed seeds until the time is over, then prints how many inputs it had.
///
/// `seeds` are inputs of the kind that the test reads; `dictionary` holds the words of its language, of which some are
/// put in anywhere. The test should panic where it finds a mistake; this process then ends with 1.
pub(crate) fn run(seeds: Vec<Vec<u8>>, dictionary: &[&[u8]], mut test: impl FnMut(&[u8])) {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u64>());
    let mut argument = |default| arguments.next().map_or(default, |number| number.expect("a number"));
    let mut random = Random(argument(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let end = Instant::now() + Duration::from_secs(argument(10));
    let current = Arc::new(Mutex::new((Instant::now(), Vec::new())));
    watch(&current);
    let mut corpus = seeds;
    let (mut count, mut peak, mut slowest) = (0_u64, 0, Duration::ZERO);
    let originals = corpus.len();
    while Instant::now() < end {
        let input = match corpus.get(count as usize) {
            // The seeds themselves come first.
            Some(seed) if count < originals as u64 => seed.clone(),
            _ => mutate(&corpus, dictionary, &mut random),
        };
        {
            let mut current = current.lock().unwrap_or_else(PoisonError::into_inner);
            current.0 = Instant::now();
            current.1.clone_from(&input);
        }
        let start = Instant::now();
        let before = ALLOCATED.load(Relaxed);
        PEAK.store(before, Relaxed);
        if catch_unwind(AssertUnwindSafe(|| test(&input))).is_err() {
            fail(&input, "the test panicked");
        }
        let taken = PEAK.load(Relaxed).saturating_sub(before);
        if taken > MEMORY + 8 * input.len() {
            fail(&input, &format!("{taken} bytes of memory for {} of input", input.len()));
        }
        peak = peak.max(taken);
        slowest = slowest.max(start.elapsed());
        count += 1;
        // Changes of changes go further; as nothing tells which are of use, chance chooses.
        if random.below(200) == 0 {
            if corpus.len() < originals * 8 {
                corpus.push(input);
            } else {
                let replaced = originals + random.below(corpus.len() - originals);
                corpus[replaced] = input;
            }
        }
    }
    println!(
        "{count} inputs, at most {} KB of memory and {slowest:?} for one",
        peak >> 10
    );
}

fn fail(input: &[u8], what: &str) -> ! {
    let name = std::env::current_exe().ok();
    let name = name.as_deref().and_then(|path| path.file_name()).unwrap_or_default();
    let path = std::env::temp_dir().join(format!("fuzz-{}-input", name.display()));
    let written = std::fs::write(&path, input).map_or_else(|error| error.to_string(), |()| path.display().to_string());
    let shown = &input[..input.len().min(1_000)];
    eprintln!(
        "{what}; the input, {} bytes, is in {written}:\n{}",
        input.len(),
        shown.escape_ascii()
    );
    std::process::exit(1);
}

/// Stops the process when an input takes too long.
fn watch(current: &Arc<Mutex<(Instant, Vec<u8>)>>) {
    let current = Arc::clone(current);
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(Duration::from_millis(500));
            let current = current.lock().unwrap_or_else(PoisonError::into_inner);
            if current.0.elapsed() > TIME {
                fail(&current.1, "the test takes too long");
            }
        }
    });
}

fn mutate(corpus: &[Vec<u8>], dictionary: &[&[u8]], random: &mut Random) -> Vec<u8> {
    let mut input = corpus[random.below(corpus.len())].clone();
    let length = if random.below(64) == 0 { LENGTH * 16 } else { LENGTH };
    for _ in 0..1 + random.below(8) {
        let at = random.below(input.len() + 1);
        let (from, to) = (at, at + random.below(input.len() - at + 1));
        match random.below(9) {
            0 if at < input.len() => input[at] ^= 1 << random.below(8),
            1 if at < input.len() => input[at] = random.below(256) as u8,
            2 if random.below(4) == 0 => input.truncate(at),
            3 => drop(input.drain(from..to.min(from + 64))),
            4 => {
                let part = input[from..to.min(from + 4_096)].to_vec();
                let part = part.repeat(1 + random.below(4) * random.below(16));
                insert(&mut input, at, &part, length);
            }
            5 => {
                let other = &corpus[random.below(corpus.len())];
                let start = random.below(other.len() + 1);
                let end = start + random.below(other.len() - start + 1);
                insert(&mut input, at, &other[start..end], length);
            }
            6 => {
                let other = &corpus[random.below(corpus.len())];
                input.truncate(at);
                insert(&mut input, at, &other[random.below(other.len() + 1)..], length);
            }
            _ if !dictionary.is_empty() => insert(&mut input, at, dictionary[random.below(dictionary.len())], length),
            _ => {}
        }
    }
    input
}

fn insert(input: &mut Vec<u8>, at: usize, part: &[u8], length: usize) {
    let part = &part[..part.len().min(length.saturating_sub(input.len()))];
    input.splice(at..at, part.iter().copied());
}

/// Random enough (xorshift64*).
struct Random(u64);

impl Random {
    /// A number from 0 to below `bound`, which is 0 only for an empty range.
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
        (high as usize).checked_rem(bound).unwrap_or(0)
    }
}

static ALLOCATED: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static COUNTING: Counting = Counting;

/// The system's allocator, which counts.
struct Counting;

impl Counting {
    fn add(size: usize) {
        PEAK.fetch_max(ALLOCATED.fetch_add(size, Relaxed) + size, Relaxed);
    }
}

#[expect(
    unsafe_code,
    reason = "an allocator is unsafe to write; this one leaves all to the system's"
)]
// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::add(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        ALLOCATED.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both are there while the one is copied to the other.
        Self::add(size);
        ALLOCATED.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

//! A mutational fuzzer of a hundred lines: changes inputs that are good at random, and watches the memory.
//!
//! Arguments: a seed, so that what was found is found again, and for how many seconds.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// The system's allocator, and how much of it is in use.
struct Counting;

static USED: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

#[expect(unsafe_code, reason = "an allocator can't be written without; it only counts")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let used = USED.fetch_add(layout.size(), Relaxed) + layout.size();
        MOST.fetch_max(used, Relaxed);
        // SAFETY: handed on as it came.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        USED.fetch_sub(layout.size(), Relaxed);
        // SAFETY: handed on as it came.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The largest number of bytes that `work` had allocated at one time, beyond what was before.
pub(crate) fn memory(work: impl FnOnce()) -> usize {
    let before = USED.load(Relaxed);
    MOST.store(before, Relaxed);
    work();
    MOST.load(Relaxed).saturating_sub(before)
}

/// The generator "SplitMix64".
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// 0 if there is nothing to choose from.
    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// Feeds changed seeds to `test`, which panics at what should not be, and tells whether the input was accepted. What was
/// is changed further: most changes break a length, and of broken inputs come only broken ones.
pub(crate) fn run(seeds: Vec<Vec<u8>>, dictionary: &[&[u8]], mut test: impl FnMut(&[u8]) -> bool) {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse().ok());
    let seed = arguments.next().flatten().unwrap_or(1);
    let seconds = arguments.next().flatten().unwrap_or(10);
    let mut random = Random(seed);
    let mut pool = seeds;
    let originals = pool.len();
    let began = Instant::now();
    let mut inputs = 0_u64;
    while began.elapsed() < Duration::from_secs(seconds) {
        for _ in 0..256 {
            // Half of them from a seed: what comes of what came of them gets shorter and shorter.
            let among = if random.below(2) == 0 { originals } else { pool.len() };
            let mut input = pool[random.below(among)].clone();
            for _ in 0..=random.below(4) {
                let other = random.below(pool.len());
                change(&mut input, &pool[other], dictionary, &mut random);
            }
            inputs += 1;
            if test(&input) && (64..1 << 12).contains(&input.len()) {
                if pool.len() < originals + 256 {
                    pool.push(input);
                } else {
                    let place = originals + random.below(256);
                    pool[place] = input;
                }
            }
        }
    }
    println!("seed {seed}: {inputs} inputs in {seconds} s");
}

fn change(input: &mut Vec<u8>, other: &[u8], dictionary: &[&[u8]], random: &mut Random) {
    let at = random.below(input.len());
    let end = at + random.below((input.len() - at).min(64) + 1);
    match random.below(14) {
        0 | 1 if at < input.len() => input[at] ^= 1 << random.below(8),
        2 if at < input.len() => input[at] = random.next() as u8,
        // A length or a number a little off.
        3 if at < input.len() => input[at] = input[at].wrapping_add(random.below(9) as u8).wrapping_sub(4),
        // A length or a number far off.
        4 => {
            let bits = random.below(64);
            let mut value = random.next() >> bits;
            let mut varint = Vec::new();
            while value >= 0x80 {
                varint.push(value as u8 | 0x80);
                value >>= 7;
            }
            varint.push(value as u8);
            let end = (at + 1).min(input.len());
            input.splice(at..end, varint);
        }
        5 => drop(input.splice(at..end, dictionary[random.below(dictionary.len())].iter().copied())),
        6 => {
            let from = random.below(other.len());
            let to = from + random.below(other.len() - from + 1);
            input.splice(at..end, other[from..to].iter().copied());
        }
        7 => {
            let copy = input[at..end].to_vec();
            let times = 1 + random.below(8);
            input.splice(at..at, copy.repeat(times));
        }
        8 => drop(input.drain(at..end)),
        // In place, so that lengths stay right.
        9 | 10 => {
            let from = random.below(other.len());
            let length = (end - at).min(other.len() - from).min(1 + random.below(10));
            input[at..at + length].copy_from_slice(&other[from..from + length]);
        }
        11 => {
            let word = dictionary[random.below(dictionary.len())];
            let length = word.len().min(input.len() - at);
            input[at..at + length].copy_from_slice(&word[..length]);
        }
        _ if random.below(4) == 0 => input.truncate(at),
        _ => {}
    }
}

//! What the benchmarks of the history feed it with, and how much memory that takes.

use keiki_model::histogram::Exponential;

/// Not random enough for anything but noise.
fn noise(seed: u64) -> u64 {
    let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x ^= x >> 29;
    x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x ^ (x >> 32)
}

/// The mix: of ten series three are counters. Half of all never change, as on a real host three of four do not; a fifth of
/// the rest are noisy ratios, the others whole numbers that move a little.
pub(crate) fn value(series: u64, second: i64) -> f64 {
    let at = second as u64;
    match series % 10 {
        0..5 => 4096.0 * series as f64,
        5 => (noise(series << 32 | at) % 100_000) as f64 / 1e5,
        6 => (200 + noise(series << 32 | (at / 20)) % 40) as f64,
        7 => (at * 3 + noise(series << 32 | at) % 3) as f64,
        8 => (at / 10 * 7) as f64,
        _ => (at * 1_500 + noise(series << 32 | at) % 1_500) as f64,
    }
}

/// Twenty or so observations a second, most of them near 20 ms.
pub(crate) fn durations(series: u64, second: i64) -> Exponential {
    let mut histogram = Exponential::new();
    for n in 0..10 + noise(series ^ second as u64) % 20 {
        let spread = (noise(series << 40 | (second as u64) << 8 | n) % 1_000) as f64 / 1_000.0;
        histogram.record(0.02 * (0.5 + spread + spread.powi(8) * 20.0));
    }
    histogram
}

/// A field of this process's status, megabytes.
pub(crate) fn memory(field: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let number = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    number.unwrap_or(f64::NAN) / 1e3
}

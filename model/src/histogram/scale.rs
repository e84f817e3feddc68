//! Where a value falls among base-2 exponential buckets, and where a bucket begins.
//!
//! OpenTelemetry's convention: at scale *s*, bucket *i* holds (2^(*i*/2^*s*), 2^((*i*+1)/2^*s*)]. Indices come from
//! comparing mantissas with a table, not from a logarithm: the mapping is exact for every value, powers of two
//! included, and the same on every target.

/// The finest scale that is kept: 32 buckets per power of two, a quantile off by at most 2^(1/64) - 1 = 1.09 %.
///
/// At this scale the indices of all positive `f64` fit exactly into an `i16`.
pub const SCALE: i8 = 5;

/// The coarsest scale: two buckets, up to 1 and above.
pub const MIN_SCALE: i8 = -10;

const STEPS: usize = 1 << SCALE;
const MANTISSA_BITS: u32 = 52;
const MANTISSA: u64 = (1 << MANTISSA_BITS) - 1;
const BIAS: i32 = 1_023;

/// The mantissas of 2^(j/32), rounded down, so that a value is at or below a bound exactly when its mantissa is at or
/// below the bound's. The last entry is above every mantissa.
const BOUNDS: [u64; STEPS + 1] = [
    0x0000000000000,
    0x059b0d3158574,
    0x0b5586cf9890f,
    0x11301d0125b50,
    0x172b83c7d517a,
    0x1d4873168b9aa,
    0x2387a6e756238,
    0x29e9df51fdee1,
    0x306fe0a31b715,
    0x371a7373aa9ca,
    0x3dea64c123422,
    0x44e086061892d,
    0x4bfdad5362a27,
    0x5342b569d4f81,
    0x5ab07dd485429,
    0x6247eb03a5584,
    0x6a09e667f3bcc,
    0x71f75e8ec5f73,
    0x7a11473eb0186,
    0x82589994cce12,
    0x8ace5422aa0db,
    0x93737b0cdc5e4,
    0x9c49182a3f090,
    0xa5503b23e255c,
    0xae89f995ad3ad,
    0xb7f76f2fb5e46,
    0xc199bdd85529c,
    0xcb720dcef9069,
    0xd5818dcfba487,
    0xdfc97337b9b5e,
    0xea4afa2a490d9,
    0xf50765b6e4540,
    u64::MAX,
];

/// For each value of the mantissa's highest five bits, the first bound that can be at or above such a mantissa.
const FIRST: [u8; STEPS] = first_bounds();

const fn first_bounds() -> [u8; STEPS] {
    let mut first = [0; STEPS];
    let mut high = 0;
    while high < STEPS {
        let mantissa = (high as u64) << (MANTISSA_BITS - SCALE as u32);
        let mut bound: u8 = 0;
        while mantissa > BOUNDS[bound as usize] {
            bound += 1;
        }
        first[high] = bound;
        high += 1;
    }
    first
}

/// The bucket of a positive finite value at `scale`. Values below the smallest normal `f64` share that one's bucket.
pub(super) fn index_of(value: f64, scale: i8) -> i16 {
    let bits = value.max(f64::MIN_POSITIVE).to_bits();
    let mantissa = bits & MANTISSA;
    let mut bound = FIRST[(mantissa >> (MANTISSA_BITS - SCALE as u32)) as usize];
    while mantissa > BOUNDS[usize::from(bound)] {
        bound += 1;
    }
    let exponent = (bits >> MANTISSA_BITS) as i32 - BIAS;
    let index = (exponent << SCALE) + i32::from(bound) - 1;
    (index >> (SCALE - scale)) as i16
}

/// The lower bound of a bucket, which is the upper bound of the one before; 0 below and `f64::MAX` beyond the range
/// of `f64`.
pub(super) fn lower_bound(index: i32, scale: i8) -> f64 {
    let (exponent, step) = if scale > 0 {
        (index >> scale, (index & ((1 << scale) - 1)) << (SCALE - scale))
    } else {
        (index << -scale, 0)
    };
    match exponent + BIAS {
        ..=0 => 0.0,
        biased @ 1..=2046 => f64::from_bits((biased as u64) << MANTISSA_BITS | BOUNDS[step as usize]),
        _ => f64::MAX,
    }
}

/// The value that stands for a bucket: the geometric middle, from which no value of the bucket is relatively farther
/// than from any other choice.
pub(super) fn middle(index: i16, scale: i8) -> f64 {
    let index = i32::from(index);
    lower_bound(index, scale).sqrt() * lower_bound(index + 1, scale).sqrt()
}

/// The lowest and the highest index any positive `f64` has at `scale`.
pub(super) fn range(scale: i8) -> (i16, i16) {
    (index_of(f64::MIN_POSITIVE, scale), index_of(f64::MAX, scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_two_are_upper_bounds() {
        for exponent in -1_022..=1_023 {
            let value = f64::from_bits(((exponent + BIAS) as u64) << MANTISSA_BITS);
            let index = (exponent << SCALE) - 1;
            assert_eq!(i32::from(index_of(value, SCALE)), index, "2^{exponent}");
            if exponent < 1_023 {
                assert_eq!(
                    i32::from(index_of(value.next_up(), SCALE)),
                    index + 1,
                    "above 2^{exponent}"
                );
            }
        }
    }

    #[test]
    fn every_bound_belongs_to_the_lower_bucket() {
        for scale in MIN_SCALE..=SCALE {
            let (lowest, highest) = range(scale);
            for index in lowest..highest {
                let upper = lower_bound(i32::from(index) + 1, scale);
                assert_eq!(index_of(upper, scale), index, "scale {scale}");
                assert_eq!(index_of(upper.next_up(), scale), index + 1, "scale {scale}");
            }
        }
    }

    #[test]
    fn the_whole_range_fits() {
        assert_eq!(range(SCALE), (-32_705, 32_767));
        assert_eq!(range(0), (-1_023, 1_023));
        assert_eq!(range(MIN_SCALE), (-1, 0));
        assert_eq!(index_of(f64::from_bits(1), SCALE), -32_705);
    }

    #[test]
    fn the_middle_is_within_the_promised_error() {
        for index in -1_000..1_000 {
            let (lower, upper) = (
                lower_bound(i32::from(index), SCALE),
                lower_bound(i32::from(index) + 1, SCALE),
            );
            let middle = middle(index, SCALE);
            assert!((middle - lower) / lower <= 0.011 && (upper - middle) / upper <= 0.011);
        }
    }
}

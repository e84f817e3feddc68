//! Rounding, done once and here: HTML, stream, JSON and CSV carry the same short numbers.

/// Powers of ten that a double holds exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// The largest integer up to which a double holds all.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A point of a line: four significant digits.
pub(crate) fn point(value: f64) -> Option<f64> {
    significant(value, 4)
}

/// A point of a line that shows a share: five decimals.
pub(crate) fn ratio_point(value: f64) -> Option<f64> {
    if value.abs() >= 1e10 {
        return significant(value, 4);
    }
    finite((value * 1e5).round() / 1e5)
}

/// A figure: six significant digits, integers exactly.
pub(crate) fn stat(value: f64) -> Option<f64> {
    if value.fract() == 0.0 && value.abs() < EXACT {
        finite(value)
    } else {
        significant(value, 6)
    }
}

/// `None` for what is no number; minus zero becomes zero.
fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value + 0.0)
}

/// The nearest number of so many significant digits. An integer is multiplied or divided by a power of ten, all exact,
/// so that the result is the double nearest to the decimal and prints as short.
fn significant(value: f64, digits: i32) -> Option<f64> {
    if value == 0.0 || !value.is_finite() {
        return finite(value);
    }
    // It may be off by one just beside a power of ten; one digit more or less is not rounded twice.
    let decimals = digits - 1 - magnitude(value.abs());
    let scaled = |decimals: i32| {
        let power = *POWERS.get(decimals.unsigned_abs() as usize)?;
        let integer = if decimals >= 0 { value * power } else { value / power }.round();
        Some((
            integer,
            if decimals >= 0 {
                integer / power
            } else {
                integer * power
            },
        ))
    };
    let limit = POWERS[digits.unsigned_abs() as usize];
    match scaled(decimals) {
        Some((integer, rounded)) if integer.abs() <= limit => finite(rounded),
        Some(_) => scaled(decimals - 1).and_then(|(_, rounded)| finite(rounded)),
        // Beyond what exact powers reach, the decimal text does it.
        None => format!("{value:.*e}", (digits - 1).unsigned_abs() as usize)
            .parse()
            .ok()
            .and_then(finite),
    }
}

/// The exponent of ten of a positive number. A view has tens of thousands of points, and a logarithm takes longer than all
/// else that is done with one.
fn magnitude(value: f64) -> i32 {
    let binary = (value.to_bits() >> 52) as i32 - 1_023;
    // The logarithm of two in fractions of 2^18: what is found is the exponent, or one less.
    let least = (binary * 78_913) >> 18;
    let next = least + 1;
    match POWERS.get(next.unsigned_abs() as usize) {
        Some(power) if next >= 0 => least + i32::from(value >= *power),
        Some(power) => least + i32::from(value * power >= 1.0),
        None => value.log10().floor() as i32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rounded_numbers_are_short() {
        for (value, expected) in [
            (0.123_449_999, "0.1234"),
            (1_234_567.0, "1235000.0"),
            (0.000_123_456, "0.0001235"),
            (9_999.6, "10000.0"),
            (999.96, "1000.0"),
            (-0.0, "0.0"),
            (-2.0 / 3.0, "-0.6667"),
            (1e-300 / 3.0, "3.333e-301"),
            (2e300 / 3.0, "6.667e+299"),
            (1_000.0, "1000.0"),
            (0.001, "0.001"),
        ] {
            let rounded = point(value).unwrap();
            assert_eq!(serde_json::to_string(&rounded).unwrap(), expected, "{value}");
        }
        assert_eq!(serde_json::to_string(&ratio_point(2.0 / 3.0)).unwrap(), "0.66667");
        assert_eq!(serde_json::to_string(&ratio_point(0.000_004)).unwrap(), "0.0");
        assert_eq!(stat(16_384_000_001.0), Some(16_384_000_001.0));
        assert_eq!(stat(1.0 / 3.0), Some(0.333_333));
        assert_eq!([point(f64::NAN), stat(f64::INFINITY), ratio_point(f64::NAN)], [None; 3]);
    }

    proptest! {
        #[test]
        fn rounding_keeps_the_digits_and_prints_no_more(
            mantissa in prop_oneof![-10.0..-1.0_f64, 1.0..10.0_f64],
            exponent in prop_oneof![-12..13_i32, -300..300_i32],
            digits in 4..7_i32,
        ) {
            let value = mantissa * 10_f64.powi(exponent);
            let rounded = significant(value, digits).unwrap();
            let places = usize::try_from(digits - 1).unwrap();
            prop_assert_eq!(rounded, format!("{rounded:.places$e}").parse::<f64>().unwrap(), "too many digits");
            let error = ((rounded - value) / value).abs();
            prop_assert!(error <= 0.500_001 * 10_f64.powi(1 - digits), "{} became {}", value, rounded);
        }
    }
}

//! Numbers as the text formats write them.

/// The powers of ten that a 64-bit float holds exactly.
const EXACT_POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// A decimal number, or `inf`, `infinity` or `nan` in any case, the first two with or without a sign. `None` for what
/// is not written as a number, and for a decimal number too large for a 64-bit float.
///
/// This is the grammar of OpenMetrics, and what Go's `ParseFloat` takes without its hexadecimal floats and underscores,
/// as Prometheus does.
pub(crate) fn number(text: &str) -> Option<f64> {
    short(text.as_bytes()).or_else(|| general(text))
}

fn general(text: &str) -> Option<f64> {
    let value: f64 = text.parse().ok()?;
    // The standard library also reads signed NaNs, and reads what is too large as infinity.
    let refused = match text.as_bytes().first()? {
        b'+' | b'-' => value.is_nan(),
        _ => false,
    };
    let too_large = value.is_infinite() && text.bytes().any(|byte| byte.is_ascii_digit());
    (!refused && !too_large).then_some(value)
}

/// The numbers that pages are full of, without the standard library's effort for the hard ones. Exact: a mantissa of up
/// to 53 bits and a power of ten up to 22 are both exact as floats, so the one operation on them rounds once, as it
/// should (Clinger, "How to read floating point numbers accurately", 1990).
fn short(text: &[u8]) -> Option<f64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    // Nineteen digits can't overflow 64 bits.
    if digits.len() > 19 {
        return None;
    }
    let (mut mantissa, mut count, mut decimals, mut point) = (0_u64, 0, 0, false);
    let mut exponent = 0;
    for (index, &byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => {
                mantissa = mantissa * 10 + u64::from(byte - b'0');
                count += 1;
                decimals += i32::from(point);
            }
            b'.' if !point => point = true,
            b'e' | b'E' => {
                exponent = power(&digits[index + 1..])?;
                break;
            }
            _ => return None,
        }
    }
    if count == 0 || mantissa > 1 << 53 {
        return None;
    }
    let exponent = exponent - decimals;
    let power = EXACT_POWERS.get(exponent.unsigned_abs() as usize)?;
    let value = if exponent < 0 {
        mantissa as f64 / power
    } else {
        mantissa as f64 * power
    };
    Some(if negative { -value } else { value })
}

/// An exponent of up to three digits.
fn power(text: &[u8]) -> Option<i32> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if !(1..=3).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = digits
        .iter()
        .fold(0, |value, digit| value * 10 + i32::from(digit - b'0'));
    Some(if negative { -value } else { value })
}

/// A finite number of seconds, and the same in milliseconds, rounded to the nearest and held within 64 bits. Decimals
/// are read digit by digit: a float of the seconds since 1970 times a thousand is often a millisecond off.
pub(crate) fn seconds(text: &str) -> Option<(f64, i64)> {
    let seconds = number(text)?;
    let millis = decimal_millis(text).unwrap_or((seconds * 1_000.0).round() as i64);
    seconds.is_finite().then_some((seconds, millis))
}

fn decimal_millis(text: &str) -> Option<i64> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, decimals) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(decimals) {
        return None;
    }
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let digit = |index| {
        decimals
            .as_bytes()
            .get(index)
            .map_or(0, |digit| i64::from(digit - b'0'))
    };
    let below = digit(0) * 100 + digit(1) * 10 + digit(2) + i64::from(digit(3) >= 5);
    let millis = whole.checked_mul(1_000)?.checked_add(below)?;
    Some(if negative { -millis } else { millis })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_grammar_is_decimal() {
        for text in [
            "1",
            "+1",
            "-1",
            "1.",
            ".5",
            "-.5e3",
            "1e5",
            "1E+05",
            "0001.2e-1",
            "-0",
            "1e-400",
            "9007199254740993",
        ] {
            assert_eq!(
                number(text).map(f64::to_bits),
                Some(text.parse::<f64>().unwrap().to_bits()),
                "{text}"
            );
        }
        for text in ["inf", "Inf", "+Inf", "-INF", "infinity", "-Infinity"] {
            assert!(number(text).unwrap().is_infinite(), "{text}");
        }
        assert!(number("NaN").unwrap().is_nan() && number("nan").unwrap().is_nan());
        for text in [
            "", "+", "-", ".", "e5", "1e", "1e+", "1_2", "0x1", "0x1p-3", "0b1", "1,5", " 1", "1 ", "-NaN", "+nan",
            "1e999", "-1e999", "1..2", "1.2.3", "1e5.5", "--1", "infinit", "١",
        ] {
            assert_eq!(number(text), None, "{text}");
        }
        assert_eq!(number(&"9".repeat(400)), None);
    }

    #[test]
    fn seconds_become_the_nearest_millisecond() {
        let millis = |text| seconds(text).map(|(_, millis)| millis);
        for (text, expected) in [
            ("000", 0),
            ("1.001", 1_001),
            ("1605281325.0", 1_605_281_325_000),
            ("1604676851.123456789", 1_604_676_851_123),
            ("1604676851.9996", 1_604_676_852_000),
            ("1.520430000123e+09", 1_520_430_000_123),
            ("-1.5", -1_500),
            (".25", 250),
            ("7.", 7_000),
            ("12345678901234567890.1234567890", i64::MAX),
            ("-1e300", i64::MIN),
        ] {
            assert_eq!(millis(text), Some(expected), "{text}");
        }
        for text in ["NaN", "Inf", "-Inf", "1_2", "1z", ".", "+", "1.1.1"] {
            assert_eq!(millis(text), None, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_096))]

        #[test]
        fn floats_are_read_as_the_standard_library_reads_them(bits in any::<u64>()) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            for text in [format!("{value}"), format!("{value:e}")] {
                prop_assert_eq!(number(&text).map(f64::to_bits), Some(value.to_bits()));
            }
        }

        #[test]
        fn short_decimals_are_read_as_the_standard_library_reads_them(
            text in "[-+]?[0-9]{0,12}(\\.[0-9]{0,9})?([eE][-+]?[0-9]{0,3})?"
        ) {
            let expected: Option<f64> = text.parse().ok().filter(|value: &f64| value.is_finite());
            prop_assert_eq!(number(&text).map(f64::to_bits), expected.map(f64::to_bits));
        }
    }
}

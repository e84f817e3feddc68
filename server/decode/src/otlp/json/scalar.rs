//! Numbers, ids and bytes as JSON has them.

use super::schema::Kind;
use crate::wire::Writer;

/// A number as it stood in the JSON.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Integer(i128),
    Double(f64),
}

/// Beyond this, not even the doubles fit into 64 bits.
const HUGE: f64 = 1e20;

impl Number {
    /// A number of this kind that stands in a string: those of 64 bits do, and those that JSON has no word for.
    pub(super) fn of_text(kind: &Kind, text: &str) -> Result<Self, String> {
        match (kind, text) {
            (Kind::Enum(names), _) => {
                let place = names.iter().position(|name| *name == text);
                let place = place.ok_or_else(|| format!("there is no {text:?} among its values"))?;
                return Ok(Self::Integer(place as i128));
            }
            (Kind::Double, "NaN") => return Ok(Self::Double(f64::NAN)),
            (Kind::Double, "Infinity") => return Ok(Self::Double(f64::INFINITY)),
            (Kind::Double, "-Infinity") => return Ok(Self::Double(f64::NEG_INFINITY)),
            _ => {}
        }
        if let Ok(integer) = text.parse() {
            return Ok(Self::Integer(integer));
        }
        // Rust's words for what is not finite are not the protocol's.
        let number = text.parse().ok().filter(|number: &f64| number.is_finite());
        let number = number.ok_or_else(|| format!("{text:?} is no number; expected {}", kind.expected()))?;
        Ok(Self::Double(number))
    }

    /// Appends it, after a tag if there is one.
    pub(super) fn write(self, kind: &Kind, tag: Option<u32>, out: &mut Vec<u8>) -> Result<(), String> {
        let mut writer = Writer(out);
        let bits = match kind {
            Kind::Double => match self {
                Self::Double(number) => number.to_bits(),
                Self::Integer(integer) => (integer as f64).to_bits(),
            },
            Kind::Fixed64 => self.within::<u64>(kind)?,
            Kind::Sfixed64 => self.within::<i64>(kind)? as u64,
            Kind::Int64 => self.within::<i64>(kind)? as u64,
            Kind::Uint64 => self.within::<u64>(kind)?,
            Kind::Uint32 => self.within::<u32>(kind)?.into(),
            Kind::Enum(_) => i64::from(self.within::<i32>(kind)?) as u64,
            Kind::Sint32 => {
                let number = self.within::<i32>(kind)?;
                ((number << 1 ^ number >> 31) as u32).into()
            }
            Kind::Text | Kind::Base64 | Kind::Hex | Kind::Bool | Kind::Message(_) => {
                return Err(format!("a number; expected {}", kind.expected()));
            }
        };
        match (tag, kind) {
            (Some(tag), Kind::Double | Kind::Fixed64 | Kind::Sfixed64) => writer.fixed64(tag, bits),
            (None, Kind::Double | Kind::Fixed64 | Kind::Sfixed64) => out.extend_from_slice(&bits.to_le_bytes()),
            (Some(tag), _) => writer.varint(tag, bits),
            (None, _) => writer.raw_varint(bits),
        }
        Ok(())
    }

    fn within<T: TryFrom<i128>>(self, kind: &Kind) -> Result<T, String> {
        let integer = match self {
            Self::Integer(integer) => Some(integer),
            Self::Double(number) if number.fract() == 0.0 && number.abs() < HUGE => Some(number as i128),
            Self::Double(_) => None,
        };
        let fits = integer.and_then(|integer| T::try_from(integer).ok());
        fits.ok_or_else(|| {
            let bits = 8 * size_of::<T>();
            match self {
                Self::Integer(number) => format!("{number} is not {} of {bits} bits", kind.expected()),
                Self::Double(number) => format!("{number} is not {} of {bits} bits", kind.expected()),
            }
        })
    }
}

/// An id.
pub(super) fn hex(text: &str) -> Result<Vec<u8>, &'static str> {
    let digit = |digit: u8| char::from(digit).to_digit(16).map(|digit| digit as u8);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?));
    match bytes.collect::<Option<_>>() {
        Some(bytes) if rest.is_empty() => Ok(bytes),
        _ => Err("the id is not hexadecimal"),
    }
}

/// Bytes: of either alphabet, with or without padding.
pub(super) fn base64(text: &str) -> Result<Vec<u8>, &'static str> {
    let digits = text.trim_end_matches('=').as_bytes();
    let mut out = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    for group in digits.chunks(4) {
        let mut bits = 0_u32;
        for digit in group {
            let value = match digit {
                b'A'..=b'Z' => digit - b'A',
                b'a'..=b'z' => digit - b'a' + 26,
                b'0'..=b'9' => digit - b'0' + 52,
                b'+' | b'-' => 62,
                b'/' | b'_' => 63,
                _ => return Err("the bytes are not Base64"),
            };
            bits = bits << 6 | u32::from(value);
        }
        match group.len() {
            4 => out.extend_from_slice(&bits.to_be_bytes()[1..]),
            3 => out.extend_from_slice(&(bits >> 2).to_be_bytes()[2..]),
            2 => out.push((bits >> 4) as u8),
            _ => return Err("the bytes are not Base64"),
        }
    }
    Ok(out)
}

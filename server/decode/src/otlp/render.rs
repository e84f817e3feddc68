//! Values of attributes as labels have them.
//!
//! As Prometheus has them that takes OTLP itself: a text is itself, arrays and lists are JSON with keys in ascending
//! order, bytes are Base64. So a label is the same whichever way it came. One difference is meant: `<`, `>` and `&` stay
//! themselves within JSON, which Go's library writes as `\u003c` and the like.

use std::fmt::{self, Write};

use super::attributes::{Attributes, Value};

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Empty => Ok(()),
            Value::String(text) => f.write_str(text),
            Value::Double(number) if !number.is_finite() => f.write_str(not_finite(*number)),
            Value::Bytes(bytes) => base64(f, bytes),
            other => json(f, other),
        }
    }
}

impl Value<'_> {
    /// Appends it as a label has it.
    pub fn render(&self, out: &mut String) {
        match self {
            Self::String(text) => out.push_str(text),
            // Writing to a string does not fail.
            _ => drop(write!(out, "{self}")),
        }
    }
}

fn json(f: &mut fmt::Formatter<'_>, value: &Value<'_>) -> fmt::Result {
    match value {
        Value::Empty => f.write_str("null"),
        Value::String(text) => json_text(f, text),
        Value::Bool(value) => write!(f, "{value}"),
        Value::Int(number) => write!(f, "{number}"),
        Value::Double(number) => json_double(f, *number),
        Value::Bytes(bytes) => {
            f.write_char('"')?;
            base64(f, bytes)?;
            f.write_char('"')
        }
        Value::Array(values) => {
            f.write_char('[')?;
            for (place, value) in values.enumerate() {
                if place > 0 {
                    f.write_char(',')?;
                }
                json(f, &value)?;
            }
            f.write_char(']')
        }
        Value::KeyValues(list) => json_object(f, *list),
    }
}

fn json_object(f: &mut fmt::Formatter<'_>, list: Attributes<'_>) -> fmt::Result {
    let mut sorted: Vec<_> = list.collect();
    // Of several values of a key the last one counts. The sort is stable.
    sorted.sort_by_key(|(key, _)| *key);
    f.write_char('{')?;
    let mut is_first = true;
    for (place, (key, value)) in sorted.iter().enumerate() {
        if sorted.get(place + 1).is_some_and(|next| next.0 == *key) {
            continue;
        }
        if !std::mem::take(&mut is_first) {
            f.write_char(',')?;
        }
        json_text(f, key)?;
        f.write_char(':')?;
        json(f, value)?;
    }
    f.write_char('}')
}

fn json_text(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for character in text.chars() {
        match character {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            '\0'..' ' => write!(f, "\\u{:04x}", u32::from(character))?,
            _ => f.write_char(character)?,
        }
    }
    f.write_char('"')
}

/// Digits and a point; an exponent only where there would be more than 21 digits or six zeros.
fn json_double(f: &mut fmt::Formatter<'_>, number: f64) -> fmt::Result {
    if !number.is_finite() {
        return write!(f, "\"{}\"", not_finite(number));
    }
    let size = number.abs();
    if size >= 1e21 {
        let text = format!("{number:e}");
        return f.write_str(&text.replace('e', "e+"));
    }
    if size < 1e-6 && size > 0.0 {
        return write!(f, "{number:e}");
    }
    write!(f, "{number}")
}

fn not_finite(number: f64) -> &'static str {
    if number.is_nan() {
        "NaN"
    } else if number > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    }
}

fn base64(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for group in bytes.chunks(3) {
        let byte = |place: usize| u32::from(group.get(place).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place)) as usize & 63];
            f.write_char(if place <= group.len() { digit.into() } else { '=' })?;
        }
    }
    Ok(())
}

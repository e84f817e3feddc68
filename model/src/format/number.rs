//! Digits: a fixed number of decimals, thousands with commas, a real minus.

/// What stands for a missing value.
pub const MISSING: &str = "–";

const POWERS: [f64; 7] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6];

/// The smallest step that so many decimals can show.
pub(super) fn unit_of(decimals: u8) -> f64 {
    1.0 / POWERS[usize::from(decimals).min(6)]
}

/// How many decimals a step of an axis needs: 0.25 needs two.
pub(super) fn decimals_of(step: f64) -> u8 {
    (0u8..6)
        .find(|&decimals| {
            let shifted = step * POWERS[usize::from(decimals)];
            (shifted - shifted.round()).abs() < 1e-6 * shifted.abs().max(1e-9)
        })
        .unwrap_or(6)
}

/// A number with so many decimals (at most 6), rounded half away from zero, thousands with commas: `1,191`, `−1.50`.
pub fn fixed(value: f64, decimals: u8) -> String {
    if !value.is_finite() {
        return MISSING.to_owned();
    }
    let decimals = usize::from(decimals).min(6);
    let scaled = value.abs() * POWERS[decimals];
    // Values come rounded to at most 6 digits: a tie that binary fractions missed by a hair is a tie.
    let rounded = (scaled * (1.0 + 1e-12) + 0.5).floor();
    // Saturates, far beyond anything that is measured.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole, not negative, and saturating"
    )]
    let mut rest = rounded as u64;
    let mut reversed = Vec::with_capacity(16);
    let mut place = 0;
    while place <= decimals || rest > 0 {
        if place == decimals && decimals > 0 {
            reversed.push(b'.');
        } else if place > decimals && (place - decimals).is_multiple_of(3) {
            reversed.push(b',');
        }
        reversed.push(b'0' + u8::try_from(rest % 10).unwrap_or_default());
        rest /= 10;
        place += 1;
    }
    let mut text = String::with_capacity(reversed.len() + 3);
    if value < 0.0 && rounded > 0.0 {
        text.push('−');
    }
    text.extend(reversed.iter().rev().map(|&byte| char::from(byte)));
    text
}

/// The same without trailing zeros after the point.
pub fn trimmed(value: f64, decimals: u8) -> String {
    let text = fixed(value, decimals);
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

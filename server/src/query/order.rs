//! The order in which series stand: by labels, numbers within them by value, so that nothing moves as values change.

use std::cmp::Ordering;

use keiki_model::series::Labels;

/// `cpu="2"` before `cpu="10"`, `2xx` before `5xx`.
pub(crate) fn natural(a: &Labels, b: &Labels) -> Ordering {
    let pairs = a.iter().zip(b.iter());
    let differing = pairs
        .map(|(a, b)| a.0.cmp(b.0).then_with(|| natural_text(a.1, b.1)))
        .find(|order| order.is_ne());
    differing.unwrap_or_else(|| a.len().cmp(&b.len()))
}

fn natural_text(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a.as_bytes(), b.as_bytes());
    while let (Some(&l), Some(&r)) = (left.first(), right.first()) {
        let order = if l.is_ascii_digit() && r.is_ascii_digit() {
            let (left_number, right_number) = (number(&mut left), number(&mut right));
            left_number
                .len()
                .cmp(&right_number.len())
                .then_with(|| left_number.cmp(right_number))
        } else {
            (left, right) = (&left[1..], &right[1..]);
            l.cmp(&r)
        };
        if order.is_ne() {
            return order;
        }
    }
    // Texts that differ only in leading zeros still need an order of their own.
    left.len().cmp(&right.len()).then_with(|| a.cmp(b))
}

/// Takes the leading digits off, and returns them without leading zeros: of two such, the longer is the larger.
fn number<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = text.split_at(digits);
    *text = rest;
    let zeros = number.iter().take_while(|byte| **byte == b'0').count();
    &number[zeros..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_by_value() {
        let mut values = [
            "10", "9", "", "2xx", "cpu10", "cpu9", "_OTHER", "007", "7", "1m", "15m", "5m", "b",
        ];
        values.sort_by(|a, b| natural_text(a, b));
        assert_eq!(
            values,
            [
                "", "1m", "2xx", "5m", "007", "7", "9", "10", "15m", "_OTHER", "b", "cpu9", "cpu10"
            ]
        );
    }

    #[test]
    fn labels_compare_pair_by_pair() {
        let labels = |method, route| Labels::new([("method", method), ("route", route)]);
        assert_eq!(natural(&labels("GET", "/b"), &labels("POST", "/a")), Ordering::Less);
        assert_eq!(
            natural(&labels("GET", "/items/2"), &labels("GET", "/items/10")),
            Ordering::Less
        );
        assert_eq!(natural(&Labels::none(), &labels("GET", "/")), Ordering::Less);
    }
}

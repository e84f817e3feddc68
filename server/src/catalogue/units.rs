//! The unit of a metric, as its name tells it.

use keiki_model::unit::Unit;

/// What a metric of this name is measured in.
pub(crate) fn of_metric(name: &str) -> Unit {
    let name = name.strip_suffix("_total").unwrap_or(name);
    if name.ends_with("_seconds") {
        Unit::Seconds
    } else if name.ends_with("_bytes") {
        Unit::Bytes
    } else if name.ends_with("_ratio") {
        Unit::Ratio
    } else {
        Unit::Count
    }
}

/// What its growth per second is measured in. Seconds per second are no time: they are a number, such as of busy cores.
pub(crate) fn of_rate(name: &str) -> Unit {
    match of_metric(name) {
        Unit::Bytes => Unit::BytesPerSecond,
        Unit::Seconds => Unit::Count,
        _ => Unit::PerSecond,
    }
}

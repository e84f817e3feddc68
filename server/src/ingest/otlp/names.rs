//! Names as Prometheus writes them: OpenTelemetry's own translation.

use keiki_decode::otlp::{Kind, Metric};

/// A label's name.
pub(super) fn label(key: &str) -> String {
    let mut name: String = key
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert_str(0, "key_");
    }
    name
}

/// A metric's name, with its unit and what it is.
pub(super) fn metric(metric: &Metric<'_>) -> String {
    let mut words: Vec<&str> = metric
        .name
        .split(|c: char| !c.is_ascii_alphanumeric() && c != ':')
        .filter(|word| !word.is_empty())
        .collect();
    let is_total = matches!(metric.kind, Kind::Sum { is_monotonic: true, .. });
    if is_total {
        words.retain(|word| *word != "total");
    }
    let (unit, per) = unit(metric.unit);
    let ratio = metric.unit == "1" && metric.kind == Kind::Gauge;
    for word in [unit, per, if ratio { "ratio" } else { "" }] {
        // `jvm.memory.used_bytes` need not say it twice.
        let is_said = word.split('_').all(|part| words.contains(&part));
        if !word.is_empty() && !is_said {
            words.push(word);
        }
    }
    if is_total {
        words.push("total");
    }
    let name = words.join("_");
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        format!("_{name}")
    } else {
        name
    }
}

/// The words of a unit, and of what it is per. Remarks in braces are no unit.
fn unit(text: &str) -> (&str, &str) {
    let (unit, per) = text.split_once('/').unwrap_or((text, ""));
    (word(unit), per_word(per))
}

fn word(unit: &str) -> &str {
    match unit.trim() {
        "d" => "days",
        "h" => "hours",
        "min" => "minutes",
        "s" => "seconds",
        "ms" => "milliseconds",
        "us" => "microseconds",
        "ns" => "nanoseconds",
        "By" => "bytes",
        "KiBy" => "kibibytes",
        "MiBy" => "mebibytes",
        "GiBy" => "gibibytes",
        "KBy" => "kilobytes",
        "MBy" => "megabytes",
        "GBy" => "gigabytes",
        "m" => "meters",
        "V" => "volts",
        "A" => "amperes",
        "J" => "joules",
        "W" => "watts",
        "g" => "grams",
        "Cel" => "celsius",
        "Hz" => "hertz",
        "%" => "percent",
        "1" => "",
        other if other.contains(['{', ' ']) || !other.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') => "",
        other => other,
    }
}

fn per_word(unit: &str) -> &str {
    match unit.trim() {
        "s" => "per_second",
        "m" => "per_minute",
        "h" => "per_hour",
        "d" => "per_day",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use keiki_decode::otlp::Temporality;

    use super::*;

    #[test]
    fn names_are_translated() {
        let temporality = Temporality::Cumulative;
        let (total, sum) = (
            Kind::Sum {
                is_monotonic: true,
                temporality,
            },
            Kind::Sum {
                is_monotonic: false,
                temporality,
            },
        );
        for (name, unit, kind, wanted) in [
            (
                "http.server.request.duration",
                "s",
                Kind::Histogram { temporality },
                "http_server_request_duration_seconds",
            ),
            (
                "http.server.duration",
                "ms",
                Kind::Histogram { temporality },
                "http_server_duration_milliseconds",
            ),
            (
                "http.server.active_requests",
                "{request}",
                sum,
                "http_server_active_requests",
            ),
            ("system.cpu.time", "s", total, "system_cpu_time_seconds_total"),
            (
                "system.memory.utilization",
                "1",
                Kind::Gauge,
                "system_memory_utilization_ratio",
            ),
            ("requests_total", "1", total, "requests_total"),
            ("jvm.memory.used_bytes", "By", Kind::Gauge, "jvm_memory_used_bytes"),
            ("net.rate", "By/s", Kind::Gauge, "net_rate_bytes_per_second"),
            ("9lives", "", Kind::Gauge, "_9lives"),
        ] {
            let it = Metric {
                name,
                unit,
                description: "",
                kind,
            };
            assert_eq!(metric(&it), wanted);
        }
        assert_eq!(
            (label("http.route"), label("0.a")),
            ("http_route".to_owned(), "key_0_a".to_owned())
        );
    }
}

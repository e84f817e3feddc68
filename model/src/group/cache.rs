//! Hit rate, size and speed of each tier.

use super::Definition;
use super::build::*;
use crate::panel::{ChartKind, Palette, Panel};
use crate::query::Query;
use crate::unit::Unit;

const DURATION: &str = "cache_operation_duration_seconds";
const SIZE: &str = "cache_size_bytes";
const LIMIT: &str = "cache_limit_bytes";
const EVICTIONS: &str = "cache_evictions_total";

fn fed(builder: Builder) -> Panel {
    builder.fed_by(
        text(
            "キャッシュの計測値がまだ届いていません。redis_exporter などのページがあれば keiki.toml に書いてください。Rust のサービスは keiki-instrument の CacheInstrument で計測できます。",
            "No source feeds this panel yet; name the page of an exporter such as redis_exporter in keiki.toml, or measure a \
             Rust service's cache with CacheInstrument of keiki-instrument.",
        ),
        "[[scrape]]\nname = \"cache\"\nurl = \"http://127.0.0.1:9121/metrics\"",
    )
}

pub(super) fn define() -> Definition {
    let timed = all(DURATION);
    // Servers count, and time nothing; what also counts writes says so by its result.
    let gets = all("cache_operations_total").instead(DURATION).is("cache_result", &["hit", "miss"]);
    let hits = all("cache_operations_total").instead(DURATION).is("cache_result", &["hit"]);
    let (seconds, times) = (all("cache_operation_seconds_total"), all("cache_timed_operations_total").with("cache_operation_seconds_total"));
    let mean_time = || mean(&timed).or(Query::ratio(increase(&seconds), increase(&times)));
    let tier = &["cache_tier"];
    let ratio = || Query::ratio(increase(&hits), increase(&gets));
    Definition {
        title: text("キャッシュ", "Cache"),
        card: vec![("cache.hit_rate", Ratio), ("cache.get_time", P95), ("cache.size", Last), ("cache.evictions", Rate)],
        panels: vec![
            fed(panel(
                "cache.hit_rate",
                text("ヒット率", "Hit rate"),
                text("ヒット率", "Hit rate"),
                Unit::Ratio,
                ChartKind::Line,
                text("取得のうちキャッシュにあった割合を階層ごとに。", "The share of gets that were found, by tier."),
            )
            .lines(Query::ratio(rate(&hits), rate(&gets)).by(tier))
            .naming(tier)
            .stat(Ratio, text("ヒット率", "Hit rate"), ratio())
            .stat_in(Unit::PerSecond, Rate, text("取得", "Gets"), rate(&gets))),
            fed(panel(
                "cache.get_time",
                text("取得時間", "Get time"),
                text("取得時間", "Get time"),
                Unit::Seconds,
                ChartKind::Line,
                text("取得の所要時間。線の各点は直近 10 秒。", "How long a get takes. A point covers the trailing 10 seconds."),
            )
            .palette(Palette::Ranked)
            .statistic(Mean, mean(&timed).or(Query::ratio(rate(&seconds), rate(&times))))
            .statistic(P95, quantile(&timed, 0.95))
            .stat(P95, text("取得 p95", "Get p95"), quantile(&timed, 0.95))
            .stat(Mean, text("平均", "Mean"), mean_time())
            .stat(Max, text("最大", "Max"), max(&timed))),
            fed(panel(
                "cache.size",
                text("使用量", "Size"),
                text("使用量", "Size"),
                Unit::Bytes,
                ChartKind::StackedArea,
                text("キャッシュが占めるメモリを階層ごとに。", "Memory that the cache holds, by tier."),
            )
            .lines(last(&all(SIZE)).by(tier))
            .naming(tier)
            .stat(Last, text("使用量", "Size"), last(&all(SIZE)))
            .limited_by(last(&all(LIMIT)))
            .stat(Max, text("最大", "Max"), max(&all(SIZE)))),
            fed(panel(
                "cache.evictions",
                text("追い出し", "Evictions"),
                text("追い出し", "Evictions"),
                Unit::PerSecond,
                ChartKind::Bar,
                text("場所を空けるために捨てた項目の数。", "Entries dropped to make room."),
            )
            .lines(rate(&all(EVICTIONS)).by(tier))
            .naming(tier)
            .stat(Rate, text("追い出し", "Evictions"), rate(&all(EVICTIONS)))
            .stat_in(Unit::Count, Count, text("件数", "Count"), increase(&all(EVICTIONS)))),
            fed(panel(
                "cache.tiers",
                text("階層別", "Tiers"),
                text("ヒット率", "Hit rate"),
                Unit::Ratio,
                ChartKind::Table,
                text("階層ごとのヒット率と取得時間。", "Hit rate and get time by tier."),
            )
            .naming(tier)
            .table(20, Some(Query::ratio(rate(&hits), rate(&gets)).by(tier)))
            .column(Ratio, text("ヒット率", "Hit rate"), Unit::Ratio, ratio().by(tier))
            .column(P95, text("取得 p95", "Get p95"), Unit::Seconds, quantile(&timed, 0.95).by(tier))
            .minor(Mean, text("平均", "Mean"), Unit::Seconds, mean_time().by(tier))
            .minor(Rate, text("毎秒", "Rate"), Unit::PerSecond, rate(&gets).by(tier))
            .minor(Count, text("取得", "Gets"), Unit::Count, increase(&gets).by(tier))
            .order()),
        ],
    }
}

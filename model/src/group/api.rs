//! Requests that the service answers.

use super::Definition;
use super::build::*;
use crate::panel::{ChartKind, Palette, Panel};
use crate::query::{Query, STATUS_CLASS, Selector};
use crate::unit::Unit;

const DURATION: &str = "http_server_request_duration_seconds";
const CALLS: &str = "http_server_requests_total";
const SECONDS: &str = "http_server_request_seconds_total";
const STATUS: &str = "http_response_status_code";
const ACTIVE: &str = "http_server_active_requests";

/// Requests: counted where they are, else those that were timed.
fn calls() -> Selector {
    all(CALLS).instead(DURATION)
}

fn failed() -> Selector {
    calls().starts_with(STATUS, "5")
}

/// Requests of which it is known how they ended: without that, nothing can be said of errors.
fn answered() -> Selector {
    calls().is_not(STATUS, &[""])
}

fn error_ratio() -> Query {
    Query::ratio(increase(&failed()), increase(&answered()))
}

/// The mean of services that keep only sums.
fn mean_of_sums() -> Query {
    Query::ratio(increase(&all(SECONDS)), increase(&all(CALLS).with(SECONDS)))
}

fn fed(builder: Builder) -> Panel {
    builder.fed_by(
        text(
            "サービスの計測値がまだ届いていません。メトリクスのページがあれば keiki.toml に書いてください。OpenTelemetry なら、OTLP（HTTP）の送り先を Keiki にしてください。",
            "No service sends request timings yet; name its page of metrics in keiki.toml, or send OpenTelemetry (OTLP over HTTP) to Keiki.",
        ),
        SCRAPE,
    )
}

pub(super) fn define() -> Definition {
    let requests = all(DURATION);
    let calls = calls();
    let by_route = &["http_request_method", "http_route"];
    Definition {
        title: text("API", "API"),
        card: vec![
            ("api.throughput", Rate),
            ("api.latency", P50),
            ("api.latency", P95),
            ("api.latency", P99),
            ("api.errors", Ratio),
        ],
        panels: vec![
            fed(panel(
                "api.latency",
                text("応答時間", "Latency"),
                text("応答時間", "Response time"),
                Unit::Seconds,
                ChartKind::Line,
                text(
                    "リクエストを受けてから応答を返し始めるまでの時間。線の各点は直近 10 秒の百分位数、数値は期間全体の分布から求めます。合計しか持たないサービスには平均だけがあります。",
                    "Time from a request to the start of its answer. A point is the percentile of the trailing 10 seconds; figures come from the distribution of the whole window. Of services that keep only sums there is just the mean.",
                ),
            )
            .palette(Palette::Ranked)
            .statistic(P50, quantile(&requests, 0.5))
            .statistic(P95, quantile(&requests, 0.95))
            .statistic(P99, quantile(&requests, 0.99))
            .statistic(Mean, Query::ratio(rate(&all(SECONDS)), rate(&all(CALLS).with(SECONDS))))
            .stat(P50, text("p50", "p50"), quantile(&requests, 0.5))
            .stat(P95, text("p95", "p95"), quantile(&requests, 0.95))
            .stat(P99, text("p99", "p99"), quantile(&requests, 0.99))
            .stat(Max, text("最大", "Max"), max(&requests))
            .stat(Mean, text("平均", "Mean"), mean(&requests).or(mean_of_sums()))),
            fed(panel(
                "api.distribution",
                text("応答時間の分布", "Latency distribution"),
                text("応答時間", "Response time"),
                Unit::Seconds,
                ChartKind::Heat,
                text(
                    "時間帯と応答時間ごとのリクエスト数。濃いほど多く、斜線は計測がなかった時間です。",
                    "Requests by time and response time: the darker, the more. Hatching is time that was not measured.",
                ),
            )
            .heat(requests.clone())),
            fed(panel(
                "api.throughput",
                text("スループット", "Throughput"),
                text("リクエスト", "Requests"),
                Unit::PerSecond,
                ChartKind::StackedArea,
                text(
                    "1 秒あたりの応答数をステータスの種別ごとに積み上げたもの。",
                    "Answers per second, stacked by status class.",
                ),
            )
            .palette(Palette::StatusClass)
            .lines(rate(&calls).by(&[STATUS_CLASS]))
            .naming(&[STATUS_CLASS])
            .stat(Rate, text("スループット", "Throughput"), rate(&calls))
            .stat_in(Unit::Count, Count, text("リクエスト数", "Requests"), increase(&calls))),
            fed(panel(
                "api.errors",
                text("エラー率", "Error rate"),
                text("5xx の割合", "Answered 5xx"),
                Unit::Ratio,
                ChartKind::Area,
                text(
                    "応答のうち 5xx の割合。4xx は利用者側の誤りなので含みません。",
                    "The share of answers that were 5xx. 4xx are not counted: they are the caller's.",
                ),
            )
            .lines(Query::ratio(rate(&failed()), rate(&answered())))
            .stat(Ratio, text("エラー率", "Error rate"), error_ratio())
            .stat_in(Unit::Count, Count, text("エラー数", "Errors"), increase(&failed()))),
            fed(panel(
                "api.active",
                text("処理中のリクエスト", "Requests in flight"),
                text("処理中", "In flight"),
                Unit::Count,
                ChartKind::Area,
                text("受け付けて、まだ応答していないリクエストの数。", "Requests accepted and not yet answered."),
            )
            .lines(last(&all(ACTIVE)))
            .stat(Last, text("処理中", "In flight"), last(&all(ACTIVE)))
            .stat(Max, text("最大", "Max"), max(&all(ACTIVE)))),
            fed(panel(
                "api.endpoints",
                text("エンドポイント", "Endpoints"),
                text("p95", "p95"),
                Unit::Seconds,
                ChartKind::Table,
                text(
                    "メソッドと経路ごとの応答時間、件数、エラー率。期間中の呼び出しが多い順に 50 件まで。",
                    "Response time, calls and errors by method and route; the 50 called most in the window.",
                ),
            )
            .naming(by_route)
            .table(50, Some(quantile(&requests, 0.95).by(by_route)))
            .minor(P50, text("p50", "p50"), Unit::Seconds, quantile(&requests, 0.5).by(by_route))
            .minor(P95, text("p95", "p95"), Unit::Seconds, quantile(&requests, 0.95).by(by_route))
            .column(P99, text("p99", "p99"), Unit::Seconds, quantile(&requests, 0.99).by(by_route))
            .minor(Max, text("最大", "Max"), Unit::Seconds, max(&requests).by(by_route))
            .minor(Mean, text("平均", "Mean"), Unit::Seconds, mean(&requests).or(mean_of_sums()).by(by_route))
            .minor(Rate, text("毎秒", "Rate"), Unit::PerSecond, rate(&calls).by(by_route))
            .column(Ratio, text("エラー率", "Errors"), Unit::Ratio, error_ratio().by(by_route))
            .minor(Count, text("件数", "Calls"), Unit::Count, increase(&calls).by(by_route))
            .order()),
        ],
    }
}

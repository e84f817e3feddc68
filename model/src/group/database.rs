//! Queries, connections and transactions.

use super::Definition;
use super::build::*;
use crate::panel::{ChartKind, Palette, Panel};
use crate::query::Query;
use crate::unit::Unit;

const DURATION: &str = "db_client_operation_duration_seconds";
const CONNECTIONS: &str = "db_client_connection_count";
const CONNECTIONS_MAX: &str = "db_client_connection_max";

fn fed(builder: Builder) -> Panel {
    builder.fed_by(
        text(
            "データベースの計測値がまだ届いていません。Rust のサービスは keiki-instrument の QueryInstrument で計測できます。",
            "No source feeds this panel yet; a Rust service measures its queries with QueryInstrument of keiki-instrument.",
        ),
        "let timer = queries.query(\"postgresql\", \"SELECT users\");",
    )
}

pub(super) fn define() -> Definition {
    let queries = all(DURATION);
    let succeeded = queries.clone().is("error_type", &[""]);
    let used = all(CONNECTIONS).is("db_client_connection_state", &["used"]);
    let success = || Query::ratio(increase(&succeeded), increase(&queries));
    let by_statement = &["db_query_summary", "db_system_name"];
    Definition {
        title: text("データベース", "Database"),
        card: vec![
            ("database.query_time", Mean),
            ("database.query_time", P95),
            ("database.query_time", P99),
            ("database.connections", Last),
        ],
        panels: vec![
            fed(panel(
                "database.query_time",
                text("クエリ時間", "Query time"),
                text("クエリ時間", "Query time"),
                Unit::Seconds,
                ChartKind::Line,
                text(
                    "クエリの所要時間。線の各点は直近 10 秒、数値は期間全体の分布から求めます。",
                    "How long queries take. A point covers the trailing 10 seconds; figures come from the whole window.",
                ),
            )
            .palette(Palette::Ranked)
            .statistic(Mean, mean(&queries))
            .statistic(P95, quantile(&queries, 0.95))
            .statistic(P99, quantile(&queries, 0.99))
            .stat(Mean, text("平均", "Mean"), mean(&queries))
            .stat(P95, text("p95", "p95"), quantile(&queries, 0.95))
            .stat(P99, text("p99", "p99"), quantile(&queries, 0.99))
            .stat(Max, text("最大", "Max"), max(&queries))),
            fed(panel(
                "database.rate",
                text("クエリ数", "Query rate"),
                text("クエリ", "Queries"),
                Unit::PerSecond,
                ChartKind::Area,
                text("1 秒あたりに終わったクエリの数。", "Queries finished per second."),
            )
            .lines(rate(&queries))
            .stat(Rate, text("毎秒", "Queries"), rate(&queries))
            .stat_in(Unit::Count, Count, text("クエリ数", "Count"), increase(&queries))),
            fed(panel(
                "database.connections",
                text("接続", "Connections"),
                text("接続", "Connections"),
                Unit::Count,
                ChartKind::StackedArea,
                text("プールの接続を状態ごとに、上限に対して示します。", "Connections of the pool by state, against their maximum."),
            )
            .lines(last(&all(CONNECTIONS)).by(&["db_client_connection_state"]))
            .naming(&["db_client_connection_state"])
            .stat(Last, text("使用接続", "Connections"), last(&used))
            .limited_by(last(&all(CONNECTIONS_MAX)))
            .stat(Max, text("最大", "Max"), max(&used))),
            fed(panel(
                "database.transactions",
                text("成功率", "Success"),
                text("成功した割合", "Succeeded"),
                Unit::Ratio,
                ChartKind::Line,
                text("クエリのうち誤りなく終わった割合。", "The share of queries that ended without an error."),
            )
            .lines(Query::ratio(rate(&succeeded), rate(&queries)))
            .stat(Ratio, text("成功率", "Success"), success())),
            fed(panel(
                "database.statements",
                text("クエリ別", "Statements"),
                text("p95", "p95"),
                Unit::Seconds,
                ChartKind::Table,
                text("クエリの要約ごとの所要時間と件数。多い順に 50 件まで。", "Time and calls by query summary; the 50 called most."),
            )
            .naming(&["db_query_summary"])
            .table(50, Some(quantile(&queries, 0.95).by(by_statement)))
            .column(Mean, text("平均", "Mean"), Unit::Seconds, mean(&queries).by(by_statement))
            .column(P95, text("p95", "p95"), Unit::Seconds, quantile(&queries, 0.95).by(by_statement))
            .minor(P99, text("p99", "p99"), Unit::Seconds, quantile(&queries, 0.99).by(by_statement))
            .minor(Max, text("最大", "Max"), Unit::Seconds, max(&queries).by(by_statement))
            .minor(Rate, text("毎秒", "Per second"), Unit::PerSecond, rate(&queries).by(by_statement))
            .minor(Count, text("件数", "Calls"), Unit::Count, increase(&queries).by(by_statement))
            .order()),
        ],
    }
}

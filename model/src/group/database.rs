//! Queries, connections and transactions.

use super::Definition;
use super::build::*;
use crate::panel::{ChartKind, Palette, Panel};
use crate::query::Query;
use crate::unit::Unit;

const DURATION: &str = "db_client_operation_duration_seconds";
const CONNECTIONS: &str = "db_client_connection_count";
const CONNECTIONS_MAX: &str = "db_client_connection_max";
const DATABASE: &str = "db_namespace";
const STATE: &str = "db_client_connection_state";

/// What services and servers tell alike.
fn fed(builder: Builder) -> Panel {
    builder.fed_by(
        text(
            "データベースの計測値がまだ届いていません。keiki.toml に PostgreSQL サーバーを書くか、サービスから OpenTelemetry（OTLP）でクエリの計測値を Keiki に送ってください。",
            "No source feeds this panel yet; name a PostgreSQL server in keiki.toml, or have services send their queries' \
             timings to Keiki by OpenTelemetry (OTLP).",
        ),
        POSTGRES,
    )
}

/// What only the client measures.
fn fed_by_client(builder: Builder) -> Panel {
    builder.fed_by(
        text(
            "サービスが計測したクエリがまだ届いていません。OpenTelemetry のスパンかメトリクスを OTLP で送るか、Rust なら keiki-instrument の QueryInstrument で計測してください。",
            "No service's queries are measured yet; send OpenTelemetry spans or metrics by OTLP, or measure a Rust service's \
             queries with QueryInstrument of keiki-instrument.",
        ),
        "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:3000",
    )
}

/// What only the server knows.
fn fed_by_server(builder: Builder) -> Panel {
    builder.fed_by(
        text(
            "データベースサーバーがまだ登録されていません。keiki.toml に PostgreSQL サーバーを書いてください。",
            "No database server is watched yet; name a PostgreSQL server in keiki.toml.",
        ),
        POSTGRES,
    )
}

/// What a server tells only while it has replicas.
fn fed_by_replicas(builder: Builder) -> Panel {
    builder.fed_by(
        text(
            "レプリカの報告がありません。監視中の PostgreSQL にレプリカがつながると、ここに遅れが出ます。",
            "No replica is reported. The lag appears here while replicas of a watched PostgreSQL server stream from it.",
        ),
        "",
    )
}

const POSTGRES: &str = "[[postgres]]\nname = \"shop-db\"\nurl = \"postgresql://keiki@127.0.0.1:5432/shop\"";

pub(super) fn define() -> Definition {
    let queries = all(DURATION);
    let succeeded = queries.clone().is("error_type", &[""]);
    let used = all(CONNECTIONS).is(STATE, &["used"]);
    let by_statement = &["db_query_summary", "db_system_name"];
    let (calls, seconds) = (all("postgresql_calls_total"), all("postgresql_execution_seconds_total"));
    let backends = all("postgresql_backends");
    let transactions = all("postgresql_transactions_total");
    let committed = transactions.clone().is("outcome", &["commit"]);
    let rolled_back = transactions.clone().is("outcome", &["rollback"]);
    let blocks = all("postgresql_blocks_total");
    let hits = blocks.clone().is("source", &["hit"]);
    let waits = all("postgresql_lock_waits");
    let deadlocks = all("postgresql_deadlocks_total");
    let longest = all("postgresql_longest_transaction_seconds");
    let size = all("postgresql_database_size_bytes");
    let lag = all("postgresql_replication_lag_seconds");
    let behind = all("postgresql_replication_lag_bytes");
    let statement = &["db_query_text", DATABASE];
    let (its_calls, its_seconds) = (
        all("postgresql_statement_calls_total"),
        all("postgresql_statement_seconds_total"),
    );
    let server_calls = all("postgresql_calls_total");
    let client_calls = all("db_client_operations_total").instead(DURATION);
    let client_seconds = all("db_client_operation_seconds_total");
    let summed = all("db_client_operations_total").with("db_client_operation_seconds_total");
    let served = all("db_server_operations_total");
    let server_connections = all("db_server_connections");
    // A server keeps sums: it knows the mean, and no percentile. So do some clients.
    let mean_time = || {
        let of_clients = mean(&queries).or(Query::ratio(increase(&client_seconds), increase(&summed)));
        of_clients.or(Query::ratio(increase(&seconds), increase(&calls)))
    };
    let query_rate = || rate(&client_calls).or(rate(&calls)).or(rate(&served));
    let in_use = || last(&backends).or(last(&server_connections)).or(last(&used));
    // The mean of a sum is the sum of the means; the largest value of a sum is not known from its parts.
    let mean_in_use = || mean(&backends).or(mean(&server_connections)).or(mean(&used));
    let share = |part: Query, whole: Query| Query::ratio(part, whole);
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
                    "クエリの所要時間。サービスの計測があれば分布から、なければサーバーの統計から求めます。サーバーは平均しか持たず、p95 と p99 は出ません。",
                    "How long queries take: from the distributions that services measure, or else from the server's own \
                     sums, which give the mean and no percentiles.",
                ),
            )
            .palette(Palette::Ranked)
            .statistic(Mean, mean_time())
            .statistic(P95, quantile(&queries, 0.95))
            .statistic(P99, quantile(&queries, 0.99))
            .stat(Mean, text("平均", "Mean"), mean_time())
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
            .lines(query_rate())
            .stat(Rate, text("毎秒", "Queries"), query_rate())
            .stat_in(Unit::Count, Count, text("クエリ数", "Count"), increase(&client_calls).or(increase(&calls)).or(increase(&served)))),
            fed(panel(
                "database.connections",
                text("接続", "Connections"),
                text("接続", "Connections"),
                Unit::Count,
                ChartKind::StackedArea,
                text(
                    "接続を状態ごとに、上限に対して示します。サーバーの統計があればサーバー全体、なければサービスのプールです。",
                    "Connections by state, against their maximum: those of the server where it is watched, else those of a \
                     service's pool.",
                ),
            )
            .lines(last(&backends).or(last(&server_connections)).or(last(&all(CONNECTIONS))).by(&[STATE]))
            .naming(&[STATE])
            .stat(Last, text("使用接続", "Connections"), in_use())
            .limited_by(
                last(&all("postgresql_connection_max"))
                    .or(last(&all("db_server_connection_max")))
                    .or(last(&all(CONNECTIONS_MAX))),
            )
            .stat(Mean, text("平均", "Mean"), mean_in_use())),
            fed(panel(
                "database.transactions",
                text("成功率", "Success"),
                text("成功した割合", "Succeeded"),
                Unit::Ratio,
                ChartKind::Line,
                text(
                    "コミットで終わったトランザクションの割合。サーバーの統計がなければ、誤りなく終わったクエリの割合。",
                    "The share of transactions that were committed; without a watched server, of queries that ended without \
                     an error.",
                ),
            )
            .lines(
                share(rate(&committed), rate(&transactions)).or(share(rate(&succeeded), rate(&queries))),
            )
            .stat(
                Ratio,
                text("成功率", "Success"),
                share(increase(&committed), increase(&transactions))
                    .or(share(increase(&succeeded), increase(&queries))),
            )),
            fed_by_server(panel(
                "database.commits",
                text("トランザクション", "Transactions"),
                text("トランザクション", "Transactions"),
                Unit::PerSecond,
                ChartKind::StackedArea,
                text(
                    "1 秒あたりに終わったトランザクションを、コミットとロールバックに分けて示します。",
                    "Transactions that ended per second, by commit and rollback.",
                ),
            )
            .lines(rate(&transactions).by(&["outcome"]))
            .naming(&["outcome"])
            .stat(Rate, text("毎秒", "Transactions"), rate(&transactions))
            .stat_in(Unit::Count, Count, text("ロールバック", "Rollbacks"), increase(&rolled_back))),
            fed_by_server(panel(
                "database.buffers",
                text("バッファーヒット率", "Buffer hits"),
                text("ヒットした割合", "Hits"),
                Unit::Ratio,
                ChartKind::Line,
                text(
                    "クエリが求めたブロックのうち、PostgreSQL のバッファーにあった割合。",
                    "The share of the blocks that queries asked for that PostgreSQL had in its own buffers.",
                ),
            )
            .lines(share(rate(&hits), rate(&blocks)))
            .stat(Ratio, text("ヒット率", "Hits"), share(increase(&hits), increase(&blocks)))
            .stat_in(Unit::PerSecond, Rate, text("ブロック", "Blocks"), rate(&blocks))),
            fed_by_server(panel(
                "database.locks",
                text("ロック待ち", "Lock waits"),
                text("待っているセッション", "Waiting sessions"),
                Unit::Count,
                ChartKind::Line,
                text(
                    "ロックを待っているセッションの数と、見つかったデッドロックの数。",
                    "Sessions that wait for a lock, and deadlocks found.",
                ),
            )
            .lines(last(&waits))
            .stat(Last, text("待ち", "Waiting"), last(&waits))
            .stat(Max, text("最大", "Max"), max(&waits))
            .stat_in(Unit::Count, Count, text("デッドロック", "Deadlocks"), increase(&deadlocks))),
            fed_by_server(panel(
                "database.longest_transaction",
                text("最長トランザクション", "Longest transaction"),
                text("開いている時間", "Open for"),
                Unit::Seconds,
                ChartKind::Line,
                text(
                    "いちばん古いトランザクションが開いている時間。長いものは掃除（VACUUM）を止めます。",
                    "How long the oldest open transaction has been open; a long one keeps VACUUM from its work.",
                ),
            )
            .lines(last(&longest).combined(Combine::Max))
            .stat(Last, text("最長", "Oldest"), last(&longest).combined(Combine::Max))
            .stat(Max, text("最大", "Max"), max(&longest))),
            fed_by_replicas(panel(
                "database.replication",
                text("レプリケーションの遅れ", "Replication lag"),
                text("遅れ", "Lag"),
                Unit::Seconds,
                ChartKind::Line,
                text(
                    "レプリカの再生がどれだけ遅れているか。レプリカのないサーバーにはデータがありません。",
                    "How far the replay of replicas is behind; a server without replicas has none.",
                ),
            )
            .lines(last(&lag).by(&["replica"]).combined(Combine::Max))
            .naming(&["replica"])
            .stat(Last, text("最大の遅れ", "Lag"), last(&lag).combined(Combine::Max))
            .stat(Max, text("最大", "Max"), max(&lag))
            .stat_in(Unit::Bytes, Total, text("未再生", "Behind"), last(&behind).combined(Combine::Max))),
            fed_by_server(panel(
                "database.size",
                text("サイズ", "Size"),
                text("ディスク使用量", "Disk space"),
                Unit::Bytes,
                ChartKind::StackedArea,
                text("データベースごとのディスク使用量。", "Disk space by database."),
            )
            .lines(last(&size).by(&[DATABASE]))
            .naming(&[DATABASE])
            .stat(Last, text("合計", "Total"), last(&size))),
            fed_by_client(panel(
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
            .minor(Rate, text("毎秒", "Rate"), Unit::PerSecond, rate(&queries).by(by_statement))
            .minor(Count, text("件数", "Calls"), Unit::Count, increase(&queries).by(by_statement))
            .order()),
            fed_by_server(panel(
                "database.top_statements",
                text("サーバーの上位クエリ", "Top statements"),
                text("実行時間", "Time"),
                Unit::Seconds,
                ChartKind::Table,
                text(
                    "サーバーが数えたクエリ（pg_stat_statements）のうち、合計時間・件数・平均のいずれかで上位のもの、60 件まで。リテラルは消してあります。平均だけで、分位点はありません。",
                    "Statements as the server counts them (pg_stat_statements): those that led by time, calls or mean, at most 60; their \
                     literals are removed. There are means and no percentiles.",
                ),
            )
            .naming(&["db_query_text", DATABASE])
            .table(60, Some(rate(&its_seconds).by(statement)))
            .stat_in(Unit::Count, Count, text("全クエリ", "All calls"), increase(&server_calls))
            .column(Total, text("合計", "Total"), Unit::Seconds, increase(&its_seconds).by(statement))
            .minor(Count, text("件数", "Calls"), Unit::Count, increase(&its_calls).by(statement))
            .column(
                Mean,
                text("平均", "Mean"),
                Unit::Seconds,
                share(increase(&its_seconds).by(statement), increase(&its_calls).by(statement)),
            )
            .minor(Rate, text("毎秒", "Rate"), Unit::PerSecond, rate(&its_calls).by(statement))),
        ],
    }
}

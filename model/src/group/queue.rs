//! Asynchronous work.

use super::Definition;
use super::build::*;
use crate::panel::{ChartKind, Palette, Panel};
use crate::query::Query;
use crate::unit::Unit;

const RUN: &str = "job_run_duration_seconds";
const SECONDS: &str = "job_run_seconds_total";
const LENGTH: &str = "queue_length";
const OLDEST: &str = "queue_oldest_age_seconds";
const BUSY: &str = "workers_busy";
const WORKERS: &str = "workers_total";
const RETRIES: &str = "job_retries_total";
const DEAD: &str = "job_dead_total";

fn fed(builder: Builder) -> Panel {
    builder.fed_by(
        text(
            "キューの計測値がまだ届いていません。celery-exporter や RabbitMQ などのページがあれば keiki.toml に書いてください。Rust のサービスは keiki-instrument の JobInstrument で計測できます。",
            "No source feeds this panel yet; name the page of celery-exporter, RabbitMQ or the like in keiki.toml, or measure a \
             Rust service's jobs with JobInstrument of keiki-instrument.",
        ),
        "[[scrape]]\nname = \"jobs\"\nurl = \"http://127.0.0.1:9808/metrics\"",
    )
}

pub(super) fn define() -> Definition {
    let timed = all(RUN);
    let runs = all("job_runs_total").instead(RUN);
    let failed = runs.clone().is("outcome", &["failed"]);
    let (seconds, summed) = (all(SECONDS), all("job_runs_total").with(SECONDS));
    let mean_time = || mean(&timed).or(Query::ratio(increase(&seconds), increase(&summed)));
    let by_queue = &["queue"];
    let by_task = &["queue", "task"];
    Definition {
        title: text("キュー", "Queue"),
        card: vec![("queue.length", Last), ("queue.run_time", P95), ("queue.rate", Rate), ("queue.failures", Count)],
        panels: vec![
            fed(panel(
                "queue.length",
                text("待ち件数", "Length"),
                text("待ち件数", "Waiting"),
                Unit::Count,
                ChartKind::StackedArea,
                text("まだ始まっていない仕事の数をキューごとに。", "Jobs not yet started, by queue."),
            )
            .lines(last(&all(LENGTH)).by(by_queue))
            .naming(by_queue)
            .stat(Last, text("待ち件数", "Length"), last(&all(LENGTH)))
            .stat(Max, text("最大", "Max"), max(&all(LENGTH)))),
            fed(panel(
                "queue.run_time",
                text("実行時間", "Run time"),
                text("実行時間", "Run time"),
                Unit::Seconds,
                ChartKind::Line,
                text("仕事の所要時間。線の各点は直近 10 秒。", "How long jobs run. A point covers the trailing 10 seconds."),
            )
            .palette(Palette::Ranked)
            .statistic(Mean, mean(&timed).or(Query::ratio(rate(&seconds), rate(&summed))))
            .statistic(P95, quantile(&timed, 0.95))
            .stat(P95, text("実行時間 p95", "Run time p95"), quantile(&timed, 0.95))
            .stat(Mean, text("平均", "Mean"), mean_time())
            .stat(Max, text("最大", "Max"), max(&timed))),
            fed(panel(
                "queue.rate",
                text("処理速度", "Rate"),
                text("処理", "Finished"),
                Unit::PerSecond,
                ChartKind::StackedArea,
                text("1 秒あたりに終わった仕事の数をキューごとに。", "Jobs finished per second, by queue."),
            )
            .lines(rate(&runs).by(by_queue))
            .naming(by_queue)
            .stat(Rate, text("処理速度", "Rate"), rate(&runs))
            .stat_in(Unit::Count, Count, text("処理数", "Finished"), increase(&runs))),
            fed(panel(
                "queue.failures",
                text("失敗", "Failures"),
                text("失敗", "Failures"),
                Unit::PerSecond,
                ChartKind::Bar,
                text("失敗した仕事の数をタスクごとに。再試行と打ち切りは数値で示します。", "Jobs that failed, by task; retries and dead letters as figures."),
            )
            .lines(rate(&failed).by(&["task"]))
            .naming(&["task"])
            .stat_in(Unit::Count, Count, text("失敗", "Failures"), increase(&failed))
            .stat_in(Unit::PerSecond, Rate, text("再試行", "Retries"), rate(&all(RETRIES)))
            .stat_in(Unit::Count, Total, text("打ち切り", "Dead letters"), increase(&all(DEAD)))),
            fed(panel(
                "queue.oldest",
                text("最も古い待ち", "Oldest waiting"),
                text("待ち時間", "Age"),
                Unit::Seconds,
                ChartKind::Line,
                text("待っている仕事のうち最も古いものの待ち時間。", "How long the oldest waiting job has waited."),
            )
            .lines(max(&all(OLDEST)).by(by_queue))
            .naming(by_queue)
            .stat(Max, text("最大", "Max"), max(&all(OLDEST)))),
            fed(panel(
                "queue.workers",
                text("ワーカー", "Workers"),
                text("稼働中", "Busy"),
                Unit::Count,
                ChartKind::StackedArea,
                text("仕事をしているワーカーの数をキューごとに。", "Workers at work, by queue."),
            )
            .lines(last(&all(BUSY)).by(by_queue))
            .naming(by_queue)
            .stat(Last, text("稼働中", "Busy"), last(&all(BUSY)))
            .limited_by(last(&all(WORKERS)))
            .stat(Max, text("最大", "Max"), max(&all(BUSY)))),
            fed(panel(
                "queue.tasks",
                text("タスク別", "Tasks"),
                text("p95", "p95"),
                Unit::Seconds,
                ChartKind::Table,
                text("タスクごとの所要時間、件数、失敗率。多い順に 50 件まで。", "Run time, runs and failures by task; the 50 run most."),
            )
            .naming(by_task)
            .table(50, Some(quantile(&timed, 0.95).by(by_task)))
            .minor(Mean, text("平均", "Mean"), Unit::Seconds, mean_time().by(by_task))
            .column(P95, text("p95", "p95"), Unit::Seconds, quantile(&timed, 0.95).by(by_task))
            .minor(Max, text("最大", "Max"), Unit::Seconds, max(&timed).by(by_task))
            .column(
                Ratio,
                text("失敗率", "Failed"),
                Unit::Ratio,
                Query::ratio(increase(&failed), increase(&runs)).by(by_task),
            )
            .minor(Rate, text("毎秒", "Rate"), Unit::PerSecond, rate(&runs).by(by_task))
            .minor(Count, text("件数", "Runs"), Unit::Count, increase(&runs).by(by_task))
            .order()),
        ],
    }
}

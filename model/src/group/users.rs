//! What users experience.

use super::Definition;
use super::build::*;
use crate::panel::{ChartKind, Palette, Panel};
use crate::query::{Function, Query, Selector};
use crate::text::Text;
use crate::unit::Unit;

const DURATION: &str = "user_request_duration_seconds";
const OUTCOME: &str = "outcome";
/// Satisfied up to this many seconds, tolerating up to four times as many, unless the configuration says otherwise.
pub(super) const THRESHOLD: f64 = 0.5;

fn fed(builder: Builder) -> Panel {
    builder.fed_by(
        text(
            "利用者ごとの応答時間がまだ届いていません。OpenTelemetry のスパンに enduser.id を付けて OTLP で送ると、仮名にして集計します。",
            "No source feeds this panel yet; send OpenTelemetry spans with enduser.id by OTLP: users are counted under pseudonyms.",
        ),
        "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:3000",
    )
}

pub(super) fn define() -> Definition {
    judged_by(THRESHOLD)
}

/// The same with another threshold *T* of Apdex, seconds.
pub(super) fn judged_by(threshold: f64) -> Definition {
    // Four times 0.3 is not to read 1.2000000000000002.
    let [satisfied, tolerating] = [threshold, 4.0 * threshold].map(|seconds| (seconds * 1e6).round() / 1e6);
    let requests = all(DURATION);
    let (ended_well, failed) = (requests.clone().is_not(OUTCOME, &["failed"]), requests.clone().is(OUTCOME, &["failed"]));
    let everything = || Query::new(requests.clone(), Function::Within(0.0, None));
    // Who got an error is frustrated, however fast it came.
    let apdex = || Query::ratio(Query::new(ended_well.clone(), Function::Score(satisfied)), everything());
    let share = |of: &Selector, low: f64, high: Option<f64>| {
        Query::ratio(Query::new(of.clone(), Function::Within(low, high)), everything())
    };
    let active = all("service_active_users");
    let by_user = &["user"];
    Definition {
        title: text("ユーザー体験", "Users"),
        card: vec![("users.apdex", Ratio), ("users.satisfaction", Ratio), ("users.response_time", P95), ("users.response_time", Count)],
        panels: vec![
            fed(panel(
                "users.apdex",
                text("Apdex", "Apdex"),
                text("Apdex", "Apdex"),
                Unit::Ratio,
                ChartKind::Line,
                Text::of(
                    format!("満足（{satisfied} 秒以内）と、半分に数えた許容（{tolerating} 秒以内）の割合。エラーは速くても不満です。1 が最良です。"),
                    format!("Satisfied (within {satisfied} s) plus half of the tolerating (within {tolerating} s), as a share of all; \
                     an error frustrates, however fast. 1 is best."),
                ),
            )
            .lines(apdex())
            .stat(Ratio, text("Apdex", "Apdex"), apdex())),
            fed(panel(
                "users.satisfaction",
                text("満足でないリクエスト", "Requests not satisfied"),
                text("割合", "Share"),
                Unit::Ratio,
                ChartKind::StackedArea,
                Text::of(
                    format!("許容（{satisfied}〜{tolerating} 秒）、不満（{tolerating} 秒超）、エラーの割合。"),
                    format!("The shares that were tolerating ({satisfied}–{tolerating} s), frustrated (over {tolerating} s) and answered by an error."),
                ),
            )
            .palette(Palette::Ranked)
            .line(&[("satisfaction", &format!("{satisfied}–{tolerating} s"))], share(&ended_well, satisfied, Some(tolerating)))
            .line(&[("satisfaction", &format!("> {tolerating} s"))], share(&ended_well, tolerating, None))
            .line(&[("satisfaction", "error")], share(&failed, 0.0, None))
            .naming(&["satisfaction"])
            .stat(Ratio, text("満足", "Satisfied"), share(&ended_well, 0.0, Some(satisfied)))),
            fed(panel(
                "users.response_time",
                text("利用者の応答時間", "Response time"),
                text("応答時間", "Response time"),
                Unit::Seconds,
                ChartKind::Line,
                text("利用者から見た応答時間。線の各点は直近 10 秒。", "Response time as users see it. A point covers the trailing 10 seconds."),
            )
            .palette(Palette::Ranked)
            .statistic(P50, quantile(&requests, 0.5))
            .statistic(P95, quantile(&requests, 0.95))
            .stat(P95, text("利用者 p95", "User p95"), quantile(&requests, 0.95))
            .stat_in(Unit::Count, Count, text("リクエスト数", "Requests"), increase(&requests))),
            panel(
                "users.active",
                text("利用中の人数", "Active users"),
                text("人数", "Users"),
                Unit::Count,
                ChartKind::Area,
                text("サービスが数えた、いま使っている利用者の数。", "Users at work now, as services count them."),
            )
            .lines(last(&active))
            .stat(Last, text("現在", "Now"), last(&active))
            .stat(Max, text("最大", "Max"), max(&active))
            .fed_by(
                text(
                    "利用者の数がまだ届いていません。サービスのメトリクス active_users を読みます。",
                    "No service tells how many users are at work; the metric active_users of a service's page is read.",
                ),
                SCRAPE,
            ),
            fed(panel(
                "users.table",
                text("利用者別", "By user"),
                text("p95", "p95"),
                Unit::Seconds,
                ChartKind::Table,
                text("仮名の利用者ごとの応答時間。多い順に 50 件まで。", "Response time by pseudonymous user; the 50 most active."),
            )
            .naming(by_user)
            .table(50, Some(quantile(&requests, 0.95).by(by_user)))
            .column(Ratio, text("Apdex", "Apdex"), Unit::Ratio, apdex().by(by_user))
            .column(P95, text("p95", "p95"), Unit::Seconds, quantile(&requests, 0.95).by(by_user))
            .minor(Mean, text("平均", "Mean"), Unit::Seconds, mean(&requests).by(by_user))
            .minor(Count, text("件数", "Requests"), Unit::Count, increase(&requests).by(by_user))
            .order()),
        ],
    }
}

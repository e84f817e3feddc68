//! `/sources`: every source, how it fares, and what its series were recognised as, so that nobody wonders why a panel is
//! empty. The same as JSON for programs.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use keiki_model::text::{Language, Text};
use keiki_model::time::{Millis, Zone};
use keiki_model::view::percent_encode;
use maud::{Markup, html};
use serde_json::{Value, json};

use super::headers::{self, BUILDER_POLICY};
use super::plain;
use super::router::Shared;
use crate::clock::{Clock as _, SystemClock};
use crate::ingest::{Account, Slowed};
use crate::source::status::SourceStatus;

const TITLE: Text = Text::new("データ元", "Sources");
const LEAD: Text = Text::new(
    "Keiki が読んでいるもの、送られてくるもの、そしてそれが何と認識されたか。",
    "What Keiki reads, what is sent to it, and what it was recognised as.",
);
const HOME: Text = Text::new("概要へ戻る", "Back to the overview");
const AGAIN: Text = Text::new("更新", "Refresh");
const SOURCE: Text = Text::new("データ元", "Source");
const STATE: Text = Text::new("状態", "State");
const RATE: Text = Text::new("毎秒", "Samples/s");
const SERIES: Text = Text::new("系列", "Series");
const READ: Text = Text::new("認識", "Recognised");
const LAST: Text = Text::new("最終", "Last");
const UP: Text = Text::new("正常", "up");
const DOWN: Text = Text::new("異常", "down");
const WAITING: Text = Text::new("待機中", "waiting");
const KNOWN: Text = Text::new("認識されたメトリクス", "Recognised metrics");
const UNKNOWN: Text = Text::new("認識されなかったメトリクス", "Metrics that nothing recognised");
const UNKNOWN_LEAD: Text = Text::new(
    "そのままの名前で保存されます。Keiki のパネルには出ません。名前を選ぶと描画します。",
    "They are kept under their own names, and fill no panel of Keiki's own. A name leads to its chart.",
);
const LOSERS: Text = Text::new("二重に届いているもの", "What is told twice");
const LOSERS_LEAD: Text = Text::new(
    "同じ事実が複数のデータ元から届くと、信頼する順（[sources] priority）に 1 つだけを使います。",
    "Of the same fact from several sources one is used, in the order of [sources] priority.",
);
const SLOWED: Text = Text::new("送りすぎのトークン", "Tokens that send too much");
const SLOWED_LEAD: Text = Text::new(
    "[ingest] samples_per_second と requests_per_second を超えたため、429 と待ち時間を返しました。",
    "They exceeded [ingest] samples_per_second or requests_per_second, and were answered 429 and when to come again.",
);
const NOTHING: Text = Text::new("まだ何もありません。", "There is none yet.");
const HOW: Text = Text::new("サービスをつなぐ", "Connect a service");
const HOW_SCRAPE: Text = Text::new(
    "メトリクスのページを読む（keiki.toml に書いて再起動）:",
    "To read its page of metrics, write this into keiki.toml and restart:",
);
const HOW_OTLP: Text = Text::new(
    "OpenTelemetry で送る（サービスの環境変数）:",
    "To have it send OpenTelemetry, set these in its environment:",
);

/// A source, and what is known of its series.
pub struct Told {
    /// How it fares.
    pub status: SourceStatus,
    /// Samples per second of late.
    pub rate: Option<f64>,
    /// What its series are read as, where they are known only when they come.
    pub account: Option<std::sync::Arc<Account>>,
}

/// One fact that comes from several sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contest {
    /// The canonical metric.
    pub metric: String,
    /// The service or host that it is about.
    pub subject: String,
    /// The source that is believed.
    pub winner: String,
    /// The one that is not.
    pub loser: String,
}

/// What the page shows.
pub struct Sources {
    /// Every source.
    pub all: Vec<Told>,
    /// What is told twice.
    pub contests: Vec<Contest>,
    /// Senders that were told to wait.
    pub slowed: Vec<Slowed>,
    /// The clock of the pages.
    pub zone: Zone,
}

/// `GET {base}/sources`
pub(super) async fn page(State(site): State<Shared>, request: Request) -> Response {
    let language = site.language_of(request.uri().query());
    let now = SystemClock.now();
    let sources = (site.state.sources)();
    let title = [TITLE.get(language), " · Keiki"].concat();
    let host = request.headers().get("host").and_then(|host| host.to_str().ok());
    let body = body(&site.base, language, &sources, now, host.unwrap_or("127.0.0.1:3000"));
    let document = plain::document(&site.base, language.tag(), &title, &html! {}, &body);
    plain::page(StatusCode::OK, document, BUILDER_POLICY)
}

/// `GET {base}/api/sources`
pub(super) async fn data(State(site): State<Shared>) -> Response {
    let sources = (site.state.sources)();
    let all: Vec<Value> = sources.all.iter().map(shown).collect();
    let contests: Vec<Value> = sources
        .contests
        .iter()
        .map(|it| json!({ "metric": it.metric, "subject": it.subject, "winner": it.winner, "loser": it.loser }))
        .collect();
    let slowed: Vec<Value> = sources
        .slowed
        .iter()
        .map(|it| json!({ "token": it.token, "requests": it.requests, "last": it.last }))
        .collect();
    let mut response = Json(json!({ "sources": all, "contests": contests, "slowed": slowed })).into_response();
    response.headers_mut().insert("cache-control", headers::NO_STORE);
    headers::secure(response.headers_mut());
    response
}

fn shown(told: &Told) -> Value {
    let status = &told.status;
    let account = told.account.as_deref();
    let metrics = account.map(|account| {
        let metric = |(name, reading): &(String, crate::ingest::Reading)| {
            let (recogniser, canonical) = reading.known_as.clone().unzip();
            json!({ "name": name, "series": reading.series, "as": canonical, "recogniser": recogniser })
        };
        account.metrics.iter().map(metric).collect::<Vec<_>>()
    });
    json!({
        "name": status.name,
        "up": status.up,
        "last_success": status.last_success,
        "last_error": status.last_error.as_ref().map(|(time, text)| json!({ "time": time, "text": text.en })),
        "samples_total": status.samples_total,
        "samples_per_second": told.rate,
        "rejected": status.rejected.iter().filter(|(_, count)| *count > 0)
            .map(|(reason, count)| (reason.as_str().to_owned(), count.into())).collect::<serde_json::Map<_, _>>(),
        "refused": status.refused_total,
        "last_refused": status.last_refused.as_ref().map(|(time, text)| json!({ "time": time, "text": text.en })),
        "series": account.map(|account| account.series),
        "series_refused": account.map(|account| account.refused),
        "worst_label": account.and_then(|account| account.worst.as_ref().map(|(label, values)| json!({ "label": label, "values": values }))),
        "metrics": metrics,
    })
}

fn body(base: &str, language: Language, sources: &Sources, now: Millis, host: &str) -> Markup {
    let t = |text: &Text| text.get(language).to_owned();
    let heads = [
        (&STATE, ""),
        (&LAST, "n minor"),
        (&RATE, "n"),
        (&SERIES, "n"),
        (&READ, "n minor"),
    ];
    html! {
        main class="builder sources" {
            h1 { (t(&TITLE)) }
            p { (t(&LEAD)) " " a href={ (base) "/?lang=" (language.tag()) } { (t(&HOME)) } " · "
                a href={ (base) "/sources?lang=" (language.tag()) } { (t(&AGAIN)) } }
            div class="scroll" tabindex="0" role="region" aria-label=(t(&TITLE)) {
                table class="table" {
                    thead { tr {
                        th scope="col" { (t(&SOURCE)) }
                        @for (head, class) in heads { th scope="col" class=(class) { (t(head)) } }
                    } }
                    tbody { @for told in &sources.all { (row(told, language, &sources.zone, now)) } }
                }
            }
            @for told in &sources.all {
                @if let Some(account) = told.account.as_deref() { (account_of(base, &told.status.name, account, language)) }
            }
            h2 { (t(&LOSERS)) }
            p { (t(&LOSERS_LEAD)) }
            @if sources.contests.is_empty() { p { (t(&NOTHING)) } } @else {
                ul class="checks" { @for contest in &sources.contests { li { (contested(contest, language)) } } }
            }
            @if !sources.slowed.is_empty() {
                h2 { (t(&SLOWED)) }
                p { (t(&SLOWED_LEAD)) }
                ul class="checks" { @for one in &sources.slowed { li { (slowed(one, language, &sources.zone)) } } }
            }
            h2 { (t(&HOW)) }
            p { (t(&HOW_SCRAPE)) }
            pre { code { "[[scrape]]\nname = \"shop\"\nurl = \"http://127.0.0.1:8000/metrics\"" } }
            p { (t(&HOW_OTLP)) }
            pre { code {
                "OTEL_EXPORTER_OTLP_ENDPOINT=http://" (host) (base) "\nOTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf\nOTEL_SERVICE_NAME=shop"
            } }
        }
    }
}

fn row(told: &Told, language: Language, zone: &Zone, now: Millis) -> Markup {
    let status = &told.status;
    let t = |text: &Text| text.get(language).to_owned();
    let (kind, word) = match (status.up, &status.last_error) {
        (true, _) => ("ok", t(&UP)),
        (false, None) => ("warn", t(&WAITING)),
        (false, Some(_)) => ("bad", t(&DOWN)),
    };
    let account = told.account.as_deref();
    let known = account.filter(|account| !account.metrics.is_empty()).map(|account| {
        let known = account
            .metrics
            .iter()
            .filter(|(_, reading)| reading.known_as.is_some())
            .count();
        format!("{known} / {}", account.metrics.len())
    });
    let why = status.last_error.as_ref().filter(|_| !status.up);
    let rejected = status.rejected.total();
    html! {
        tr data-source=(status.name) data-status=(kind) {
            th scope="row" class="name" { (status.name) }
            td class="state" {
                (super::embed::shape(kind)) " " (word)
                @if let Some((time, text)) = why { br; small { (zone.hms(*time)) " " (t(text)) } }
                @if rejected > 0 { br; small { (not_kept(status, language)) } }
                @if let Some((time, why)) = &status.last_refused {
                    br; small { (refused(status.refused_total, language)) " " (zone.hms(*time)) " " (t(why)) }
                }
            }
            td class="n minor" { (status.last_success.map_or_else(|| "—".to_owned(), |time| age(now - time, language))) }
            td class="n" { (told.rate.map_or_else(|| "—".to_owned(), |rate| format!("{rate:.1}"))) }
            td class="n" { (account.map_or_else(|| "—".to_owned(), |account| account.series.to_string())) }
            td class="n minor" { (known.unwrap_or_else(|| "—".to_owned())) }
        }
    }
}

fn not_kept(status: &SourceStatus, language: Language) -> String {
    let reasons: Vec<_> = status
        .rejected
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(reason, count)| format!("{} {count}", reason.as_str()))
        .collect();
    match language {
        Language::Ja => format!("破棄: {}", reasons.join("、")),
        Language::En => format!("not kept: {}", reasons.join(", ")),
    }
}

fn refused(count: u64, language: Language) -> String {
    match language {
        Language::Ja => format!("受け取らなかったもの: {count}、最新:"),
        Language::En => format!("not taken: {count}, the newest:"),
    }
}

fn slowed(slowed: &Slowed, language: Language, zone: &Zone) -> String {
    let Slowed { token, requests, last } = slowed;
    let last = zone.hms(*last);
    match (language, token.as_str()) {
        (Language::Ja, "") => format!("トークンなし: {requests} 回、最新 {last}"),
        (Language::Ja, token) => format!("{token}: {requests} 回、最新 {last}"),
        (Language::En, "") => format!("without a token: {requests} requests, the newest at {last}"),
        (Language::En, token) => format!("{token}: {requests} requests, the newest at {last}"),
    }
}

fn age(millis: Millis, language: Language) -> String {
    let seconds = (millis / 1_000).max(0);
    match language {
        Language::Ja => format!("{seconds} 秒前"),
        Language::En => format!("{seconds} s ago"),
    }
}

fn contested(contest: &Contest, language: Language) -> String {
    let Contest {
        metric,
        subject,
        winner,
        loser,
    } = contest;
    match language {
        Language::Ja => format!("{metric}（{subject}）: {winner} を使い、{loser} は使いません。"),
        Language::En => format!("{metric} of {subject}: {winner} is used, {loser} is not."),
    }
}

fn account_of(base: &str, source: &str, account: &Account, language: Language) -> Markup {
    let t = |text: &Text| text.get(language).to_owned();
    let (known, unknown): (Vec<_>, Vec<_>) = account
        .metrics
        .iter()
        .partition(|(_, reading)| reading.known_as.is_some());
    let over = (account.refused > 0).then(|| {
        let worst = account.worst.as_ref();
        let worst = worst.map(|(label, values)| match language {
            Language::Ja => format!("いちばん値の多いラベルは {label}（{values} 種類）です。"),
            Language::En => format!("The label with most values is {label} ({values} of them)."),
        });
        let refused = account.refused;
        let told = match language {
            Language::Ja => format!("上限のため {refused} 系列を受け取っていません。"),
            Language::En => format!("{refused} series are not taken: it has as many as it may. "),
        };
        told + &worst.unwrap_or_default()
    });
    html! {
        @if !account.metrics.is_empty() || over.is_some() {
            h2 { (source) }
            @if let Some(over) = over { p class="is-warn" { (over) } }
            @if !known.is_empty() {
                details open[known.len() <= 20] {
                    summary { (t(&KNOWN)) " (" (known.len()) ")" }
                    ul class="readings" { @for (name, reading) in known {
                        li { code { (name) } @if let Some((recogniser, canonical)) = &reading.known_as {
                            " → " code { (canonical) } " " small { (recogniser) }
                        } }
                    } }
                }
            }
            @if !unknown.is_empty() {
                details {
                    summary { (t(&UNKNOWN)) " (" (unknown.len()) ")" }
                    p { (t(&UNKNOWN_LEAD)) }
                    ul class="readings" { @for (name, reading) in unknown { li { a href={ (base) "/explore/" (percent_encode(name)) "?lang=" (language.tag()) } { code { (name) } } " " small { (reading.series) } } } }
                }
            }
        }
    }
}

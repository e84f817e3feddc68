//! `/explore`: every metric that the store holds or remembers, whether a panel reads it or not, to search and to draw.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use keiki_app::request::{PageRequest, window_text};
use keiki_model::group::Group;
use keiki_model::text::{Language, Text};
use keiki_model::time::{Millis, SECOND, Zone};
use keiki_model::view::{MAX_WINDOW, percent_encode};
use maud::{Markup, html};

use super::fault::Fault;
use super::headers::BUILDER_POLICY;
use super::plain;
use super::router::Shared;
use crate::catalogue::explore::{Findings, Found, LISTED, word_of};
use crate::clock::{Clock as _, SystemClock};

const TITLE: Text = Text::new("メトリクスを探す", "Explore");
const LEAD: Text = Text::new(
    "届いている、または履歴に残っているすべてのメトリクス。名前を選ぶと描画します。ラベルを選ぶと、その値ごとに分けます。",
    "Every metric that comes, or that the history remembers. Choose a name to draw it, or a label to draw it by that label's values.",
);
const HOME: Text = Text::new("概要へ戻る", "Back to the overview");
const SOURCES: Text = Text::new("データ元", "Sources");
const SEARCH: Text = Text::new("名前、ラベル、データ元から探す", "Search names, labels and sources");
const UNSEEN: Text = Text::new("どのパネルにも出ていないものだけ", "Only what no panel shows");
const FIND: Text = Text::new("探す", "Search");
const METRIC: Text = Text::new("メトリクス", "Metric");
const KIND: Text = Text::new("種類", "Kind");
const SERIES: Text = Text::new("系列", "Series");
const FROM: Text = Text::new("データ元", "From");
const SHOWN_IN: Text = Text::new("表示先", "Shown in");
const LAST_SEEN: Text = Text::new("最後に届いた日:", "last seen by");
const READ_AS: Text = Text::new("認識:", "read as");
const NOTHING: Text = Text::new(
    "見つかりません。語を減らすか、データ元のページで届いているかを確かめてください。",
    "Nothing fits. Try fewer words, or see on the page of sources whether anything comes.",
);

/// No search is longer, bytes.
const MAX_WORDS: usize = 200;
/// How many searches run at a time: each may walk through a hundred thousand series.
pub(super) const SEARCHES: usize = 2;
/// How many labels of a metric are offered.
const OFFERED: usize = 8;

/// `GET {base}/explore`
pub(super) async fn page(State(site): State<Shared>, request: Request) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let language = site.language_of(Some(query));
    let words = plain::value(query, "q").unwrap_or_default();
    if words.len() > MAX_WORDS {
        let fault = Fault::parameter("q", format!("The search is longer than {MAX_WORDS} bytes."));
        return fault.html(&site.base, language);
    }
    let unseen = plain::value(query, "unseen").is_some();
    look(&site, StatusCode::OK, words, unseen, language).await
}

/// What there is of a metric's name where nothing bears all of it.
pub(super) async fn missing(site: &Shared, metric: &str, language: Language) -> Response {
    let words = metric.chars().take(MAX_WORDS / 4).collect();
    look(site, StatusCode::NOT_FOUND, words, false, language).await
}

async fn look(site: &Shared, status: StatusCode, words: String, unseen: bool, language: Language) -> Response {
    let Ok(place) = site.searches.clone().try_acquire_owned() else {
        return Fault::Busy.html(&site.base, language);
    };
    let catalogue = site.state.catalogue.clone();
    let wanted = words.clone();
    let searching = move || {
        // Held until it is done, also where who asked is gone by then.
        let _place = place;
        catalogue.find(&wanted, unseen)
    };
    let Ok(findings) = tokio::task::spawn_blocking(searching).await else {
        return Fault::Internal.html(&site.base, language);
    };
    let title = [TITLE.get(language), " · Keiki"].concat();
    let body = body(&site.base, language, &words, unseen, &findings, SystemClock.now());
    let document = plain::document(&site.base, language.tag(), &title, &html! {}, &body);
    plain::page(status, document, BUILDER_POLICY)
}

fn body(base: &str, language: Language, words: &str, unseen: bool, findings: &Findings, now: Millis) -> Markup {
    let t = |text: &Text| text.get(language).to_owned();
    let shown = findings.found.len();
    let count = match language {
        Language::Ja => format!("全 {} 件中 {} 件", findings.all, findings.fitting),
        Language::En => format!("{} of {} metrics", findings.fitting, findings.all),
    };
    let cut = (shown < findings.fitting).then(|| match language {
        Language::Ja => format!("最初の {LISTED} 件だけを表示しています。"),
        Language::En => format!("Only the first {LISTED} are listed: search for fewer."),
    });
    html! {
        main class="builder sources explore" {
            h1 { (t(&TITLE)) }
            p { (t(&LEAD)) " " a href={ (base) "/?lang=" (language.tag()) } { (t(&HOME)) } " · "
                a href={ (base) "/sources?lang=" (language.tag()) } { (t(&SOURCES)) } }
            form action={ (base) "/explore" } role="search" {
                input type="hidden" name="lang" value=(language.tag());
                label class="wide" { (t(&SEARCH)) input name="q" type="search" value=(words) maxlength=(MAX_WORDS); }
                label class="check" { input name="unseen" type="checkbox" value="1" checked[unseen]; (t(&UNSEEN)) }
                button class="button" { (t(&FIND)) }
            }
            p role="status" { (count) @if let Some(cut) = cut { " · " (cut) } }
            @if findings.found.is_empty() { p { (t(&NOTHING)) } } @else {
                div class="scroll" tabindex="0" role="region" aria-label=(t(&TITLE)) {
                    table class="table" {
                        thead { tr {
                            th scope="col" { (t(&METRIC)) }
                            th scope="col" class="minor" { (t(&KIND)) }
                            th scope="col" class="n" { (t(&SERIES)) }
                            th scope="col" class="minor" { (t(&FROM)) }
                            th scope="col" { (t(&SHOWN_IN)) }
                        } }
                        tbody { @for found in &findings.found { (row(base, language, found, now)) } }
                    }
                }
            }
        }
    }
}

/// The shortest window of hours, as an address asks for it, that reaches back to an hour before a time.
fn window_since(last: Millis, now: Millis) -> String {
    const HOUR: u32 = 3_600;
    let fits = |window: &u32| *window > HOUR && now - last < Millis::from(*window - HOUR) * SECOND;
    let window = PageRequest::WINDOWS.into_iter().find(fits);
    ["&window=", window_text(window.unwrap_or(MAX_WINDOW))].concat()
}

/// The day before whose end a series was seen last, by UTC, which the history counts days by.
fn day_of(last: Millis) -> String {
    let (year, month, day) = Zone::default().date(last - 1);
    format!("{year}-{month:02}-{day:02}")
}

fn row(base: &str, language: Language, found: &Found, now: Millis) -> Markup {
    let here = [base, "/explore/", &percent_encode(&found.metric)].concat();
    // What has ended is opened on a window in which it was.
    let window = found.last.map(|last| window_since(last, now)).unwrap_or_default();
    let query = ["?lang=", language.tag(), &window].concat();
    let sources: Vec<_> = found.sources.iter().map(String::as_str).collect();
    let rest = found.labels.len().saturating_sub(OFFERED);
    html! {
        tr data-metric=(found.metric) {
            th scope="row" class="name" {
                a href={ (here) (query) } { (found.metric) }
                @if let Some(last) = found.last {
                    br; small { (LAST_SEEN.get(language)) " " (day_of(last)) }
                }
                @if let Some(name) = &found.read_as { br; small { (READ_AS.get(language)) " " (name) } }
                @if !found.labels.is_empty() {
                    small class="labels" {
                        @for (label, values) in found.labels.iter().take(OFFERED) {
                            span { a href={ (here) "~" (percent_encode(label)) (query) } { (label) } " " (values) }
                        }
                        @if rest > 0 { span { "+" (rest) } }
                    }
                }
            }
            td class="minor" { (word_of(found.kind)) }
            td class="n" { (found.series) }
            td class="minor" { (sources.join(", ")) }
            td {
                @if found.groups.is_empty() { "—" }
                @for group in found.groups.iter().filter_map(|id| Group::from_id(id)) {
                    a href={ (base) "/groups/" (group.id()) "?lang=" (language.tag()) } { (group.definition().title.get(language)) } " "
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_ended_is_opened_on_a_window_in_which_it_was() {
        let check = |hours: Millis, window| assert_eq!(window_since(0, hours * 3_600_000), window);
        check(0, "&window=6h");
        check(6, "&window=24h");
        check(24 * 8, "&window=30d");
        check(24 * 100, "&window=90d");
        assert_eq!(day_of(86_400_000), "1970-01-01");
    }
}

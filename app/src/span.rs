//! The strip at the foot of a page: which stretch of time it shows, and the ways to another one.
//!
//! It is markup of the server's alone, and stands outside of what the app takes over: every way is a plain link.
//! `public/span.js` adds what needs a script.

use keiki_model::frame::{AnnotationKind, Snapshot};
use keiki_model::text::Language;
use keiki_model::time::{Millis, SECOND, Zone};
use keiki_model::view::{MAX_WINDOW, percent_encode};
use maud::{Markup, html};

use crate::request::{LEAST_WINDOW, PageRequest};
use crate::text;

const TITLE: (&str, &str) = ("表示期間", "Time shown");
const EARLIER: (&str, &str) = ("前の期間", "Earlier");
const LATER: (&str, &str) = ("次の期間", "Later");
const NARROWER: (&str, &str) = ("狭める", "Zoom in");
const WIDER: (&str, &str) = ("広げる", "Zoom out");
const NOW: (&str, &str) = ("現在へ", "Now");
const EXPORT: (&str, &str) = ("書き出し", "Export");
const COMPARE: (&str, &str) = ("比較", "Compare");
const ALONE: (&str, &str) = ("比較しない", "Nothing");
const DAY_BEFORE: (&str, &str) = ("前日", "The day before");
const WEEK_BEFORE: (&str, &str) = ("前週", "The week before");
const DASHED: (&str, &str) = ("点線", "Dashed: ");
const NOTES: (&str, &str) = ("記録", "Notes");
const SOURCES: (&str, &str) = ("データ元", "Sources");
const EXPLORE: (&str, &str) = ("探索", "Explore");
const KEEP: (&str, &str) = ("残す", "Keep");
const KEEP_HINT: (&str, &str) = (
    "keiki.toml に書くと、グループのページに残ります。",
    "Written into keiki.toml, these lines keep it on a group's page.",
);
const NO_NOTES: (&str, &str) = ("この期間の記録はありません。", "Nothing is noted in this time.");
const REMOVE: (&str, &str) = ("削除", "Remove");
const KIND: (&str, &str) = ("種類", "Kind");
const WHAT: (&str, &str) = ("内容", "What happened");
const WHEN: (&str, &str) = ("日時", "When");
const NO_TIME: (&str, &str) = ("日時が空なら現在", "No time means now");
const ADD: (&str, &str) = ("追加", "Add");
const HINT: (&str, &str) = (
    "グラフをドラッグすると、その期間に拡大します。",
    "Drag across a chart to zoom in.",
);

fn say((ja, en): (&'static str, &'static str), language: Language) -> &'static str {
    match language {
        Language::Ja => ja,
        Language::En => en,
    }
}

/// Where a stretch lies: its end, Unix milliseconds, and its length, seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    /// `None` for now.
    until: Option<Millis>,
    window: u32,
}

impl Span {
    fn of(request: &PageRequest) -> Self {
        Self {
            until: request.until,
            window: request.window,
        }
    }

    fn length(self) -> Millis {
        Millis::from(self.window) * SECOND
    }

    /// The stretch before.
    fn earlier(self, now: Millis) -> Self {
        Self {
            until: Some(self.until.unwrap_or(now) - self.length()),
            ..self
        }
    }

    /// The one after; that which would end in the future ends now. None after now.
    fn later(self, now: Millis) -> Option<Self> {
        let until = self.until? + self.length();
        Some(if until >= now {
            self.now()
        } else {
            Self {
                until: Some(until),
                ..self
            }
        })
    }

    /// The next longer window around the same middle; none beyond the longest.
    fn wider(self, now: Millis) -> Option<Self> {
        let window = PageRequest::WINDOWS.into_iter().find(|window| *window > self.window)?;
        let more = Millis::from(window - self.window) * SECOND / 2;
        let until = self.until.map(|until| until + more).filter(|until| *until < now);
        Some(Self { until, window })
    }

    /// The middle half: what a drag does for any part of it.
    fn narrower(self, now: Millis) -> Option<Self> {
        let window = (self.window / 2).max(LEAST_WINDOW);
        let less = Millis::from(self.window - window) * SECOND / 2;
        (window < self.window).then(|| Self {
            until: Some(self.until.unwrap_or(now) - less),
            window,
        })
    }

    /// As long a window as this, that ends now.
    fn now(self) -> Self {
        let window = PageRequest::WINDOWS.into_iter().find(|window| *window >= self.window);
        Self {
            until: None,
            window: window.unwrap_or(MAX_WINDOW),
        }
    }
}

/// The strip of a page.
pub(crate) fn strip(request: &PageRequest, snapshot: &Snapshot) -> Markup {
    let language = request.language;
    let (now, span) = (snapshot.now, Span::of(request));
    let href = |span: Span| {
        request
            .with(|request| {
                request.until = span.until;
                request.window = span.window;
            })
            .href()
    };
    let way = |name: (&'static str, &'static str), class: &str, to: Option<Span>| {
        html! {
            @match to {
                Some(to) => a class={ "button " (class) } href=(href(to)) { (say(name, language)) },
                None => span class={ "button " (class) } aria-disabled="true" { (say(name, language)) },
            }
        }
    };
    let view = request.view();
    html! {
        nav class="span" aria-label=(say(TITLE, language)) data-now=(now) data-until=[request.until]
            data-window=(view.window) data-step=(view.step) data-pace=(view.pace()) {
            (way(EARLIER, "earlier", Some(span.earlier(now))))
            p { (shown(span, &snapshot.header.zone, language)) }
            (way(LATER, "later", span.later(now)))
            (way(NARROWER, "narrower", span.narrower(now)))
            (way(WIDER, "wider", span.wider(now)))
            @if span.until.is_some() { (way(NOW, "now", Some(span.now()))) }
            @if let Some(before) = request.compare {
                p class="compared" { (say(DASHED, language)) @if language == Language::Ja { ": " } (say(compared(before), language)) }
            }
            p class="hint" { (say(HINT, language)) }
            (compare(request))
            (notes(request, snapshot))
            (export(request, snapshot))
            @if request.explored { (keep(request, snapshot)) }
            a class="button" href={ (request.base) "/explore?lang=" (language.tag()) } { (say(EXPLORE, language)) }
            a class="button" href={ (request.base) "/sources?lang=" (language.tag()) } { (say(SOURCES, language)) }
        }
    }
}

fn compared(before: u32) -> (&'static str, &'static str) {
    if before == PageRequest::COMPARED[0] {
        DAY_BEFORE
    } else {
        WEEK_BEFORE
    }
}

/// The same page beside the same time before.
fn compare(request: &PageRequest) -> Markup {
    let language = request.language;
    let choices = [None, Some(PageRequest::COMPARED[0]), Some(PageRequest::COMPARED[1])];
    html! {
        details class="menu compare" {
            summary class="button" { (say(COMPARE, language)) }
            ul {
                @for choice in choices {
                    @let name = say(choice.map_or(ALONE, compared), language);
                    @let chosen = (request.compare == choice).then_some("true");
                    li { a href=(request.with(|request| request.compare = choice).href()) aria-current=[chosen] { (name) } }
                }
            }
        }
    }
}

/// What happened in the time shown, and a form to tell more. Without a script it can be told, too.
fn notes(request: &PageRequest, snapshot: &Snapshot) -> Markup {
    let language = request.language;
    let (zone, all) = (&snapshot.header.zone, &snapshot.header.annotations);
    let api = [&request.base, "/api/annotations"].concat();
    // On a stretch of the past something is noted of that time: its middle, until it is set.
    let middle = request.until.map(|until| until - Span::of(request).length() / 2);
    html! {
        details class="menu notes" data-api=(api) {
            summary class="button" { (say(NOTES, language)) @if !all.is_empty() { " " b { (all.len()) } } }
            div {
                @if all.is_empty() { p { (say(NO_NOTES, language)) } }
                ul {
                    @for one in all.iter().rev() {
                        @let id = format!("{}-{}", one.time, one.number);
                        li {
                            time { (date(zone.date(one.time))) " " (zone.hms(one.time)) } " "
                            span { (one.says(language)) }
                            @if AnnotationKind::TOLD.contains(&one.kind) {
                                button type="button" class="remove" data-id=(id) hidden
                                    aria-label={ (say(REMOVE, language)) ": " (one.says(language)) } { (say(REMOVE, language)) }
                            }
                        }
                    }
                }
                form method="post" action=(api) {
                    input type="hidden" name="next" value=(request.href());
                    input type="hidden" name="offset" value=(zone.offset);
                    select name="kind" aria-label=(say(KIND, language)) {
                        @for kind in AnnotationKind::TOLD.into_iter().rev() {
                            option value=(kind.as_str()) { (kind.word(language)) }
                        }
                    }
                    input name="text" required maxlength="200" placeholder=(say(WHAT, language)) aria-label=(say(WHAT, language));
                    input type="datetime-local" name="when" step="1" value=[middle.map(|at| [&date(zone.date(at)), "T", &zone.hms(at)].concat())]
                        aria-label={ (say(WHEN, language)) " (" (zone.name) ")" };
                    button class="button" { (say(ADD, language)) }
                    small { (zone.name) @if middle.is_none() { " · " (say(NO_TIME, language)) } }
                }
            }
        }
    }
}

/// Every panel of the page over the same time, in every form that there is.
fn export(request: &PageRequest, snapshot: &Snapshot) -> Markup {
    let language = request.language;
    let query = request.query_string();
    html! {
        details class="menu export" {
            summary class="button" { (say(EXPORT, language)) }
            ul {
                @for panel in &snapshot.panels {
                    @let file = [&request.base, "/panels/", &percent_encode(&panel.spec.id)].concat();
                    li {
                        (panel.spec.title.get(language))
                        @for form in ["csv", "json", "svg"] {
                            " " a href={ (file) "." (form) (query) } download={ (panel.spec.id) "." (form) } { (form.to_uppercase()) }
                        }
                        // A script draws it from the picture.
                        " " a class="png" href={ (file) ".svg" (query) } download={ (panel.spec.id) ".png" } hidden { "PNG" }
                    }
                }
            }
        }
    }
}

/// The lines of configuration that make a panel of this page one of a group's.
fn keep(request: &PageRequest, snapshot: &Snapshot) -> Markup {
    let language = request.language;
    html! {
        details class="menu keep" {
            summary class="button" { (say(KEEP, language)) }
            div {
                p { (say(KEEP_HINT, language)) }
                @for panel in &snapshot.panels { pre { code { (panel.spec.feed.lines) } } }
            }
        }
    }
}

/// A stretch in words: the newest so many minutes, or from when to when.
fn shown(span: Span, zone: &Zone, language: Language) -> String {
    let Some(until) = span.until else {
        let window = text::window(span.window, language);
        return match language {
            Language::Ja => ["直近 ", &window].concat(),
            Language::En => ["The newest ", &window].concat(),
        };
    };
    let from = until - span.length();
    let (first, last) = (zone.date(from), zone.date(until));
    let time = |at: Millis| if span.window < 3_600 { zone.hms(at) } else { zone.hm(at) };
    let end = if first == last {
        time(until)
    } else {
        [&date(last), " ", &time(until)].concat()
    };
    [&date(first), " ", &time(from), " – ", &end, " ", &zone.name].concat()
}

/// `2026-11-22`, which is read alike everywhere.
fn date((year, month, day): (i64, u32, u32)) -> String {
    format!("{year}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: Millis = 1_763_800_000_000;

    #[test]
    fn ways_lead_where_they_say() {
        let live = Span {
            until: None,
            window: 3_600,
        };
        let before = live.earlier(NOW_MS);
        assert_eq!(
            before,
            Span {
                until: Some(NOW_MS - 3_600_000),
                window: 3_600
            }
        );
        assert_eq!((live.later(NOW_MS), before.later(NOW_MS)), (None, Some(live)));
        let long_ago = before.earlier(NOW_MS).earlier(NOW_MS);
        assert_eq!(long_ago.later(NOW_MS), Some(before.earlier(NOW_MS)));
        assert_eq!(
            live.wider(NOW_MS),
            Some(Span {
                until: None,
                window: 21_600
            })
        );
        let half = before.narrower(NOW_MS).expect("narrower");
        assert_eq!((half.window, half.until), (1_800, Some(NOW_MS - 3_600_000 - 900_000)));
        let least = Span {
            until: Some(NOW_MS),
            window: LEAST_WINDOW,
        };
        assert_eq!(least.narrower(NOW_MS), None);
        let wide = long_ago.wider(NOW_MS + 86_400_000).expect("wider");
        assert_eq!(
            (wide.window, wide.until),
            (21_600, Some(NOW_MS - 3 * 3_600_000 + 9_000_000))
        );
        assert_eq!(
            Span {
                until: None,
                window: MAX_WINDOW
            }
            .wider(NOW_MS),
            None
        );
        assert_eq!(
            Span {
                until: Some(1),
                window: 70
            }
            .now(),
            Span {
                until: None,
                window: 300
            }
        );
    }

    #[test]
    fn a_stretch_is_told_in_the_zone() {
        let zone = Zone {
            offset: 9 * 3_600,
            name: "JST".into(),
        };
        let told = |until, window| shown(Span { until, window }, &zone, Language::En);
        assert_eq!(told(None, 86_400), "The newest 24 h");
        assert_eq!(told(Some(NOW_MS), 300), "2025-11-22 17:21:40 – 17:26:40 JST");
        assert_eq!(told(Some(NOW_MS), 86_400), "2025-11-21 17:26 – 2025-11-22 17:26 JST");
    }
}

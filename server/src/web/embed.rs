//! `embed.js`, and the page that writes the lines for embedding a panel and checks beforehand whether they will work.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use keiki_app::PageRequest;
use keiki_app::document::attribute;
use keiki_app::icon::drawing;
use keiki_app::request::{Theme, window_text};
use keiki_model::group::Group;
use keiki_model::text::{Language, Text};
use keiki_model::view::{Subject, percent_decode};
use maud::{Markup, PreEscaped, html};

use super::assets::{self, REVALIDATE};
use super::fault::Fault;
use super::headers::{self, BUILDER_POLICY};
use super::page::MAX_QUERY;
use super::plain;
use super::router::{Shared, Site};
use crate::config::origin::Origin;

const TITLE: Text = Text::new("パネルの埋め込み", "Embed a panel");
const LEAD: Text = Text::new(
    "ほかのページに貼る 2 行を作り、動くかどうかを先に確かめます。",
    "Writes the two lines for your page, and checks beforehand whether they will work.",
);
const PANEL: Text = Text::new("パネル", "Panel");
const WINDOW: Text = Text::new("期間", "Window");
const THEME: Text = Text::new("配色", "Colours");
const GROUND: Text = Text::new("背景", "Ground");
const LANGUAGE: Text = Text::new("言語", "Language");
const HEIGHT: Text = Text::new("高さ（px、空欄なら自動）", "Height (px; by itself if empty)");
const PAGE: Text = Text::new("貼り付け先のページのアドレス", "Address of the page it goes into");
const WRITE: Text = Text::new("作成して確認", "Write and check");
const SNIPPET: Text = Text::new("貼り付ける行", "The lines");
const PLAIN: Text = Text::new("スクリプトを使えない場合", "Where scripts are not allowed");
const CHECKS: Text = Text::new("確認", "Checks");
const PREVIEW: Text = Text::new("プレビュー", "Preview");
const HOME: Text = Text::new("概要へ戻る", "Back to the overview");
const AUTO: Text = Text::new("ページに合わせる", "as the page");
const LIGHT: Text = Text::new("ライト", "light");
const DARK: Text = Text::new("ダーク", "dark");
const PLATE: Text = Text::new("パネルの地色", "the panel's own");
const CLEAR: Text = Text::new("透明", "transparent");

/// `GET {base}/embed.js`
pub(super) async fn script(request: Request) -> Response {
    match assets::named("embed.js") {
        Some(script) => {
            let mut response = assets::respond(script, request.headers(), REVALIDATE);
            headers::embeddable(response.headers_mut());
            response
        }
        None => Fault::NotFound.text(),
    }
}

/// `GET {base}/embed`
pub(super) async fn builder(State(site): State<Shared>, request: Request) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let wishes = match Wishes::read(&site, query) {
        Ok(wishes) => wishes,
        Err(fault) => return fault.html(&site.base, site.language_of(Some(query))),
    };
    let own = own_address(&site, request.headers());
    plain::page(StatusCode::OK, page(&site, &wishes, own.as_deref()), BUILDER_POLICY)
}

/// What the form holds.
struct Wishes {
    panel: PageRequest,
    height: Option<u32>,
    /// Where it is to go, as it was written; empty at first.
    page: String,
}

impl Wishes {
    fn read(site: &Site, query: &str) -> Result<Self, Fault> {
        if query.len() > MAX_QUERY {
            return Err(Fault::parameter(
                "query",
                format!("The query is longer than {MAX_QUERY} bytes."),
            ));
        }
        let value = |name: &str| plain::value(query, name);
        let id = value("panel").unwrap_or_else(|| "api.latency".to_owned());
        if site.state.catalogue.panel(&id).is_none() {
            return Err(Fault::parameter("panel", "There is no panel of this id."));
        }
        let panel = PageRequest::new(Subject::Panel(id), site.language, &site.base);
        let panel = panel
            .read(query)
            .map_err(|error| Fault::parameter(error.parameter, error.to_string()))?;
        let height = match value("height").map(|height| height.trim().parse()) {
            None => None,
            Some(Ok(height @ 60..=4_000)) => Some(height),
            Some(_) => {
                return Err(Fault::parameter(
                    "height",
                    "Write a whole number from 60 to 4000, or nothing.",
                ));
            }
        };
        Ok(Self {
            panel,
            height,
            page: value("page").unwrap_or_default(),
        })
    }

    fn id(&self) -> &str {
        match &self.panel.subject {
            Subject::Panel(id) => id,
            Subject::Overview | Subject::Group(_) => "",
        }
    }

    /// The attributes of the element, in the order of the address.
    fn attributes(&self) -> Vec<(String, String)> {
        let query = self.panel.query_string();
        let pairs = query
            .trim_start_matches('?')
            .split('&')
            .filter_map(|pair| pair.split_once('='));
        let pairs = pairs.map(|(name, value)| (name.to_owned(), percent_decode(value).unwrap_or_default()));
        let mut all = vec![("panel".to_owned(), self.id().to_owned())];
        all.extend(pairs);
        all.extend(self.height.map(|height| ("height".to_owned(), height.to_string())));
        all
    }
}

/// Where this browser reached Keiki, without a slash at the end. Its `Host` was checked; the scheme is a proxy's word, on
/// which nothing but advice depends.
fn own_address(site: &Site, headers: &HeaderMap) -> Option<String> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let scheme = headers.get("x-forwarded-proto").and_then(|scheme| scheme.to_str().ok());
    let scheme = if site.tls || scheme == Some("https") {
        "https"
    } else {
        "http"
    };
    Some(format!("{scheme}://{host}{}", site.base))
}

fn snippet(site: &Site, wishes: &Wishes, own: &str) -> String {
    let token = site.guard.asks().then(|| "token=\"…\"".to_owned());
    let attributes: Vec<String> = wishes
        .attributes()
        .iter()
        .map(|(name, value)| format!("{name}=\"{}\"", attribute(value)))
        .chain(token)
        .collect();
    format!(
        "<script src=\"{own}/embed.js\" async></script>\n<keiki-panel {}></keiki-panel>",
        attributes.join(" ")
    )
}

fn frame(site: &Site, wishes: &Wishes, own: &str) -> String {
    let mut href = wishes.panel.href();
    if site.guard.asks() {
        href.push(if href.contains('?') { '&' } else { '?' });
        href.push_str("token=…");
    }
    let path = href.strip_prefix(site.base.as_str()).unwrap_or(&href);
    format!(
        "<iframe src=\"{own}{}\" title=\"Keiki\" width=\"640\" height=\"{}\" loading=\"lazy\" referrerpolicy=\"no-referrer\"></iframe>",
        attribute(path),
        wishes.height.unwrap_or(320),
    )
}

/// One thing that was looked at.
struct Check {
    status: &'static str,
    told: String,
}

/// Whether a page of this address will show the panel, and what to change if not.
fn checks(site: &Site, wishes: &Wishes, own: &str) -> Vec<Check> {
    let language = wishes.panel.language;
    let say = |status, ja: String, en: String| Check {
        status,
        told: match language {
            Language::Ja => ja,
            Language::En => en,
        },
    };
    let page = match Origin::of_page(&wishes.page) {
        Ok(page) => page,
        Err(_) => {
            return vec![say(
                "bad",
                "これは Web ページのアドレスではありません。https://admin.example.com/ops のように書いてください。"
                    .to_owned(),
                "This is no address of a web page. Write it as https://admin.example.com/ops.".to_owned(),
            )];
        }
    };
    let keiki = Origin::of_page(own).ok();
    let mut found = Vec::new();
    let same = keiki.as_ref() == Some(&page);
    found.push(if same || site.embed_origins.iter().any(|origin| origin.admits(&page)) {
        say(
            "ok",
            format!("{page} からの埋め込みは許可されています。"),
            format!("Pages of {page} may show panels."),
        )
    } else {
        say(
            "bad",
            format!("ブラウザーは {page} からの埋め込みを拒否します。keiki.toml の [embed] に origins = [\"{page}\"] を書き、再起動してください。"),
            format!("Browsers will refuse this to {page}. Write origins = [\"{page}\"] below [embed] in keiki.toml, and restart."),
        )
    });
    let secure = keiki.as_ref().is_some_and(Origin::is_secure);
    if page.is_secure() && !secure {
        found.push(say(
            "bad",
            "このページは HTTPS ですが、Keiki は HTTP です。ブラウザーは混在コンテンツとして遮断します。Keiki も HTTPS で公開してください。".to_owned(),
            "The page is on HTTPS and Keiki on plain HTTP: browsers block that as mixed content. Let Keiki be reached by HTTPS."
                .to_owned(),
        ));
    }
    if site.guard.asks() && !same {
        let path = ["/embed/", wishes.id()].concat();
        found.push(say(
            "warn",
            format!("埋め込みにはトークンが必要です。keiki token add NAME --path {path} で作り、token=\"…\" に書いてください。"),
            format!("A frame needs a token: make one with keiki token add NAME --path {path}, and write it into token=\"…\"."),
        ));
    }
    let local = own
        .split("://")
        .nth(1)
        .is_some_and(|host| ["localhost", "127.", "[::1]"].iter().any(|name| host.starts_with(name)));
    if local && !same {
        found.push(say(
            "warn",
            format!("{own} はこのマシンだけで通じるアドレスです。ほかのマシンの閲覧者には表示されません。"),
            format!("{own} is an address of this machine only: readers on other machines will see nothing."),
        ));
    }
    found
}

fn page(site: &Site, wishes: &Wishes, own: Option<&str>) -> String {
    let language = wishes.panel.language;
    let t = |text: &Text| text.get(language).to_owned();
    let base = &site.base;
    let own = own.unwrap_or_default();
    let body = html! {
        main class="builder" {
            h1 { (t(&TITLE)) }
            p { (t(&LEAD)) " " a href={ (base) "/" } { (t(&HOME)) } }
            (form(site, wishes))
            @if !wishes.page.is_empty() {
                h2 { (t(&CHECKS)) }
                ul class="checks" {
                    @for check in checks(site, wishes, own) {
                        li data-status=(check.status) { (shape(check.status)) span { (check.told) } }
                    }
                }
            }
            h2 { (t(&SNIPPET)) }
            pre { code { (snippet(site, wishes, own)) } }
            h2 { (t(&PLAIN)) }
            pre { code { (frame(site, wishes, own)) } }
            h2 { (t(&PREVIEW)) }
            iframe title=(t(&PREVIEW)) src=(wishes.panel.href()) width="640" height=(wishes.height.unwrap_or(320)) {}
        }
    };
    let title = [TITLE.get(language), " · Keiki"].concat();
    plain::document(base, language.tag(), &title, &html! {}, &body)
}

/// The shapes of `app/src/sprite.svg`, which this page does not carry.
pub(super) fn shape(kind: &str) -> Markup {
    html! { svg class={ "shape " (kind) } viewBox="0 0 12 12" aria-hidden="true" { (PreEscaped(drawing(kind))) } }
}

fn form(site: &Site, wishes: &Wishes) -> Markup {
    let (catalogue, base) = (&site.state.catalogue, &site.base);
    let listed = Group::ALL
        .iter()
        .flat_map(|&group| catalogue.panels(group))
        .any(|panel| panel.spec.id == wishes.id());
    let language = wishes.panel.language;
    let t = |text: &Text| text.get(language).to_owned();
    let option = |value: &str, chosen: bool, name: String| {
        html! { option value=(value) selected[chosen] { (name) } }
    };
    let window = wishes.panel.window;
    html! {
        form action={ (base) "/embed" } {
            label { (t(&PANEL)) select name="panel" {
                @for group in Group::ALL {
                    optgroup label=(group.definition().title.get(language)) {
                        @for panel in catalogue.panels(*group) {
                            (option(&panel.spec.id, panel.spec.id == wishes.id(), panel.spec.title.get(language).to_owned()))
                        }
                    }
                }
                @if !listed { (option(wishes.id(), true, wishes.id().to_owned())) }
            } }
            label { (t(&WINDOW)) select name="window" {
                @for seconds in PageRequest::WINDOWS {
                    (option(window_text(seconds), seconds == window, keiki_app::text::window(seconds, language)))
                }
            } }
            label { (t(&LANGUAGE)) select name="lang" {
                (option("ja", language == Language::Ja, "日本語".to_owned()))
                (option("en", language == Language::En, "English".to_owned()))
            } }
            label { (t(&THEME)) select name="theme" {
                @for (theme, name) in [(Theme::Auto, &AUTO), (Theme::Light, &LIGHT), (Theme::Dark, &DARK)] {
                    (option(theme.as_str(), theme == wishes.panel.theme, t(name)))
                }
            } }
            label { (t(&GROUND)) select name="ground" {
                (option("plate", !wishes.panel.transparent, t(&PLATE)))
                (option("transparent", wishes.panel.transparent, t(&CLEAR)))
            } }
            label { (t(&HEIGHT)) input name="height" inputmode="numeric" value=[wishes.height] size="6"; }
            label class="wide" { (t(&PAGE))
                input name="page" type="url" value=(wishes.page) placeholder="https://admin.example.com/ops";
            }
            button class="button" { (t(&WRITE)) }
        }
    }
}

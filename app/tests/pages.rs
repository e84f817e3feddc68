//! Every built-in panel, in every state and language, on every page: it renders, and it keeps the contract that tests,
//! users and other programs rely on.
#![cfg(feature = "ssr")]

mod synth;

use keiki_app::data::PageData;
use keiki_app::{AssetUrls, PageRequest, document};
use keiki_model::group::Group;
use keiki_model::panel::{PanelSnapshot, State};
use keiki_model::text::Language;
use keiki_model::view::Subject;
use synth::{MOODS, Mood};

fn assets() -> AssetUrls {
    AssetUrls {
        css: "/ops/assets/main.css".to_owned(),
        boot: "/ops/assets/boot.js".to_owned(),
        favicon: "/ops/assets/icon.svg".to_owned(),
        preloads: vec![
            ("/ops/assets/app.js".to_owned(), "script".to_owned()),
            ("/ops/assets/app.wasm".to_owned(), "fetch".to_owned()),
        ],
    }
}

fn subjects() -> impl Iterator<Item = Subject> {
    let groups = Group::ALL.iter().map(|&group| Subject::Group(group));
    [Subject::Overview].into_iter().chain(groups)
}

fn page(subject: Subject, language: Language, mood: impl Fn(usize) -> Mood) -> (PageData, String) {
    let request = PageRequest::new(subject, language, "/ops")
        .read("window=1m")
        .expect("the test made it so");
    let snapshot = synth::snapshot(&request.view(), mood);
    let html = document(&request, &snapshot, &assets());
    (PageData::new(&request, &snapshot), html)
}

/// Every page in every mood and language.
fn pages() -> impl Iterator<Item = (String, Language, PageData, String)> {
    subjects().flat_map(|subject| {
        MOODS.into_iter().flat_map(move |mood| {
            let subject = subject.clone();
            Language::ALL.into_iter().map(move |language| {
                let (data, html) = page(subject.clone(), language, |_| mood);
                (format!("{subject:?} {mood:?} {language:?}"), language, data, html)
            })
        })
    })
}

/// The start tags of an element, as they are written.
fn tags<'a>(html: &'a str, element: &str) -> Vec<&'a str> {
    let start = format!("<{element} ");
    html.match_indices(&start)
        .map(|(at, _)| &html[at..at + html[at..].find('>').expect("the test made it so")])
        .collect()
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let start = tag.find(&format!(" {name}=\""))? + name.len() + 3;
    Some(&tag[start..start + tag[start..].find('"')?])
}

fn section<'a>(html: &'a str, id: &str) -> &'a str {
    let at = html
        .find(&format!("data-panel=\"{id}\""))
        .unwrap_or_else(|| panic!("{id} is missing"));
    let start = html[..at].rfind("<section").expect("the test made it so");
    &html[start..at + html[at..].find("</section>").expect("the test made it so")]
}

#[test]
fn every_panel_in_every_state_keeps_the_contract() {
    for (name, _, data, html) in pages() {
        for panel in &data.snapshot.panels {
            let section = section(&html, &panel.spec.id);
            let tag = tags(section, "section")[0];
            assert_eq!(
                attribute(tag, "data-state"),
                Some(panel.state.as_str()),
                "{name}: {tag}"
            );
            assert_eq!(
                attribute(tag, "data-status"),
                panel.status.map(|status| status.as_str()),
                "{name}: {tag}"
            );
            match panel.state {
                State::Live | State::Stale => figures(&name, panel, section),
                State::Empty => {
                    let line = panel.spec.feed.lines.lines().next().unwrap_or_default();
                    let line = line
                        .replace('&', "&amp;")
                        .replace('<', "&lt;")
                        .replace('>', "&gt;")
                        .replace('"', "&quot;");
                    assert!(section.contains(&line), "{name}: {line}");
                }
                State::Error => assert!(section.contains("connection refused"), "{name}"),
            }
        }
    }
}

fn figures(name: &str, panel: &PanelSnapshot, section: &str) {
    let figures = tags(section, "data");
    let rows = section.split_once("<tbody").map_or("", |(_, rows)| rows);
    let own = panel.spec.stats.iter().zip(&panel.stats);
    for (spec, stat) in own {
        let same = |tag: &&&str| {
            attribute(tag, "data-stat") == Some(spec.key.as_str()) && attribute(tag, "data-of") == spec.of.as_deref()
        };
        let tag = figures
            .iter()
            .find(same)
            .unwrap_or_else(|| panic!("{name}: {} lacks {spec:?}", panel.spec.id));
        assert_eq!(
            attribute(tag, "data-value").map(|value| value.parse().expect("the test made it so")),
            stat.value,
            "{name}: {tag}"
        );
        assert_eq!(
            attribute(tag, "data-limit").map(|value| value.parse().expect("the test made it so")),
            stat.limit,
            "{name}: {tag}"
        );
    }
    let named = tags(rows, "tr")
        .into_iter()
        .filter_map(|tag| attribute(tag, "data-series"));
    assert_eq!(named.count(), panel.rows.len(), "{name}: {}", panel.spec.id);
    let cells = tags(rows, "data")
        .into_iter()
        .filter(|tag| attribute(tag, "data-stat").is_some());
    assert_eq!(
        cells.count(),
        panel.rows.len() * panel.spec.columns.len(),
        "{name}: {}",
        panel.spec.id
    );
}

#[test]
fn a_groups_headline_figures_name_their_panel() {
    for &group in Group::ALL {
        let (_, html) = page(Subject::Group(group), Language::En, |_| Mood::Fine);
        for (id, key) in &group.definition().card {
            let found = tags(&html, "data")
                .into_iter()
                .any(|tag| attribute(tag, "data-of") == Some(id) && attribute(tag, "data-stat") == Some(key.as_str()));
            assert!(found, "{id} {key:?}");
        }
    }
}

#[test]
fn documents_need_nothing_that_the_policy_forbids() {
    for (name, language, data, html) in pages() {
        assert!(!html.contains(" style="), "{name}: a style attribute");
        assert!(!html.contains(" onclick="), "{name}: an inline handler");
        let scripts = tags(&html, "script");
        assert_eq!(scripts.len(), 3, "{name}: {scripts:?}");
        assert_eq!(attribute(scripts[0], "type"), Some("application/json"));
        assert_eq!(attribute(scripts[1], "type"), Some("application/json"));
        assert_eq!(attribute(scripts[2], "src"), Some("/ops/assets/boot.js"));
        let root = tags(&html, "html")[0];
        assert_eq!(attribute(root, "lang"), Some(language.tag()));
        assert_eq!(
            (attribute(root, "data-base"), attribute(root, "data-link")),
            (Some("/ops"), None)
        );
        let json = html
            .split("id=\"snapshot\">")
            .nth(1)
            .and_then(|rest| rest.split("</script>").next())
            .expect("the test made it so");
        assert!(!json.contains('<'), "{name}");
        assert_eq!(
            serde_json::from_str::<PageData>(json).expect("the test made it so"),
            data,
            "{name}"
        );
        for bad in ["NaN", "None", "Some(", "undefined"] {
            assert!(!html.replace(json, "").contains(bad), "{name}: {bad}");
        }
    }
}

#[test]
fn ids_are_unique_and_references_lead_somewhere() {
    for (name, _, _, html) in pages() {
        let mut ids: Vec<&str> = html
            .match_indices(" id=\"")
            .map(|(at, start)| {
                let at = at + start.len();
                &html[at..at + html[at..].find('"').expect("the test made it so")]
            })
            .collect();
        for attribute in [" href=\"#", " aria-labelledby=\"", " url(#"] {
            for (at, start) in html.match_indices(attribute) {
                let at = at + start.len();
                let id = html[at..].split(['"', ')']).next().expect("the test made it so");
                assert!(ids.contains(&id), "{name}: nothing has the id {id}");
            }
        }
        ids.sort_unstable();
        assert!(
            ids.windows(2).all(|pair| pair[0] != pair[1]),
            "{name}: an id twice in {ids:?}"
        );
    }
}

#[test]
fn the_same_request_and_snapshot_give_the_same_bytes() {
    for subject in subjects() {
        let (_, first) = page(subject.clone(), Language::Ja, |at| MOODS[at % 6]);
        let (_, second) = page(subject, Language::Ja, |at| MOODS[at % 6]);
        assert_eq!(first, second);
    }
}

#[test]
fn links_keep_the_rest_of_the_address() {
    let query = "window=15m&service=a%26b&lang=en&theme=dark";
    let request = PageRequest::new(Subject::Overview, Language::Ja, "/ops")
        .read(query)
        .expect("the test made it so");
    let html = document(&request, &synth::snapshot(&request.view(), |_| Mood::Fine), &assets());
    for href in [
        "/ops/groups/api?window=15m&amp;service=a%26b&amp;lang=en&amp;theme=dark",
        "/ops/?window=1m&amp;service=a%26b&amp;lang=en&amp;theme=dark",
        "/ops/?window=15m&amp;service=a%26b&amp;lang=ja&amp;theme=dark",
        "/ops/?window=15m&amp;service=a%26b&amp;lang=en\"",
    ] {
        assert!(html.contains(&format!("href=\"{href}")), "{href}");
    }
}

#[test]
fn text_from_outside_stays_text() {
    let (_, html) = page(Subject::Group(Group::Api), Language::En, |_| Mood::Fine);
    assert!(!html.contains("/<b>"), "a label became markup");
    assert!(html.contains("data-series=\"GET /&lt;b&gt;&amp;&quot;'\""));
}

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
        logout: None,
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

#[test]
fn every_panel_stands_alone_in_a_frame() {
    for panel in Group::ALL.iter().flat_map(|group| group.panels()) {
        for mood in MOODS {
            for language in Language::ALL {
                let (_, html) = page(Subject::Panel(panel.spec.id.clone()), language, |_| mood);
                let id = &panel.spec.id;
                assert_eq!(html.matches("<section ").count(), 1, "{id} {mood:?}");
                assert!(html.contains(&format!("data-panel=\"{id}\"")), "{id} {mood:?}");
                assert!(html.contains(panel.spec.title.get(language)), "{id} {language:?}");
                assert!(
                    html.contains("<body class=\"framed\">") && !html.contains("class=\"bar\""),
                    "{id}"
                );
                assert!(!html.contains(" style="), "{id}: the policy forbids it");
            }
        }
    }
}

#[test]
fn a_wall_shows_the_groups_that_it_is_asked_for_in_every_mood() {
    for mood in MOODS {
        for query in ["", "groups=queue,api", "rotate=20&lang=en", "groups=users&rotate=5"] {
            let request = PageRequest::wall(Language::Ja, "/ops")
                .read(query)
                .expect("the test made it so");
            let html = document(&request, &synth::snapshot(&request.view(), |_| mood), &assets());
            let wall = request.wall.clone().unwrap_or_default();
            let all = if wall.groups.is_empty() {
                Group::ALL
            } else {
                &wall.groups
            };
            let sections = tags(&html, "section");
            let shown: Vec<&str> = sections
                .iter()
                .filter_map(|tag| tag.split("data-panel=\"").nth(1))
                .collect();
            let groups: Vec<&str> = shown.iter().filter_map(|id| id.split('.').next()).collect();
            let wished: Vec<&str> = all.iter().map(|group| group.id()).collect();
            assert_eq!(groups, wished, "{query} {mood:?}");
            let away = sections.iter().filter(|tag| tag.contains(" hidden")).count();
            let expected = wall.rotate.map_or(0, |_| all.len() - 1);
            assert_eq!(away, expected, "{query} {mood:?}");
            assert!(!html.contains("<a ") && !html.contains(" style="), "{query} {mood:?}");
        }
    }
}

#[test]
fn the_figure_that_stands_for_a_group() {
    let request = PageRequest::wall(Language::En, "");
    let mut snapshot = synth::snapshot(&request.view(), |_| Mood::Fine);
    let database = snapshot
        .panels
        .iter_mut()
        .find(|panel| panel.spec.group == "database")
        .expect("the overview has it");
    let key = |panel: &PanelSnapshot| panel.spec.stats[keiki_app::page::wall::leading(panel)].key.as_str();
    assert_eq!(key(database), "p99", "the last with a target");
    let at = |panel: &PanelSnapshot, key: &str| {
        let stats = &panel.spec.stats;
        stats
            .iter()
            .position(|stat| stat.key.as_str() == key)
            .expect("it has that stat")
    };
    // A source that knows no percentiles.
    for unknown in ["p95", "p99"] {
        let place = at(database, unknown);
        database.stats[place].value = None;
        database.stats[place].status = None;
    }
    assert_eq!(key(database), "mean");
    let place = at(database, "last");
    database.stats[place].status = Some(keiki_model::target::Status::Bad);
    assert_eq!(key(database), "last", "what is missed comes first");
}

#[test]
fn where_people_log_in_they_can_log_out() {
    let shown = |request: PageRequest, logout: Option<&str>| {
        let assets = AssetUrls {
            logout: logout.map(str::to_owned),
            ..assets()
        };
        document(&request, &synth::snapshot(&request.view(), |_| MOODS[0]), &assets)
    };
    let page = |language| PageRequest::new(Subject::Overview, language, "/ops");
    let logout = Some("/ops/logout");
    let form = "<form method=\"post\" action=\"/ops/logout?lang=en\"><button>Log out</button></form>";
    assert!(shown(page(Language::En), logout).contains(form));
    assert!(shown(page(Language::Ja), logout).contains("<button>ログアウト</button>"));
    assert!(!shown(page(Language::En), None).contains("logout"));
    // A wall and a frame have nothing to press, and no login.
    let panel = PageRequest::new(Subject::Panel("api.latency".to_owned()), Language::En, "/ops");
    for other in [PageRequest::wall(Language::En, "/ops"), panel] {
        assert!(!shown(other, logout).contains("logout"));
    }
}

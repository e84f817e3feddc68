//! Draws snapshots with the app: documents, pictures and badges.

use keiki_app::chart::svg::{badge_svg, standalone_svg};
use keiki_app::text::{failed, state};
use keiki_app::{AssetUrls, PageRequest, document};
use keiki_model::chart::{APART, ChartModel, Options};
use keiki_model::format;
use keiki_model::frame::Snapshot;
use keiki_model::panel::{PanelSnapshot, StatKey, State};
use keiki_model::text::Language;

use super::assets;
use super::state::{Look, Render};

/// Points of a series in a picture: one per four pixels.
const POINTS: usize = 150;
/// The size of a picture, pixels. It scales with the place where it is shown.
const SIZE: (u32, u32) = (640, 280);

/// The app, and where its files are.
#[derive(Clone, Debug)]
pub struct App {
    assets: AssetUrls,
}

impl App {
    /// The app below a base path. Where people log in with a password, its pages let them log out.
    pub fn new(base: &str, has_password: bool) -> Self {
        let names = assets::names();
        let at = |name: &str| format!("{base}/assets/{name}");
        let early = [
            (names.echarts, "script"),
            (names.wasm_js, "script"),
            (names.wasm, "fetch"),
        ];
        Self {
            assets: AssetUrls {
                css: at(names.css),
                boot: at(names.boot),
                favicon: at(names.favicon),
                logout: has_password.then(|| format!("{base}/logout")),
                preloads: early
                    .into_iter()
                    .map(|(name, kind)| (at(name), kind.to_owned()))
                    .collect(),
            },
        }
    }
}

/// Which source a panel lacks, and since when.
fn lacking(snapshot: &Snapshot, panel: &PanelSnapshot, language: Language) -> Option<String> {
    let failure = panel.failure.as_ref()?;
    Some(failed(failure, &snapshot.header.zone, snapshot.now, language))
}

/// Why a panel in error has no data.
fn said(snapshot: &Snapshot, panel: &PanelSnapshot, language: Language) -> Vec<String> {
    let message = panel
        .failure
        .as_ref()
        .map(|failure| failure.message.get(language).to_owned());
    let said = lacking(snapshot, panel, language).into_iter().chain(message);
    said.filter(|_| panel.state == State::Error).collect()
}

impl Render for App {
    fn page(&self, request: &PageRequest, snapshot: &Snapshot) -> String {
        document(request, snapshot, &self.assets)
    }

    fn picture(&self, look: &Look, snapshot: &Snapshot) -> String {
        let Some(panel) = snapshot.panels.first() else {
            return String::new();
        };
        let options = Options {
            language: look.language,
            zone: &snapshot.header.zone,
            annotations: &snapshot.header.annotations,
            points: POINTS,
            hidden: &[],
            apart: APART,
        };
        let mut model = ChartModel::new(panel, &options);
        let said = said(snapshot, panel, look.language);
        if !said.is_empty() {
            // The reason stands where it would say that there are no data.
            model.gaps.iter_mut().for_each(|gap| gap.label = None);
        }
        let title = panel.spec.title.get(look.language);
        // A live panel that lacks one of its sources shows what the others say.
        let lacking = lacking(snapshot, panel, look.language).filter(|_| said.is_empty());
        let title = [title.to_owned()]
            .into_iter()
            .chain(lacking)
            .collect::<Vec<_>>()
            .join(" · ");
        standalone_svg(&model, &title, &said, SIZE.0, SIZE.1, look.dark)
    }

    fn badge(&self, stat: Option<StatKey>, look: &Look, snapshot: &Snapshot) -> Option<String> {
        let panel = snapshot.panels.first()?;
        let mut own = panel
            .spec
            .stats
            .iter()
            .zip(&panel.stats)
            .filter(|(spec, _)| spec.of.is_none());
        let (spec, value) = own.find(|(spec, _)| stat.is_none_or(|stat| spec.key == stat))?;
        let lacking = lacking(snapshot, panel, look.language);
        // A figure that is not of now would pass for one in somebody's page: its state stands there.
        let text = match state(panel.state, None) {
            Some(word) => word.get(look.language).to_owned(),
            None => {
                let figure = format::stat(&panel.spec, spec, value, look.language).joined(look.language);
                // One of several sources fails.
                let mark = if lacking.is_some() { " ✕" } else { "" };
                figure + mark
            }
        };
        let name = format!(
            "{} {}",
            panel.spec.title.get(look.language),
            spec.label.get(look.language)
        );
        let judged = (panel.state, value.status);
        Some(badge_svg(&name, &text, judged, &lacking.unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use keiki_model::frame::Header;
    use keiki_model::group;
    use keiki_model::panel::{Failure, Stat};
    use keiki_model::target::Status;
    use keiki_model::text::Text;
    use keiki_model::time::Zone;

    use super::*;

    /// A panel of 205 ms that misses its target.
    fn snapshot(state: State, lacks: bool) -> Snapshot {
        let spec = Arc::new(group::panel("api.latency").expect("a built-in panel").spec.clone());
        let stat = Stat {
            value: Some(0.205),
            status: Some(Status::Warn),
            ..Stat::default()
        };
        let panel = PanelSnapshot {
            stats: vec![stat; spec.stats.len()],
            spec,
            state,
            status: Some(Status::Warn),
            itself: false,
            interval_ms: 1_000,
            newest: Some(0),
            step: 1,
            to: 1_000,
            slots: 1,
            series: Vec::new(),
            before: Vec::new(),
            rows: Vec::new(),
            failure: lacks.then(|| Failure {
                source: "scrape:shop".into(),
                message: Text::new("応答がありません", "no answer"),
                since: Some(0),
                next_attempt: None,
            }),
        };
        Snapshot {
            build: "b".into(),
            boot: "r".into(),
            seq: 1,
            now: 1_000,
            view: "panel:api.latency".into(),
            header: Header {
                groups: Vec::new(),
                sources: (1, 1),
                services: Vec::new(),
                zone: Zone::default(),
                annotations: Vec::new(),
            },
            panels: vec![panel],
        }
    }

    #[test]
    fn a_badge_has_a_figure_only_while_it_is_true() {
        let badge = |state, lacks, language| {
            let look = Look { language, dark: None };
            let app = App::new("", false);
            app.badge(None, &look, &snapshot(state, lacks)).expect("a badge")
        };
        let live = badge(State::Live, false, Language::En);
        assert!(live.contains("205 ms<") && !live.contains('✕'), "{live}");
        let partly = badge(State::Live, true, Language::En);
        assert!(
            partly.contains("205 ms ✕<") && partly.contains("scrape:shop can’t be read"),
            "{partly}"
        );
        for (state, word) in [
            (State::Stale, "Stale"),
            (State::Empty, "Not set up"),
            (State::Error, "Error"),
        ] {
            let badge = badge(state, state == State::Error, Language::En);
            assert!(badge.contains(&format!("{word}<")) && !badge.contains("205"), "{badge}");
        }
        let japanese = badge(State::Error, true, Language::Ja);
        assert!(
            japanese.contains("scrape:shop") && !japanese.contains("can’t"),
            "{japanese}"
        );
    }
}

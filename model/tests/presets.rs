//! `docs/presets.md` says what each preset demands: it is what the code has, in the words of the panels.
//!
//! `KEIKI_WRITE_DOCS=1 cargo test -p keiki-model --test presets` writes it anew.
#![cfg(not(target_family = "wasm"))]

use std::fmt::Write as _;
use std::path::Path;

use keiki_model::format::Scale;
use keiki_model::group;
use keiki_model::panel::PanelSpec;
use keiki_model::preset::{Entry, PRESETS, Preset};
use keiki_model::target::Direction;
use keiki_model::text::Language;

const HEAD: &str = "# What a service is judged by

A preset is a set of targets. A service chooses one in its table, `[[service]] name = \"shop\"`, `preset = \"s3\"`; `default` holds
where none is chosen, and several services together are judged by a preset where all have it; where no service is picked those count that
the configuration names. Missing a target is a warning ▲, reaching
the limit is critical ◆; where no limit is named nothing ever is. Of the host's own resources what a preset does not name is judged as in
`default`. A range is met at its nearer end, and what is better than all of it is good.

";

/// A value of the figure that a goal is for, as its panel writes it.
struct Line {
    panel: String,
    figure: String,
    target: String,
    limit: String,
}

fn line((panel, key, goal): &Entry) -> Line {
    let panel = group::panel(panel).expect("a panel");
    let mut spec: PanelSpec = panel.spec.clone();
    let stat = spec
        .stats
        .iter_mut()
        .find(|stat| stat.key.as_str() == *key && stat.of.is_none());
    let (label, scale) = if let Some(stat) = stat {
        stat.goal = Some(*goal);
        let stat = stat.clone();
        (stat.label.clone(), Scale::of_stat(&spec, &stat, None))
    } else {
        let columns = &mut spec.columns;
        let column = columns
            .iter_mut()
            .find(|column| column.key.as_str() == *key)
            .expect("a figure");
        column.goal = Some(*goal);
        let column = column.clone();
        (column.label.clone(), Scale::of_column(&spec, &column))
    };
    let unit = scale.unit(Language::En);
    let with_unit = |figure: String| [&figure, " ", unit].concat().trim_end().to_owned();
    let sign = if goal.direction == Direction::Below {
        "≥ "
    } else {
        "< "
    };
    Line {
        panel: spec.title.get(Language::En).to_owned(),
        figure: label.get(Language::En).to_owned(),
        target: with_unit(scale.aim(goal)),
        limit: goal
            .allowed
            .map_or_else(String::new, |allowed| with_unit([sign, &scale.level(allowed)].concat())),
    }
}

fn table(out: &mut String, goals: &[Entry]) {
    out.push_str("| panel | figure | target | critical |\n|---|---|---|---|\n");
    for entry in goals {
        let Line {
            panel,
            figure,
            target,
            limit,
        } = line(entry);
        writeln!(out, "| `{}` {panel} | {figure} | {target} | {limit} |", entry.0).expect("a text takes all");
    }
}

fn written(preset: &Preset) -> String {
    let mut out = format!("## `{}`\n\n{}\n\n", preset.name, preset.about);
    table(&mut out, preset.goals);
    let mut from = None;
    for band in preset.bands {
        let per_minute = |load: f64| format!("{:.0} a minute", load * 60.0);
        let range = match from {
            None => format!("below {}", per_minute(band.below)),
            Some(from) if band.below.is_infinite() => format!("from {} on", per_minute(from)),
            Some(from) => format!("from {} to {}", per_minute(from), per_minute(band.below)),
        };
        write!(out, "\nUnder {}, {range}:\n\n", band.title.get(Language::En)).expect("a text takes all");
        table(&mut out, band.goals);
        from = Some(band.below);
    }
    out
}

#[test]
fn the_page_says_what_the_presets_demand() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/presets.md");
    let all: Vec<String> = PRESETS.iter().map(written).collect();
    let now = [HEAD, &all.join("\n")].concat();
    if std::env::var_os("KEIKI_WRITE_DOCS").is_some() {
        std::fs::write(&path, &now).expect("the page is written");
    }
    let there = std::fs::read_to_string(&path).expect("the page");
    assert!(
        there == now,
        "run KEIKI_WRITE_DOCS=1 cargo test -p keiki-model --test presets"
    );
}

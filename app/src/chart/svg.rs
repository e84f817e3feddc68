//! Drawings of the server: the data of a chart's first picture, a panel as a picture of its own, a badge.
//!
//! The data are a stretched SVG whose x axis counts slots, so that the steps of a path are small whole numbers; strokes
//! do not stretch. There is no `style` attribute: colours are classes of `style/chart.css`.

use std::fmt::Write as _;

use keiki_model::chart::{ChartModel, Heat, Point, Series};
use keiki_model::panel::ChartKind;

use super::BAR;
use super::path::{HEIGHT, Path, areas, at, lines, whole};

mod badge;
mod standalone;

pub use badge::badge_svg;
pub use standalone::standalone_svg;

/// The data of a chart.
pub(super) fn plot(model: &ChartModel) -> String {
    let mut svg = String::with_capacity(4_096);
    if let Some(heat) = &model.heat {
        write_heat(&mut svg, heat, model.column);
        return svg;
    }
    let width = width(model);
    let _ = write!(
        svg,
        r#"<svg class="plot" viewBox="0 0 {width} {HEIGHT}" preserveAspectRatio="none" aria-hidden="true">"#
    );
    let visible = || model.series.iter().filter(|series| !series.points.is_empty());
    match model.kind {
        ChartKind::Bar => {
            let bar = model.column * width * (1.0 - (1.0 - BAR));
            visible().for_each(|series| write_path(&mut svg, "bar", series, bars(&series.points, width, bar)));
        }
        ChartKind::StackedArea | ChartKind::Area => {
            visible().for_each(|series| write_path(&mut svg, "area", series, areas(&series.points, width)));
            visible()
                .filter(|series| series.outlined)
                .for_each(|series| write_path(&mut svg, "line", series, lines(&series.points, width)));
        }
        _ => visible().for_each(|series| write_path(&mut svg, "line", series, lines(&series.points, width))),
    }
    svg.push_str("</svg>");
    svg
}

/// The plot's width in slots; of bars in tenths of a slot, because they leave room between them.
fn width(model: &ChartModel) -> f64 {
    let seconds = u32::try_from((model.to - model.from) / 1_000).unwrap_or(300);
    match model.kind {
        ChartKind::Bar => f64::from(seconds.clamp(100, 1_000)) * 10.0,
        _ => f64::from(seconds.clamp(60, 3_000)),
    }
}

fn write_path(svg: &mut String, kind: &str, series: &Series, path: Path) {
    if !path.is_empty() {
        let lead = if series.lead && kind == "line" { " lead" } else { "" };
        let _ = write!(
            svg,
            r#"<path class="{kind} {}{lead}" d="{}"/>"#,
            series.class,
            path.finish()
        );
    }
}

fn bars(points: &[Point], width: f64, bar: f64) -> Path {
    let mut path = Path::default();
    let bar = whole(bar, 1.0).max(1);
    for point in points.iter().filter(|point| !point.is_break()) {
        let (x, top) = at(point, width);
        let height = whole(1.0 - point.low, HEIGHT) - top;
        if height > 0 {
            path.start(x, top);
            path.raw(&format!("h{bar}v{height}h-{bar}z"));
        }
    }
    path
}

/// One path per colour; neighbours of a colour in a row are one rectangle.
fn write_heat(svg: &mut String, heat: &Heat, column: f64) {
    let width = 1.0 / column;
    // Columns stand at round times and rarely at the plot's edge.
    const FINE: f64 = 10.0;
    let _ = write!(
        svg,
        r#"<svg class="plot" viewBox="0 0 {} {}" preserveAspectRatio="none" aria-hidden="true">"#,
        whole(width, FINE),
        heat.rows.max(1)
    );
    for level in 1..=8 {
        let mut cells: Vec<_> = heat.cells.iter().filter(|cell| cell.level == level).collect();
        cells.sort_by_key(|cell| (cell.row, cell.column));
        let mut path = Path::default();
        for run in cells.chunk_by(|one, next| one.row == next.row && next.column == one.column + 1) {
            let (x, y) = (whole(run[0].left * width, FINE), heat.rows - 1 - run[0].row);
            path.start(x, i32::try_from(y).unwrap_or_default());
            let length = run.len() * 10;
            path.raw(&format!("h{length}v1h-{length}z"));
        }
        if !path.is_empty() {
            let _ = write!(svg, r#"<path class="heat-{level}" d="{}"/>"#, path.finish());
        }
    }
    svg.push_str("</svg>");
}

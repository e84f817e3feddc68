//! Panels of one query, which belong to no catalogue: what the benchmarks ask for.

use keiki_model::panel::{ChartKind, Feed, Line, Palette, Panel, PanelSpec, Table};
use keiki_model::query::Query;
use keiki_model::series::Labels;
use keiki_model::text::Text;
use keiki_model::unit::Unit;

fn bare(chart: ChartKind, top: usize) -> Panel {
    let spec = PanelSpec {
        id: "bench.panel".to_owned(),
        group: "bench".to_owned(),
        title: Text::default(),
        help: Text::default(),
        axis: Text::default(),
        unit: Unit::Seconds,
        chart,
        palette: Palette::default(),
        axis_limit: None,
        magnitude: None,
        naming: Vec::new(),
        stats: Vec::new(),
        columns: Vec::new(),
        sparklines: false,
        feed: Feed::default(),
    };
    Panel {
        spec,
        lines: Vec::new(),
        top,
        heat: None,
        stats: Vec::new(),
        limits: Vec::new(),
        table: None,
    }
}

/// The `top` largest lines of a query.
pub(crate) fn lines(query: Query, top: usize) -> Panel {
    let mut panel = bare(ChartKind::Line, top);
    panel.lines = vec![Line {
        labels: Labels::none(),
        query,
    }];
    panel
}

/// One figure of each group, over the window; its column is the caller's to name.
pub(crate) fn table(query: Query, rows: usize) -> Panel {
    let mut panel = bare(ChartKind::Table, 0);
    panel.table = Some(Table {
        columns: vec![query],
        order: 0,
        rows,
        spark: None,
    });
    panel
}

//! Short words for those who define panels: the groups' files, a user's configuration, what explores a metric.

use super::Definition;
use crate::panel::{ChartKind, ColumnSpec, Feed, Line, Palette, Panel, PanelSpec, StatKey, StatSpec, Table};
use crate::preset::Targets;
use crate::query::{Function, Query, Selector};
use crate::series::Labels;
use crate::text::Text;
use crate::unit::Unit;

pub use crate::query::Combine;
pub use StatKey::{Count, Last, Max, Mean, Min, P50, P95, P99, Rate, Ratio, Total};

/// How a program's page of metrics is named in the configuration.
pub(super) const SCRAPE: &str = "[[scrape]]\nname = \"shop\"\nurl = \"http://127.0.0.1:8000/metrics\"";

/// Japanese and English.
pub const fn text(ja: &'static str, en: &'static str) -> Text {
    Text::new(ja, en)
}

/// All series of a metric.
pub fn all(metric: &str) -> Selector {
    Selector::new(metric)
}

/// The quantile, summed over all that is selected.
pub fn quantile(selector: &Selector, q: f64) -> Query {
    Query::new(selector.clone(), Function::Quantile(q))
}

/// Events per second.
pub fn rate(selector: &Selector) -> Query {
    Query::new(selector.clone(), Function::Rate)
}

/// Events.
pub fn increase(selector: &Selector) -> Query {
    Query::new(selector.clone(), Function::Increase)
}

/// The mean.
pub fn mean(selector: &Selector) -> Query {
    Query::new(selector.clone(), Function::Avg)
}

/// The largest.
pub fn max(selector: &Selector) -> Query {
    Query::new(selector.clone(), Function::Max).combined(Combine::Max)
}

/// The newest, summed.
pub fn last(selector: &Selector) -> Query {
    Query::new(selector.clone(), Function::Last)
}

/// A panel under construction.
pub fn panel(id: &str, title: Text, axis: Text, unit: Unit, chart: ChartKind, help: Text) -> Builder {
    let group = id.split('.').next().unwrap_or_default().to_owned();
    let spec = PanelSpec {
        id: id.to_owned(),
        group,
        title,
        help,
        axis,
        unit,
        chart,
        palette: Palette::Categorical,
        // No share is more than all of it.
        axis_limit: (unit == Unit::Ratio).then_some(1.0),
        magnitude: None,
        naming: Vec::new(),
        stats: Vec::new(),
        columns: Vec::new(),
        sparklines: false,
        feed: Feed::default(),
    };
    Builder(Panel {
        spec,
        lines: Vec::new(),
        top: 8,
        heat: None,
        stats: Vec::new(),
        limits: Vec::new(),
        table: None,
    })
}

/// See [`panel`].
#[derive(Clone, Debug)]
pub struct Builder(Panel);

impl Builder {
    /// Lines without a label of their own, one per group of the query.
    #[must_use]
    pub fn lines(mut self, query: Query) -> Self {
        self.0.lines.push(Line {
            labels: Labels::none(),
            query,
        });
        self
    }

    /// A line with labels of its own.
    #[must_use]
    pub fn line(mut self, labels: &[(&str, &str)], query: Query) -> Self {
        self.0.lines.push(Line {
            labels: Labels::new(labels.iter().copied()),
            query,
        });
        self
    }

    /// A line that is a statistic.
    #[must_use]
    pub fn statistic(mut self, key: StatKey, query: Query) -> Self {
        self.0.lines.push(Line {
            labels: Labels::new([("stat", key.as_str())]),
            query,
        });
        self.naming(&["stat"])
    }

    /// How large its values are: see [`PanelSpec::magnitude`].
    #[must_use]
    pub fn magnitude(mut self, magnitude: Option<f64>) -> Self {
        self.0.spec.magnitude = magnitude;
        self
    }

    /// The labels that name a series or a row.
    #[must_use]
    pub fn naming(mut self, labels: &[&str]) -> Self {
        self.0.spec.naming = labels.iter().map(|&label| label.to_owned()).collect();
        self
    }

    /// The series' colours.
    #[must_use]
    pub fn palette(mut self, palette: Palette) -> Self {
        self.0.spec.palette = palette;
        self
    }

    /// A figure in the panel's unit.
    #[must_use]
    pub fn stat(self, key: StatKey, label: Text, query: Query) -> Self {
        let unit = self.0.spec.unit;
        self.stat_in(unit, key, label, query)
    }

    /// A figure in a unit of its own.
    #[must_use]
    pub fn stat_in(mut self, unit: Unit, key: StatKey, label: Text, query: Query) -> Self {
        let natural_limit = (unit == Unit::Ratio).then_some(1.0);
        let goal = Targets::default().goal(&self.0.spec.id, key.as_str());
        self.0.spec.stats.push(StatSpec {
            key,
            of: None,
            label,
            unit,
            goal,
            natural_limit,
            limited: false,
        });
        self.0.stats.push(query);
        self.0.limits.push(None);
        self
    }

    /// The measured limit of the figure before.
    #[must_use]
    pub fn limited_by(mut self, query: Query) -> Self {
        if let (Some(limit), Some(stat)) = (self.0.limits.last_mut(), self.0.spec.stats.last_mut()) {
            *limit = Some(query);
            stat.limited = true;
        }
        self
    }

    /// The distributions of a heat map.
    #[must_use]
    pub fn heat(mut self, selector: Selector) -> Self {
        self.0.heat = Some(selector);
        self
    }

    /// A table of the groups that these labels make, sorted by the first column given to [`Builder::column`] unless
    /// [`Builder::order`] says otherwise.
    #[must_use]
    pub fn table(mut self, rows: usize, spark: Option<Query>) -> Self {
        self.0.spec.sparklines = spark.is_some();
        self.0.table = Some(Table {
            columns: Vec::new(),
            order: 0,
            rows,
            spark,
        });
        self
    }

    /// A column.
    #[must_use]
    pub fn column(mut self, key: StatKey, label: Text, unit: Unit, query: Query) -> Self {
        let goal = Targets::default().goal(&self.0.spec.id, key.as_str());
        self.0.spec.columns.push(ColumnSpec {
            key,
            label,
            unit,
            goal,
            minor: false,
        });
        if let Some(table) = &mut self.0.table {
            table.columns.push(query);
        }
        self
    }

    /// A column that a narrow screen leaves out.
    #[must_use]
    pub fn minor(self, key: StatKey, label: Text, unit: Unit, query: Query) -> Self {
        let mut this = self.column(key, label, unit, query);
        if let Some(column) = this.0.spec.columns.last_mut() {
            column.minor = true;
        }
        this
    }

    /// Sorts the table by the newest column.
    #[must_use]
    pub fn order(mut self) -> Self {
        if let Some(table) = &mut self.0.table {
            table.order = table.columns.len().saturating_sub(1);
        }
        self
    }

    /// How many groups one line shows at most.
    #[must_use]
    pub fn top(mut self, top: usize) -> Self {
        self.0.top = top;
        self
    }

    /// How to feed it.
    pub fn fed_by(mut self, sentence: Text, lines: &str) -> Panel {
        self.0.spec.feed = Feed {
            sentence,
            lines: lines.to_owned(),
        };
        self.0
    }
}

/// The overview card of a group: its lead panel with the figures that the definition lists.
pub(super) fn card(definition: &Definition) -> Panel {
    let lead = &definition.panels[0];
    let mut card = Panel {
        stats: Vec::new(),
        limits: Vec::new(),
        ..lead.clone()
    };
    card.spec.stats.clear();
    for &(id, key) in &definition.card {
        for owner in definition.panels.iter().filter(|panel| panel.spec.id == id) {
            for (place, stat) in owner.spec.stats.iter().enumerate().filter(|(_, stat)| stat.key == key) {
                let of = (id != lead.spec.id).then(|| id.to_owned());
                card.spec.stats.push(StatSpec { of, ..stat.clone() });
                card.stats.push(owner.stats[place].clone());
                card.limits.push(owner.limits[place].clone());
            }
        }
    }
    card
}

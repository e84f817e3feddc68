//! Puts a panel's snapshot together.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use keiki_model::panel::{Line as LineSpec, Panel, PanelSnapshot, PanelSpec, Row, SeriesPoints, Stat, Table};
use keiki_model::query::Query;
use keiki_model::series::Labels;
use keiki_model::target::{Goal, Status};
use keiki_model::time::SECOND;
use keiki_model::unit::Unit;

use super::condition::Condition;
use super::evaluate::{ALL, Evaluator, Figure, Line, Wanted};
use super::heat;
use super::order::natural;
use super::round;

/// The snapshot of a panel whose data are in this condition. With `finer`, whose slots are parts of the others, its lines
/// have extremes.
pub(crate) fn snapshot<'a>(
    panel: &'a Panel,
    spec: Arc<PanelSpec>,
    evaluator: &Evaluator<'a>,
    finer: Option<&Evaluator<'a>>,
    condition: Condition,
    itself: bool,
) -> PanelSnapshot {
    let grid = *evaluator.grid();
    let mut series: Vec<_> = panel
        .lines
        .iter()
        .flat_map(|line| {
            let mut drawn = drawn(line, panel.top, spec.unit, evaluator);
            if let Some(finer) = finer {
                widen(&mut drawn, line, spec.unit, evaluator, finer);
            }
            drawn
        })
        .collect();
    if let Some(selector) = &panel.heat {
        series.extend(
            heat::rows(evaluator, selector)
                .into_iter()
                .map(|(labels, line)| points(labels, &line, round::stat)),
        );
    }
    let mut rows = Vec::new();
    if let Some(table) = &panel.table {
        rows = table_rows(table, &spec, evaluator);
        series.extend(sparks(table, &rows, spec.unit, evaluator));
    }
    let stats = figures(panel, &spec, evaluator);
    let cells = rows.iter().flat_map(|row| &row.cells);
    PanelSnapshot {
        state: condition.state,
        status: stats.iter().chain(cells).filter_map(|stat| stat.status).max(),
        itself,
        interval_ms: condition.interval_ms,
        newest: condition.newest,
        step: u32::try_from(grid.step / SECOND).unwrap_or(u32::MAX),
        to: grid.to(),
        slots: u32::try_from(grid.slots).unwrap_or(u32::MAX),
        series,
        before: Vec::new(),
        rows,
        stats,
        failure: condition.failure,
        spec,
    }
}

/// The series of one line: the largest by their mean, in the order of their labels. One that is all gaps is left out.
fn drawn<'a>(line: &'a LineSpec, top: usize, unit: Unit, evaluator: &Evaluator<'a>) -> Vec<SeriesPoints> {
    let mut lines: Vec<_> = evaluator
        .lines(&line.query, ALL)
        .into_iter()
        .filter_map(|(labels, values)| Some((mean(&values)?, labels, values)))
        .collect();
    if lines.len() > top {
        lines.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| natural(&a.1, &b.1)));
        lines.truncate(top);
    }
    lines.sort_by(|a, b| natural(&a.1, &b.1));
    lines
        .into_iter()
        .map(|(_, labels, values)| points(all_labels(line, labels), &values, rounding(unit)))
        .collect()
}

/// Tells how far the values within the slots of drawn lines went: down to the last sample where these are plain values, else
/// as the line over finer slots says. Lines that nowhere differ from their extremes are left without.
fn widen<'a>(
    drawn: &mut [SeriesPoints],
    line: &'a LineSpec,
    unit: Unit,
    evaluator: &Evaluator<'a>,
    finer: &Evaluator<'a>,
) {
    let shown = |labels: &Labels| {
        drawn
            .iter()
            .any(|series| series.labels == all_labels(line, labels.clone()))
    };
    let extremes = evaluator.extremes(&line.query, &shown).unwrap_or_else(|| {
        let parts = finer.grid().slots / evaluator.grid().slots.max(1);
        if parts <= 1 {
            // It would be the line itself once more.
            return Vec::new();
        }
        let per_slot = |values: &Line, fold: fn(f64, f64) -> f64| {
            // `min` and `max` of numbers pass over NaN, of which a slot without a value is made.
            values
                .chunks(parts)
                .map(|part| part.iter().copied().fold(f64::NAN, fold))
                .collect()
        };
        let lines = finer.lines(&line.query, &shown).into_iter();
        lines
            .map(|(labels, values)| (labels, per_slot(&values, f64::min), per_slot(&values, f64::max)))
            .collect()
    });
    let round = |values: &Line| -> Vec<Option<f64>> { values.iter().map(|&value| rounding(unit)(value)).collect() };
    for (labels, low, high) in extremes {
        let (low, high) = (round(&low), round(&high));
        let labels = all_labels(line, labels);
        if let Some(series) = drawn.iter_mut().find(|series| series.labels == labels)
            && low != high
        {
            (series.min, series.max) = (low, high);
        }
    }
}

fn all_labels(line: &LineSpec, labels: Labels) -> Labels {
    let more = line.labels.iter();
    more.fold(labels, |labels, (name, value)| labels.with(name, value))
}

fn mean(values: &[f64]) -> Option<f64> {
    let present = values.iter().filter(|value| !value.is_nan());
    let (sum, count) = present.fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

fn rounding(unit: Unit) -> fn(f64) -> Option<f64> {
    if unit == Unit::Ratio {
        round::ratio_point
    } else {
        round::point
    }
}

fn points(labels: Labels, values: &Line, round: fn(f64) -> Option<f64>) -> SeriesPoints {
    SeriesPoints::new(labels, values.iter().map(|&value| round(value)).collect())
}

fn figures<'a>(panel: &'a Panel, spec: &PanelSpec, evaluator: &Evaluator<'a>) -> Vec<Stat> {
    let only = |query: &'a Query| {
        // A figure is of one group; a query that makes several would be a fault of the catalogue.
        evaluator
            .figures(query, ALL)
            .into_iter()
            .next()
            .map(|(_, figure)| figure)
    };
    let queries = panel.stats.iter().zip(&panel.limits);
    queries
        .zip(&spec.stats)
        .map(|((query, limit), spec)| Stat {
            limit: limit
                .as_ref()
                .and_then(only)
                .and_then(|figure| round::stat(figure.value)),
            ..stat(only(query), spec.goal)
        })
        .collect()
}

fn stat(figure: Option<Figure>, goal: Option<Goal>) -> Stat {
    let value = figure.and_then(|figure| round::stat(figure.value));
    Stat {
        value,
        status: goal
            .zip(value)
            .and_then(|(goal, value)| verdict(goal, value, figure.and_then(|figure| figure.bucket))),
        limit: None,
        bucket: figure.filter(|_| value.is_some()).and_then(|figure| figure.bucket),
    }
}

/// What is to be said of a value. One of which only the bucket is known is judged where all of the bucket is judged alike.
fn verdict(goal: Goal, value: f64, bucket: Option<(f64, Option<f64>)>) -> Option<Status> {
    let Some((lower, upper)) = bucket else {
        return Some(goal.judge(value));
    };
    // The bounds themselves do not count: of a bucket that ends at the target, all but one value is below it.
    let least = goal.judge(lower.next_up());
    (least == goal.judge(upper.unwrap_or(f64::MAX).next_down())).then_some(least)
}

/// The rows with the largest values in the ordering column; what has none comes last, equal ones by the other columns from
/// the first, and then by their labels.
fn table_rows<'a>(table: &'a Table, spec: &PanelSpec, evaluator: &Evaluator<'a>) -> Vec<Row> {
    let mut rows: HashMap<Labels, Vec<Stat>> = HashMap::new();
    let fill = |rows: &mut HashMap<Labels, Vec<Stat>>, place: usize, wanted: Wanted<'_>| {
        let (Some(query), Some(column)) = (table.columns.get(place), spec.columns.get(place)) else {
            return;
        };
        for (labels, figure) in evaluator.figures(query, wanted) {
            let cells = rows
                .entry(labels)
                .or_insert_with(|| vec![Stat::default(); table.columns.len()]);
            cells[place] = stat(Some(figure), column.goal);
        }
    };
    fill(&mut rows, table.order, ALL);
    let others = (0..table.columns.len()).filter(|place| *place != table.order);
    if rows.len() > table.rows {
        // Of a thousand groups the other columns are asked only for those that are shown.
        let shown: HashMap<_, _> = first_rows(rows, table)
            .into_iter()
            .map(|row| (row.labels, row.cells))
            .collect();
        rows = shown.clone();
        others.for_each(|place| fill(&mut rows, place, &|labels| shown.contains_key(labels)));
    } else {
        others.for_each(|place| fill(&mut rows, place, ALL));
    }
    first_rows(rows, table)
}

fn first_rows(rows: HashMap<Labels, Vec<Stat>>, table: &Table) -> Vec<Row> {
    let mut rows: Vec<_> = rows.into_iter().map(|(labels, cells)| Row { labels, cells }).collect();
    let value = |row: &Row, place: usize| row.cells.get(place).and_then(|cell| cell.value);
    let descending = |a: &Row, b: &Row, place| value(b, place).partial_cmp(&value(a, place)).unwrap_or(Ordering::Equal);
    rows.sort_by(|a, b| {
        let places = [table.order].into_iter().chain(0..table.columns.len());
        let mut orders = places.map(|place| descending(a, b, place));
        let first = orders.find(|order| order.is_ne());
        first.unwrap_or_else(|| natural(&a.labels, &b.labels))
    });
    rows.truncate(table.rows);
    rows
}

/// The sparklines of the rows that have one, in the order of their labels.
fn sparks<'a>(table: &'a Table, rows: &[Row], unit: Unit, evaluator: &Evaluator<'a>) -> Vec<SeriesPoints> {
    let Some(query) = &table.spark else { return Vec::new() };
    let shown: HashSet<_> = rows.iter().map(|row| &row.labels).collect();
    let mut lines = evaluator.lines(query, &|labels| shown.contains(labels));
    lines.retain(|(_, values)| mean(values).is_some());
    lines.sort_by(|a, b| natural(&a.0, &b.0));
    lines
        .into_iter()
        .map(|(labels, values)| points(labels, &values, rounding(unit)))
        .collect()
}

//! Distributions of several series and seconds in one.

use std::cmp::Ordering;

use keiki_model::histogram::{Distribution, Part, Quantile};
use keiki_model::query::Function;

use super::evaluate::Figure;

/// Everything that was recorded, added up as far as it can be: distributions of different makes (other bucket bounds, or
/// exponential beside explicit) stay beside each other.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Merged {
    /// Nothing was recorded.
    #[default]
    Nothing,
    /// All of one make.
    One(Distribution),
    /// Of several makes.
    Several(Vec<Distribution>),
}

impl Merged {
    pub(crate) fn of(distributions: &[Part<'_>]) -> Self {
        match distributions {
            [] => Self::Nothing,
            [one] => Self::One((*one).into()),
            several => match Distribution::merged(several.iter().copied()) {
                Ok(merged) => merged.map_or(Self::Nothing, Self::One),
                Err(_) => {
                    let mut merged = Self::Nothing;
                    several.iter().for_each(|part| merged.add(&(*part).into()));
                    merged
                }
            },
        }
    }

    /// Both together.
    pub(crate) fn and(&self, other: &Self) -> Self {
        let mut merged = self.clone();
        merged.add_all(other);
        merged
    }

    pub(crate) fn add_all(&mut self, other: &Self) {
        other.makes().iter().for_each(|distribution| self.add(distribution));
    }

    fn add(&mut self, distribution: &Distribution) {
        match self {
            Self::Nothing => *self = Self::One(distribution.clone()),
            Self::One(one) => {
                if one.merge(distribution).is_err() {
                    *self = Self::Several(vec![one.clone(), distribution.clone()]);
                }
            }
            Self::Several(makes) => {
                if makes.iter_mut().all(|make| make.merge(distribution).is_err()) {
                    makes.push(distribution.clone());
                }
            }
        }
    }

    /// What a function of distributions makes of it.
    pub(crate) fn figure(&self, function: Function) -> Option<Figure> {
        match self {
            Self::Nothing => None,
            Self::One(one) => figure(&[one.into()], function),
            Self::Several(makes) => figure(&makes.iter().map(Part::from).collect::<Vec<_>>(), function),
        }
    }

    /// One distribution for each make.
    pub(crate) fn makes(&self) -> &[Distribution] {
        match self {
            Self::Nothing => &[],
            Self::One(one) => std::slice::from_ref(one),
            Self::Several(makes) => makes,
        }
    }

    /// Of how many observations it is told how they are spread.
    pub(crate) fn told(&self) -> u64 {
        self.spreads().map(|make| make.count()).sum()
    }

    pub(crate) fn at_or_below(&self, bound: f64) -> f64 {
        self.spreads().map(|make| make.count_at_or_below(bound)).sum()
    }

    /// Above which value those lie that are not at or below `bound`; `None` where all are. Of what exceeds the last bound of
    /// explicit buckets no more is known than that.
    pub(crate) fn beyond(&self, bound: f64) -> Option<f64> {
        let ends = self.spreads().filter_map(|make| match make {
            _ if make.count_at_or_below(bound) >= make.count() as f64 => None,
            Part::Explicit(buckets) => Some(buckets.last_bound()?.min(bound)),
            Part::Exponential(_) => Some(bound),
        });
        ends.reduce(f64::min)
    }

    fn spreads(&self) -> impl Iterator<Item = Part<'_>> {
        self.makes().iter().map(Part::from).filter(is_spread)
    }
}

/// What a function makes of distributions, one for each make.
pub(crate) fn figure(makes: &[Part<'_>], function: Function) -> Option<Figure> {
    let value = match function {
        Function::Quantile(q) => {
            return quantile(makes, q).map(|found| Figure {
                value: found.value,
                bucket: found.bucket,
            });
        }
        Function::Avg => {
            let count = count(makes);
            (count > 0).then(|| makes.iter().map(Part::sum).sum::<f64>() / count as f64)
        }
        Function::Min => makes.iter().filter_map(Part::min).reduce(f64::min),
        Function::Max => makes.iter().filter_map(Part::max).reduce(f64::max),
        Function::Apdex(threshold) => share_of(makes, score(makes, threshold)),
        Function::Share(above, up_to) => share_of(makes, within(makes, above, up_to)),
        Function::Within(above, up_to) => some(makes, within(makes, above, up_to)),
        Function::Score(threshold) => some(makes, score(makes, threshold)),
        Function::Last | Function::Rate | Function::Increase => None,
    };
    value.map(Figure::from)
}

/// The quantile of the make with most observations: there is no honest quantile across different buckets.
fn quantile(makes: &[Part<'_>], q: f64) -> Option<Quantile> {
    let largest = spread(makes).max_by(|a, b| a.count().cmp(&b.count()).then_with(|| finer(a, b)))?;
    largest.quantile(q)
}

/// What Apdex counts: satisfied, plus half of the tolerating.
fn score(makes: &[Part<'_>], threshold: f64) -> f64 {
    let satisfied = at_or_below(makes, threshold);
    let tolerating = at_or_below(makes, 4.0 * threshold) - satisfied;
    satisfied + tolerating / 2.0
}

/// What lies above the first and at or below the second bound.
fn within(makes: &[Part<'_>], above: f64, up_to: Option<f64>) -> f64 {
    // Nothing is less than nothing: what lies above 0 includes what took no time at all.
    let below = if above <= 0.0 { 0.0 } else { at_or_below(makes, above) };
    let upper = up_to.map_or(told(makes) as f64, |bound| at_or_below(makes, bound));
    (upper - below).max(0.0)
}

/// A count, unless there is nothing to count among.
fn some(makes: &[Part<'_>], found: f64) -> Option<f64> {
    (told(makes) > 0).then_some(found)
}

fn at_or_below(makes: &[Part<'_>], bound: f64) -> f64 {
    makes.iter().map(|make| make.count_at_or_below(bound)).sum()
}

fn count(makes: &[Part<'_>]) -> u64 {
    makes.iter().map(Part::count).sum()
}

/// Of how many observations it is told how they are spread.
fn told(makes: &[Part<'_>]) -> u64 {
    spread(makes).map(Part::count).sum()
}

fn spread<'a, 'b>(makes: &'a [Part<'b>]) -> impl Iterator<Item = &'a Part<'b>> {
    makes.iter().filter(|make| is_spread(make))
}

/// Whether a make tells how its observations are spread. A bare count and sum, which OTLP allows, are good for rates and
/// means; to take its observations for slow or fast would be a guess.
fn is_spread(make: &Part<'_>) -> bool {
    match make {
        Part::Explicit(buckets) => !buckets.bounds().is_empty(),
        Part::Exponential(_) => true,
    }
}

fn share_of(makes: &[Part<'_>], part: f64) -> Option<f64> {
    let told = told(makes);
    (told > 0).then(|| (part / told as f64).clamp(0.0, 1.0))
}

/// Of equally large makes the one that tells more: in which order they came must not matter.
fn finer(a: &Part<'_>, b: &Part<'_>) -> Ordering {
    match (a, b) {
        (Part::Explicit(a), Part::Explicit(b)) => {
            let by_number = a.bounds().len().cmp(&b.bounds().len());
            by_number.then_with(|| a.bounds().partial_cmp(b.bounds()).unwrap_or(Ordering::Equal))
        }
        (Part::Exponential(_), Part::Explicit(_)) => Ordering::Greater,
        (Part::Explicit(_), Part::Exponential(_)) => Ordering::Less,
        // There is never more than one exponential make.
        (Part::Exponential(_), Part::Exponential(_)) => Ordering::Equal,
    }
}

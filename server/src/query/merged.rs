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
        let value = match function {
            Function::Quantile(q) => {
                return self.quantile(q).map(|found| Figure {
                    value: found.value,
                    bucket: found.bucket,
                });
            }
            Function::Avg => self.mean(),
            Function::Min => self.min(),
            Function::Max => self.max(),
            Function::Apdex(threshold) => self.apdex(threshold),
            Function::Share(above, up_to) => self.share(above, up_to),
            Function::Last | Function::Rate | Function::Increase => None,
        };
        value.map(Figure::from)
    }

    /// One distribution for each make.
    pub(crate) fn makes(&self) -> &[Distribution] {
        match self {
            Self::Nothing => &[],
            Self::One(one) => std::slice::from_ref(one),
            Self::Several(makes) => makes,
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.makes().iter().map(Distribution::count).sum()
    }

    fn mean(&self) -> Option<f64> {
        let count = self.count();
        (count > 0).then(|| self.makes().iter().map(Distribution::sum).sum::<f64>() / count as f64)
    }

    fn min(&self) -> Option<f64> {
        self.makes().iter().filter_map(Distribution::min).reduce(f64::min)
    }

    fn max(&self) -> Option<f64> {
        self.makes().iter().filter_map(Distribution::max).reduce(f64::max)
    }

    /// The quantile of the make with most observations: there is no honest quantile across different buckets.
    fn quantile(&self, q: f64) -> Option<Quantile> {
        let largest = self
            .makes()
            .iter()
            .max_by(|a, b| a.count().cmp(&b.count()).then_with(|| finer(a, b)))?;
        largest.quantile(q)
    }

    /// Apdex: satisfied, plus half of the tolerating, as a share of all.
    fn apdex(&self, threshold: f64) -> Option<f64> {
        let satisfied = self.at_or_below(threshold);
        let tolerating = self.at_or_below(4.0 * threshold) - satisfied;
        self.share_of(satisfied + tolerating / 2.0)
    }

    /// What lies above the first and at or below the second bound, as a share of all.
    fn share(&self, above: f64, up_to: Option<f64>) -> Option<f64> {
        // Nothing is less than nothing: a share from 0 on includes what took no time at all.
        let below = if above <= 0.0 { 0.0 } else { self.at_or_below(above) };
        let upper = up_to.map_or(self.count() as f64, |bound| self.at_or_below(bound));
        self.share_of(upper - below)
    }

    pub(crate) fn at_or_below(&self, bound: f64) -> f64 {
        self.makes().iter().map(|make| make.count_at_or_below(bound)).sum()
    }

    fn share_of(&self, part: f64) -> Option<f64> {
        let count = self.count();
        (count > 0).then(|| (part / count as f64).clamp(0.0, 1.0))
    }
}

/// Of equally large makes the one that tells more: in which order they came must not matter.
fn finer(a: &Distribution, b: &Distribution) -> Ordering {
    match (a, b) {
        (Distribution::Explicit(a), Distribution::Explicit(b)) => {
            let by_number = a.bounds().len().cmp(&b.bounds().len());
            by_number.then_with(|| a.bounds().partial_cmp(b.bounds()).unwrap_or(Ordering::Equal))
        }
        (Distribution::Exponential(_), Distribution::Explicit(_)) => Ordering::Greater,
        (Distribution::Explicit(_), Distribution::Exponential(_)) => Ordering::Less,
        // There is never more than one exponential make.
        (Distribution::Exponential(_), Distribution::Exponential(_)) => Ordering::Equal,
    }
}

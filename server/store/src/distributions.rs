//! The distributions of a stretch of the past.

use std::ops::Range;

use keiki_model::histogram::{Distribution, Packed, Part, SCALE};

/// One after the other; where nothing happened there is `None`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Distributions {
    /// Exponential histograms of one scale: nearly always.
    Packed(Packed),
    /// Anything else.
    Mixed(Vec<Option<Box<Distribution>>>),
}

impl Default for Distributions {
    fn default() -> Self {
        Self::Packed(Packed::new(SCALE))
    }
}

impl Distributions {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Packed(all) => all.len(),
            Self::Mixed(all) => all.len(),
        }
    }

    pub(super) fn get(&self, place: usize) -> Option<Part<'_>> {
        match self {
            Self::Packed(all) => all.get(place).map(Part::Exponential),
            Self::Mixed(all) => all.get(place)?.as_deref().map(Part::from),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Option<Part<'_>>> {
        (0..self.len()).map(|place| self.get(place))
    }

    pub(super) fn push(&mut self, one: Option<Part<'_>>) {
        if let Self::Packed(all) = self {
            match one {
                None => return all.push_empty(),
                Some(Part::Exponential(one)) if all.push(one) => return,
                Some(_) => {}
            }
        }
        self.mixed().push(one.map(|one| Box::new(one.into())));
    }

    pub(super) fn extend(&mut self, later: Self) {
        if self.len() == 0 {
            *self = later;
            return;
        }
        if let (Self::Packed(all), Self::Packed(later)) = (&mut *self, &later)
            && all.append(later)
        {
            return;
        }
        let mut later = later;
        self.mixed().append(later.mixed());
    }

    /// Keeps those of some places alone.
    pub(super) fn keep(&mut self, places: Range<usize>) {
        match self {
            Self::Packed(all) => all.keep(places),
            Self::Mixed(all) => {
                all.truncate(places.end);
                all.drain(..places.start.min(all.len()));
            }
        }
    }

    /// All of them one by one, whatever they are.
    fn mixed(&mut self) -> &mut Vec<Option<Box<Distribution>>> {
        if let Self::Packed(_) = self {
            let owned = |one: Option<Part<'_>>| one.map(|one| Box::new(one.into()));
            *self = Self::Mixed(self.iter().map(owned).collect());
        }
        match self {
            Self::Mixed(all) => all,
            Self::Packed(_) => unreachable!("they have just been told apart"),
        }
    }
}

impl<'a> FromIterator<Option<Part<'a>>> for Distributions {
    fn from_iter<I: IntoIterator<Item = Option<Part<'a>>>>(parts: I) -> Self {
        let mut all = Self::default();
        parts.into_iter().for_each(|one| all.push(one));
        all
    }
}

#[cfg(test)]
mod tests {
    use keiki_model::histogram::{Explicit, Exponential};

    use super::*;

    #[test]
    fn they_are_what_was_put_in_whatever_their_make() {
        let mut fine = Exponential::new();
        fine.record(0.3);
        let mut coarse = fine.clone();
        coarse.downscale(2);
        let explicit = Explicit::new([0.1, 1.0].into(), [1, 2, 3], 2.5).expect("buckets");
        let makes: [Distribution; 3] = [fine.into(), coarse.into(), explicit.into()];
        let (fine, coarse, explicit) = (&makes[0], &makes[1], &makes[2]);
        let all = [
            Some(fine),
            None,
            Some(fine),
            None,
            Some(coarse),
            Some(explicit),
            Some(fine),
        ];
        for split in 0..=all.len() {
            let made = |part: &[Option<&Distribution>]| -> Distributions {
                part.iter().map(|one| one.map(Part::from)).collect()
            };
            let mut found = made(&all[..split]);
            found.extend(made(&all[split..]));
            let expected: Vec<_> = all.iter().map(|one| one.map(Part::from)).collect();
            assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{split}");
            found.keep(1..6);
            assert_eq!(found.iter().collect::<Vec<_>>(), expected[1..6], "{split}");
        }
    }
}

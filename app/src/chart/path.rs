//! Paths of whole numbers and relative steps: short, and alike enough to compress well.

use keiki_model::chart::Point;

use super::ALONE;

/// How high the data's box is in its own units.
pub(super) const HEIGHT: f64 = 1000.0;

/// The data of a path.
#[derive(Default)]
pub(super) struct Path {
    data: String,
    at: (i32, i32),
    /// Whether the next step belongs to the command before.
    stepping: bool,
}

/// A share of a length, as a whole number.
pub(super) fn whole(share: f64, length: f64) -> i32 {
    #[allow(clippy::cast_possible_truncation, reason = "saturates; shares are within the plot")]
    let whole = (share * length).round() as i32;
    whole
}

impl Path {
    fn number(&mut self, number: i32, first: bool) {
        if !first && number >= 0 {
            self.data.push(' ');
        }
        self.data.push_str(&number.to_string());
    }

    /// Starts a line.
    pub(super) fn start(&mut self, x: i32, y: i32) {
        self.data.push('M');
        self.number(x, true);
        self.number(y, false);
        self.at = (x, y);
        self.stepping = false;
    }

    /// Goes on in a straight line.
    pub(super) fn go(&mut self, x: i32, y: i32) {
        let (dx, dy) = (x - self.at.0, y - self.at.1);
        if !self.stepping {
            self.data.push('l');
        }
        self.number(dx, !self.stepping);
        self.number(dy, false);
        self.at = (x, y);
        self.stepping = true;
    }

    /// Appends commands as they are.
    pub(super) fn raw(&mut self, commands: &str) {
        self.data.push_str(commands);
        self.stepping = false;
    }

    /// Whether nothing was drawn.
    pub(super) fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// The data.
    pub(super) fn finish(self) -> String {
        self.data
    }
}

/// Where a point lies in a box so many units wide.
pub(super) fn at(point: &Point, width: f64) -> (i32, i32) {
    (whole(point.left, width), whole(1.0 - point.high, HEIGHT))
}

/// Stretches of points between breaks.
fn runs(points: &[Point]) -> impl Iterator<Item = &[Point]> {
    points.split(Point::is_break).filter(|run| !run.is_empty())
}

/// The line through points.
pub(super) fn lines(points: &[Point], width: f64) -> Path {
    let mut path = Path::default();
    for run in runs(points) {
        let (x, y) = at(&run[0], width);
        if run.len() == 1 {
            // A value without neighbours would not be seen.
            path.start(x - whole(ALONE, width).max(1), y);
            path.go(x, y);
            continue;
        }
        path.start(x, y);
        for point in &run[1..] {
            let (x, y) = at(point, width);
            path.go(x, y);
        }
    }
    path
}

/// What lies between `low` and `high`.
pub(super) fn areas(points: &[Point], width: f64) -> Path {
    let mut path = Path::default();
    for run in runs(points) {
        let floor = |point: &Point| (whole(point.left, width), whole(1.0 - point.low, HEIGHT));
        let (first, last) = (floor(&run[0]), floor(&run[run.len() - 1]));
        let flat = run.iter().all(|point| (point.low - run[0].low).abs() < f64::EPSILON);
        path.start(first.0, first.1);
        for point in run {
            let (x, y) = at(point, width);
            path.go(x, y);
        }
        if flat {
            path.go(last.0, last.1);
        } else {
            for point in run.iter().rev() {
                let (x, y) = floor(point);
                path.go(x, y);
            }
        }
        path.raw("z");
    }
    path
}

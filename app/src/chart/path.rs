//! Paths of whole numbers and relative steps: short, and alike enough to compress well.

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

//! What a page is shown on: a browser as any page, a wall, or a frame of another page.

use std::ops::RangeInclusive;

use keiki_model::group::Group;

/// What a page is shown on. Walls and frames have rules of style and a script of their own, and nothing to choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surface {
    /// A browser.
    App,
    /// A screen on a wall.
    Wall,
    /// A frame in another page.
    Frame,
}

impl Surface {
    /// The class of the document's body.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Wall => "kiosk",
            Self::Frame => "framed",
        }
    }
}

/// How a wall shows the groups.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Wall {
    /// These, in this order; all where it is empty.
    pub groups: Vec<Group>,
    /// One at a time, each for so many seconds; all at once where nothing is said.
    pub rotate: Option<u32>,
}

impl Wall {
    /// How long one group may stand, seconds.
    pub const ROTATE: RangeInclusive<u32> = 5..=3_600;

    /// Groups' ids with commas between, each once.
    pub(crate) fn parse_groups(text: &str) -> Option<Vec<Group>> {
        let mut groups = Vec::new();
        for id in text.split(',') {
            let group = Group::from_id(id)?;
            if !groups.contains(&group) {
                groups.push(group);
            }
        }
        Some(groups)
    }
}

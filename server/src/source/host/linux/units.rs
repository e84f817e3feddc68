//! The kernel's units.

/// What the kernel's figures about processes are counted in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Units {
    /// Clock ticks of a second of CPU time.
    pub(super) clock_ticks: f64,
    /// Bytes of a page of memory.
    pub(super) page_bytes: f64,
}

impl Units {
    /// Those of this machine.
    pub(super) fn of_machine() -> Self {
        let (ticks, page) = (rustix::param::clock_ticks_per_second(), rustix::param::page_size());
        Self {
            clock_ticks: ticks.max(1) as f64,
            page_bytes: page as f64,
        }
    }
}

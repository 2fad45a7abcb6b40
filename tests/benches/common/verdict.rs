//! What became of a target.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// There is none.
    Shown,
    Reached,
    /// Not reached on this machine at this moment.
    Missed,
    /// A count, so it would be the same anywhere.
    Wrong,
}

impl Verdict {
    /// Of what the machine and the moment have a part in.
    pub(crate) fn of(is_reached: bool) -> Self {
        if is_reached { Self::Reached } else { Self::Missed }
    }

    /// Of a count.
    pub(crate) fn of_count(is_right: bool) -> Self {
        if is_right { Self::Reached } else { Self::Wrong }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Shown => "",
            Self::Reached => "reached",
            Self::Missed => "MISSED",
            Self::Wrong => "WRONG",
        }
    }
}

//! How an authorization server treats a spent refresh token.

/// How an authorization server treats a spent refresh token. The rules of the transaction hang on it.
#[expect(
    clippy::exhaustive_enums,
    reason = "the seven classes are the specification; the lifecycle decides on each"
)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AsClass {
    /// Does not rotate.
    P0,
    /// Rotates; the old token stays valid.
    P1,
    /// Strict: reuse of a spent token revokes the whole family. Assumed where nothing is known.
    #[default]
    P2,
    /// A grace period in which a replay mints a sibling; afterwards like P2.
    P3,
    /// Retires the old token on acknowledgement; a replay returns the same successor.
    P4,
    /// Buggy: a replay returns an older refresh token.
    P5,
    /// Caps how many issued tokens live.
    P6,
}

impl AsClass {
    /// `P0` … `P6`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::P0 => "P0",
            Self::P1 => "P1",
            Self::P2 => "P2",
            Self::P3 => "P3",
            Self::P4 => "P4",
            Self::P5 => "P5",
            Self::P6 => "P6",
        }
    }

    /// The class of that name, in either case.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::P0, Self::P1, Self::P2, Self::P3, Self::P4, Self::P5, Self::P6]
            .into_iter()
            .find(|c| c.name().eq_ignore_ascii_case(name))
    }
}

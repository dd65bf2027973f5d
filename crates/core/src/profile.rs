//! What is known of a provider. A seam: the built-in table of providers comes with its own issue; today a caller
//! builds one by hand from the configuration.

use alloc::string::String;

use crate::time::Span;

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

/// A provider's habits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Profile {
    /// Its name (`generic` where nothing is known).
    pub name: String,
    /// How it treats a spent refresh token.
    pub as_class: AsClass,
    /// How long a superseded refresh token still works (P3).
    pub grace: Span,
}

impl Profile {
    /// Nothing is known: P2, no grace.
    pub fn generic() -> Self {
        Self { name: String::from("generic"), as_class: AsClass::P2, grace: Span::ZERO }
    }

    /// How long an unsettled request of this provider must be waited out, given the policy's `settle`: inside a
    /// grace a replay is harmless, and waiting past it would spend it.
    pub fn settle(&self, policy_settle: Span) -> Span {
        if self.as_class == AsClass::P3 && !self.grace.is_zero() {
            policy_settle.min(self.grace.fraction(1, 2))
        } else {
            policy_settle
        }
    }
}

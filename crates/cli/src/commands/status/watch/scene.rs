//! What is shown: what was seen last, and what the person chose to look at.

use std::collections::BTreeMap;
use std::path::Path;

use renewd_core::Wall;
use renewd_driver::CredentialName;

use super::timeline::Timeline;
use crate::journal::{self, Clock, Told};
use crate::json::{CredentialStatus, login_command};

/// So much of the story stands under the details.
const TOLD_MAX: usize = 12;

/// Who said it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The agent, and it tells of each change.
    Agent { pid: u32, live: bool },
    /// The records: there is no agent.
    Store,
}

/// What was seen at one moment.
#[derive(Clone, Debug)]
pub(super) struct Scene {
    pub(super) health: String,
    pub(super) credentials: Vec<CredentialStatus>,
    pub(super) source: Source,
    /// What is wrong with looking: the store does not open.
    pub(super) trouble: Option<String>,
    pub(super) days: BTreeMap<String, Day>,
}

/// A credential's journal, as it is shown.
#[derive(Clone, Debug, Default)]
pub(super) struct Day {
    pub(super) timeline: Timeline,
    /// The newest last.
    pub(super) told: Vec<Told>,
}

impl Day {
    /// From the journal. One that cannot be read leaves the bar empty: `renewd history` says why.
    pub(super) fn read(state: &Path, name: &str, clock: &Clock, now: Wall) -> Self {
        let Ok(parsed) = name.parse::<CredentialName>() else { return Self::default() };
        let own = journal::read_all(state, Some(&parsed)).unwrap_or_default().entries;
        let agents = journal::read_all(state, None).unwrap_or_default().entries;
        let mut told = journal::story(&own, &agents, login_command(name), clock, now);
        told.drain(..told.len().saturating_sub(TOLD_MAX));
        Self { timeline: Timeline::new(&own), told }
    }
}

/// What the person looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Look {
    /// By name, so that it stays where it is when others come and go.
    selected: Option<String>,
    /// One credential alone, with its story.
    pub(super) details: bool,
    pub(super) help: bool,
    /// Lines that the details are scrolled down by.
    pub(super) scroll: u16,
}

impl Look {
    /// Which of them it is.
    pub(super) fn index(&self, scene: &Scene) -> Option<usize> {
        if scene.credentials.is_empty() {
            return None;
        }
        let named = self.selected.as_ref();
        Some(scene.credentials.iter().position(|c| Some(&c.name) == named).unwrap_or(0))
    }

    pub(super) fn of<'s>(&self, scene: &'s Scene) -> Option<&'s CredentialStatus> {
        scene.credentials.get(self.index(scene)?)
    }

    /// The next one, or the one before; in the details, the next line.
    pub(super) fn go(&mut self, scene: &Scene, down: bool) {
        if self.details {
            self.scroll = if down { self.scroll.saturating_add(1) } else { self.scroll.saturating_sub(1) };
            return;
        }
        let Some(index) = self.index(scene) else { return };
        let index = if down { index + 1 } else { index.saturating_sub(1) };
        if let Some(found) = scene.credentials.get(index) {
            self.selected = Some(found.name.clone());
        }
    }

    /// Enter: into the details and out of them.
    pub(super) fn toggle(&mut self) {
        self.details = !self.details;
        self.scroll = 0;
    }

    /// Escape: one step back. False where there is none.
    pub(super) fn back(&mut self) -> bool {
        let was = self.help || self.details;
        if self.help {
            self.help = false;
        } else {
            self.details = false;
        }
        self.scroll = 0;
        was
    }
}

//! How it looks: a line for each thing that happened, a dot for each request that went as the one before.
//!
//! On a terminal the line of dots grows as the answers come; anywhere else it is printed once it is complete, and
//! nothing ever moves the cursor.

use std::io::IsTerminal as _;

use renewd_core::{Boot, Span};
use renewd_driver::Clock as _;
use renewd_driver::system::SystemClock;

use crate::app::App;
use crate::exit::Failure;
use crate::output::Painter;
use crate::output::time::brief;

/// Columns where nobody says how many there are.
const COLUMNS: usize = 80;

/// Columns before the text of a line: the time and whose line it is.
const MARGIN: usize = 16;

/// Columns behind the dots: their number, and what stands beside them while the line grows.
const BEHIND: usize = 30;

/// Dots in a line; more are counted behind them.
const DOTS: std::ops::RangeInclusive<usize> = 8..=60;

/// Whose line it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Agent,
    Api,
    Client,
    Server,
}

impl Who {
    const fn name(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Api => "api",
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

/// What a line means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    /// ✓
    Good,
    /// !
    Warn,
    /// ✗
    Bad,
    /// ◐, the sign of `auth_retrying`
    Retrying,
    /// ●, the sign of `running`
    Running,
}

/// An answer like the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dot {
    Good,
    FailedFast,
}

/// Prints.
pub(super) struct Screen<'a> {
    app: &'a App,
    paint: Painter,
    /// The cursor may go back to the beginning of its line.
    live: bool,
    columns: usize,
    begun: Boot,
    streak: Option<Streak>,
}

struct Streak {
    began: Span,
    dot: Dot,
    count: usize,
}

impl<'a> Screen<'a> {
    /// On standard output, with the time counted from now.
    pub(super) fn new(app: &'a App) -> Self {
        let dumb = app.env.text("TERM").as_deref() == Some("dumb");
        Self {
            app,
            paint: app.output.out,
            live: std::io::stdout().is_terminal() && !dumb,
            columns: columns(),
            begun: SystemClock.now().boot,
            streak: None,
        }
    }

    /// Whether somebody is watching.
    pub(super) fn is_live(&self) -> bool {
        self.live
    }

    /// Paints.
    pub(super) fn paint(&self) -> Painter {
        self.paint
    }

    /// Text as it stands.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub(super) fn text(&mut self, text: &str) -> Result<(), Failure> {
        self.end_streak()?;
        self.app.output.data(text.as_bytes())
    }

    /// The title of a part.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub(super) fn title(&mut self, number: u8, title: &str) -> Result<(), Failure> {
        let line = format!("\n{}\n", self.paint.bold(format!("{number}  {title}")));
        self.text(&line)
    }

    /// Something happened.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub(super) fn line(&mut self, who: Who, mood: Mood, text: &str) -> Result<(), Failure> {
        let p = self.paint;
        let sign = match mood {
            Mood::Good => p.green("✓"),
            Mood::Warn => p.yellow("!"),
            Mood::Bad => p.red("✗"),
            Mood::Retrying => p.yellow("◐"),
            Mood::Running => p.green("●"),
        };
        let line = format!("{}{sign} {text}\n", self.margin(self.elapsed(), who));
        self.text(&line)
    }

    /// One more answer like the one before. `beside` stands behind the line while it grows.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub(super) fn dot(&mut self, dot: Dot, beside: &str) -> Result<(), Failure> {
        if self.streak.as_ref().is_some_and(|s| s.dot != dot) {
            self.end_streak()?;
        }
        let began = self.elapsed();
        let streak = self.streak.get_or_insert(Streak { began, dot, count: 0 });
        streak.count += 1;
        if !self.live {
            return Ok(());
        }
        // A line that wraps cannot be taken back.
        let beside = if self.columns < MARGIN + DOTS.start() + BEHIND { "" } else { beside };
        let line = format!("\r\x1b[2K{}  {}", self.streak_line(), self.paint.dim(beside));
        self.app.output.data(line.as_bytes())
    }

    fn end_streak(&mut self) -> Result<(), Failure> {
        if self.streak.is_none() {
            return Ok(());
        }
        let back = if self.live { "\r\x1b[2K" } else { "" };
        let line = format!("{back}{}\n", self.streak_line());
        self.streak = None;
        self.app.output.data(line.as_bytes())
    }

    fn streak_line(&self) -> String {
        let Some(Streak { began, dot, count }) = &self.streak else { return String::new() };
        let most = self.columns.saturating_sub(MARGIN + BEHIND).clamp(*DOTS.start(), *DOTS.end());
        let (p, shown) = (self.paint, (*count).min(most));
        let (dots, status) = match dot {
            Dot::Good => (p.green("·".repeat(shown)), "200"),
            Dot::FailedFast => (p.yellow("×".repeat(shown)), "503"),
        };
        format!("{}{dots} {}", self.margin(*began, Who::Client), p.dim(format!("{count} × {status}")))
    }

    fn margin(&self, at: Span, who: Who) -> String {
        let name = format!("{:<6}", who.name());
        format!("{} {name}  ", self.paint.dim(format!("{:>6.1}s", at.as_millis() as f64 / 1000.0)))
    }

    fn elapsed(&self) -> Span {
        SystemClock.now().boot.since(self.begun)
    }
}

/// How wide the terminal is.
fn columns() -> usize {
    crate::output::columns().unwrap_or(COLUMNS)
}

/// A span as people read it: `14ms`, `3.8s`, `12s`, `2m30s`.
pub(super) fn short(span: Span) -> String {
    match span.as_millis() {
        ms @ 0..1000 => format!("{ms}ms"),
        ms @ 1000..9950 if ms % 1000 != 0 => format!("{:.1}s", ms as f64 / 1000.0),
        ms => brief(Span::from_secs((ms + 500) / 1000)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_short() {
        for (millis, text) in [
            (0, "0ms"),
            (999, "999ms"),
            (1000, "1s"),
            (3840, "3.8s"),
            (9949, "9.9s"),
            (12_600, "13s"),
            (450_000, "7m30s"),
        ] {
            assert_eq!(short(Span::from_millis(millis)), text, "{millis}");
        }
    }
}

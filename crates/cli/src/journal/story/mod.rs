//! Last night, as a person wants to read it over a coffee: what belongs together is one sentence, under the heading of its
//! day. Seventeen attempts of one outage are one thing that happened, and so are forty renewals as they should be.

mod clock;
mod periods;
mod teller;

use renewd_core::Wall;

pub(crate) use clock::Clock;
use teller::Teller;

use super::entry::Entry;
use super::sentence::Tone;
use crate::output::time::parse_rfc3339;
use crate::output::{Painter, without_controls};

/// Between the times and the sign.
const GAP: &str = "  ";

/// A text narrower than this is not wrapped any more: it would be one word a line.
const WRAP_MIN: usize = 24;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) from: Wall,
    /// Its end, where it lasted and is over.
    pub(crate) to: Option<Wall>,
    /// It goes on.
    pub(crate) lasts: bool,
    pub(crate) tone: Tone,
    pub(crate) text: String,
}

impl Told {
    /// Whether some of it was at that time or later.
    pub(crate) fn is_since(&self, at: Wall) -> bool {
        self.lasts || self.to.unwrap_or(self.from) >= at
    }
}

/// The story of a credential: its own lines, and the agent's between them. Both oldest first. A line whose time cannot be
/// read is left out.
pub(crate) fn story(
    own: &[Entry],
    agents: &[Entry],
    login_command: String,
    clock: &Clock,
    now: Wall,
) -> Vec<Told> {
    let mut teller = Teller::new(clock, login_command);
    let begun = own.iter().find_map(|entry| parse_rfc3339(&entry.at));
    // What the agent did before there was this credential belongs to others.
    let (others, before): (Vec<_>, Vec<_>) =
        timed(agents).partition(|(at, _)| begun.is_some_and(|begun| *at >= begun));
    before.iter().for_each(|(_, entry)| teller.ran(entry));
    let mut others = others.into_iter().peekable();
    for (at, entry) in timed(own) {
        while let Some((before, other)) = others.next_if(|(other, _)| *other <= at) {
            teller.hear(before, other);
        }
        teller.hear(at, entry);
    }
    for (at, entry) in others {
        teller.hear(at, entry);
    }
    teller.end(now)
}

fn timed(entries: &[Entry]) -> impl Iterator<Item = (Wall, &Entry)> {
    entries.iter().filter_map(|entry| Some((parse_rfc3339(&entry.at)?, entry)))
}

/// The story as text: days, times, sentences, wrapped where the terminal says how wide it is.
pub(crate) fn written(told: &[Told], clock: &Clock, paint: Painter, columns: Option<usize>) -> String {
    let times: Vec<String> = told.iter().map(|one| span(one, clock)).collect();
    let width = times.iter().map(|text| text.chars().count()).max().unwrap_or(0);
    let indent = GAP.len() + width + GAP.len() + 2;
    let room = columns.map(|columns| columns.saturating_sub(indent)).filter(|room| *room >= WRAP_MIN);
    let (mut text, mut day) = (String::new(), String::new());
    for (one, time) in told.iter().zip(&times) {
        let today = clock.day(one.from);
        if today != day {
            let blank = if day.is_empty() { "" } else { "\n" };
            text += &format!("{blank}{}\n", paint.bold(&today));
            day = today;
        }
        let sign = match one.tone {
            Tone::Good => paint.green(one.tone.sign()),
            Tone::Trouble => paint.yellow(one.tone.sign()),
            Tone::Bad => paint.red(one.tone.sign()),
            Tone::Plain => paint.dim(one.tone.sign()),
        };
        let lines = wrapped(&without_controls(&one.text).replace('\n', " "), room);
        text += &format!(
            "{GAP}{}{GAP}{sign} {}\n",
            paint.dim(format!("{time:<width$}")),
            lines.join(&format!("\n{:indent$}", ""))
        );
    }
    text
}

/// `23:12`, `23:12–02:48`, `23:12–` while it lasts.
pub(crate) fn span(one: &Told, clock: &Clock) -> String {
    let from = clock.time(one.from, one.from);
    match one.to {
        Some(to) => format!("{from}–{}", clock.time(to, one.from)),
        None if one.lasts => format!("{from}–"),
        None => from,
    }
}

fn wrapped(text: &str, room: Option<usize>) -> Vec<String> {
    let Some(room) = room else { return vec![text.to_owned()] };
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines
            .last_mut()
            .filter(|line| line.is_empty() || line.chars().count() + 1 + word.chars().count() <= room);
        match line {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests;

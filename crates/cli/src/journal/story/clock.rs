//! Times as a story tells them: hours and minutes under the heading of a day, with the zone's name where the clocks change
//! on that day and an hour comes twice.

use jiff::Zoned;
use jiff::tz::TimeZone;
use renewd_core::Wall;

use crate::output::time::timestamp;

/// Tells times of one zone.
#[derive(Clone, Debug)]
pub(crate) struct Clock(TimeZone);

impl Clock {
    /// Of this machine.
    pub(crate) fn here() -> Self {
        Self(TimeZone::system())
    }

    #[cfg(test)]
    pub(crate) fn of(zone: &str) -> Self {
        Self(TimeZone::get(zone).unwrap())
    }

    fn zoned(&self, at: Wall) -> Zoned {
        timestamp(at).to_zoned(self.0.clone())
    }

    /// `Sunday, 22 November 2026`.
    pub(crate) fn day(&self, at: Wall) -> String {
        self.zoned(at).strftime("%A, %-d %B %Y").to_string()
    }

    /// `23:12`; on another day than `near` with its date, where the clocks change with its zone.
    pub(crate) fn time(&self, at: Wall, near: Wall) -> String {
        let (at, near) = (self.zoned(at), self.zoned(near));
        let mut form = if at.date() == near.date() {
            "%H:%M".to_owned()
        } else if at.date().year() == near.date().year() {
            "%b %-d %H:%M".to_owned()
        } else {
            "%Y-%m-%d %H:%M".to_owned()
        };
        if changes(&at) || changes(&near) {
            form.push_str(" %Z");
        }
        at.strftime(&form).to_string()
    }

    /// The begin of a day that is written like `2026-11-21`.
    pub(crate) fn day_of(&self, text: &str) -> Option<Wall> {
        let begins = text.parse::<jiff::civil::Date>().ok()?.to_zoned(self.0.clone()).ok()?;
        Some(Wall::from_unix_millis(begins.timestamp().as_millisecond()))
    }
}

/// Whether that day has not 24 hours.
fn changes(at: &Zoned) -> bool {
    let ends = at.date().tomorrow().and_then(|next| next.to_zoned(at.time_zone().clone()));
    match (at.start_of_day(), ends) {
        (Ok(begins), Ok(ends)) => begins.offset() != ends.offset(),
        _ => false,
    }
}

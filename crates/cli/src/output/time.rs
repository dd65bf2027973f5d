//! Times: RFC 3339 in UTC for programs, near and local ones for people.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use renewd_core::{Span, Wall};

/// For programs: `2026-11-22T10:00:00Z`, whole seconds. Times before year 1 or after 9999 are told as the nearest one
/// that can be written.
pub(crate) fn rfc3339(at: Wall) -> String {
    timestamp(at).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Reads what [`rfc3339`] writes.
pub(crate) fn parse_rfc3339(text: &str) -> Option<Wall> {
    text.parse::<Timestamp>().ok().map(|t| Wall::from_unix_millis(t.as_millisecond()))
}

/// For people: `10:00` today, `Nov 23 10:00` within half a year, else with the year. Local time.
pub(crate) fn local(at: Wall, now: Wall) -> String {
    local_in(at, now, TimeZone::system())
}

fn local_in(at: Wall, now: Wall, zone: TimeZone) -> String {
    let (at, now) = (timestamp(at).to_zoned(zone.clone()), timestamp(now).to_zoned(zone));
    let days = (at.timestamp().as_second() - now.timestamp().as_second()).abs() / 86_400;
    let form = if at.date() == now.date() {
        "%H:%M"
    } else if days < 180 {
        "%b %-d %H:%M"
    } else {
        "%Y-%m-%d %H:%M"
    };
    at.strftime(form).to_string()
}

/// For people: `in 12m`, `3h ago`, `now`.
pub(crate) fn relative(at: Wall, now: Wall) -> String {
    let (ahead, behind) = (at.since(now), now.since(at));
    if ahead.as_secs() > 0 {
        format!("in {}", brief(ahead))
    } else if behind.as_secs() > 0 {
        format!("{} ago", brief(behind))
    } else {
        "now".into()
    }
}

/// A span with its two greatest units: `2h48m`, `12m`, `45s`.
pub(crate) fn brief(span: Span) -> String {
    let s = span.as_secs();
    let (d, h, m) = (s / 86_400, s / 3600 % 24, s / 60 % 60);
    let two = |a: u64, au: &str, b: u64, bu: &str| {
        if b == 0 { format!("{a}{au}") } else { format!("{a}{au}{b}{bu}") }
    };
    match (d, h, m) {
        (0, 0, 0) => format!("{s}s"),
        // Below ten minutes seconds matter.
        (0, 0, m) if m < 10 => two(m, "m", s % 60, "s"),
        (0, 0, m) => format!("{m}m"),
        (0, h, m) => two(h, "h", m, "m"),
        (d, h, _) => two(d, "d", h, "h"),
    }
}

/// For the calendar.
pub(crate) fn timestamp(at: Wall) -> Timestamp {
    Timestamp::from_millisecond(at.as_unix_millis()).unwrap_or(if at.as_unix_millis() < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-22T09:00:00Z.
    const NINE: Wall = Wall::from_unix_millis(1_795_338_000_000);

    #[test]
    fn for_programs_rfc_3339_in_utc_and_back() {
        assert_eq!(rfc3339(NINE), "2026-11-22T09:00:00Z");
        assert_eq!(parse_rfc3339("2026-11-22T09:00:00Z"), Some(NINE));
        assert_eq!(rfc3339(Wall::from_unix_millis(i64::MAX)), "9999-12-30T22:00:00Z");
        assert!(rfc3339(Wall::from_unix_millis(i64::MIN)).ends_with('Z'));
    }

    #[test]
    fn for_people_near_times_are_short() {
        let zone = || TimeZone::UTC;
        for (ahead, text) in [
            (Span::from_mins(72), "10:12"),
            (Span::from_hours(24), "Nov 23 09:00"),
            (Span::from_hours(24 * 365), "2027-11-22 09:00"),
        ] {
            assert_eq!(local_in(NINE + ahead, NINE, zone()), text);
        }
    }

    #[test]
    fn relative_times_use_two_units_at_most() {
        for (seconds, text) in [
            (0, "now"),
            (45, "in 45s"),
            (62, "in 1m2s"),
            (720, "in 12m"),
            (10_080, "in 2h48m"),
            (7200, "in 2h"),
            (90_000, "in 1d1h"),
        ] {
            assert_eq!(relative(NINE + Span::from_secs(seconds), NINE), text);
        }
        assert_eq!(relative(NINE, NINE + Span::from_mins(200)), "3h20m ago");
    }
}

//! What time it is at the authorization server.
//!
//! A signed proof carries the time of its making, and servers refuse one that is minutes off (RFC 7523 §3, RFC 9449
//! §4.3). A clock that is wrong must not end a login, so the server's own is learned from the `Date` of its answers. It is
//! carried forward on the boot clock, which nobody steps.

use crate::time::{Boot, Now, Span, Wall};

/// Closer than this the two clocks agree: a `Date` has whole seconds and is as old as the answer's way.
const AGREE_WITHIN: Span = Span::from_secs(5);

/// Further apart than this the `Date` is believed as little as the wall clock: the worst honest mistake is a clock that
/// shows local time, and no certificate would hold for one that lost its years.
const APART_MAX: Span = Span::from_hours(24);

/// What is known of a server's clock. Kept in memory only; a process that knows nothing goes by its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ServerClock {
    heard: Option<(Wall, Boot)>,
}

impl ServerClock {
    /// Hears of an answer that said `date` ([`Judgement::server_time`](crate::Judgement::server_time)) and came now.
    pub const fn hear(&mut self, date: Wall, now: Now) {
        self.heard = Some((date, now.boot));
    }

    /// The server's time now, as far as it is known: the wall clock, unless the server's own clearly differs.
    pub fn at(&self, now: Now) -> Wall {
        let Some((date, heard)) = self.heard else { return now.wall };
        let server = date + now.boot.since(heard);
        let apart = apart(server, now.wall);
        if apart > AGREE_WITHIN && apart <= APART_MAX { server } else { now.wall }
    }

    /// Whether a proof that was made `at` would be made for clearly another time now.
    pub(crate) fn corrects(&self, at: Wall, made: Boot, now: Now) -> bool {
        apart(self.at(now), at + now.boot.since(made)) > AGREE_WITHIN
    }
}

fn apart(a: Wall, b: Wall) -> Span {
    a.since(b).max(b.since(a))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(seconds: i64) -> Now {
        let millis = seconds.saturating_mul(1000);
        Now { boot: Boot::from_millis(millis.unsigned_abs()), wall: wall(seconds) }
    }

    fn wall(seconds: i64) -> Wall {
        Wall::from_unix_millis(1_750_000_000_000 + seconds * 1000)
    }

    #[test]
    fn who_knows_nothing_goes_by_the_wall_clock() {
        assert_eq!(ServerClock::default().at(now(7)), wall(7));
    }

    #[test]
    fn a_few_seconds_are_no_difference_and_more_are() {
        let mut clock = ServerClock::default();
        for (ahead, used) in [(0, 0), (5, 0), (-5, 0), (6, 6), (-6, -6), (3600, 3600), (-86_400, -86_400)] {
            clock.hear(wall(100 + ahead), now(100));
            assert_eq!(clock.at(now(100)), wall(100 + used), "{ahead}");
            assert_eq!(clock.at(now(160)), wall(160 + used), "{ahead}, a minute later");
        }
    }

    #[test]
    fn a_date_of_another_year_is_not_believed() {
        let mut clock = ServerClock::default();
        for far in [86_401, -86_401, 400 * 86_400] {
            clock.hear(wall(far), now(0));
            assert_eq!(clock.at(now(0)), wall(0));
        }
    }

    #[test]
    fn a_step_of_the_wall_clock_leaves_the_servers_time_alone() {
        let mut clock = ServerClock::default();
        clock.hear(wall(3600), now(0));
        let stepped = Now { boot: now(60).boot, wall: wall(1800) };
        assert_eq!(clock.at(stepped), wall(3660));
        let mended = Now { boot: now(60).boot, wall: wall(3658) };
        assert_eq!(clock.at(mended), wall(3658));
    }

    #[test]
    fn a_correction_is_one_only_when_the_proof_was_made_for_another_time() {
        let mut clock = ServerClock::default();
        clock.hear(wall(3600), now(0));
        assert!(clock.corrects(wall(0), now(0).boot, now(0)));
        assert!(!clock.corrects(wall(3600), now(0).boot, now(9)), "nine seconds under way");
    }
}

//! Watching the two clocks: a wall clock that was set, a machine that slept, and how long the loop itself may sleep so
//! that neither stays unnoticed for longer than a token's margin can bear.

use renewd_core::{Now, Span};

/// A difference between the clocks' advances that is a step. Below it lie coarse clocks and slewing.
const STEP_MIN: Span = Span::from_millis(100);

/// Boot time that passed without awake time and is a suspend.
const SUSPEND_MIN: Span = Span::from_secs(1);

/// Where the clock cannot tell awake time: a wake-up so late is taken for a resume. A loaded machine is late by
/// seconds; a resume that is mistaken for load costs one pulled-forward attempt, and the reverse costs nothing.
const OVERSLEPT_MIN: Span = Span::from_secs(10);

/// The longest sleep: a timer that stops during suspend is at most so late after the resume.
const SLEEP_MAX: Span = Span::from_secs(30);

/// The shortest period of looking at the clocks, whatever the margins: a token of half a second's life must not turn
/// the loop into a spin.
const SLEEP_MIN: Span = Span::from_millis(100);

/// Powers of two of milliseconds: the last one is longer than any margin that shortens a sleep.
const MARGIN_CLASSES: usize = 17;

/// The size of a token's margin, roughly: what a machine remembers of what it published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MarginClass(u8);

impl MarginClass {
    /// No token is published.
    pub(super) const NONE: Self = Self(u8::MAX);

    pub(super) fn of(margin: Span) -> Self {
        let log2 = margin.as_millis().max(1).ilog2();
        Self(log2.min(MARGIN_CLASSES as u32 - 1) as u8)
    }
}

/// What a look at the clocks showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Noticed {
    /// The wall clock was set against the boot clock.
    pub(super) stepped: bool,
    /// The machine was suspended.
    pub(super) resumed: bool,
}

pub(super) struct Clocks {
    /// Wall minus boot, as last folded into the published deadlines.
    offset: i64,
    /// Boot minus awake, as last seen.
    asleep: Option<Span>,
    /// How many tokens of each margin are published.
    margins: [u32; MARGIN_CLASSES],
}

impl Clocks {
    pub(super) fn new(now: Now, awake: Option<Span>) -> Self {
        Self { offset: offset(now), asleep: asleep(now, awake), margins: [0; MARGIN_CLASSES] }
    }

    /// Compares the clocks with each other and with the last look. `wanted` is when the loop had asked to be woken.
    pub(super) fn look(
        &mut self,
        now: Now,
        awake: Option<Span>,
        wanted: Option<renewd_core::Boot>,
    ) -> Noticed {
        let offset = offset(now);
        let stepped = offset.abs_diff(self.offset) > STEP_MIN.as_millis();
        if stepped {
            // Only then: slow drift must add up to a step in the end.
            self.offset = offset;
        }
        let asleep = asleep(now, awake);
        let resumed = match (asleep, self.asleep) {
            (Some(asleep), Some(before)) => asleep.saturating_sub(before) > SUSPEND_MIN,
            _ => wanted.is_some_and(|at| now.boot.since(at) > OVERSLEPT_MIN),
        };
        // The clocks are read one after the other; a delay in between must not look like a sleep the next time.
        self.asleep = asleep.max(self.asleep);
        Noticed { stepped, resumed }
    }

    /// A machine published a token of another margin, or none.
    pub(super) fn margin_changed(&mut self, from: MarginClass, to: MarginClass) {
        if let Some(n) = self.margins.get_mut(usize::from(from.0)) {
            *n = n.saturating_sub(1);
        }
        if let Some(n) = self.margins.get_mut(usize::from(to.0)) {
            *n = n.saturating_add(1);
        }
    }

    /// How long the loop may sleep: half of the smallest margin, within bounds.
    pub(super) fn longest_sleep(&self) -> Span {
        match self.margins.iter().position(|n| *n > 0) {
            None => SLEEP_MAX,
            Some(class) => Span::from_millis((1u64 << class) / 2).clamp(SLEEP_MIN, SLEEP_MAX),
        }
    }
}

fn offset(now: Now) -> i64 {
    let boot = i64::try_from(now.boot.as_millis()).unwrap_or(i64::MAX);
    now.wall.as_unix_millis().saturating_sub(boot)
}

fn asleep(now: Now, awake: Option<Span>) -> Option<Span> {
    awake.map(|awake| Span::from_millis(now.boot.as_millis()).saturating_sub(awake))
}

#[cfg(test)]
mod tests {
    use super::*;
    use renewd_core::{Boot, Wall};

    fn at(boot: u64, wall: i64) -> Now {
        Now { boot: Boot::from_millis(boot), wall: Wall::from_unix_millis(wall) }
    }

    #[test]
    fn a_step_is_noticed_in_both_directions_and_once() {
        let mut clocks = Clocks::new(at(1_000, 50_000), None);
        assert!(!clocks.look(at(2_000, 51_090), None, None).stepped);
        assert!(clocks.look(at(3_000, 53_000), None, None).stepped);
        assert!(!clocks.look(at(4_000, 54_000), None, None).stepped);
        assert!(clocks.look(at(5_000, 20_000), None, None).stepped);
    }

    #[test]
    fn slow_drift_adds_up_to_a_step() {
        let mut clocks = Clocks::new(at(0, 0), None);
        let steps =
            (1..=30).filter(|i| clocks.look(at(i * 1000, (i * 1010) as i64), None, None).stepped).count();
        assert_eq!(steps, 2);
    }

    #[test]
    fn a_suspend_shows_as_boot_time_without_awake_time() {
        let mut clocks = Clocks::new(at(10_000, 0), Some(Span::from_secs(10)));
        assert!(!clocks.look(at(40_000, 30_000), Some(Span::from_secs(40)), None).resumed);
        assert!(clocks.look(at(90_000, 80_000), Some(Span::from_secs(41)), None).resumed);
        assert!(!clocks.look(at(91_000, 81_000), Some(Span::from_secs(42)), None).resumed);
    }

    #[test]
    fn a_delay_between_the_two_readings_is_no_suspend() {
        let mut clocks = Clocks::new(at(10_000, 0), Some(Span::from_secs(8)));
        // The awake clock was read three seconds after the boot clock.
        assert!(!clocks.look(at(20_000, 10_000), Some(Span::from_secs(21)), None).resumed);
        assert!(!clocks.look(at(30_000, 20_000), Some(Span::from_secs(28)), None).resumed);
    }

    #[test]
    fn without_awake_time_a_wake_up_far_too_late_is_a_resume() {
        let mut clocks = Clocks::new(at(0, 0), None);
        let wanted = Some(Boot::from_millis(30_000));
        assert!(!clocks.look(at(35_000, 35_000), None, wanted).resumed);
        assert!(clocks.look(at(3_600_000, 3_600_000), None, wanted).resumed);
    }

    #[test]
    fn the_smallest_published_margin_bounds_the_sleep() {
        let mut clocks = Clocks::new(at(0, 0), None);
        assert_eq!(clocks.longest_sleep(), SLEEP_MAX);
        let (minute, two_seconds) =
            (MarginClass::of(Span::from_secs(60)), MarginClass::of(Span::from_secs(2)));
        clocks.margin_changed(MarginClass::NONE, minute);
        let with_minute = clocks.longest_sleep();
        assert!(with_minute <= Span::from_secs(30) && with_minute >= Span::from_secs(15), "{with_minute}");
        clocks.margin_changed(MarginClass::NONE, two_seconds);
        assert!(clocks.longest_sleep() <= Span::from_secs(1));
        clocks.margin_changed(two_seconds, MarginClass::of(Span::ZERO));
        assert_eq!(clocks.longest_sleep(), SLEEP_MIN);
        clocks.margin_changed(MarginClass::of(Span::ZERO), MarginClass::NONE);
        assert_eq!(clocks.longest_sleep(), with_minute);
    }
}

//! A day with renewd, made short: an agent, five credentials, three proxies, two token files, a client through each, and
//! trouble all day. Real processes and sockets on the real clock; every duration that decides *when* something happens is
//! divided by the speed, through the ordinary configuration.
//!
//! The promise that is judged: no request failed while a valid token existed, and `renewd history` explains every one
//! that failed because none did. What is valid is known from the servers' own logs, not from the product.

mod clients;
mod excuse;
mod judge;
mod trouble;
mod world;

use std::fmt;
use std::time::Duration;

use crate::wait::{Stopwatch, pause};
use clients::Clients;
use trouble::Trouble;
use world::World;

/// The lifetime of an access token in the story, in seconds.
const LIFETIME_S: u64 = 3600;

/// Servers say it in whole seconds, and a busy machine needs some time to do anything.
const LIFETIME_LEAST_MS: u64 = 3000;

/// Between two looks at what is due.
const TICK: Duration = Duration::from_millis(10);

/// Which day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    /// How much faster than life.
    pub speed: u64,
    /// How long it is, in hours of the story.
    pub hours: u64,
    /// What happens follows from it; how it interleaves with the machine does not.
    pub seed: u64,
}

impl Day {
    /// Milliseconds of the story as milliseconds here.
    fn here(self, seconds: u64) -> u64 {
        (seconds * 1000 / self.speed.max(1)).max(1)
    }

    fn lifetime_ms(self) -> u64 {
        // Whole seconds, because that is how it is told.
        (self.here(LIFETIME_S).max(LIFETIME_LEAST_MS) / 1000) * 1000
    }

    /// Lives it.
    ///
    /// # Panics
    /// When nothing can be started: a promise that is broken is in the report.
    pub fn live(self) -> Report {
        let whole = Stopwatch::start();
        let mut world = World::new(self);
        let clients = Clients::start(&world, self);
        let length = self.here(self.hours * 3600);
        let clock = Stopwatch::start();
        let mut trouble = Trouble::new(self);
        while clock.ms() < length {
            trouble.due(&mut world, clock.ms());
            pause(TICK);
        }
        let before = whole.ms() - clock.ms();
        trouble.end(&mut world);
        let story = clock.ms();
        let lost = world.recover();
        let requests = clients.end();
        let mut report = judge::judge(&world, &requests, self);
        report.broken.extend(lost);
        report.trouble = trouble.counts();
        world.end(&mut report);
        report.took_ms = (before, story, whole.ms() - before - story);
        report
    }
}

/// What came of a day.
#[derive(Debug)]
pub struct Report {
    /// Which.
    pub day: Day,
    /// Milliseconds before the story, of it, and after it.
    pub took_ms: (u64, u64, u64),
    /// Requests by who made them: how many, and how many were served.
    pub requests: Vec<(String, u64, u64)>,
    /// What was done, and how often.
    pub trouble: Vec<(&'static str, u64)>,
    /// Failures by what explains them and by how the token was asked for.
    pub explained: Vec<(&'static str, &'static str, u64)>,
    /// Refreshes of all servers that succeeded.
    pub refreshes: u64,
    /// What was promised and not kept.
    pub broken: Vec<String>,
}

impl Report {
    fn new(day: Day) -> Self {
        Self {
            day,
            took_ms: (0, 0, 0),
            requests: Vec::new(),
            trouble: Vec::new(),
            explained: Vec::new(),
            refreshes: 0,
            broken: Vec::new(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Day { speed, hours, seed } = self.day;
        writeln!(
            f,
            "{hours} h in {} s (speed {speed}, seed {seed}; before it {} s, after it {} s)",
            seconds(self.took_ms.1),
            seconds(self.took_ms.0),
            seconds(self.took_ms.2)
        )?;
        writeln!(f, "{} refreshes", self.refreshes)?;
        for (who, all, served) in &self.requests {
            writeln!(f, "  {who:<24} {all:>7} requests, {served:>7} served")?;
        }
        for (what, n) in &self.trouble {
            writeln!(f, "  trouble: {what:<32} {n:>5}")?;
        }
        for (why, means, n) in &self.explained {
            writeln!(f, "  failed: {why:<40} {means:<14} {n:>5}")?;
        }
        for broken in &self.broken {
            writeln!(f, "  BROKEN: {broken}")?;
        }
        let word = if self.broken.is_empty() { "every promise was kept" } else { "promises were broken" };
        writeln!(f, "{word}")
    }
}

fn seconds(ms: u64) -> String {
    format!("{}.{}", ms / 1000, ms / 100 % 10)
}

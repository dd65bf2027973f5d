//! What goes wrong on that day, and when: drawn from the seed, everything in turn.

use renewd_testkit::{AsClass, Fault};

use super::Day;
use super::world::{PROXIES, World};

/// Between two troubles, in seconds of the story: at least, and so much more at random.
const BETWEEN_S: (u64, u64) = (300, 1500);

/// How long a server fails, in seconds of the story.
const OUTAGE_S: (u64, u64) = (300, 4200);

/// Faults in which the server takes no notice of the request.
const UNPROCESSED: [&str; 10] = [
    "waf-block",
    "500",
    "503 retry-after=1",
    "429 retry-after=1",
    "html-200",
    "empty-200",
    "hang",
    "reset",
    "reset-after-read",
    "drop",
];

/// Faults in which it does: with the strictest servers they would cost any client its login.
const PROCESSED: [&str; 3] = ["drop-after-rotate", "reset-after-rotate", "truncated-body"];

/// The kinds, by the names of the report.
const KINDS: [&str; 9] = [
    "a server fails",
    "a server is down",
    "an answer is lost",
    "an API restarts",
    "a token is revoked",
    "the agent restarts",
    "the agent is killed",
    "a reload",
    "a command is killed",
];

/// A generator of its own (splitmix64), so that a seed means the same day on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    fn span(&mut self, (least, more): (u64, u64)) -> u64 {
        least + self.next() % more
    }
}

pub(super) struct Trouble {
    day: Day,
    random: Random,
    /// What is still to come of this round, in which everything comes once.
    round: Vec<usize>,
    next_ms: u64,
    /// Servers that fail or are down, and when that ends.
    outages: Vec<(usize, u64)>,
    counts: [u64; KINDS.len()],
}

impl Trouble {
    pub(super) fn new(day: Day) -> Self {
        let mut trouble = Self {
            day,
            random: Random(day.seed),
            round: Vec::new(),
            next_ms: 0,
            outages: Vec::new(),
            counts: [0; KINDS.len()],
        };
        trouble.wait(0);
        trouble
    }

    fn wait(&mut self, now: u64) {
        let span = self.random.span(BETWEEN_S);
        self.next_ms = now + self.day.here(span);
    }

    /// Does what is due.
    pub(super) fn due(&mut self, world: &mut World, now: u64) {
        let (over, lasting) = self.outages.iter().partition(|(_, until)| *until <= now);
        self.outages = lasting;
        let over: Vec<(usize, u64)> = over;
        for (n, _) in over {
            mend(world, n);
        }
        if now < self.next_ms {
            return;
        }
        if self.round.is_empty() {
            self.round = (0..KINDS.len()).collect();
            for n in (1..self.round.len()).rev() {
                let other = self.random.below(n + 1);
                self.round.swap(n, other);
            }
        }
        if let Some(kind) = self.round.pop() {
            self.make(kind, world, now);
            self.counts[kind] += 1;
        }
        self.wait(world_ms(world, now));
    }

    fn make(&mut self, kind: usize, world: &mut World, now: u64) {
        let any = self.random.below(world.logins.len());
        match kind {
            0 | 1 => {
                let span = self.random.span(OUTAGE_S);
                let until = now + self.day.here(span);
                if self.outages.iter().all(|(n, _)| *n != any) {
                    if kind == 0 {
                        let fault = UNPROCESSED[self.random.below(UNPROCESSED.len())];
                        world.logins[any].server.set_fault(parsed(fault));
                    } else {
                        world.logins[any].server.take_down();
                    }
                    self.outages.push((any, until));
                }
            }
            2 => {
                let forgiving: Vec<usize> =
                    (0..world.logins.len()).filter(|n| world.logins[*n].class == AsClass::P3).collect();
                let n = forgiving[self.random.below(forgiving.len())];
                let fault = PROCESSED[self.random.below(PROCESSED.len())];
                world.logins[n].server.push_fault(parsed(fault));
            }
            3 => world.restart_api(any),
            4 => world.revoke(any % PROXIES),
            5 => world.restart_agent(),
            6 => {
                // Those whose listeners are taken down come back up with it: none of them is in an outage then.
                self.end(world);
                world.kill_agent();
            }
            7 => world.reload(),
            _ => {
                // One that is killed while it refreshes by itself, because the agent was away, costs a strict login.
                let forgiving = world.logins.iter().position(|login| login.class == AsClass::P3);
                world.kill_command(forgiving.unwrap_or(any));
            }
        }
    }

    /// Everything works again.
    pub(super) fn end(&mut self, world: &mut World) {
        for (n, _) in std::mem::take(&mut self.outages) {
            mend(world, n);
        }
    }

    pub(super) fn counts(&self) -> Vec<(&'static str, u64)> {
        KINDS.into_iter().zip(self.counts).collect()
    }
}

fn mend(world: &mut World, n: usize) {
    let server = &mut world.logins[n].server;
    server.set_fault(Fault::Ok);
    server.bring_up().expect("its port is its own");
}

/// What was done may have taken its time; the next is counted from its end.
fn world_ms(_world: &World, now: u64) -> u64 {
    now
}

fn parsed(fault: &str) -> Fault {
    Fault::parse(fault).expect("a fault of the list")
}

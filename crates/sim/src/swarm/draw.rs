//! Drawing a scenario.

use std::fmt::Write as _;

use super::random::Random;
use crate::points;

/// The most entries of one scenario, before what ends them.
const ENTRIES_MAX: u64 = 14;

/// Kinds of fault. Each run has some of them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    KillAtPoint,
    Kill,
    Pause,
    Stop,
    Reboot,
    PowerCut,
    Late,
    Lose,
    Duplicate,
    Server,
    NextAnswer,
    Network,
    Disk,
    Damage,
    Rollback,
    Wall,
    Suspend,
    Api,
    Person,
    Burst,
    Reload,
    Latency,
}

const KINDS: [Kind; 22] = [
    Kind::KillAtPoint,
    Kind::Kill,
    Kind::Pause,
    Kind::Stop,
    Kind::Reboot,
    Kind::PowerCut,
    Kind::Late,
    Kind::Lose,
    Kind::Duplicate,
    Kind::Server,
    Kind::NextAnswer,
    Kind::Network,
    Kind::Disk,
    Kind::Damage,
    Kind::Rollback,
    Kind::Wall,
    Kind::Suspend,
    Kind::Api,
    Kind::Person,
    Kind::Burst,
    Kind::Reload,
    Kind::Latency,
];

/// Answers of a server that has not processed the request, and of one that has.
const SERVER: [&str; 13] = [
    "waf-block",
    "500",
    "503 retry-after=120",
    "429 retry-after=30",
    "html-200",
    "empty-200",
    "hang",
    "reset",
    "reset-after-read",
    "redirect https://elsewhere.example/",
    "invalid_client",
    "400 body={\\\"error\\\":\\\"slow_down\\\"}",
    "after-rotate 502",
];

const NEXT: [&str; 10] = [
    "drop-after-rotate",
    "reset-after-rotate",
    "truncated-body",
    "after-rotate 500",
    "after-rotate hang",
    "slow-drip interval=100",
    "huge-body bytes=100000",
    "gzip",
    "wrong-content-type",
    "drop",
];

/// The text of the scenario file of this seed.
pub fn draw(seed: u64) -> String {
    let mut drawing =
        Drawing { random: Random::new(seed), text: String::new(), processes: 1, class: "P2", horizon: 0 };
    drawing.head(seed);
    let kinds = drawing.kinds();
    for _ in 0..drawing.random.between(2, ENTRIES_MAX) {
        if let Some(kind) = kinds.get(drawing.random.below(kinds.len() as u64) as usize) {
            drawing.entry(*kind);
        }
    }
    drawing.text
}

struct Drawing {
    random: Random,
    text: String,
    processes: u64,
    class: &'static str,
    /// In seconds.
    horizon: u64,
}

impl Drawing {
    fn line(&mut self, line: &str) {
        self.text += line;
        self.text.push('\n');
    }

    fn head(&mut self, seed: u64) {
        let random = &mut self.random;
        self.processes = [1, 2, 2, 3, 4][random.below(5) as usize];
        self.class = random.pick(&["P0", "P1", "P2", "P2", "P3", "P3", "P4", "P4", "P5", "P6"]);
        let lifetime = [120, 300, 1200, 3600][random.below(4) as usize];
        self.horizon = (lifetime * random.between(2, 6)).min(4 * 3600);
        let latency = [20, 120, 900, 2500][random.below(4) as usize];
        let mut text =
            format!("name = \"swarm {seed}\"\nseed = {}\nliveness = true\n", random.below(1 << 40));
        let grace = if self.class == "P3" || self.class == "P5" {
            format!(", grace = \"{}s\"", [10, 30, 120, 600][random.below(4) as usize])
        } else {
            String::new()
        };
        let cap = if self.class == "P6" { ", cap = 20" } else { "" };
        let _ = writeln!(
            text,
            "as = {{ class = \"{}\", lifetime = \"{lifetime}s\", latency = \"{latency}ms\"{grace}{cap} }}",
            self.class
        );
        let _ = writeln!(text, "processes = {}", self.processes);
        if random.one_in(2) {
            let _ = writeln!(text, "store_latency = \"{}ms\"", random.between(1, 200));
        }
        if !random.one_in(4) {
            let _ = writeln!(text, "callers = \"{}s\"", [1, 10, 30, 300][random.below(4) as usize]);
        }
        if random.one_in(4) {
            text += "login = { access_token = false }\n";
        }
        let _ = writeln!(text, "end = \"{}s\"", self.horizon);
        self.text = text;
        self.policy();
    }

    fn policy(&mut self) {
        let random = &mut self.random;
        let mut policy = String::new();
        if random.one_in(4) {
            let _ = writeln!(policy, "retry.initial = \"{}s\"", random.between(1, 20));
        }
        if random.one_in(6) {
            let _ = writeln!(policy, "retry.budget = {}", random.between(3, 20));
        }
        if random.one_in(3) {
            let _ = writeln!(policy, "auth_retrying.interval = \"{}s\"", random.between(30, 900));
        }
        if random.one_in(6) {
            let _ = writeln!(policy, "auth_retrying.ceiling = \"{}m\"", random.between(20, 90));
        }
        if random.one_in(5) {
            let _ = writeln!(policy, "request.timeout = \"{}s\"", random.between(3, 60));
        }
        if random.one_in(8) {
            let _ = writeln!(policy, "refresh.window = \"{}s\"", random.between(10, 600));
        }
        if !policy.is_empty() {
            self.line("[policy]");
            self.text += &policy;
        }
    }

    fn kinds(&mut self) -> Vec<Kind> {
        let mut kinds: Vec<Kind> = KINDS.into_iter().filter(|_| self.random.one_in(3)).collect();
        // A copy of a request is nothing that a client could do anything about, where reuse is punished.
        kinds.retain(|k| *k != Kind::Duplicate || matches!(self.class, "P0" | "P1" | "P6"));
        if kinds.is_empty() {
            kinds.push(Kind::KillAtPoint);
        }
        kinds
    }

    fn moment(&mut self) -> u64 {
        self.random.below(self.horizon * 1000)
    }

    /// An entry, written once for each line of it.
    fn at(&mut self, ms: u64, lines: &str) {
        let ms = ms.min(self.horizon * 1000);
        let _ = write!(self.text, "[[at]]\nt = \"{}s{}ms\"\n{lines}\n", ms / 1000, ms % 1000);
    }

    /// One thing, and after a while its end.
    fn spell(&mut self, lines: &str, end: &str) {
        let (begin, lasts) = (self.moment(), self.lasting());
        self.at(begin, lines);
        self.at(begin + lasts, end);
    }

    /// Often short, sometimes long: in milliseconds.
    fn lasting(&mut self) -> u64 {
        let most = [2_000, 40_000, 300_000, 1_800_000][self.random.below(4) as usize];
        self.random.between(1, most)
    }

    fn on(&mut self) -> String {
        match self.random.below(3) {
            0 => "on = \"any\"".to_owned(),
            _ => format!("on = {}", self.random.between(1, self.processes)),
        }
    }

    fn point(&mut self, steps: bool) -> String {
        let all: Vec<String> =
            points::all().into_iter().filter(|p| steps || !points::is_store_step(p)).collect();
        let name = &all[self.random.below(all.len() as u64) as usize];
        let skip = if self.random.one_in(3) {
            format!("\nskip = {}", self.random.between(1, 3))
        } else {
            String::new()
        };
        format!("point = \"{name}\"{skip}")
    }

    fn entry(&mut self, kind: Kind) {
        match kind {
            Kind::KillAtPoint | Kind::Kill | Kind::Pause | Kind::Stop | Kind::Reload => self.process(kind),
            Kind::Reboot => {
                let t = self.moment();
                self.at(t, "process = \"reboot\"");
            }
            Kind::PowerCut => {
                let t = self.moment();
                let point = if self.random.one_in(2) { self.point(true) } else { String::new() };
                self.at(t, &format!("process = \"power-cut\"\n{point}"));
            }
            Kind::Late | Kind::Lose | Kind::Duplicate => self.wire(kind),
            Kind::Server => {
                let fault = self.random.pick(&SERVER);
                self.spell(&format!("server = \"{fault}\""), "server = \"ok\"");
            }
            Kind::NextAnswer => {
                let (t, fault) = (self.moment(), self.random.pick(&NEXT));
                self.at(t, &format!("next = \"{fault}\""));
            }
            Kind::Network => {
                let network =
                    self.random.pick(&["down", "black-hole", "refused", "dns", "portal", "changed"]);
                self.spell(&format!("network = \"{network}\""), "network = \"up\"");
            }
            Kind::Disk | Kind::Damage | Kind::Rollback => self.store(kind),
            Kind::Wall => {
                let t = self.moment();
                let by = self.random.pick(&["1h", "-1h", "7m", "-7m", "3650d", "-3650d", "-20s"]);
                self.at(t, &format!("clock = {{ wall = \"{by}\" }}"));
            }
            Kind::Suspend => {
                let t = self.moment();
                let span = self.random.pick(&["10s", "45s", "5m", "1h", "8h", "7d"]);
                self.at(t, &format!("clock = {{ suspend = \"{span}\" }}"));
            }
            Kind::Api if self.random.one_in(2) => self.spell("api = \"reject-all\"", "api = \"ok\""),
            Kind::Api => {
                let t = self.moment();
                self.at(t, "api = \"revoke\"");
            }
            Kind::Person => self.person(),
            Kind::Burst => {
                let t = self.moment();
                let give_up = if self.random.one_in(2) { "give_up = \"150ms\"" } else { "" };
                let callers = self.random.between(1, 40);
                self.at(t, &format!("burst = {callers}\n{give_up}"));
            }
            Kind::Latency => self.spell("latency = \"12s\"", "latency = \"100ms\""),
        }
    }

    fn process(&mut self, kind: Kind) {
        let on = self.on();
        match kind {
            Kind::KillAtPoint => {
                let point = self.point(true);
                self.spell(&format!("process = \"kill\"\n{on}\n{point}"), "process = \"start\"");
            }
            Kind::Kill => self.spell(&format!("process = \"kill\"\n{on}"), "process = \"start\""),
            Kind::Pause if self.random.one_in(2) => {
                let point = self.point(false);
                self.spell(&format!("process = \"pause\"\n{on}\n{point}"), "process = \"resume\"");
            }
            Kind::Pause => self.spell(&format!("process = \"pause\"\n{on}"), "process = \"resume\""),
            Kind::Stop if self.random.one_in(2) => {
                let point = self.point(true);
                self.spell(&format!("process = \"restart\"\n{on}\n{point}"), "process = \"start\"");
            }
            Kind::Stop => self.spell(&format!("process = \"stop\"\n{on}"), "process = \"start\""),
            _ => {
                let t = self.moment();
                self.at(t, &format!("process = \"reload\"\n{on}"));
            }
        }
    }

    fn wire(&mut self, kind: Kind) {
        let t = self.moment();
        match kind {
            Kind::Late => {
                let by = self.random.between(100, 45_000);
                self.at(t, &format!("wire = {{ late = \"{by}ms\" }}"));
            }
            Kind::Lose => {
                let what = self.random.pick(&["request", "answer"]);
                self.at(t, &format!("wire = {{ lose = \"{what}\" }}"));
            }
            _ => {
                let by = self.random.between(100, 45_000);
                self.at(t, &format!("wire = {{ duplicate = \"{by}ms\" }}"));
            }
        }
    }

    fn store(&mut self, kind: Kind) {
        match kind {
            Kind::Disk => {
                let mode = self.random.pick(&["full", "read-only", "io", "fsync-once"]);
                let point = if self.random.one_in(3) { self.point(true) } else { String::new() };
                self.spell(&format!("store = \"{mode}\"\n{point}"), "store = \"ok\"");
            }
            Kind::Damage => {
                let (t, mode) =
                    (self.moment(), self.random.pick(&["torn", "truncated", "flipped", "empty", "swapped"]));
                self.at(t, &format!("store = \"{mode}\""));
            }
            _ => self.spell("store = \"backup\"", "store = \"restore\""),
        }
    }

    fn person(&mut self) {
        let t = self.moment();
        let what = self.random.pick(&["login", "refresh", "refresh", "logout"]);
        // A refresh is asked of a process, and no process asks at a point of its own refresh.
        let point = if self.random.one_in(2) && what != "refresh" { self.point(true) } else { String::new() };
        self.at(t, &format!("person = \"{what}\"\n{point}"));
        if what == "logout" {
            let later = t + self.lasting();
            self.at(later, "person = \"login\"");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scenario;

    #[test]
    fn what_is_drawn_is_a_scenario_file_and_the_same_for_the_same_seed() {
        for seed in 0..2_000 {
            let text = draw(seed);
            assert_eq!(text, draw(seed));
            if let Err(error) = Scenario::parse(&text) {
                panic!("seed {seed}: {error}\n{text}");
            }
        }
    }

    #[test]
    fn every_kind_of_entry_is_drawn_sooner_or_later() {
        let all: String = (0..400).map(draw).collect();
        for key in [
            "kill",
            "pause",
            "power-cut",
            "late",
            "lose",
            "duplicate",
            "suspend",
            "torn",
            "restore",
            "burst",
            "P4",
        ] {
            assert!(all.contains(key), "{key}");
        }
    }
}

//! Making a failing scenario small: delta debugging over the file.
//!
//! Whatever can be left out is left out, and what is left is made round, as long as the file still fails in the same
//! way. (Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input", 2002.)

use toml::{Table, Value};

/// The most runs that one shrinking may take.
const RUNS_MAX: usize = 300;

/// Tables of the file whose keys are optional.
const OPTIONAL_TABLES: [&str; 4] = ["policy", "as", "login", "expect_totals"];
/// Keys at the top of the file that are optional.
const OPTIONAL_KEYS: [&str; 7] =
    ["callers", "store_latency", "sockets", "policy", "login", "expect", "expect_totals"];

/// The smallest text found that still fails, as `fails` sees it. The text itself where nothing smaller does.
pub fn shrink(text: &str, mut fails: impl FnMut(&str) -> bool) -> String {
    let Ok(table) = toml::from_str::<Table>(text) else { return text.to_owned() };
    let mut search = Search { best: table, runs: 0, fails: &mut fails };
    loop {
        let before = search.best.clone();
        search.fewer_entries();
        search.fewer_processes();
        search.fewer_keys();
        search.rounder_times();
        if search.best == before || search.runs >= RUNS_MAX {
            break;
        }
    }
    written(&search.best)
}

struct Search<'a> {
    best: Table,
    runs: usize,
    fails: &'a mut dyn FnMut(&str) -> bool,
}

impl Search<'_> {
    /// Takes this in place of the best, if it fails too.
    fn offer(&mut self, candidate: Table) -> bool {
        if self.runs >= RUNS_MAX || candidate == self.best {
            return false;
        }
        self.runs += 1;
        let smaller = (self.fails)(&written(&candidate));
        if smaller {
            self.best = candidate;
        }
        smaller
    }

    fn entries(&self) -> usize {
        self.best.get("at").and_then(Value::as_array).map_or(0, Vec::len)
    }

    /// Leaves out halves, then quarters, down to single entries.
    fn fewer_entries(&mut self) {
        let mut size = self.entries().div_ceil(2);
        while size > 0 {
            let mut from = 0;
            while from < self.entries() {
                let mut candidate = self.best.clone();
                if let Some(Value::Array(at)) = candidate.get_mut("at") {
                    at.drain(from..(from + size).min(at.len()));
                }
                if !self.offer(candidate) {
                    from += size;
                }
            }
            size = if size == 1 { 0 } else { size.div_ceil(2) };
        }
    }

    fn fewer_processes(&mut self) {
        let now = self.best.get("processes").and_then(Value::as_integer).unwrap_or(1);
        for fewer in 1..now {
            let mut candidate = self.best.clone();
            candidate.insert("processes".into(), Value::Integer(fewer));
            if let Some(Value::Array(at)) = candidate.get_mut("at") {
                for on in at.iter_mut().filter_map(|entry| entry.get_mut("on")) {
                    if on.as_integer().is_some_and(|n| n > fewer) {
                        *on = Value::Integer(fewer);
                    }
                }
            }
            if self.offer(candidate) {
                return;
            }
        }
    }

    fn fewer_keys(&mut self) {
        for key in OPTIONAL_KEYS {
            let mut candidate = self.best.clone();
            candidate.remove(key);
            self.offer(candidate);
        }
        for table in OPTIONAL_TABLES {
            let path = [table];
            self.fewer_keys_in(&path);
        }
        for inner in ["refresh", "retry", "auth_retrying", "request"] {
            self.fewer_keys_in(&["policy", inner]);
        }
        for entry in 0..self.entries() {
            for key in ["skip", "on", "give_up", "point"] {
                let mut candidate = self.best.clone();
                if let Some(Value::Table(entry)) = candidate.get_mut("at").and_then(|at| at.get_mut(entry)) {
                    entry.remove(key);
                }
                self.offer(candidate);
            }
        }
    }

    fn fewer_keys_in(&mut self, path: &[&str]) {
        let keys: Vec<String> =
            at_path(&mut self.best, path).map(|t| t.keys().cloned().collect()).unwrap_or_default();
        for key in keys {
            let mut candidate = self.best.clone();
            if let Some(table) = at_path(&mut candidate, path) {
                table.remove(&key);
            }
            self.offer(candidate);
        }
    }

    /// Every duration becomes a round one, if it may.
    fn rounder_times(&mut self) {
        let mut places = Vec::new();
        collect(&Value::Table(self.best.clone()), &mut Vec::new(), &mut places);
        for place in places {
            let Some(text) = look(&self.best, &place).and_then(|v| v.as_str().map(str::to_owned)) else {
                continue;
            };
            for rounder in rounder(&text) {
                let mut candidate = Value::Table(self.best.clone());
                if let Some(value) = place.iter().try_fold(&mut candidate, |v, step| step.step_mut(v)) {
                    *value = Value::String(rounder);
                }
                let Value::Table(candidate) = candidate else { continue };
                if self.offer(candidate) {
                    break;
                }
            }
        }
    }
}

fn at_path<'t>(table: &'t mut Table, path: &[&str]) -> Option<&'t mut Table> {
    path.iter().try_fold(table, |table, key| table.get_mut(*key).and_then(Value::as_table_mut))
}

/// One step into a value.
#[derive(Clone)]
enum Step {
    Key(String),
    Index(usize),
}

impl Step {
    fn step_mut<'v>(&self, value: &'v mut Value) -> Option<&'v mut Value> {
        match self {
            Self::Key(key) => value.get_mut(key.as_str()),
            Self::Index(n) => value.get_mut(*n),
        }
    }

    fn step<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        match self {
            Self::Key(key) => value.get(key.as_str()),
            Self::Index(n) => value.get(*n),
        }
    }
}

fn look(table: &Table, place: &[Step]) -> Option<Value> {
    let whole = Value::Table(table.clone());
    place.iter().try_fold(&whole, |v, step| step.step(v)).cloned()
}

/// Where durations stand.
fn collect(value: &Value, path: &mut Vec<Step>, places: &mut Vec<Vec<Step>>) {
    match value {
        Value::Table(table) => {
            for (key, inner) in table {
                path.push(Step::Key(key.clone()));
                collect(inner, path, places);
                path.pop();
            }
        }
        Value::Array(list) => {
            for (n, inner) in list.iter().enumerate() {
                path.push(Step::Index(n));
                collect(inner, path, places);
                path.pop();
            }
        }
        Value::String(text) if crate::duration::parse(text).is_ok() => places.push(path.clone()),
        _ => {}
    }
}

/// Rounder durations near this one, the roundest first.
fn rounder(text: &str) -> Vec<String> {
    let Ok(span) = crate::duration::parse(text) else { return Vec::new() };
    let ms = span.as_millis();
    let mut all = Vec::new();
    for unit in [3_600_000, 600_000, 60_000, 10_000, 1_000] {
        for rounded in [ms / unit * unit, ms.div_ceil(unit) * unit] {
            let text = renewd_core::Span::from_millis(rounded).to_string();
            // Not for ever back and forth between two that are as round.
            if rounded != ms && !all.contains(&text) && ms % unit != 0 {
                all.push(text);
            }
        }
    }
    all
}

/// The file as a person writes it.
fn written(table: &Table) -> String {
    let mut table = table.clone();
    let entries = |table: &mut Table, key: &str| match table.remove(key) {
        Some(Value::Array(all)) => all,
        _ => Vec::new(),
    };
    let lists = [("at", entries(&mut table, "at")), ("expect", entries(&mut table, "expect"))];
    let totals = table.remove("expect_totals");
    let mut text = String::new();
    for (key, value) in &table {
        text += &format!("{key} = {}\n", inline(value));
    }
    for (list, entries) in lists {
        for entry in entries.iter().filter_map(Value::as_table) {
            text += &format!("[[{list}]]\n");
            for (key, value) in entry {
                text += &format!("{key} = {}\n", inline(value));
            }
        }
    }
    if let Some(Value::Table(totals)) = totals {
        text += "[expect_totals]\n";
        for (key, value) in &totals {
            text += &format!("{key} = {}\n", inline(value));
        }
    }
    text
}

fn inline(value: &Value) -> String {
    match value {
        Value::Table(table) => {
            let inner: Vec<String> =
                table.iter().map(|(key, value)| format!("{key} = {}", inline(value))).collect();
            format!("{{ {} }}", inner.join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_matter_goes_and_what_does_stays() {
        let text = "name = 'x'\nprocesses = 3\ncallers = '7s'\n[policy]\nretry.initial = '3s'\nretry.budget = 4\n\
                    [[at]]\nt = '61s500ms'\nserver = 'ok'\n[[at]]\nt = '75s'\nprocess = 'kill'\non = 3\n\
                    [[at]]\nt = '2h'\nserver = '500'\n";
        let small = shrink(text, |candidate| candidate.contains("kill") && candidate.contains("budget"));
        let table: Table = toml::from_str(&small).unwrap();
        assert_eq!(table["at"].as_array().unwrap().len(), 1, "{small}");
        assert_eq!(table["processes"].as_integer(), Some(1), "{small}");
        assert!(!small.contains("callers") && !small.contains("initial"), "{small}");
        assert!(small.contains("\"1m\"") || small.contains("\"0ms\""), "{small}");
    }

    #[test]
    fn what_cannot_be_made_smaller_stays_what_it_is() {
        let text = "name = \"x\"\n";
        assert_eq!(shrink(text, |_| false), text);
    }
}

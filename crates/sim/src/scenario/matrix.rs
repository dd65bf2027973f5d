//! One file for many runs: each class, each number of processes, each value of what is varied.

use renewd_testkit::AsClass;
use toml::Value;

use super::raw::{RawCounts, RawScenario};
use super::{PROCESSES_MAX, ScenarioError, bad};

/// Stands in a text where each value of `vary` is to be put.
const PLACEHOLDER: &str = "$vary";

/// The file once for each value of `vary`, with that value put in, and the value; once and plain without `vary`.
pub(super) fn variants(text: &str) -> Result<Vec<(String, RawScenario)>, ScenarioError> {
    let mut table: toml::Table = toml::from_str(text).map_err(bad)?;
    let used = text.contains(PLACEHOLDER);
    let Some(values) = table.remove("vary") else {
        if used {
            return Err(bad(format!(
                "{PLACEHOLDER} is used, but there is no vary = [\"…\", …] to put in its place"
            )));
        }
        // From the text itself: an error then names its line.
        return Ok(vec![(String::new(), toml::from_str(text).map_err(bad)?)]);
    };
    let values = texts(&values)?;
    if !used {
        return Err(bad(format!("vary is given, but no entry says {PLACEHOLDER}")));
    }
    let with = |value: String| {
        let mut filled = Value::Table(table.clone());
        fill(&mut filled, &value);
        filled.try_into().map(|raw| (value, raw)).map_err(bad)
    };
    values.into_iter().map(with).collect()
}

fn texts(values: &Value) -> Result<Vec<String>, ScenarioError> {
    let texts = values.as_array().filter(|list| !list.is_empty()).and_then(|list| {
        list.iter().map(|value| value.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
    });
    texts.ok_or_else(|| bad("vary: give it a list of texts such as [\"10s\", \"7d\"]"))
}

fn fill(value: &mut Value, text: &str) {
    match value {
        Value::String(s) => *s = s.replace(PLACEHOLDER, text),
        Value::Array(list) => list.iter_mut().for_each(|v| fill(v, text)),
        Value::Table(table) => table.iter_mut().for_each(|(_, v)| fill(v, text)),
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => {}
    }
}

pub(super) fn classes(raw: &RawScenario) -> Result<Vec<AsClass>, ScenarioError> {
    let parse = |key: &str, name: &String| {
        name.parse::<AsClass>().map_err(|_| bad(format!("{key}: {name:?} is not one of P0 to P6")))
    };
    match (&raw.classes, &raw.server.class) {
        (Some(_), Some(_)) => Err(bad("give either classes or as.class, not both")),
        (Some(all), None) if all.is_empty() => Err(bad("classes: the list is empty")),
        (Some(all), None) => all.iter().map(|name| parse("classes", name)).collect(),
        (None, Some(one)) => Ok(vec![parse("as.class", one)?]),
        (None, None) => Ok(vec![AsClass::default()]),
    }
}

pub(super) fn process_counts(raw: &RawScenario) -> Result<Vec<u32>, ScenarioError> {
    let counts = match &raw.processes {
        RawCounts::One(n) => vec![*n],
        RawCounts::Each(all) => all.clone(),
    };
    match counts.iter().find(|n| !(1..=PROCESSES_MAX).contains(*n)) {
        Some(n) => Err(bad(format!("processes = {n}: a world has 1 to {PROCESSES_MAX} processes"))),
        None if counts.is_empty() => Err(bad("processes: the list is empty")),
        None => Ok(counts),
    }
}

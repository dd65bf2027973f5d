//! From TOML to values: every key known, every value of its kind, every line remembered.

use std::path::Path;

use renewd_core::{MemberIs, Profile, StatusRange};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::build;
use crate::item::{article, given, given_in_list, item_of, literal, scalar, status};
use crate::keys::{self, ITEMS_MAX, Key, Kind, PAIR_BYTES_MAX, Pairs, REASON_BYTES_MAX};
use crate::member;
use crate::problem::{ADVISED_MAX, Problem, Problems, cut, nearest, shown};
use crate::text;
use crate::value::{Value, Values};

/// Longest file of one profile, in bytes: many times what the longest built-in one needs.
pub const PROFILE_BYTES_MAX: usize = 256 * 1024;

/// Names that belong to a client. A profile is the same for all clients, and may be published.
const CLIENT_NAMES: [&str; 7] =
    ["client_id", "client_secret", "client_secret_file", "secret", "password", "private_key", "api_key"];

/// By which rules a profile is read.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rules {
    /// One that everybody gets: it has a title, says where it is known from, and each override says where *it* is known
    /// from or that it is not sure.
    BuiltIn,
    /// A user's own, which may say as little as its user likes.
    Own,
}

/// Reads the text of a file with one profile, whose name is known.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse(name: &str, file: &Path, text: &str, rules: Rules) -> Result<Profile, Problems> {
    whole(Some(name), file, text, rules)
}

/// Reads the text of a user's file with one profile. Its name is what its key `name` says, else the file's name without
/// its ending.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse_file(file: &Path, text: &str) -> Result<Profile, Problems> {
    whole(None, file, text, Rules::Own)
}

/// Reads a user's profile that stands as a table in a larger document: `lines` are those of all of that document, and `at` what
/// messages call the table (`profile.NAME`).
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse_table(
    name: &str,
    at: &str,
    lines: &Lines,
    table: &Spanned<DeValue<'_>>,
) -> Result<Profile, Vec<Problem>> {
    let mut reader = Reader { lines, problems: Vec::new() };
    let line = reader.lines.of_offset(table.span().start);
    text::slug(name)
        .map_err(|why| vec![Problem::new(line, format!("the profile's name {} {why}", shown(name)))])?;
    let Some(entries) = table.get_ref().as_table() else {
        return Err(vec![Problem::new(line, format!("{at} must be a table: [{at}]"))]);
    };
    let values = reader.table(at, line, entries, keys::PROFILE);
    finish(name, &values, Rules::Own, reader.problems)
}

fn whole(name: Option<&str>, file: &Path, text: &str, rules: Rules) -> Result<Profile, Problems> {
    let fail = |problem| Problems::new(file, vec![problem]);
    if text.len() > PROFILE_BYTES_MAX {
        let what = format!("this is longer than {PROFILE_BYTES_MAX} bytes");
        return Err(fail(Problem { line: None, what, advice: None }));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = Lines::of(text);
    let root = DeTable::parse(text).map_err(|error| {
        let line = error.span().map(|span| lines.of_offset(span.start));
        let what = format!("this is no TOML: {}", error.message().replace('\n', ", "));
        fail(Problem { line, what, advice: None })
    })?;
    let mut reader = Reader { lines: &lines, problems: Vec::new() };
    let values = reader.table("", 1, root.get_ref(), keys::PROFILE);
    let name = match name {
        Some(name) => name,
        None => build::name_of(&values, file)
            .map_err(|what| fail(Problem::new(1, what).advise("give it one: name = \"example\"")))?,
    };
    finish(name, &values, rules, reader.problems).map_err(|problems| Problems::new(file, problems))
}

fn finish(
    name: &str,
    values: &Values,
    rules: Rules,
    mut problems: Vec<Problem>,
) -> Result<Profile, Vec<Problem>> {
    if let Err(why) = text::slug(name) {
        problems.push(Problem::new(values.line, format!("the profile's name {} {why}", shown(name))));
    }
    if let Some(own) = values.text("name").filter(|own| *own != name) {
        let what = format!(
            "{} = {} is not what this profile is called here, {name}",
            values.path_of("name"),
            shown(own)
        );
        problems.push(Problem::new(values.line_of("name"), what).advise("leave it out"));
    }
    let profile = build::profile(name, values, rules, &mut problems);
    problems.sort_by_key(|problem| problem.line);
    if problems.is_empty() { Ok(profile) } else { Err(problems) }
}

/// Where the lines of a text begin: counted once, since each of a hundred thousand keys asks for its own.
#[derive(Clone, Debug)]
pub struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    /// Of this text.
    pub fn of(text: &str) -> Self {
        Self { starts: text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i + 1).collect() }
    }

    /// The line that an offset lies in, from 1.
    pub fn of_offset(&self, offset: usize) -> usize {
        1 + self.starts.partition_point(|start| *start <= offset)
    }
}

struct Reader<'l> {
    lines: &'l Lines,
    problems: Vec<Problem>,
}

/// The entries of a table in the order in which they are written.
fn in_order<'t, 'i>(
    table: &'t DeTable<'i>,
) -> Vec<(&'t Spanned<toml::de::DeString<'i>>, &'t Spanned<DeValue<'i>>)> {
    let mut all: Vec<_> = table.iter().collect();
    all.sort_by_key(|(name, _)| name.span().start);
    all
}

impl Reader<'_> {
    fn line<T>(&self, spanned: &Spanned<T>) -> usize {
        self.lines.of_offset(spanned.span().start)
    }

    fn problem(&mut self, line: usize, what: impl Into<String>) {
        self.problems.push(Problem::new(line, what));
    }

    fn table(&mut self, at: &str, line: usize, table: &DeTable<'_>, known: &'static [Key]) -> Values {
        let mut values = Values { line, at: at.to_owned(), ..Values::default() };
        for (name, value) in in_order(table) {
            let (line, name) = (self.line(name), name.get_ref().as_ref());
            let problems = self.problems.len();
            match known.iter().find(|key| key.name == name) {
                None => self.unknown(at, name, line, known),
                Some(key) => {
                    let path = values.path_of(key.name);
                    if let Some(value) = self.value(&path, key.kind, line, value) {
                        values.all.push((key.name, line, value));
                    }
                }
            }
            if self.problems.len() > problems {
                values.refused.push(name.to_owned());
            }
        }
        values
    }

    fn unknown(&mut self, at: &str, name: &str, line: usize, known: &'static [Key]) {
        let dot = if at.is_empty() { "" } else { "." };
        let path = format!("{at}{dot}{}", cut(name));
        if CLIENT_NAMES.contains(&name.to_ascii_lowercase().as_str()) {
            let problem =
                Problem::new(line, format!("{path} belongs to a client, and a profile is the same for all"));
            return self.problems.push(problem.advise("it stands in [credential.NAME] of the configuration"));
        }
        if self.problems.len() > ADVISED_MAX {
            return self.problem(line, format!("unknown key {path}"));
        }
        let homes = keys::homes_of(name);
        let advice = match nearest(name, known.iter().map(|key| key.name)) {
            Some(near) => format!("did you mean {near}?"),
            None if !homes.is_empty() => format!("{name} belongs in {}", homes.join(" or ")),
            None => {
                let names: Vec<&str> = known.iter().map(|key| key.name).collect();
                format!("known here: {}", names.join(", "))
            }
        };
        self.problems.push(Problem::new(line, format!("unknown key {path}")).advise(advice));
    }

    /// Reads a value. None where there is something wrong with it, which was told.
    fn value(&mut self, path: &str, kind: Kind, line: usize, value: &Spanned<DeValue<'_>>) -> Option<Value> {
        match kind {
            Kind::Table(keys) => {
                let Some(table) = value.get_ref().as_table() else {
                    self.problem(line, format!("{path} is {}; it must be a table", article(value.get_ref())));
                    return None;
                };
                Some(Value::Table(self.table(path, line, table, keys)))
            }
            Kind::Tables(keys) => self.tables(path, line, value.get_ref(), keys),
            Kind::Pairs(pairs) => self.pairs(path, pairs, line, value.get_ref()),
            Kind::Members => self.members(path, line, value.get_ref()),
            Kind::Choices(_)
            | Kind::Sources
            | Kind::Hosts
            | Kind::Paths
            | Kind::Statuses
            | Kind::Texts { .. } => self.list(path, kind, line, value.get_ref()),
            Kind::Slug | Kind::Line { .. } | Kind::Duration | Kind::Flag | Kind::Choice(_) | Kind::Url(_) => {
                match scalar(kind, value.get_ref()) {
                    Ok(value) => Some(value),
                    Err(why) => {
                        self.problem(line, format!("{path}{} {why}", given(value.get_ref())));
                        None
                    }
                }
            }
        }
    }

    fn tables(
        &mut self,
        path: &str,
        line: usize,
        value: &DeValue<'_>,
        keys: &'static [Key],
    ) -> Option<Value> {
        let Some(items) = value.as_array() else {
            self.problem(
                line,
                format!("{path} is {}; it must be a list of tables: [[{path}]]", article(value)),
            );
            return None;
        };
        self.count(path, line, items.len());
        let mut tables = Vec::new();
        for (i, item) in items.iter().enumerate() {
            let line = self.line(item);
            let Some(table) = item.get_ref().as_table() else {
                self.problem(
                    line,
                    format!("{path} holds {}; it must hold tables: [[{path}]]", article(item.get_ref())),
                );
                continue;
            };
            // Called by its name where it has one: people do not count tables.
            let name = table
                .get("name")
                .and_then(|name| name.get_ref().as_str())
                .filter(|name| text::slug(name).is_ok());
            let at = name.map_or_else(|| format!("{path}[{}]", i + 1), |name| format!("{path}.{name}"));
            tables.push(self.table(&at, line, table, keys));
        }
        Some(Value::Tables(tables))
    }

    /// A table of names and texts. Of `[unsure]` the names are keys, which TOML takes apart at their dots where they
    /// stand without quotes: `endpoints.token` is put together again.
    fn pairs(&mut self, path: &str, pairs: Pairs, line: usize, value: &DeValue<'_>) -> Option<Value> {
        let Some(table) = value.as_table() else {
            self.problem(line, format!("{path} is {}; it must be a table of texts", article(value)));
            return None;
        };
        let mut all: Vec<(String, String)> = Vec::new();
        for (name, value) in in_order(table) {
            let (line, name) = (self.line(name), name.get_ref().as_ref());
            match value.get_ref().as_table().filter(|_| pairs == Pairs::Unsure) {
                Some(inner) => {
                    for (key, value) in in_order(inner) {
                        let line = self.line(key);
                        let name = format!("{name}.{}", key.get_ref());
                        self.pair(path, pairs, line, &name, value.get_ref(), &mut all);
                    }
                }
                None => self.pair(path, pairs, line, name, value.get_ref(), &mut all),
            }
        }
        self.count(path, line, all.len());
        Some(Value::Pairs(all))
    }

    fn pair(
        &mut self,
        path: &str,
        pairs: Pairs,
        line: usize,
        name: &str,
        value: &DeValue<'_>,
        all: &mut Vec<(String, String)>,
    ) {
        let path = format!("{path}.{}", cut(name));
        let Some(text) = value.as_str() else {
            return self.problem(line, format!("{path} is {}; it must be a text in quotes", article(value)));
        };
        let checked = match pairs {
            Pairs::Unsure => text::line(text, 1, REASON_BYTES_MAX),
            _ if text.len() > PAIR_BYTES_MAX => Err(format!("is longer than {PAIR_BYTES_MAX} bytes")),
            Pairs::Headers => text::header(name, text),
            Pairs::Parameters => text::parameter(name, text),
            Pairs::LoginParameters => text::login_parameter(name, text),
            Pairs::Names => text::renamed(name, text),
        };
        if let Err(why) = checked {
            return self.problem(line, format!("{path} {why}"));
        }
        if pairs == Pairs::Headers && all.iter().any(|(earlier, _)| earlier.eq_ignore_ascii_case(name)) {
            return self.problem(line, format!("{path} stands there twice; header names have no case"));
        }
        all.push((name.to_owned(), text.to_owned()));
    }

    fn members(&mut self, path: &str, line: usize, value: &DeValue<'_>) -> Option<Value> {
        let Some(table) = value.as_table() else {
            self.problem(
                line,
                format!("{path} is {}; it must be a table: path = list of values", article(value)),
            );
            return None;
        };
        self.count(path, line, table.len());
        let mut members = Vec::new();
        for (name, value) in in_order(table) {
            let (line, name) = (self.line(name), name.get_ref().as_ref());
            let at = format!("{path}.{}", cut(name));
            if let Err(why) = member::path(name) {
                self.problem(line, format!("{at} {why}"));
                continue;
            }
            let Some(items) = value.get_ref().as_array() else {
                let problem = Problem::new(
                    line,
                    format!("{at} is {}; it must be a list of values", article(value.get_ref())),
                );
                self.problems.push(match value.get_ref().as_table() {
                    Some(_) => {
                        problem.advise("a path with dots stands in quotes: \"errors[0].code\" = [\"x\"]")
                    }
                    None => problem,
                });
                continue;
            };
            self.count(&at, line, items.len());
            let mut equals = Vec::new();
            for item in items {
                match literal(item.get_ref()) {
                    Ok(text) => equals.push(text.into()),
                    Err(why) => {
                        let line = self.line(item);
                        self.problem(line, format!("{at} holds a value that {why}"));
                    }
                }
            }
            members.push(MemberIs { path: name.to_owned().into(), equals: equals.into() });
        }
        Some(Value::Members(members))
    }

    fn list(&mut self, path: &str, kind: Kind, line: usize, value: &DeValue<'_>) -> Option<Value> {
        let Some(items) = value.as_array() else {
            let problem = Problem::new(line, format!("{path} is {}; it must be a list", article(value)));
            self.problems.push(match value {
                DeValue::String(text) if matches!(kind, Kind::Statuses) && text.parse::<u16>().is_ok() => {
                    problem.advise(format!("write [{text}]"))
                }
                DeValue::String(text) => problem.advise(format!("write [{}]", shown(text))),
                DeValue::Integer(number) => problem.advise(format!("write [{number}]")),
                _ => problem,
            });
            return None;
        };
        self.count(path, line, items.len());
        let mut texts: Vec<String> = Vec::new();
        let mut statuses: Vec<StatusRange> = Vec::new();
        for item in items {
            let line = self.line(item);
            if let Kind::Statuses = kind {
                match status(item.get_ref()) {
                    Ok(range) => statuses.push(range),
                    Err(why) => self
                        .problem(line, format!("{path} holds{} which {why}", given_in_list(item.get_ref()))),
                }
                continue;
            }
            let checked = match item.get_ref().as_str() {
                Some(text) if texts.iter().any(|earlier| earlier == text) => Err("stands there twice".into()),
                Some(text) => item_of(kind, text).map(|()| text),
                None => Err(format!("is {}; it must be a text in quotes", article(item.get_ref()))),
            };
            match checked {
                Ok(text) => texts.push(text.to_owned()),
                Err(why) => {
                    self.problem(line, format!("{path} holds{} which {why}", given_in_list(item.get_ref())))
                }
            }
        }
        Some(if let Kind::Statuses = kind { Value::Statuses(statuses) } else { Value::Texts(texts) })
    }

    fn count(&mut self, path: &str, line: usize, count: usize) {
        if count > ITEMS_MAX {
            self.problem(line, format!("{path} has {count} items; at most {ITEMS_MAX} are read"));
        }
    }
}

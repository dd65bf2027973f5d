//! What stands behind the keys of one table, once it was read.

use std::borrow::Cow;

use renewd_core::{List, MemberIs, Span, StatusRange, Text};

/// A value of its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Text(String),
    Span(Span),
    Flag(bool),
    Texts(Vec<String>),
    Pairs(Vec<(String, String)>),
    Statuses(Vec<StatusRange>),
    Members(Vec<MemberIs>),
    Table(Values),
    Tables(Vec<Values>),
}

/// The values of a table, each with its line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Values {
    /// Where the table begins, from 1.
    pub(crate) line: usize,
    /// As messages name it.
    pub(crate) at: String,
    pub(crate) all: Vec<(&'static str, usize, Value)>,
    /// Keys that stand there and were told of as wrong or unknown: they are not missing.
    pub(crate) refused: Vec<String>,
}

impl Values {
    fn find(&self, name: &str) -> Option<&Value> {
        self.all.iter().find(|(n, _, _)| *n == name).map(|(_, _, value)| value)
    }

    /// Whether the table has that key.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Whether the key is missing: not there, and not there with something wrong about it either.
    pub(crate) fn lacks(&self, name: &str) -> bool {
        !self.has(name) && !self.refused.iter().any(|refused| refused == name)
    }

    /// The line of a key; of the table where it is not there.
    pub(crate) fn line_of(&self, name: &str) -> usize {
        self.all.iter().find(|(n, _, _)| *n == name).map_or(self.line, |(_, line, _)| *line)
    }

    /// As messages name a key.
    pub(crate) fn path_of(&self, name: &str) -> String {
        if self.at.is_empty() { name.to_owned() } else { format!("{}.{name}", self.at) }
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        if let Some(Value::Text(text)) = self.find(name) { Some(text) } else { None }
    }

    pub(crate) fn span(&self, name: &str) -> Option<Span> {
        if let Some(Value::Span(span)) = self.find(name) { Some(*span) } else { None }
    }

    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        if let Some(Value::Flag(flag)) = self.find(name) { Some(*flag) } else { None }
    }

    pub(crate) fn texts(&self, name: &str) -> &[String] {
        if let Some(Value::Texts(texts)) = self.find(name) { texts } else { &[] }
    }

    /// How many texts stand in its lists.
    pub(crate) fn count_texts(&self) -> usize {
        self.all
            .iter()
            .map(|(_, _, value)| if let Value::Texts(texts) = value { texts.len() } else { 0 })
            .sum()
    }

    pub(crate) fn pairs(&self, name: &str) -> &[(String, String)] {
        if let Some(Value::Pairs(pairs)) = self.find(name) { pairs } else { &[] }
    }

    /// Whether something in the table of that key was refused.
    pub(crate) fn is_faulty(&self, name: &str) -> bool {
        self.table(name).is_some_and(|table| !table.refused.is_empty())
    }

    pub(crate) fn statuses(&self, name: &str) -> &[StatusRange] {
        if let Some(Value::Statuses(statuses)) = self.find(name) { statuses } else { &[] }
    }

    pub(crate) fn members(&self, name: &str) -> &[MemberIs] {
        if let Some(Value::Members(members)) = self.find(name) { members } else { &[] }
    }

    pub(crate) fn table(&self, name: &str) -> Option<&Self> {
        if let Some(Value::Table(table)) = self.find(name) { Some(table) } else { None }
    }

    pub(crate) fn tables(&self, name: &str) -> &[Self] {
        if let Some(Value::Tables(tables)) = self.find(name) { tables } else { &[] }
    }

    /// A text as core keeps it.
    pub(crate) fn owned(&self, name: &str) -> Option<Text> {
        self.text(name).map(|text| Cow::Owned(text.to_owned()))
    }

    /// A list of texts as core keeps it.
    pub(crate) fn list(&self, name: &str) -> List<Text> {
        self.texts(name).iter().map(|text| Cow::Owned(text.clone())).collect()
    }

    /// A table of texts as core keeps it.
    pub(crate) fn pair_list(&self, name: &str) -> List<(Text, Text)> {
        let owned = |(name, text): &(String, String)| (Cow::Owned(name.clone()), Cow::Owned(text.clone()));
        self.pairs(name).iter().map(owned).collect()
    }
}

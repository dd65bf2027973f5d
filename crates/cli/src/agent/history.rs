//! `GET …/history`: what happened to a credential, from its journal. A status page draws its timeline from it.

use std::sync::Arc;

use http::{Response, StatusCode};
use renewd_driver::CredentialName;

use super::api::Api;
use super::http::{Body, failed, json};
use super::query::Query;
use crate::exit::{Exit, Failure};
use crate::journal::{self, HistoryDocument};
use crate::output::time::parse_rfc3339;

/// Without `limit`: a day of an outage, attempts and all.
pub(super) const LIMIT_DEFAULT: usize = 1000;

/// All that two journal files hold, as a rule.
pub(super) const LIMIT_MAX: usize = 10_000;

/// Journals that are read at the same time. One may be two megabytes.
pub(super) const READERS_MAX: usize = 4;

/// What is asked for.
struct Question {
    since: Option<renewd_core::Wall>,
    limit: usize,
}

impl Question {
    fn of(query: &Query) -> Result<Self, Failure> {
        let since = query.value("since").map(|text| {
            parse_rfc3339(text).ok_or_else(|| {
                Failure::usage(format!("since={text:?} is no time; write it like 2026-11-22T08:00:00Z"))
            })
        });
        let limit = query.value("limit").map(|text| {
            let number = text.parse::<usize>().ok().filter(|n| (1..=LIMIT_MAX).contains(n));
            number.ok_or_else(|| Failure::usage(format!("limit={text:?} is no number from 1 to {LIMIT_MAX}")))
        });
        Ok(Self { since: since.transpose()?, limit: limit.transpose()?.unwrap_or(LIMIT_DEFAULT) })
    }
}

impl Api {
    /// The journal is read on a thread for such work: a disk that hangs must hold up no token.
    pub(super) async fn history(&self, name: &str, query: &Query) -> Response<Body> {
        let keeper = match self.keeper(name) {
            Ok(keeper) => keeper,
            Err(refusal) => return *refusal,
        };
        let question = match Question::of(query) {
            Ok(question) => question,
            Err(failure) => return failed(&failure),
        };
        match self.read_journal(keeper.name().clone(), question).await {
            Ok(document) => json(StatusCode::OK, &document),
            Err(failure) => failed(&failure),
        }
    }

    async fn read_journal(
        &self,
        name: CredentialName,
        question: Question,
    ) -> Result<HistoryDocument, Failure> {
        let gone = || Failure::internal("the journal could not be read");
        let room = Arc::clone(&self.journals).acquire_owned().await.map_err(|_| gone())?;
        let state = self.state.clone();
        let reading = tokio::task::spawn_blocking(move || {
            // Held until the disk answered, not until the asker went away.
            let _room = room;
            let read = |whose: Option<&CredentialName>| {
                journal::read_all(&state, whose).map_err(|why| {
                    Failure::new(Exit::Store, format!("the journal of {name}: {why}")).about(&name)
                })
            };
            let entries = journal::together(read(Some(&name))?.entries, read(None)?.entries);
            Ok(HistoryDocument::new(&name, entries, question.since, question.limit))
        });
        reading.await.map_err(|_| gone())?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_for_history_has_sane_bounds_and_a_wrong_one_is_told_what_would_do() {
        let of = |query: &str| Question::of(&Query::of(Some(query), &["since", "limit"])?);
        let all = of("").unwrap();
        assert_eq!((all.since, all.limit), (None, LIMIT_DEFAULT));
        let some = of("limit=7&since=2026-11-22T08%3A00%3A00Z").unwrap();
        assert_eq!((some.since, some.limit), (parse_rfc3339("2026-11-22T08:00:00Z"), 7));
        for (query, says) in [
            ("limit=0", "from 1 to 10000"),
            ("limit=-1", "from 1 to"),
            ("limit=99999999999999999999", "from 1 to"),
            ("limit=", "from 1 to"),
            ("since=yesterday", "2026-11-22T08:00:00Z"),
            ("until=2026-11-22T08:00:00Z", "since, limit"),
            ("limit=1&limit=2", "twice"),
            ("since=%zz", "percent"),
        ] {
            let failure = of(query).err().map(|f| (f.exit, f.message));
            assert!(
                failure.as_ref().is_some_and(|(e, m)| *e == Exit::Usage && m.contains(says)),
                "{query}: {failure:?}"
            );
        }
    }
}

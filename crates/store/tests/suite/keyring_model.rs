//! Random histories of a record in a keyring against a model of what was promised.

use std::collections::BTreeSet;

use proptest::prelude::*;
use renewd_core::{CommitFailure, Loaded, Now, Record};
use renewd_driver::Expect;
use renewd_driver::keyring::KeyringErrorKind;
use renewd_driver::testing::KeyringFate;
use renewd_store::FileStore;

use crate::contract::{fence, intending, kind_of, name, refreshed, version};
use crate::keyring_home::KeyringHome;
use crate::records::{described, login};

/// What somebody does next.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Login,
    Mark,
    Commit,
    Logout,
    /// Reads, and nothing else.
    Read,
}

/// A deed, with a record of so many bytes more, over a keyring whose n-th call from then on fails, or is the last
/// before the process dies.
#[derive(Clone, Copy, Debug)]
struct Act {
    deed: Deed,
    weight: usize,
    ends: Option<(u64, bool, bool)>,
}

fn act() -> impl Strategy<Value = Act> {
    use Deed::*;
    let deed = prop::sample::select(vec![Login, Mark, Mark, Commit, Commit, Commit, Logout, Read]);
    let ends = prop::option::weighted(0.4, (1..40_u64, any::<bool>(), any::<bool>()));
    (deed, 0..3_000_usize, ends).prop_map(|(deed, weight, ends)| Act { deed, weight, ends })
}

fn told(record: &Record) -> String {
    let mut record = record.clone();
    record.previous_digest = None;
    described(&record)
}

/// What may stand in the store: exactly one record after a write that was acknowledged.
struct Model {
    possible: BTreeSet<Option<String>>,
}

impl Model {
    fn check(&mut self, loaded: &Loaded) -> Option<Record> {
        let record = match loaded {
            Loaded::Absent => None,
            Loaded::Record(record) => Some((**record).clone()),
            other => panic!("{}", kind_of(other)),
        };
        let seen = record.as_ref().map(told);
        assert!(self.possible.contains(&seen), "this was never written: {seen:?}");
        // What was read stays: a later reader may not see the other one.
        self.possible = [seen].into();
        record
    }
}

fn weighed(mut record: Record, weight: usize) -> Record {
    record.grant.id_token = (weight > 0).then(|| "i".repeat(weight).into());
    record
}

fn write(
    store: &FileStore,
    stands: Option<&Record>,
    act: Act,
    number: u128,
) -> Option<(Record, Result<(), CommitFailure>)> {
    let x = name("x");
    let expect = stands.map_or(Expect::Absent, version);
    let secret = format!("rt-{number}");
    match (act.deed, stands) {
        (Deed::Read, _) | (Deed::Mark | Deed::Commit | Deed::Logout, None) => None,
        (Deed::Login, _) => {
            let record = weighed(login(stands.map_or(1, |stands| stands.epoch + 1), &secret), act.weight);
            Some((record.clone(), store.put_blocking(&x, &record, expect)))
        }
        (Deed::Logout, Some(stands)) => {
            let record = stands.tombstone(Now::default());
            Some((record.clone(), store.put_blocking(&x, &record, expect)))
        }
        (Deed::Mark, Some(stands)) => {
            let record = intending(stands, number);
            Some((record.clone(), store.mark_blocking(&x, &record, &fence(stands, None))))
        }
        (Deed::Commit, Some(stands)) => {
            let attempt = stands.intent.as_ref().map(|intent| intent.attempt.0);
            let record = weighed(refreshed(stands, &secret), act.weight);
            Some((record.clone(), store.commit_blocking(&x, &record, &fence(stands, attempt))))
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_written_and_whoever_dies_one_of_the_records_that_may_stand_does(
        acts in prop::collection::vec(act(), 1..24),
        item_bytes_max in prop::sample::select(vec![96_usize, 200, 1_000, 2_560, 4 << 20]),
    ) {
        let home = KeyringHome::simulated(item_bytes_max);
        let mut store = home.open();
        let mut model = Model { possible: [None].into() };
        for (number, act) in (1_u128..).zip(acts) {
            let stands = model.check(&store.load_blocking(&name("x")));
            prop_assert_eq!(store.list_blocking().unwrap().len(), usize::from(stands.is_some()));
            let dies = act.ends.is_some_and(|(_, _, dies)| dies);
            if let Some((n, done, dies)) = act.ends {
                let mut calls = 0;
                home.keyring.plan(move |_, _, _| {
                    calls += 1;
                    let kind = KeyringErrorKind::Failed;
                    match calls {
                        _ if calls == n && done => KeyringFate::DoneButFails(kind),
                        _ if calls == n || (calls > n && dies) => KeyringFate::Fails(kind),
                        _ => KeyringFate::Done,
                    }
                });
            }
            let outcome = write(&store, stands.as_ref(), act, number);
            home.keyring.heal();
            if dies {
                store = home.open();
            }
            match outcome {
                Some((record, Ok(()))) => model.possible = [Some(told(&record))].into(),
                Some((record, Err(CommitFailure::Fault(_)))) => drop(model.possible.insert(Some(told(&record)))),
                Some((_, Err(CommitFailure::Fenced(loaded)))) => panic!("fenced by {}", kind_of(&loaded)),
                None => {}
            }
        }
        // The last write leaves nothing but itself, whatever died before it.
        let stands = model.check(&home.open().load_blocking(&name("x")));
        let last = write(&store, stands.as_ref(), Act { deed: Deed::Login, weight: 0, ends: None }, 0).unwrap();
        prop_assert!(last.1.is_ok());
        let length: usize = home.items().iter().map(|(_, value)| value.len()).sum();
        let (most, parts) = (item_bytes_max, home.parts().len());
        prop_assert!(parts <= length.div_ceil(most) + 1, "{} parts of {} bytes for {}", parts, most, length);
        prop_assert!(!home.files().iter().any(|file| file.contains("damaged") || file.contains(".tmp-")));
    }
}

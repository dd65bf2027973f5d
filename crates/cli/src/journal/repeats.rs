//! The same again and again: a resource server that refuses every fresh token, and a client that asks it in a loop. Each of
//! its 401s is passed through and counted; a journal that held each would soon hold nothing of the night before.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use renewd_core::Report;
use renewd_driver::{CredentialName, Event};

/// Knows which passed 401s were told of: of one token the first.
#[derive(Debug, Default)]
pub(crate) struct Repeats {
    /// Of each credential the generations, until the next refresh: no more than it has tokens.
    passed: Mutex<HashMap<CredentialName, Vec<u64>>>,
}

impl Repeats {
    /// Whether this was told already, and need not be again.
    pub(crate) fn again(&self, name: &CredentialName, event: &Event) -> bool {
        let Event::Report(report) = event else { return false };
        let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        match report {
            Report::RejectionPassed { generation } => {
                let told = passed.entry(name.clone()).or_default();
                let again = told.contains(generation);
                if !again {
                    told.push(*generation);
                }
                again
            }
            // A login begins its generations anew.
            Report::Refreshed { .. } | Report::Adopted { .. } => {
                passed.remove(name);
                false
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_token_one_passed_401_is_told_until_there_is_another_token() {
        let (one, two): (CredentialName, CredentialName) = ("one".parse().unwrap(), "two".parse().unwrap());
        let repeats = Repeats::default();
        let passed =
            |name, generation| repeats.again(name, &Event::Report(Report::RejectionPassed { generation }));
        assert_eq!(
            [1, 2, 1, 2, 1].map(|generation| passed(&one, generation)),
            [false, false, true, true, true]
        );
        assert!(!passed(&two, 1));
        assert!(!repeats.again(&one, &Event::Report(Report::Adopted { epoch: 2, generation: 0 })));
        assert_eq!((passed(&one, 1), passed(&two, 1)), (false, true));
        for _ in 0..2 {
            assert!(!repeats.again(&one, &Event::Report(Report::LateAnswer)), "nothing else is held back");
        }
    }
}

//! What happens to several credentials in one moment is one notification: a server that goes takes all of its credentials
//! along, and nobody wants a screen full of that.

use std::collections::HashMap;
use std::time::Duration;

use renewd_driver::CredentialName;
use tokio::sync::mpsc;

use super::{Told, WAITING_MAX};

/// How long others are waited for. A person does not notice it, and who failed together is together.
pub(super) const MOMENT: Duration = Duration::from_millis(500);

/// The first, and what else happens within a moment, in its order.
pub(super) async fn gathered(first: Told, told: &mut mpsc::Receiver<Told>) -> Vec<Told> {
    let mut all = vec![first];
    let others = async {
        while all.len() < WAITING_MAX
            && let Some(next) = told.recv().await
        {
            all.push(next);
        }
    };
    // Both ends are good: the moment is over, or nobody tells anything more.
    let _ = tokio::time::timeout(MOMENT, others).await;
    all
}

/// Those in a row to which the same happened, and that stand in the same notification, or in none.
pub(super) fn groups<'t>(all: &'t [Told], shown: &HashMap<CredentialName, u32>) -> Vec<&'t [Told]> {
    let number = |told: &Told| shown.get(&told.name).copied().unwrap_or(0);
    all.chunk_by(|a, b| a.what == b.what && number(a) == number(b)).collect()
}

/// The number of the notification that these take the place of: theirs, unless it tells of others too. 0 is none.
pub(super) fn replaced(group: &[Told], shown: &HashMap<CredentialName, u32>) -> u32 {
    let number = group.first().and_then(|told| shown.get(&told.name)).copied().unwrap_or(0);
    let of_group = |name: &CredentialName| group.iter().any(|told| told.name == *name);
    let is_theirs = shown.iter().all(|(name, n)| *n != number || of_group(name));
    if is_theirs { number } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::super::Happening;
    use super::*;

    fn told(name: &str, what: Happening) -> Told {
        Told { name: name.parse().unwrap(), what, cause: None }
    }

    fn names(group: &[Told]) -> Vec<&str> {
        group.iter().map(|told| told.name.as_str()).collect()
    }

    #[test]
    fn what_comes_within_a_moment_is_together_and_what_comes_later_is_not() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap().block_on(async {
            let (tell, mut all) = mpsc::channel(WAITING_MAX);
            let sender = tokio::spawn(async move {
                for (after, name) in [(0, "a"), (200, "b"), (200, "c"), (200, "d")] {
                    tokio::time::sleep(Duration::from_millis(after)).await;
                    tell.send(told(name, Happening::Unauthenticated)).await.unwrap();
                }
            });
            let first = all.recv().await.unwrap();
            assert_eq!(names(&gathered(first, &mut all).await), ["a", "b", "c"]);
            let next = all.recv().await.unwrap();
            assert_eq!(names(&gathered(next, &mut all).await), ["d"]);
            sender.await.unwrap();
        });
    }

    #[test]
    fn those_are_one_notification_that_the_same_happened_to_and_that_stand_together() {
        use Happening::{AuthRetrying, Recovered};
        let all = [
            told("a", AuthRetrying),
            told("b", AuthRetrying),
            told("c", AuthRetrying),
            told("a", Recovered),
            told("b", Recovered),
        ];
        let mut shown = HashMap::new();
        let split = groups(&all, &shown);
        assert_eq!(split.iter().map(|g| names(g)).collect::<Vec<_>>(), [vec!["a", "b", "c"], vec!["a", "b"]]);
        assert_eq!(replaced(split[0], &shown), 0);
        for name in ["a", "b", "c"] {
            shown.insert(name.parse().unwrap(), 7);
        }
        assert_eq!(replaced(&all[..3], &shown), 7);
        assert_eq!(replaced(&all[3..], &shown), 0, "it tells of c, which still waits");
        shown.insert("b".parse().unwrap(), 8);
        assert_eq!(groups(&all[3..], &shown).len(), 2, "each in the place of its own");
    }
}

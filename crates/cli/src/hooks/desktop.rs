//! A desktop notification, over the session's bus, to whoever shows them there (Desktop Notifications Specification 1.2).
//!
//! The bus is found as the keyring's is: a socket of this machine, never one that an address would start. A notification
//! says what to do; it has no button, since nothing here logs in.

use std::time::Duration;

use renewd_core::Cause;
use renewd_driver::CredentialName;

use super::{Happening, Told};
use crate::environment::Environment;
use crate::json::login_command;

/// A desktop that does not answer within this is not there.
const ANSWER: Duration = Duration::from_secs(5);

/// Names in one notification: more would not be read.
const NAMES_MAX: usize = 5;

/// What is said.
struct Words {
    summary: String,
    body: String,
}

impl Words {
    /// Of those to which the same happened.
    fn of(group: &[Told]) -> Option<Self> {
        match group {
            [] => None,
            [one] => Some(Self::of_one(&one.name, one.what, one.cause)),
            [first, ..] => Some(Self::of_several(group, first.what)),
        }
    }

    fn of_several(group: &[Told], what: Happening) -> Self {
        let n = group.len();
        let mut names: Vec<&str> = group.iter().take(NAMES_MAX).map(|told| told.name.as_str()).collect();
        let others = format!("and {} more", n.saturating_sub(NAMES_MAX));
        names.extend((n > NAMES_MAX).then_some(others.as_str()));
        let names = names.join(", ");
        let (summary, body) = match what {
            Happening::Unauthenticated => (
                format!("{n} credentials need a login"),
                format!("{names}: renewd has no token for them any more. Run for each: renewd login NAME"),
            ),
            Happening::AuthRetrying => (
                format!("{n} credentials wait for their server"),
                format!("{names}: renewd tries again by itself. There is nothing to do."),
            ),
            Happening::Recovered => {
                (format!("{n} credentials work again"), format!("{names}: renewd has tokens for them."))
            }
        };
        Self { summary, body }
    }

    fn of_one(name: &CredentialName, what: Happening, cause: Option<Cause>) -> Self {
        let why = cause.map_or(String::new(), |cause| format!(" ({})", cause.name().replace('_', " ")));
        // Both are plain words: a body may be read as markup.
        let (summary, body) = match what {
            Happening::Unauthenticated => (
                format!("{name} needs a login"),
                format!("renewd has no token for it any more{why}. Run: {}", login_command(name.as_str())),
            ),
            Happening::AuthRetrying => (
                format!("{name} waits for its server"),
                format!("renewd tries again by itself{why}. There is nothing to do."),
            ),
            Happening::Recovered => (format!("{name} works again"), "renewd has a token for it.".to_owned()),
        };
        Self { summary, body }
    }
}

/// Shows what happened to these, in the place of the notification with that number where it still stands: of each
/// credential one is to be seen, the last. Gives the new one's number.
///
/// # Errors
/// Half a sentence for people.
pub(super) async fn notify(env: &Environment, group: &[Told], replaces: u32) -> Result<u32, String> {
    let (Some(first), Some(words)) = (group.first(), Words::of(group)) else { return Ok(replaces) };
    let shown = show(env, words, first.what, replaces);
    tokio::time::timeout(ANSWER, shown)
        .await
        .unwrap_or_else(|_| Err(format!("the session's bus did not answer within {ANSWER:?}")))
}

/// Where it would be shown.
///
/// # Errors
/// Half a sentence for people.
#[cfg(not(target_vendor = "apple"))]
pub(super) fn bus(env: &Environment) -> Result<String, String> {
    renewd_keyring::session_bus(|name| env.text(name).map(Into::into)).map_err(str::to_owned)
}

/// There is none.
///
/// # Errors
/// Always.
#[cfg(target_vendor = "apple")]
pub(super) fn bus(_env: &Environment) -> Result<String, String> {
    Err("this system has no session bus; use [hooks] on_unauthenticated".into())
}

#[cfg(not(target_vendor = "apple"))]
async fn show(env: &Environment, words: Words, what: Happening, replaces: u32) -> Result<u32, String> {
    use std::collections::HashMap;
    use zbus::zvariant::Value;

    const NAME: &str = "org.freedesktop.Notifications";
    /// The server's own: it knows how long its user wants to see such things.
    const EXPIRES: i32 = -1;
    const LOW: u8 = 0;
    const NORMAL: u8 = 1;

    let address = bus(env)?;
    let plain = |error: zbus::Error| renewd_core::plain_line(&error.to_string(), 200);
    let bus = zbus::connection::Builder::address(address.as_str()).map_err(plain)?;
    let bus = bus.build().await.map_err(plain)?;
    let urgency = if what == Happening::Unauthenticated { NORMAL } else { LOW };
    let hints = HashMap::from([("urgency", Value::U8(urgency))]);
    let actions: [&str; 0] = [];
    let notification =
        ("renewd", replaces, "", words.summary, words.body, actions.as_slice(), hints, EXPIRES);
    let path = "/org/freedesktop/Notifications";
    let answer =
        bus.call_method(Some(NAME), path, Some(NAME), "Notify", &notification).await.map_err(plain)?;
    // One that answers without a number has shown it all the same.
    Ok(answer.body().deserialize::<u32>().unwrap_or(0))
}

#[cfg(target_vendor = "apple")]
async fn show(_env: &Environment, words: Words, _what: Happening, _replaces: u32) -> Result<u32, String> {
    let Words { summary, body } = words;
    Err(format!(
        "this system has no session bus to say \"{summary}: {body}\" on; use [hooks] on_unauthenticated"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_are_named_in_one_notification_but_not_without_end() {
        let told = |n: usize| Told {
            name: format!("c{n}").parse().unwrap(),
            what: Happening::Unauthenticated,
            cause: None,
        };
        let all: Vec<Told> = (1..=7).map(told).collect();
        let words = |n| Words::of(&all[..n]).unwrap();
        assert_eq!(words(1).summary, "c1 needs a login");
        assert_eq!(words(2).summary, "2 credentials need a login");
        assert!(words(2).body.starts_with("c1, c2: ") && words(2).body.ends_with("renewd login NAME"));
        assert!(words(7).body.starts_with("c1, c2, c3, c4, c5, and 2 more: "), "{}", words(7).body);
    }
}

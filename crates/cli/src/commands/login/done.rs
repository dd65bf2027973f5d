//! What a login brought: who, for what, until when, how it goes on, where it lies, what to try.

use renewd_core::{GrantType, Wall, plain_line};
use renewd_driver::Clock as _;
use renewd_driver::system::SystemClock;
use renewd_login::{Granted, Plan};
use serde::Serialize;

use super::Login;
use super::place::{Kept, Place};
use crate::app::App;
use crate::credential::glance;
use crate::exit::Failure;
use crate::json::{CredentialStatus, SCHEMA, line};
use crate::output::time::{local, parse_rfc3339};

/// What was granted is the server's text: so much of it is shown, as one plain line.
const SCOPE_SHOWN_MAX_BYTES: usize = 1000;

/// The last line for programs.
#[derive(Serialize)]
struct DoneDocument<'a> {
    schema: u32,
    event: &'static str,
    credential: &'a CredentialStatus,
    subject: Option<&'a str>,
    email: Option<&'a str>,
    scope: Option<String>,
}

/// Shows it.
///
/// # Errors
/// When standard output is gone.
pub(super) fn show(
    app: &App,
    args: &Login,
    place: &Place,
    plan: &Plan,
    granted: &Granted,
    kept: &Kept,
) -> Result<(), Failure> {
    let name = &args.name;
    let (status, scope) = match kept {
        Kept::Stored(record) => {
            let config = app.config()?;
            let (view, now) = glance(&config, place.side(), name)?.view();
            let scope = record.access().and_then(|access| access.key.scope.clone());
            (CredentialStatus::new(name.as_str(), &view, now), scope)
        }
        Kept::Handed(status) => ((**status).clone(), plan.client.scope.clone()),
    };
    let who = granted.identified.as_ref();
    if args.json {
        let document = DoneDocument {
            schema: SCHEMA,
            event: "done",
            credential: &status,
            subject: who.map(|who| who.subject.as_str()),
            email: who.and_then(|who| who.email.as_deref()),
            scope: scope.clone(),
        };
        app.output.data(&line(&document)?)?;
    }
    let note = |text: &str| app.output.note(text);
    let as_whom = who.map(|who| match &who.email {
        Some(email) => format!(" as {email} (subject {})", who.subject),
        None => format!(" as {}", who.name.as_ref().unwrap_or(&who.subject)),
    });
    note(&format!("{} {name}: logged in{}", app.output.err.green("✓"), as_whom.unwrap_or_default()));
    if let Some(scope) = scope {
        note(&scope_line(&scope));
    }
    let now = SystemClock.now().wall;
    let until = status.token_expires_at.as_deref().and_then(parse_rfc3339);
    let until = until.map_or_else(|| "it is used".to_owned(), |at: Wall| local(at, now));
    note(&format!("  valid until  {until}; {}", renewed(granted, plan)));
    note(&format!("  kept in      {}", place.shown()));
    for remark in &granted.remarks {
        app.output.warn(&format!("{name}: {remark}"));
    }
    note(&format!("  next         renewd token {name}, or keep it alive: renewd agent"));
    Ok(())
}

fn scope_line(granted: &str) -> String {
    format!("  scope        {}", plain_line(granted, SCOPE_SHOWN_MAX_BYTES))
}

fn renewed(granted: &Granted, plan: &Plan) -> &'static str {
    match plan.client.grant_type {
        GrantType::ClientCredentials => "renewed by the client's own credentials",
        GrantType::TokenExchange(_) => "renewed by exchanging anew",
        GrantType::JwtBearer(_) => "renewed by another assertion",
        _ if granted.is_renewable(plan) => "renewed by its refresh token",
        _ => "not renewed: there is no refresh token",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scope_that_a_server_says_it_granted_cannot_steer_the_terminal() {
        let line = scope_line("repo\u{1b}[31m \u{202e}x\n\u{1b}]0;title\u{7}user");
        assert!(line.contains("repo") && line.ends_with("user"), "{line:?}");
        assert!(!line.chars().any(|c| c.is_control() || c == '\u{202e}'), "{line:?}");
        assert!(scope_line(&"x".repeat(100_000)).len() < 2 * SCOPE_SHOWN_MAX_BYTES);
    }
}

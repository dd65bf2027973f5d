//! What a person sees of a login while it goes on, and what a program reads of it.
//!
//! For people everything goes to standard error, few lines, the code large. For programs each line on standard output is a
//! JSON object with an `event`, and nothing else is there.

use std::io::IsTerminal as _;
use std::sync::Mutex;

use renewd_driver::Clock as _;
use renewd_driver::CredentialName;
use renewd_driver::system::SystemClock;
use renewd_login::{LoginEvent, Plan, Server, Ui, qr, spaced};
use serde_json::{Value, json};

use super::client::Settled;
use super::way::Way;
use crate::app::App;
use crate::json::{SCHEMA, line};
use crate::output::time::{brief, local};
use crate::output::{Output, columns};

/// Without a terminal nobody knows how wide it is, and a QR code in a log is of no use.
const COLUMNS: usize = 80;

/// Shows a login.
pub(super) struct Screen<'a> {
    output: &'a Output,
    json: bool,
    name: &'a CredentialName,
    /// What was said last and need not be said again.
    said: Mutex<String>,
}

impl<'a> Screen<'a> {
    pub(super) fn new(app: &'a App, json: bool, name: &'a CredentialName) -> Self {
        Self { output: &app.output, json, name, said: Mutex::default() }
    }

    /// A line for people; on standard error, in any case.
    fn note(&self, text: &str) {
        self.output.note(text);
    }

    /// A line for programs.
    fn event(&self, event: &str, mut fields: Value) {
        if let Some(object) = fields.as_object_mut().filter(|_| self.json) {
            object.insert("schema".into(), SCHEMA.into());
            object.insert("event".into(), event.into());
            // Nobody reads it any more: the login goes on, its end will be told by the exit code.
            let _ = line(&fields).and_then(|bytes| self.output.data(&bytes));
        }
    }

    /// Which server was found, where that needs to be said.
    pub(super) fn server(&self, server: &Server, dpop: bool) {
        for remark in &server.remarks {
            self.note(&format!("renewd: {remark}"));
        }
        if server.dpop_bound && !dpop {
            self.note("renewd: the resource says that it takes no token but one that is bound to a key: --dpop asks for such");
        }
    }

    /// What is about to happen.
    pub(super) fn begins(&self, plan: &Plan, way: &Way, settled: &Settled) {
        for told in &settled.told {
            self.note(&format!("renewd: {told}"));
        }
        let server = match (&plan.server.issuer, plan.server.token_endpoint()) {
            (Some(issuer), _) => issuer.value.as_str().to_owned(),
            (None, Ok(token)) => token.value.origin().to_owned(),
            (None, Err(_)) => "the server".into(),
        };
        let because = way.because.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
        self.note(&format!(
            "renewd: logging {} in at {server} as client {}, {}{because}",
            self.name,
            settled.id,
            way.words()
        ));
    }

    fn device(&self, code: &str, uri: &str, complete: Option<&str>, expires_in: renewd_core::Span) {
        let bold = |text: &str| self.output.err.bold(text);
        self.note(&format!("\n  On any device, open   {}", bold(uri)));
        self.note(&format!("  and enter the code\n\n        {}\n", bold(&spaced(code))));
        if std::io::stderr().is_terminal()
            && let Some(picture) =
                qr(complete.unwrap_or(uri), columns().unwrap_or(COLUMNS), self.output.err.is_on())
        {
            self.note(&picture);
        }
        if let Some(complete) = complete {
            self.note(&format!("  or open {complete} and compare the code"));
        }
        self.note(&format!("  The code is good for {}; waiting …", brief(expires_in)));
    }
}

impl Ui for Screen<'_> {
    fn tell(&self, event: &LoginEvent<'_>) {
        match *event {
            LoginEvent::Listening { redirect_uri } => {
                self.event("listening", json!({"redirect_uri": redirect_uri}))
            }
            LoginEvent::Visit { url, opened, why_not, can_paste, until } => {
                self.event("authorize", json!({"url": url, "opened": opened}));
                let now = SystemClock.now();
                if opened {
                    self.note("  The browser was opened. Where nothing appears, open this address in one:");
                } else {
                    if let Some(why) = why_not {
                        self.note(&format!("  No browser is opened: {why}."));
                    }
                    self.note("  Open this address in a browser:");
                }
                self.note(&format!("\n{url}\n"));
                if can_paste {
                    self.note(
                        "  A browser on another machine ends at a page that it cannot load: paste that page's address here.",
                    );
                }
                self.note(&format!("  Waiting until {} …", local(now.wall_at(until), now.wall)));
            }
            LoginEvent::DeviceCode { user_code, verification_uri, verification_uri_complete, expires_in } => {
                self.event(
                    "device",
                    json!({
                        "verification_uri": verification_uri,
                        "verification_uri_complete": verification_uri_complete,
                        "user_code": user_code,
                        "expires_in": expires_in.as_secs(),
                    }),
                );
                self.device(user_code, verification_uri, verification_uri_complete, expires_in);
            }
            LoginEvent::Strange { reason } => {
                self.once(&format!("  ! not the answer to this login: {reason}"))
            }
            LoginEvent::Retrying { reason } => self.once(&format!("  ! {reason}; trying again")),
            LoginEvent::Remark(remark) => self.note(&format!("renewd: {remark}")),
            // Somebody who waits need not hear of each look.
            _ => {}
        }
    }
}

impl Screen<'_> {
    /// What repeats itself is said once.
    fn once(&self, text: &str) {
        let mut said = self.said.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if *said != text {
            self.note(text);
            text.clone_into(&mut said);
        }
    }
}

//! The device grant (RFC 8628): codes, the person at the other device, polls.

use super::answer::{Asked, malformed, refused};
use super::authorize::parameters;
use super::grants::Issue;
use super::record::{LogEntry, TokenVerdict};
use super::{AsModel, AsReply, TokenForm};
use serde_json::json;

/// What every `slow_down` adds to the interval (RFC 8628 section 3.5), in milliseconds.
const SLOW_DOWN_MS: u64 = 5_000;

/// The interval where none was said (RFC 8628 section 3.2), in seconds.
const INTERVAL_DEFAULT_S: u64 = 5;

/// A client may poll so much before its time without being told to slow down, in milliseconds: clocks and networks jitter.
const POLL_SLACK_MS: u64 = 200;

/// One login from a device.
pub(crate) struct DeviceLogin {
    device_code: String,
    user_code: String,
    client: String,
    begun_ms: u64,
    interval_ms: u64,
    polled_ms: Option<u64>,
    polls: u32,
    decision: Option<bool>,
    spent: bool,
    scope: Option<String>,
    resource: Vec<String>,
    audience: Option<String>,
}

impl AsModel {
    /// Answers a device authorization request (RFC 8628 section 3.1).
    pub(crate) fn device_request(&mut self, now_ms: u64, issuer: &str, form: &TokenForm) -> AsReply {
        let client = match self.authenticate(form) {
            Ok(client) => client.id,
            Err(refusal) => return refusal,
        };
        if let Err(refusal) = self.check_targets(form) {
            return refusal;
        }
        let login = &self.config.login;
        let interval_s = login.device_interval_s;
        let lifetime_ms = login.device_lifetime_ms;
        let (device_code, user_code) = (self.mint.device_code(), self.mint.user_code());
        let mut answer = json!({
            "device_code": device_code,
            "user_code": user_code,
            "verification_uri": format!("{issuer}/device"),
            "verification_uri_complete": format!("{issuer}/device?user_code={user_code}"),
            "expires_in": lifetime_ms / 1000,
        });
        if let Some(seconds) = interval_s {
            answer["interval"] = seconds.into();
        }
        self.devices.push(DeviceLogin {
            device_code,
            user_code,
            client,
            begun_ms: now_ms,
            interval_ms: interval_s.unwrap_or(INTERVAL_DEFAULT_S) * 1000,
            polled_ms: None,
            polls: 0,
            decision: None,
            spent: false,
            scope: form.scope.clone(),
            resource: form.resource.clone(),
            audience: form.parameter("audience").map(str::to_owned),
        });
        AsReply::json(200, answer.to_string())
    }

    /// The page that a person opens: with a code in its address it approves, without one it asks for it.
    pub(crate) fn device_page(&mut self, query: &str) -> AsReply {
        let (asked, _) = parameters(query);
        let page = |status: u16, text: &str| {
            let body = format!("<!DOCTYPE html>\n<title>Device</title>\n{text}\n");
            AsReply::new(status, "text/html; charset=utf-8", body)
        };
        match asked.get("user_code") {
            None => page(200, "<form><input name=user_code> <button id=approve>Approve</button></form>"),
            Some(code) if self.decide_device(code, true) => page(200, "<p id=done>Approved."),
            Some(_) => page(404, "<p>No such code."),
        }
    }

    /// The person decides on a login; `false` where no login waits under this code.
    pub fn decide_device(&mut self, user_code: &str, approved: bool) -> bool {
        let letters =
            |code: &str| code.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_uppercase();
        let wanted = letters(user_code);
        let waiting =
            |login: &&mut DeviceLogin| login.decision.is_none() && letters(&login.user_code) == wanted;
        let found = self.devices.iter_mut().find(waiting);
        found.map(|login| login.decision = Some(approved)).is_some()
    }

    /// The user codes of the logins that nobody decided on yet.
    pub fn waiting_devices(&self) -> Vec<String> {
        let waiting = self.devices.iter().filter(|login| login.decision.is_none());
        waiting.map(|login| login.user_code.clone()).collect()
    }

    /// RFC 8628 section 3.4 and 3.5.
    pub(super) fn poll_device(&mut self, asked: &Asked<'_>, entry: &mut LogEntry) -> (TokenVerdict, AsReply) {
        let Some(code) = asked.form.parameter("device_code") else {
            return malformed("invalid_request", "device_code is missing");
        };
        let (lifetime_ms, at_poll) =
            (self.config.login.device_lifetime_ms, self.config.login.device_approved_at_poll);
        let found = self
            .devices
            .iter_mut()
            .find(|login| login.device_code == code && login.client == asked.client.id);
        let Some(login) = found.filter(|login| !login.spent) else {
            return refused(TokenVerdict::GrantRefused);
        };
        let pending =
            |error: &str| (TokenVerdict::Pending, AsReply::error(400, error, "see RFC 8628 section 3.5"));
        let ended =
            |error: &str| (TokenVerdict::GrantRefused, AsReply::error(400, error, "this login has ended"));
        login.polls += 1;
        if at_poll.is_some_and(|poll| login.polls >= poll) {
            login.decision.get_or_insert(true);
        }
        if asked.now_ms >= login.begun_ms.saturating_add(lifetime_ms) {
            return ended("expired_token");
        }
        let before = login.polled_ms.replace(asked.now_ms);
        let early = before.is_some_and(|before| {
            asked.now_ms.saturating_add(POLL_SLACK_MS) < before.saturating_add(login.interval_ms)
        });
        if early {
            login.interval_ms += SLOW_DOWN_MS;
            return pending("slow_down");
        }
        match login.decision {
            None => pending("authorization_pending"),
            Some(false) => ended("access_denied"),
            Some(true) => {
                login.spent = true;
                let issue = Issue {
                    subject: Some("person".into()),
                    refresh: true,
                    scope: login.scope.clone(),
                    nonce: None,
                    resource: login.resource.clone(),
                    audience: login.audience.clone(),
                };
                self.issue(asked, issue, entry)
            }
        }
    }
}

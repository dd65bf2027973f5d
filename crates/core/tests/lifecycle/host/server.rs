//! A scripted authorization server that rotates strictly: the refresh token it last gave out is the one that works.

use std::collections::{BTreeMap, VecDeque};

use renewd_core::*;

/// What the server does with the next request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Mode {
    /// Grants a token of that many seconds, rotating the refresh token.
    Ok(i64),
    /// Grants a token with this `expires_in` written as it is; left out where empty.
    OkRaw(&'static str),
    /// Grants a token and keeps the refresh token.
    OkSame(i64),
    /// A web application firewall: 403, HTML, no OAuth code.
    Waf,
    /// A status with an empty body.
    Status(u16),
    /// 429 with that `Retry-After`.
    Limited(u32),
    InvalidGrant,
    InvalidClient,
    /// No byte leaves.
    Unreachable,
    /// The request is lost on its way: nothing comes back within the time-out.
    Hang,
    /// The answer is lost on its way: the server has rotated, and nothing comes back.
    LoseAnswer,
    /// A success that is useless but for its refresh token.
    OnlyRefreshToken,
    /// A 2xx that nobody can read.
    Garbage,
    /// Refuses with this status, header and body.
    Says(u16, Option<(&'static str, &'static str)>, &'static str),
    /// It is never answered at all: the test answers by hand.
    Silent,
}

pub(crate) struct Server {
    pub(crate) mode: Mode,
    /// Taken before `mode`, one a request.
    pub(crate) script: VecDeque<Mode>,
    /// Headers of every response, whatever else it says.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// What a success calls its token.
    pub(crate) token_type: &'static str,
    /// How long it takes.
    pub(crate) latency: Span,
    /// The refresh token that works.
    pub(crate) current: String,
    /// Spent refresh tokens that came again.
    pub(crate) reuse_trips: u32,
    /// Each access token's lifetime as it was meant.
    pub(crate) lifetimes: BTreeMap<String, Span>,
    minted: u64,
}

impl Server {
    pub(crate) fn new() -> Self {
        Self {
            mode: Mode::Ok(3600),
            script: VecDeque::new(),
            headers: Vec::new(),
            token_type: "Bearer",
            latency: Span::from_millis(100),
            current: "rt-0".into(),
            reuse_trips: 0,
            lifetimes: BTreeMap::new(),
            minted: 0,
        }
    }

    /// Reads a request; how it ends and after what time, if it does.
    pub(crate) fn receive(&mut self, sent: Option<&str>, timeout: Span) -> (Mode, Option<(Span, Answer)>) {
        let mode = self.script.pop_front().unwrap_or_else(|| self.mode.clone());
        let reads = !matches!(
            mode,
            Mode::Waf
                | Mode::Status(_)
                | Mode::Says(..)
                | Mode::Limited(_)
                | Mode::Unreachable
                | Mode::Hang
                | Mode::Silent
        );
        if reads && mode != Mode::InvalidClient && sent.is_some_and(|sent| sent != self.current) {
            self.reuse_trips += 1;
            return (Mode::InvalidGrant, Some((self.latency, refused(400, "invalid_grant"))));
        }
        let takes = if matches!(mode, Mode::Hang | Mode::LoseAnswer) { timeout } else { self.latency };
        let mut answer = self.answer(&mode);
        if let Some(Answer::Response(response)) = &mut answer {
            response
                .headers
                .extend(self.headers.iter().map(|(name, value)| (name.to_string(), value.clone())));
        }
        (mode, answer.map(|answer| (takes, answer)))
    }

    /// Mints tokens as a success does; gives (access token, refresh token).
    pub(crate) fn mint(&mut self, lifetime: Span) -> (String, String) {
        self.minted += 1;
        let (access, refresh) = (format!("at-{}", self.minted), format!("rt-{}", self.minted));
        self.lifetimes.insert(access.clone(), lifetime);
        self.current.clone_from(&refresh);
        (access, refresh)
    }

    /// The access token that was given out last, and its lifetime.
    pub(crate) fn last_minted(&self) -> (String, Span) {
        let token = format!("at-{}", self.minted);
        let lifetime = self.lifetimes.get(&token).copied().unwrap_or(Span::ZERO);
        (token, lifetime)
    }

    pub(crate) fn answer(&mut self, mode: &Mode) -> Option<Answer> {
        Some(match mode {
            Mode::Ok(seconds) => {
                let (at, rt) = self.mint(Span::from_secs(u64::try_from(*seconds).unwrap_or(0)));
                json(
                    200,
                    format!(
                        r#"{{"access_token":"{at}","token_type":"{}","expires_in":{seconds},"refresh_token":"{rt}"}}"#,
                        self.token_type
                    ),
                )
            }
            Mode::OkSame(seconds) => {
                let kept = self.current.clone();
                let (at, _) = self.mint(Span::from_secs(u64::try_from(*seconds).unwrap_or(0)));
                self.current = kept;
                json(
                    200,
                    format!(r#"{{"access_token":"{at}","token_type":"Bearer","expires_in":{seconds}}}"#),
                )
            }
            Mode::OkRaw(expires_in) => {
                let (at, rt) = self.mint(Span::from_hours(24 * 3660));
                let lifetime = if expires_in.is_empty() {
                    String::new()
                } else {
                    format!(r#""expires_in":{expires_in},"#)
                };
                json(200, format!(r#"{{{lifetime}"access_token":"{at}","refresh_token":"{rt}"}}"#))
            }
            Mode::OnlyRefreshToken => {
                let (_, rt) = self.mint(Span::ZERO);
                json(200, format!(r#"{{"token_type":"Bearer","refresh_token":"{rt}"}}"#))
            }
            Mode::Garbage => response(200, "text/html", "<html>welcome to the hotel"),
            Mode::Waf => response(403, "text/html", "<!DOCTYPE html><title>Blocked</title>"),
            Mode::Status(status) => response(*status, "text/plain", ""),
            Mode::Says(status, header, body) => Answer::Response(Response {
                status: *status,
                headers: header.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
                body: Secret::from(*body),
                truncated: false,
            }),
            Mode::Limited(seconds) => limited(*seconds),
            Mode::InvalidGrant => refused(400, "invalid_grant"),
            Mode::InvalidClient => refused(401, "invalid_client"),
            Mode::Unreachable => failure(FailureKind::Refused, Sent::Nothing),
            Mode::Hang => failure(FailureKind::Timeout, Sent::Bytes),
            Mode::LoseAnswer => {
                self.mint(Span::ZERO);
                failure(FailureKind::Timeout, Sent::Bytes)
            }
            Mode::Silent => return None,
        })
    }
}

pub(crate) fn response(status: u16, content_type: &str, body: &str) -> Answer {
    Answer::Response(Response {
        status,
        headers: vec![("Content-Type".into(), content_type.into())],
        body: Secret::from(body),
        truncated: false,
    })
}

pub(crate) fn json(status: u16, body: String) -> Answer {
    response(status, "application/json", &body)
}

pub(crate) fn refused(status: u16, code: &str) -> Answer {
    json(status, format!(r#"{{"error":"{code}"}}"#))
}

pub(crate) fn limited(seconds: u32) -> Answer {
    Answer::Response(Response {
        status: 429,
        headers: vec![("Retry-After".into(), seconds.to_string())],
        body: Secret::from(""),
        truncated: false,
    })
}

pub(crate) fn failure(kind: FailureKind, sent: Sent) -> Answer {
    Answer::Failed(Failure { kind, sent, closed: true, message: kind.name().into() })
}

//! An answer and all that it is judged by, as one text: what the fuzzer changes, and what a seed looks like.
//!
//! ```text
//! 400 cut                                the status, or `- KIND` where no answer came; `cut` at the body limit
//! Content-Type: application/json         headers
//! @sent TOKEN                            the refresh token that was sent
//! @secret SECRET                         the client secret that was sent
//! @profile NAME                          a built-in profile
//! @field MEMBER PATH                     or one of our own: where it keeps what …
//! @override VERDICT status=400-403 code=a words=b page=c member=PATH=VALUE    … and what its answers mean
//!
//! the body, after the first empty line; in these, `~` stands for a blank
//! ```

use std::borrow::Cow;

use renewd_core::{
    Answer, Failure, FailureKind, FieldMap, MemberIs, Override, Profile, RequestContext, Response, Secret,
    Sent, Span, StatusRange, Verdict, Wall, When,
};

/// 2026-03-03T10:00:00Z: our clock.
pub const NOW: Wall = Wall::from_unix_millis(1_772_532_000_000);

/// More lines of a head than this are not read: a profile has a few overrides, not a thousand.
const LINES_MAX: usize = 40;

/// An answer, and the context in which it came.
pub struct Exchange {
    pub answer: Answer,
    pub sent_refresh_token: Option<Secret>,
    pub client_secret: Option<Secret>,
    pub profile: Profile,
}

impl Exchange {
    /// A response in the plainest context.
    pub fn plain(status: u16, headers: Vec<(String, String)>, body: Vec<u8>, truncated: bool) -> Self {
        let answer = Answer::Response(Response { status, headers, body: Secret::new(body), truncated });
        Self { answer, sent_refresh_token: None, client_secret: None, profile: Profile::GENERIC }
    }

    /// Reads the text. Whatever it is, it is some exchange.
    pub fn read(bytes: &[u8]) -> Self {
        let (head, body) = match bytes.windows(2).position(|pair| pair == b"\n\n") {
            Some(at) => (&bytes[..at], &bytes[at + 2..]),
            None => (&b"200"[..], bytes),
        };
        let head = String::from_utf8_lossy(head);
        let mut lines = head.lines().take(LINES_MAX);
        let first = lines.next().unwrap_or_default();
        let mut exchange = Self::plain(200, Vec::new(), Vec::new(), false);
        let (mut headers, mut own) = (Vec::new(), false);
        for line in lines {
            if let Some(setting) = line.strip_prefix('@') {
                own |= exchange.set(setting);
            } else if let Some((name, value)) = line.split_once(':') {
                headers.push((name.trim().to_owned(), value.trim().to_owned()));
            }
        }
        if own {
            exchange.profile.name = Cow::Borrowed("own");
        }
        exchange.answer = answer(first, headers, body);
        exchange
    }

    /// What judging needs to know.
    pub fn context(&self) -> RequestContext<'_> {
        RequestContext {
            sent_refresh_token: self.sent_refresh_token.as_ref(),
            client_secret: self.client_secret.as_ref(),
            sent: &[],
            now: NOW,
            profile: &self.profile,
        }
    }

    /// True where the setting makes the profile one of our own.
    fn set(&mut self, setting: &str) -> bool {
        let (key, value) = setting.split_once(' ').unwrap_or((setting, ""));
        match key {
            "sent" => self.sent_refresh_token = Some(Secret::from(value)),
            "secret" => self.client_secret = Some(Secret::from(value)),
            "profile" => self.profile = Profile::by_name(value).cloned().unwrap_or_default(),
            "field" => {
                let (member, path) = value.split_once(' ').unwrap_or((value, ""));
                if let Some(paths) = paths(&mut self.profile.fields, member) {
                    paths.to_mut().push(Cow::Owned(path.to_owned()));
                }
                return true;
            }
            "override" => {
                self.profile.overrides.to_mut().push(override_of(value));
                return true;
            }
            _ => {}
        }
        false
    }
}

fn answer(first: &str, headers: Vec<(String, String)>, body: &[u8]) -> Answer {
    let mut words = first.split_whitespace();
    let status = words.next().unwrap_or_default();
    if status == "-" {
        let kind = words.next().and_then(kind).unwrap_or(FailureKind::Other);
        let sent = if words.next() == Some("unsent") { Sent::Nothing } else { Sent::Bytes };
        let message = String::from_utf8_lossy(body).into_owned();
        return Answer::Failed(Failure { kind, sent, closed: true, message });
    }
    let status = status.parse().unwrap_or(200);
    let body = Secret::copy_of(body);
    Answer::Response(Response { status, headers, body, truncated: words.next() == Some("cut") })
}

fn kind(name: &str) -> Option<FailureKind> {
    use FailureKind::*;
    [
        Dns,
        Refused,
        Unreachable,
        ConnectTimeout,
        Tls,
        Timeout,
        Reset,
        Closed,
        Body,
        Protocol,
        Aborted,
        Overloaded,
    ]
    .into_iter()
    .chain([Configuration, Other])
    .find(|kind| kind.name() == name)
}

/// The list of paths for a member.
pub fn paths<'a>(
    fields: &'a mut FieldMap,
    member: &str,
) -> Option<&'a mut Cow<'static, [Cow<'static, str>]>> {
    Some(match member {
        "access_token" => &mut fields.access_token,
        "refresh_token" => &mut fields.refresh_token,
        "id_token" => &mut fields.id_token,
        "token_type" => &mut fields.token_type,
        "scope" => &mut fields.scope,
        "expires_in" => &mut fields.expires_in,
        "expires_at" => &mut fields.expires_at,
        "issued_at" => &mut fields.issued_at,
        "refresh_token_expires_in" => &mut fields.refresh_token_expires_in,
        "error" => &mut fields.error,
        "error_description" => &mut fields.error_description,
        _ => return None,
    })
}

fn override_of(line: &str) -> Override {
    let mut words = line.split_whitespace();
    let verdict = words.next().and_then(Verdict::from_name).unwrap_or(Verdict::Transient);
    let mut when = When::ANY;
    for word in words {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        let text = || Cow::Owned(value.replace('~', " "));
        match key {
            "status" => when.status.to_mut().push(range(value)),
            "code" => when.code.to_mut().push(text()),
            "words" => when.words.to_mut().push(text()),
            "page" => when.page.to_mut().push(text()),
            "member" => {
                let (path, equals) = value.split_once('=').unwrap_or((value, ""));
                let equals: Vec<_> =
                    equals.split('|').filter(|e| !e.is_empty()).map(|e| Cow::Owned(e.to_owned())).collect();
                when.members
                    .to_mut()
                    .push(MemberIs { path: Cow::Owned(path.to_owned()), equals: equals.into() });
            }
            _ => {}
        }
    }
    Override {
        name: Cow::Borrowed("of-our-own"),
        when,
        verdict,
        may_have_rotated: verdict == Verdict::ProtocolErrorTransient,
        retry_after: (verdict == Verdict::RateLimited).then(|| Span::from_secs(60)),
        message: Cow::Borrowed("the profile says so"),
        source: None,
    }
}

fn range(text: &str) -> StatusRange {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let from = from.parse().unwrap_or(0);
    StatusRange { from, to: to.parse().unwrap_or(from) }
}

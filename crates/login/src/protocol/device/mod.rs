//! The device grant (RFC 8628): the request that begins it, and what the server answers.

mod poll;

use renewd_core::{Client, Identity, Proving, RequestPolicy, Secret, Span, TokenRequest, plain_line};

use super::address::Address;
use super::denial::Denial;
use super::json::{Object, read_object};
use super::refusal::{Reason, Refusal};

pub use poll::{DevicePoll, PollAnswer, PollEnd, PollStep};

const ANSWER: &str = "device authorization";

/// RFC 8628 §3.2: where the server says nothing.
const INTERVAL_DEFAULT_S: i64 = 5;

/// A server that says zero does not mean all the time.
const INTERVAL_MIN_S: i64 = 1;

/// No person waits longer; what lasts longer is cut.
const LIFETIME_MAX_S: i64 = 24 * 3600;

/// A person types it: RFC 8628 §6.1 speaks of eight characters.
const USER_CODE_MAX_BYTES: usize = 64;

/// The device authorization request (RFC 8628 §3.1).
#[derive(Clone, Copy, Debug)]
pub struct DeviceRequest<'a> {
    /// Where it goes.
    pub endpoint: &'a Address,
    /// `scope`, as the provider separates it.
    pub scope: Option<&'a str>,
    /// `resource` (RFC 8707).
    pub resource: Option<&'a str>,
    /// `audience`, where the server knows resources by names of its own.
    pub audience: Option<&'a str>,
}

impl DeviceRequest<'_> {
    /// The request, with the client's authentication as at the token endpoint.
    pub fn build(
        &self,
        identity: &Identity,
        client: &Client,
        proving: Proving<'_>,
        policy: &RequestPolicy,
    ) -> TokenRequest {
        let parameters = [("scope", self.scope), ("resource", self.resource), ("audience", self.audience)];
        // rfc: 8628-3.1-2 each parameter once
        let fields: Vec<(&str, &[u8])> =
            parameters.iter().filter_map(|(name, value)| Some((*name, value.as_ref()?.as_bytes()))).collect();
        // rfc: 8628-3.1 the client authenticates as at the token endpoint, or names itself
        TokenRequest::form_to(self.endpoint.as_str(), identity, client, &fields, proving, policy)
    }
}

/// The answer (RFC 8628 §3.2).
#[derive(Clone)]
pub struct DeviceAnswer {
    /// Goes with each poll. It is a secret.
    pub device_code: Secret,
    /// What the person types, cleaned.
    pub user_code: String,
    /// Where the person goes.
    pub verification_uri: Address,
    /// The same with the code in it.
    pub verification_uri_complete: Option<Address>,
    /// How long both codes live, from the answer on.
    pub expires_in: Span,
    /// The least time between two polls.
    pub interval: Span,
}

impl DeviceAnswer {
    /// Reads the answer.
    ///
    /// # Errors
    /// The server's refusal, or what is wrong with its answer.
    pub fn read(status: u16, body: &[u8]) -> Result<Self, Refusal> {
        if let Some(denial) = Denial::of_body(body) {
            return Err(denial.refusal(ANSWER));
        }
        if !(200..300).contains(&status) {
            return Err(Refusal::new(Reason::Status, ANSWER).found(&format!("HTTP {status}")));
        }
        let object = read_object(body, ANSWER)?;
        let device_code =
            object.secret("device_code")?.ok_or_else(|| Refusal::new(Reason::Missing, "device_code"))?;
        let expires_in = lifetime(&object)?;
        Ok(Self {
            device_code,
            user_code: user_code(object.required_text("user_code")?)?,
            verification_uri: verification_uri(&object)?,
            verification_uri_complete: object.address("verification_uri_complete")?,
            expires_in,
            interval: interval(&object, expires_in)?,
        })
    }
}

/// A code that would look otherwise than it is typed is none.
fn user_code(code: &str) -> Result<String, Refusal> {
    let clean = plain_line(code, USER_CODE_MAX_BYTES);
    if clean != code {
        return Err(Refusal::new(Reason::Value, "user_code").found(code));
    }
    Ok(clean)
}

/// The name of the first drafts, `verification_url`, is what Google says to this day.
fn verification_uri(object: &Object) -> Result<Address, Refusal> {
    let found = match object.address("verification_uri")? {
        Some(address) => Some(address),
        None => object.address("verification_url")?,
    };
    found.ok_or_else(|| object.missing("verification_uri"))
}

fn lifetime(object: &Object) -> Result<Span, Refusal> {
    match object.whole("expires_in")? {
        None => Err(object.missing("expires_in")),
        Some(seconds) if seconds <= 0 => {
            Err(Refusal::new(Reason::Value, "expires_in").found(&seconds.to_string()))
        }
        Some(seconds) => Ok(seconds_of(seconds.min(LIFETIME_MAX_S))),
    }
}

fn interval(object: &Object, expires_in: Span) -> Result<Span, Refusal> {
    // rfc: 8628-3.2 five seconds where the server gives none
    let told = object.whole("interval")?.filter(|seconds| *seconds >= 0).unwrap_or(INTERVAL_DEFAULT_S);
    let interval = seconds_of(told.max(INTERVAL_MIN_S));
    // Nobody would ever ask: a person would enter the code, and wait in vain.
    if interval > expires_in {
        let found = format!(
            "{}s between two polls, of a code that lives {}s",
            interval.as_secs(),
            expires_in.as_secs()
        );
        return Err(Refusal::new(Reason::Value, "interval").found(&found));
    }
    Ok(interval)
}

fn seconds_of(seconds: i64) -> Span {
    Span::from_secs(u64::try_from(seconds).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use renewd_core::{ClientAuth, Wall};

    use super::*;

    const WHOLE: &str = r#"{"device_code":"dc","user_code":"ABCD-EFGH","verification_uri":"https://as.example/device",
        "verification_uri_complete":"https://as.example/device?c=ABCD-EFGH","expires_in":900,"interval":7}"#;

    fn reason(from: &str, to: &str) -> Reason {
        let changed = WHOLE.replace(from, to);
        assert_ne!(changed, WHOLE);
        DeviceAnswer::read(200, changed.as_bytes()).err().unwrap().reason
    }

    // rfc-test: 8628-3.2
    #[test]
    fn an_answer_says_where_to_go_what_to_type_and_how_often_to_ask() {
        let answer = DeviceAnswer::read(200, WHOLE.as_bytes()).unwrap();
        assert!(answer.device_code.same_as(b"dc"));
        assert_eq!(answer.user_code, "ABCD-EFGH");
        assert_eq!(answer.verification_uri.as_str(), "https://as.example/device");
        assert_eq!((answer.expires_in, answer.interval), (Span::from_secs(900), Span::from_secs(7)));

        let silent = WHOLE.replace(",\"interval\":7", "").replace("verification_uri\"", "verification_url\"");
        let silent = DeviceAnswer::read(200, silent.as_bytes()).unwrap();
        assert_eq!(silent.interval, Span::from_secs(5));
        let eager = DeviceAnswer::read(200, WHOLE.replace(":7", ":0").as_bytes()).unwrap();
        assert_eq!(eager.interval, Span::from_secs(1));
    }

    #[test]
    fn an_answer_that_would_mislead_a_person_is_refused() {
        assert_eq!(reason("https://as.example/device\"", "http://as.example/device\""), Reason::Scheme);
        assert_eq!(reason("https://as.example/device?c", "javascript:alert(1)//"), Reason::Scheme);
        assert_eq!(reason("ABCD-EFGH\",\"v", "\\u001b[2JAB\",\"v"), Reason::Value);
        assert_eq!(reason("ABCD-EFGH\",\"v", "AB\\u202eCD\",\"v"), Reason::Value);
        assert_eq!(reason(":900", ":0"), Reason::Value);
        assert_eq!(reason(":900", ":-1"), Reason::Value);
        assert_eq!(reason(":900", ":\"soon\""), Reason::WrongType);
        assert_eq!(reason(":7", ":901"), Reason::Value);
        assert_eq!(reason(":7", ":1000000000"), Reason::Value);
        assert_eq!(reason("\"device_code\":\"dc\",", ""), Reason::Missing);
        assert_eq!(DeviceAnswer::read(502, b"<html>").err().unwrap().reason, Reason::Status);
        let refused = DeviceAnswer::read(400, br#"{"error":"invalid_scope"}"#).err().unwrap();
        assert_eq!(refused.reason, Reason::Server);
        assert!(refused.to_string().contains("invalid_scope"), "{refused}");
    }

    // rfc-test: 8628-3.1 8628-3.1-2
    #[test]
    fn the_request_names_the_client_or_authenticates_it() {
        let endpoint = Address::parse("https://as.example/device").unwrap();
        let request = DeviceRequest {
            endpoint: &endpoint,
            scope: Some("a b"),
            resource: Some("https://r.example/"),
            audience: None,
        };
        let identity = Identity { client_id: "cid".into(), ..Identity::default() };
        let at = Proving::at(Wall::from_unix_millis(0));
        let policy = RequestPolicy::default();
        let public = request.build(&identity, &Client::public("cid"), at, &policy);
        let sent = super::super::form::decode(public.body.expose_str().unwrap()).unwrap();
        let names: Vec<_> = sent.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["scope", "resource", "client_id"]);
        let basic = Client { auth: ClientAuth::Basic(Secret::from("s")), ..Client::public("cid") };
        let basic = request.build(&identity, &basic, at, &policy);
        assert!(basic.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization")));
        assert!(!basic.body.expose_str().unwrap().contains("client_secret"));
    }
}

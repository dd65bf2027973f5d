//! What must hold of anything that a server or a browser can say to a login: the bodies of the fuzz targets
//! `login_metadata` and `login_callback`, and of properties that are tested everywhere.

use core::fmt::Debug;

use renewd_core::{Secret, Wall};

use super::address::{Address, HostKind, Issuer};
use super::callback::{Callback, CallbackExpected, read_callback, read_pasted};
use super::challenge::Challenge;
use super::device::{DeviceAnswer, PollAnswer};
use super::id_token::{IdTokenExpected, check_id_token};
use super::metadata::ServerMetadata;
use super::refusal::Refusal;
use super::registration::{Registered, RegistrationRequest, check_client_document};
use super::resource::ResourceMetadata;
use super::{PushedRequest, authorization_server_addresses, protected_resource_addresses};

const ISSUER: &str = "https://as.example/t";
const RESOURCE: &str = "https://mcp.example/a/mcp";
const STATE: &str = "S-of-this-login";

/// Longest sentence of a refusal, in bytes: a member's name and what was found are cut.
const SENTENCE_BYTES_MAX: usize = 800;

/// Takes the bytes for every kind of document, whole and as the members behind those that must be there. Each reader gives
/// a checked document or a refusal that can be shown, and the same for the same bytes.
///
/// # Panics
/// Where that does not hold.
pub fn login_metadata(bytes: &[u8]) {
    let behind = |ordinary: &str| [b"{", ordinary.as_bytes(), b",", bytes, b"}"].concat();
    server(bytes);
    server(&behind(&format!("\"issuer\":\"{ISSUER}\"")));
    resource(bytes);
    resource(&behind(&format!("\"resource\":\"{RESOURCE}\",\"authorization_servers\":[\"{ISSUER}\"]")));
    challenge(&String::from_utf8_lossy(bytes));
    device(bytes);
    device(&behind(r#""device_code":"d","user_code":"u","expires_in":9"#));
    registration(bytes);
    registration(&behind(r#""client_id":"c""#));
    other_answers(bytes);
    if let Some(address) = told(|| Address::parse(&String::from_utf8_lossy(bytes))) {
        checked(&address);
        protected_resource_addresses(&address).iter().for_each(checked);
    }
}

/// Takes the bytes for what a browser asks the listener for, whole and behind the `state` and issuer of the login. A code
/// comes out only with both.
///
/// # Panics
/// Where that does not hold.
pub fn login_callback(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for promised in [false, true] {
        callback(&text, promised);
        callback(&format!("/callback?{text}"), promised);
        callback(&format!("/callback?state={STATE}&{text}"), promised);
        callback(&format!("/callback?state={STATE}&iss={ISSUER}&code=c&{text}"), promised);
    }
}

fn callback(target: &str, iss_promised: bool) {
    let issuer = issuer();
    let state = Secret::from(STATE);
    let expected = CallbackExpected { path: "/callback", state: &state, issuer: Some(&issuer), iss_promised };
    let read = |outcome: Result<Callback, Refusal>| match outcome {
        Ok(Callback::Code(code)) => format!("code {}", code.expose_str().unwrap_or_default()),
        Ok(Callback::Denied(denial)) => {
            showable(&denial.to_string());
            denial.uri.iter().for_each(checked);
            format!("denied {denial}")
        }
        Ok(Callback::Elsewhere) => "elsewhere".to_owned(),
        Ok(Callback::Stranger(refusal)) | Err(refusal) => {
            sentence(&refusal);
            format!("refused {refusal}")
        }
    };
    let outcome = read(read_callback(target, &expected));
    assert_eq!(outcome, read(read_callback(target, &expected)), "the same request, another outcome");
    let _ = read(read_pasted(target, "http://127.0.0.1:7/callback", &expected));
    let accepted = outcome.strip_prefix("code ").or_else(|| outcome.strip_prefix("denied "));
    let Some(code) = accepted else { return };
    showable(code);
    // Said once more, by other means than the reader's.
    let query = target.split_once('?').map(|(_, query)| query).unwrap_or_default();
    let values = |name: &str| -> Vec<Vec<u8>> {
        let named = query.split('&').filter_map(|part| {
            let (own, value) = part.split_once('=').unwrap_or((part, ""));
            (unescaped(own) == name.as_bytes()).then(|| unescaped(value))
        });
        named.collect()
    };
    assert!(target.starts_with("/callback?"), "{target}");
    assert_eq!(values("state"), [STATE.as_bytes()], "another state: {target}");
    let named = values("iss");
    let is_ours = named == [ISSUER.as_bytes()];
    assert!(is_ours || (!iss_promised && named.is_empty()), "another issuer: {target}");
}

/// A plain decoder, which takes what is broken for itself.
fn unescaped(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::new(), 0);
    while let Some(&byte) = bytes.get(at) {
        let escaped = bytes.get(at + 1..at + 3).and_then(|digits| core::str::from_utf8(digits).ok());
        let escaped = escaped.filter(|_| byte == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok());
        out.push(escaped.unwrap_or(if byte == b'+' { b' ' } else { byte }));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    out
}

fn server(body: &[u8]) {
    let issuer = issuer();
    let Some(read) = told(|| ServerMetadata::read(body, &issuer)) else { return };
    assert_eq!(read.issuer.as_str(), ISSUER);
    let endpoints = [
        &read.authorization_endpoint,
        &read.token_endpoint,
        &read.device_authorization_endpoint,
        &read.registration_endpoint,
        &read.revocation_endpoint,
        &read.pushed_authorization_request_endpoint,
    ];
    endpoints.into_iter().flatten().for_each(checked_of_public);
    if let Ok(flow) = read.code_flow() {
        let listed = read.code_challenge_methods.as_ref();
        assert!(listed.is_none_or(|listed| listed.iter().any(|method| method == "S256")));
        checked_of_public(flow.token_endpoint);
    }
}

fn resource(body: &[u8]) {
    let Ok(asked) = Address::parse(RESOURCE) else { panic!("the address of this check") };
    let Some(read) = told(|| ResourceMetadata::read(body, &asked)) else { return };
    assert!(RESOURCE.starts_with(read.resource.trim_end_matches('/')), "{}", read.resource);
    assert!(!read.authorization_servers.is_empty());
    for issuer in &read.authorization_servers {
        checked_of_public(issuer.address());
        authorization_server_addresses(issuer).iter().for_each(checked_of_public);
    }
    read.name.iter().for_each(|name| showable(name));
}

fn challenge(header: &str) {
    let Ok(asked) = Address::parse(RESOURCE) else { panic!("the address of this check") };
    let read = told(|| Challenge::read(&[header], &asked)).flatten();
    told(|| Challenge::read(&["Basic realm=\"x\"", &format!("Bearer {header}")], &asked));
    let Some(read) = read else { return };
    read.resource_metadata.iter().for_each(checked_of_public);
    for text in [&read.error, &read.error_description, &read.scope].into_iter().flatten() {
        showable(text);
    }
}

fn device(body: &[u8]) {
    let Some(read) = told(|| DeviceAnswer::read(200, body).map(Shown)) else { return };
    let read = read.0;
    showable(&read.user_code);
    checked(&read.verification_uri);
    read.verification_uri_complete.iter().for_each(checked);
    assert!(read.interval.as_secs() >= 1 && read.expires_in.as_secs() >= 1);
}

fn registration(body: &[u8]) {
    let asked = RegistrationRequest {
        redirect_uris: &["http://127.0.0.1/callback"],
        grant_types: &["authorization_code"],
        auth_method: "none",
        signing_alg: None,
        jwks: None,
        dpop_bound: false,
        scope: None,
    };
    let endpoint = issuer().address().clone();
    let read = || Registered::read(201, body, &asked, &endpoint, Wall::from_unix_millis(0));
    let Some(Shown(read)) = told(|| read().map(Shown)) else { return };
    showable(&read.client_id);
    assert_eq!(matches!(read.auth_method, "basic" | "post"), read.client_secret.is_some());
    if let Some(uri) = &read.registration.client_uri {
        told(|| Address::parse(uri)).iter().for_each(checked_of_public);
    }
}

fn other_answers(body: &[u8]) {
    told(|| PushedRequest::read(201, body));
    told(|| check_client_document(body, issuer().address(), None));
    assert_eq!(PollAnswer::read(400, None, body), PollAnswer::read(400, None, body));
    let token = Secret::copy_of(body);
    let expected =
        IdTokenExpected { issuer: None, client_id: "c", nonce: None, now: Wall::from_unix_millis(0) };
    if let Some(who) = told(|| check_id_token(&token, &expected)) {
        showable(&who.subject);
    }
}

/// What the reader gives, after a look at whether it gives it again and whether a refusal can be shown.
fn told<T: Debug>(read: impl Fn() -> Result<T, Refusal>) -> Option<T> {
    let outcome = read();
    assert_eq!(format!("{outcome:?}"), format!("{:?}", read()), "the same bytes, another outcome");
    outcome.inspect_err(sentence).ok()
}

/// What cannot be printed, since it holds secrets: it counts as equal.
struct Shown<T>(T);

impl<T> Debug for Shown<T> {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        out.write_str("secret")
    }
}

fn showable(text: &str) {
    let hidden = |c: char| c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}');
    assert!(!text.contains(hidden), "{text:?}");
}

fn sentence(refusal: &Refusal) {
    let sentence = refusal.to_string();
    assert!(sentence.len() <= SENTENCE_BYTES_MAX, "a sentence of {} bytes", sentence.len());
    showable(&sentence);
}

/// Looked at by other means than those of the reader.
fn checked(address: &Address) {
    let text = address.as_str();
    let here = ["http://127.", "http://[::1]", "http://localhost"];
    let plain_to_here = here.iter().any(|prefix| text.to_ascii_lowercase().starts_with(prefix));
    assert!(text.starts_with("https://") || plain_to_here, "{text}");
    assert!(text.bytes().all(|b| b.is_ascii_graphic() && !b"\"`<>\\^{|}#".contains(&b)), "{text}");
    let authority = text.split(['/', '?']).nth(2).unwrap_or_default();
    assert!(!authority.is_empty() && !authority.contains('@'), "{text}");
    assert_eq!(Address::parse(text).as_ref(), Ok(address));
}

fn checked_of_public(address: &Address) {
    checked(address);
    assert_eq!(address.host_kind(), HostKind::Public, "{address}");
}

fn issuer() -> Issuer {
    match Issuer::parse(ISSUER) {
        Ok(issuer) => issuer,
        Err(refusal) => panic!("the issuer of this check: {refusal}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Fragments that readers look for, so that what is drawn gets past the first of them.
    fn pieces() -> impl Strategy<Value = Vec<u8>> {
        let words = prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            "\"",
            "null",
            "true",
            "7",
            "\"token_endpoint\":",
            "\"issuer\":",
            "\"verification_uri\":",
            "\"authorization_servers\":",
            "\"registration_client_uri\":",
            "\"aud\":",
            "\"https://as.example/t\"",
            "\"https://x.example/y?z\"",
            "\"http://127.0.0.1:1/\"",
            "\"https://10.0.0.1\"",
            "\"javascript:1\"",
            "https://",
            "http://localhost",
            "as.example",
            "@",
            "#",
            "%41",
            "%",
            "\\u0000",
            "\u{202e}",
            "\u{1b}[2J",
            "Bearer ",
            "resource_metadata=",
            "scope=",
            "state=",
            "S-of-this-login",
            "&",
            "=",
            "code=",
            "iss=",
            "https%3A%2F%2Fas.example%2Ft",
            "error=",
            "/callback",
            "?",
            "+",
            "st%61te=",
            "a.e30.c",
        ]);
        let piece = prop_oneof![
            8 => words.prop_map(|word| word.as_bytes().to_vec()),
            1 => prop::collection::vec(any::<u8>(), 0..6),
        ];
        prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn no_document_makes_an_address_that_was_not_checked(bytes in pieces()) {
            login_metadata(&bytes);
        }

        // rfc-test: 6749-10.12 9207-2.4 9207-2.4-3
        #[test]
        fn no_request_brings_a_code_without_the_state_and_issuer_of_the_login(bytes in pieces()) {
            login_callback(&bytes);
        }

        #[test]
        fn any_text_is_an_address_or_none(text in "(https?://)?[a-z0-9.:@%\\[\\]\\\\/?#-]{0,40}") {
            login_metadata(text.as_bytes());
        }
    }
}

//! Every rule in words: what it sees in an answer, why that means what it means, and what a person could do.

use renewd_core::{Evidence, Profile, RuleFacts, Verdict, plain_line, rules};
use renewd_profiles::nearest;

/// What is said of a rule.
pub(super) struct Meaning {
    /// Why it decides so.
    pub(super) why: String,
    /// What a person could do.
    pub(super) you: String,
}

const NETWORK: &str =
    "look at the network on this machine: VPN, DNS, proxy, firewall. Nothing is wrong with the login";
const WAIT: &str = "nothing: it passes. If it stays, look at the provider's status page";
const SIGN_IN: &str = "sign in to the network: open any page in a browser, or ask whoever runs the proxy. Nothing is wrong with the login";
const WAIT_OR_SIGN_IN: &str = "nothing, where the server itself is down: it passes. A web page may also be the network's: on one that wants a sign-in, open any page in a browser and sign in. If it stays, look who answers: a proxy, a gateway, the provider (its status page)";
const LOGIN: &str = "log in again: renewd login NAME. If it comes back soon, look whether another program uses the same refresh token";
const CLIENT: &str = "mend the client: its id, its secret, how it proves itself (client_auth), its registration at the provider. No new login is needed";
const ENDPOINT: &str = "check the token endpoint: renewd config check, renewd doctor. A proxy or login page may stand in between";
const LESS: &str =
    "nothing; or ask less often: fewer machines with a login each, a longer refresh.min_interval";

/// Name, why, what to do. In the order of the rules.
const MEANINGS: &[(&str, &str, &str)] = &[
    (
        "never-sent",
        "no byte of the request left this machine, so the refresh token is unspent. The same request may go out again at any time",
        NETWORK,
    ),
    (
        "tls-failed",
        "no trusted connection stood: a certificate, a name or a protocol did not fit. Captive portals and inspecting proxies look like this, and they pass. Nothing was sent",
        "look at the certificate: a login page of the network, an inspecting proxy whose CA is missing here (request.ca_file), or a wrong clock. Nothing is wrong with the login",
    ),
    (
        "transport-misconfigured",
        "the proxy or CA file in the configuration cannot be used, so nothing was sent",
        "mend request.proxy or request.ca_file: renewd config check",
    ),
    (
        "no-answer",
        "the request left and no answer came. The server may have done its part and the new refresh token may be lost on the way, so the old one counts as in doubt",
        NETWORK,
    ),
    (
        "answer-broken-off",
        "the head of an answer came and its body broke off: the server did its part, and a new refresh token may have been in what is missing",
        NETWORK,
    ),
    ("answer-not-http", "what came back is not HTTP. The request was read by somebody", ENDPOINT),
    (
        "misdirected",
        "HTTP 421: the server does not serve this name on this connection (RFC 9110 §15.5.20). Another connection will do",
        "nothing",
    ),
    (
        "too-early",
        "HTTP 425: the server does not take a request as early data (RFC 8470 §5.2). Sent again it is none",
        "nothing",
    ),
    (
        "too-many-requests",
        "HTTP 429 is about how often is asked, whatever the body says (RFC 6585 §4). The grant is as it was",
        LESS,
    ),
    (
        "redirect",
        "HTTP 3xx: a token request is never sent on to another place, or the refresh token would go there too (RFC 9700 §4.12). Nothing was rotated",
        ENDPOINT,
    ),
    (
        "network-sign-in",
        "HTTP 511 does not come from the server: a network or proxy on the way lets nothing through until somebody signs in to it (RFC 6585 §6). It says nothing about the grant",
        SIGN_IN,
    ),
    (
        "server-error",
        "HTTP 5xx says that the server failed, whatever the body says: nothing about the grant. It may have rotated the refresh token before it failed",
        WAIT,
    ),
    (
        "dpop-nonce",
        "the server wants its nonce in the proof of possession and sent one along (RFC 9449 §8)",
        "nothing",
    ),
    (
        "dpop-nonce-missing",
        "the server wants a nonce in the proof of possession and gave none, so the demand cannot be met (RFC 9449 §8)",
        CLIENT,
    ),
    (
        "busy-cause",
        "a numbered cause beside the code says that the server could not take the request now. That is more exact than the code",
        WAIT,
    ),
    (
        "failed-cause",
        "a numbered cause beside the code says that the server failed on the way. That is more exact than the code",
        WAIT,
    ),
    (
        "rate-limit-cause",
        "a numbered cause beside the code says that too much was asked. That is more exact than the code",
        LESS,
    ),
    (
        "busy-code",
        "the code says that the server could not take the request now; on any status it asks for another try",
        WAIT,
    ),
    (
        "failed-code",
        "the code says that the server failed; on any status it asks for another try. It may have rotated the refresh token before",
        WAIT,
    ),
    ("rate-limit-code", "the code says that too much was asked; on any status it asks for patience", LESS),
    (
        "rate-limit-in-words",
        "the words say that too much was asked, whatever code stands beside them: a throttle dressed up as a refusal",
        LESS,
    ),
    ("retry-in-words", "the code is vague, and the words ask for the request again", WAIT),
    (
        "race-in-words",
        "the words say that another request with the same refresh token is under way. It may have rotated the token",
        "look whether another program uses the same refresh token; processes of renewd wait for each other",
    ),
    (
        "grant-refused",
        "the code refuses the grant itself: expired, revoked, used before, or the user has to act (RFC 6749 §5.2)",
        LOGIN,
    ),
    (
        "grant-refused-in-words",
        "the words name the refresh token as dead, and no code says otherwise: there is none, or one that says no more than that the request or the client is refused",
        LOGIN,
    ),
    (
        "client-refused",
        "the code refuses the client or what it asked for: wrong secret, wrong way of proving itself, wrong scope, a client that was disabled (RFC 6749 §5.2). The grant is not what is wrong",
        CLIENT,
    ),
    (
        "client-refused-in-words",
        "there is no code, but the words are nothing but the refusal of the client. The grant is not what is wrong",
        CLIENT,
    ),
    ("token-granted", "a 2xx with an access token that can be used (RFC 6749 §5.1)", "nothing"),
    (
        "unusable-token",
        "a 2xx whose access token cannot stand in a header (RFC 6750 §2.1). It counts as rotated: a refresh token in it is kept",
        ENDPOINT,
    ),
    (
        "success-without-token",
        "a 2xx without an access token. It may be a page in the server's place, or a shape that needs a provider profile; a refresh token in it is kept",
        "if the provider wraps its tokens, choose its profile or write one (fields): renewd profiles. Else check the token endpoint",
    ),
    ("empty-success", "a 2xx without a body. The server may have done its part", ENDPOINT),
    (
        "unreadable-success",
        "a 2xx that is neither whole JSON nor a form: a login page, a proxy's page, or an answer that was cut. The server may have done its part",
        ENDPOINT,
    ),
    (
        "client-error-with-retry-after",
        "a 4xx without a code that refuses anything, and with a time to come back: a limit",
        LESS,
    ),
    (
        "conflict",
        "HTTP 409 says that something else is being done with the same thing (RFC 9110 §15.5.10): another request with the same refresh token perhaps, which may have rotated it",
        "look whether another program uses the same refresh token; processes of renewd wait for each other",
    ),
    (
        "client-error-with-unknown-code",
        "a 4xx with a code that nobody knows. Only a known code ends a login: a wrong guess would cost one, another try costs nothing",
        "if the provider means that the login is over, log in again, and write an override into a profile: renewd profiles",
    ),
    (
        "client-error-without-oauth-code",
        "a 4xx without an OAuth error code does not come from an authorization server that looked at the grant: a firewall, a bot check, a proxy, a wrong path answer like this",
        "look at who answered: a firewall, a bot check, a proxy, a wrong token endpoint. Nothing is wrong with the login",
    ),
    ("unexpected-status", "a status that no final answer has", ENDPOINT),
];

/// What a rule means: one of the general ones, or an override of this profile.
pub(super) fn of(rule: &str, verdict: Verdict, profile: &Profile) -> Meaning {
    if let Some((_, why, you)) = MEANINGS.iter().find(|(name, ..)| *name == rule) {
        return Meaning { why: (*why).into(), you: (*you).into() };
    }
    let name = rule.rsplit('/').next().unwrap_or(rule);
    let over = profile.overrides.iter().find(|over| over.name == name);
    let mut why = format!("at {} this answer means: ", plain_line(&profile.title, TITLE_MAX_BYTES));
    match over {
        Some(over) => {
            let message = plain_line(&over.message, SOURCE_MAX_BYTES);
            why.push_str(if message.is_empty() { verdict.name() } else { &message });
            let unsure = format!("override.{name}");
            if let Some(source) = &over.source {
                why.push_str(&format!(". Known from {}", plain_line(source, SOURCE_MAX_BYTES)));
            } else if let Some((_, doubt)) = profile.unsure.iter().find(|(key, _)| *key == unsure) {
                why.push_str(&format!(". Not sure: {}", plain_line(doubt, SOURCE_MAX_BYTES)));
            }
        }
        None => why.push_str(verdict.name()),
    }
    Meaning { why, you: generally(verdict).into() }
}

/// What a rule means for this answer. A failure that comes as a web page need not be the server's: networks that want a
/// sign-in answer in its place, and some with a 5xx.
pub(super) fn of_answer(evidence: &Evidence, verdict: Verdict, profile: &Profile) -> Meaning {
    let meaning = of(&evidence.rule, verdict, profile);
    let is_page = evidence.content_type.as_deref().is_some_and(|kind| kind.contains("html"));
    if evidence.rule == "server-error" && is_page {
        return Meaning { you: WAIT_OR_SIGN_IN.into(), ..meaning };
    }
    meaning
}

/// Longest title of a profile that is shown.
const TITLE_MAX_BYTES: usize = 80;

/// Longest address or reason of a profile that is shown.
const SOURCE_MAX_BYTES: usize = 300;

/// What to do about a verdict whose rule says no more.
const fn generally(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Success | Verdict::RetryImmediately => "nothing",
        Verdict::Transient => WAIT,
        Verdict::RateLimited => LESS,
        Verdict::PermanentGrant => LOGIN,
        Verdict::PermanentClient => CLIENT,
        Verdict::ProtocolErrorTransient => ENDPOINT,
    }
}

/// The general rule of that name.
pub(super) fn general(name: &str) -> Option<RuleFacts> {
    rules().find(|rule| rule.name == name)
}

/// The names of general rules that a wrong one may have meant: the one that is written almost so, else those that
/// share a word with it.
pub(super) fn near(name: &str) -> Vec<&'static str> {
    if let Some(one) = nearest(name, rules().map(|rule| rule.name)) {
        return vec![one];
    }
    let parts: Vec<&str> = name.split(['-', '_', '/', ' ']).filter(|part| part.len() > 2).collect();
    rules().map(|rule| rule.name).filter(|known| parts.iter().any(|part| known.contains(part))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_a_meaning_and_every_meaning_a_rule() {
        let missing: Vec<_> = rules()
            .map(|rule| rule.name)
            .filter(|rule| !MEANINGS.iter().any(|(name, ..)| name == rule))
            .collect();
        assert!(missing.is_empty(), "no words for {missing:?}");
        for (at, (name, why, you)) in MEANINGS.iter().enumerate() {
            assert!(general(name).is_some(), "{name} is no rule any more");
            assert!(MEANINGS[at + 1..].iter().all(|(other, ..)| other != name), "{name} twice");
            assert!(why.len() > 20 && you.len() > 5 && !why.ends_with('.'), "{name}");
        }
    }

    #[test]
    fn every_override_of_every_profile_has_a_meaning() {
        for profile in Profile::built_in() {
            for over in profile.overrides.iter() {
                let meaning = of(&format!("{}/{}", profile.name, over.name), over.verdict, profile);
                assert!(meaning.why.contains(&*profile.title), "{}", meaning.why);
                assert!(
                    meaning.why.len() > profile.title.len() + 30,
                    "{}/{}: {}",
                    profile.name,
                    over.name,
                    meaning.why
                );
                assert!(!meaning.you.is_empty());
            }
        }
    }

    #[test]
    fn a_wrong_name_finds_its_neighbours() {
        assert!(near("grant_refused").contains(&"grant-refused"));
        assert!(near("xyzzy").is_empty());
    }
}

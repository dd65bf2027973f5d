//! The instruments of these tests, shown to work without the product: a browser that really clicks, a person without one,
//! and the server's own account of both.

#![cfg(unix)]

use renewd_e2e::testkit::{HttpAnswer, SecretKind};
use renewd_e2e::{Desktop, Peer, Person, Place, Stranger, disclosure};

/// A lifetime that no test sees the end of.
const LIFETIME_S: u32 = 3600;

/// The example of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn authorization(peer: &Peer, redirect: &str) -> String {
    format!(
        "{}/auth?response_type=code&client_id=renewd&redirect_uri={redirect}&scope=openid%20offline_access\
         &prompt=consent&state=s&code_challenge={CHALLENGE}&code_challenge_method=S256",
        peer.issuer()
    )
}

fn redeem(peer: &Peer, sent_to: &str, redirect: &str) -> HttpAnswer {
    let code = sent_to.split_once("code=").expect("a code").1.split('&').next().unwrap_or_default();
    let form = format!(
        "grant_type=authorization_code&client_id=renewd&code={code}&redirect_uri={redirect}&code_verifier={VERIFIER}"
    );
    peer.post("token_endpoint", &form)
}

#[test]
fn a_person_without_a_browser_logs_in_at_oidc_provider_and_the_server_says_what_it_saw() {
    let Some(peer) = Stranger::OidcProvider.start(LIFETIME_S) else { return };
    let redirect = "http://127.0.0.1:9/callback";
    let sent_to = Person::new().agree(&authorization(&peer, redirect)).address();
    assert!(sent_to.starts_with(redirect), "{sent_to}");
    let answer = redeem(&peer, &sent_to, redirect);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let access = answer.json()["access_token"].as_str().expect("a token").to_owned();
    assert!(peer.accepts(&access));
    assert_eq!(peer.introspect(&access)["active"], true);
    let seen = peer.overheard_at("/token").pop().expect("a token request");
    assert_eq!((seen.status, seen.text("client"), &seen.all["verifier"]), (200, "renewd", &true.into()));
}

#[test]
fn chromium_logs_in_at_oidc_provider_with_clicks() {
    let Some(peer) = Stranger::OidcProvider.start(LIFETIME_S) else { return };
    let Some(desktop) = Desktop::with_chromium() else { return };
    // Nothing listens there: where the browser is sent is what is looked at.
    let redirect = format!("{}/callback", peer.resource().trim_end_matches("/mcp"));
    let page = desktop.visit(&authorization(&peer, &redirect));
    page.type_into("input[name=login]", "alice");
    page.type_into("input[name=password]", "any");
    page.click("button[type=submit]");
    page.wait_text("Authorize");
    page.click("button[type=submit]");
    let sent_to =
        renewd_e2e::wait_for("the redirect", || Some(page.address()).filter(|at| at.contains("code=")));
    assert_eq!(Place::of(&sent_to).host, Place::of(&redirect).host);
    assert_eq!(redeem(&peer, &sent_to, &redirect).status, 200);
}

#[test]
fn a_secret_that_is_known_only_afterwards_is_found_in_what_was_said_before() {
    disclosure::provoke();
    let code = "a-code-that-nobody-had-told-the-test-of";
    disclosure::check(&["stderr of renewd login"], format!("debug: code={code}").as_bytes());
    let learned = || disclosure::learn_late([(SecretKind::AuthorizationCode, code.to_owned())]);
    let found = std::panic::catch_unwind(learned).expect_err("a leak");
    let told = found.downcast_ref::<String>().expect("a report");
    assert!(told.contains("a secret in stderr of renewd login") && !told.contains(code), "{told}");
}

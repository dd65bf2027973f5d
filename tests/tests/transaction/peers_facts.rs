//! What each of the two servers does with refresh tokens, as `docs/peers.md` says it: asked directly, without renewd. A new
//! version that behaves otherwise is noticed here, before anybody looks for the fault elsewhere.

#![cfg(unix)]

use renewd_e2e::testkit::HttpAnswer;
use renewd_e2e::{Peer, Stranger, unix_seconds, wait_for};

/// A lifetime that no test sees the end of.
const LIFETIME_S: u32 = 3600;

/// Presents a refresh token that must work: the access token and the next refresh token.
fn rotate(peer: &Peer, refresh_token: &str) -> (String, String) {
    let answer = peer.present(refresh_token);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let token = |key: &str| answer.json()[key].as_str().expect("a token").to_owned();
    (token("access_token"), token("refresh_token"))
}

fn refused(answer: &HttpAnswer) -> (u16, String) {
    (answer.status, answer.json()["error"].as_str().unwrap_or_default().to_owned())
}

fn let_seconds_pass(seconds: u64) {
    let end = unix_seconds() as u64 + seconds;
    wait_for("some seconds to pass", || (unix_seconds() as u64 > end).then_some(()));
}

/// The same at both: a spent token and an unknown one cannot be told apart.
fn a_replay(peer: &Peer) -> (String, String) {
    let invalid_grant = (400, "invalid_grant".to_owned());
    let spent = peer.mint();
    let (access, next) = rotate(peer, &spent);
    assert_ne!(next, spent, "each refresh rotates");
    assert!(peer.accepts(&access));
    assert_eq!(refused(&peer.present(&spent)), invalid_grant, "no grace");
    assert_eq!(refused(&peer.present("never-issued")), invalid_grant);
    (access, next)
}

fn unknown_client(peer: &Peer) -> (u16, String) {
    let form = format!("grant_type=refresh_token&client_id=somebody&refresh_token={}", peer.mint());
    refused(&peer.post("token_endpoint", &form))
}

/// A client without a secret revokes its refresh token (RFC 7009): the answer, and whether the token works still.
fn revocation(peer: &Peer) -> (u16, bool) {
    let token = peer.mint();
    let form = format!("client_id={}&token_type_hint=refresh_token&token={token}", peer.client_id());
    (peer.post("revocation_endpoint", &form).status, peer.present(&token).status == 200)
}

/// Whether a refresh token outlives the access token that it came with.
fn outlives_its_access_token(stranger: Stranger) -> Option<bool> {
    let peer = stranger.start(1)?;
    let (_, next) = rotate(&peer, &peer.mint());
    let_seconds_pass(2);
    Some(peer.present(&next).status == 200)
}

#[test]
fn oidc_provider_takes_a_spent_token_for_theft() {
    let Some(peer) = Stranger::OidcProvider.start(LIFETIME_S) else { return };
    let (access, next) = a_replay(&peer);
    assert!(!peer.accepts(&access), "the access tokens of the login are dead");
    assert_eq!(refused(&peer.present(&next)).1, "invalid_grant", "and so is the new refresh token");
    assert_eq!(peer.counts().families_revoked, 1);

    let (first, next) = rotate(&peer, &peer.mint());
    let (second, _) = rotate(&peer, &next);
    assert!(peer.accepts(&first) && peer.accepts(&second), "a rotation leaves access tokens alone");
    assert_eq!(unknown_client(&peer), (401, "invalid_client".into()));
    assert_eq!(revocation(&peer), (200, false));
    assert_eq!(outlives_its_access_token(Stranger::OidcProvider), Some(true));
}

#[test]
fn canaille_refuses_a_spent_token_and_lets_the_login_live() {
    let Some(peer) = Stranger::Canaille.start(LIFETIME_S) else { return };
    let (access, next) = a_replay(&peer);
    assert!(peer.accepts(&access), "the access token lives on");
    let_seconds_pass(0);
    let (second, _) = rotate(&peer, &next);
    assert!(peer.accepts(&second) && !peer.accepts(&access), "until the next rotation, which ends it");
    assert_eq!(peer.counts().families_revoked, 0);

    assert_eq!(unknown_client(&peer), (400, "invalid_client".into()));
    assert_eq!(revocation(&peer), (401, true), "only clients with a secret may revoke");
    assert_eq!(outlives_its_access_token(Stranger::Canaille), Some(false));
}

#[test]
fn two_refreshes_in_one_second_give_the_same_access_token_at_canaille() {
    let Some(peer) = Stranger::Canaille.start(LIFETIME_S) else { return };
    // Whether the server takes it then is chance: it finds the one that the rotation ended, or the other.
    wait_for("two refreshes in the same second", || {
        let (first, next) = rotate(&peer, &peer.mint());
        let (second, _) = rotate(&peer, &next);
        (first == second).then_some(())
    });
    assert_eq!(peer.counts().refused, 0);
}

//! What a request carries after it was proved, read by another verifier.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::FutureExt as _;
use proptest::prelude::*;
use renewd_core::{AssertionClaims, ProofSpec, Secret, SigningKey, Span, TokenRequest, TokenSource, Wall};
use renewd_driver::{ResourceProof, Signer as _};
use renewd_signer::{Algorithm, KeySigner, PrivateKey, generate};
use serde_json::Value;

use crate::keys::{ED25519, P256, RSA};
use crate::verify::{bytes, verified};

const AT: Wall = Wall::from_unix_millis(1_700_000_000_999);
const TOKEN_ENDPOINT: &str = "https://as.example/token";

pub(crate) fn request() -> TokenRequest {
    TokenRequest {
        url: TOKEN_ENDPOINT.into(),
        headers: vec![("Content-Type".into(), Secret::from("application/x-www-form-urlencoded"))],
        body: Secret::from("grant_type=client_credentials"),
        proofs: Vec::new(),
        timeout: Span::from_secs(30),
        connect_timeout: Span::from_secs(10),
    }
}

/// The body's parameters. None stands twice.
pub(crate) fn form_of(request: &TokenRequest) -> BTreeMap<String, String> {
    let text = request.body.expose_str().unwrap();
    let mut form = BTreeMap::new();
    for pair in text.split('&') {
        let (name, value) = pair.split_once('=').unwrap();
        assert_eq!(form.insert(name.to_owned(), value.replace("%3A", ":")), None, "{name}");
    }
    form
}

fn proved(mut request: TokenRequest) -> Result<TokenRequest, String> {
    // No file is read here: it is ready at once.
    KeySigner::new().prove(&mut request).now_or_never().expect("ready at once")?;
    assert!(request.proofs.is_empty());
    Ok(request)
}

fn key(material: &str) -> SigningKey {
    SigningKey { material: Secret::from(material), key_id: Some("k-1".into()), algorithm: None }
}

fn public(material: &Secret) -> Value {
    serde_json::from_str(&PrivateKey::parse(material).unwrap().public_jwk()).unwrap()
}

#[test]
fn a_client_assertion_says_who_to_whom_and_for_how_long() {
    for material in [P256, RSA, ED25519] {
        let mut request = request();
        request.proofs.push(ProofSpec::ClientAssertion {
            key: key(material),
            client_id: "client-1".into(),
            audience: TOKEN_ENDPOINT.into(),
            at: AT,
        });
        let form = form_of(&proved(request).unwrap());
        assert_eq!(form["client_assertion_type"], "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
        let token = verified(&form["client_assertion"], &public(&Secret::from(material))).unwrap();
        assert_eq!(token.header["kid"], "k-1");
        let claims = token.claims;
        assert_eq!((&claims["iss"], &claims["sub"]), (&"client-1".into(), &"client-1".into()));
        assert_eq!(claims["aud"], TOKEN_ENDPOINT);
        assert_eq!(claims["iat"], 1_700_000_000);
        let lifetime = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
        assert!((60..=300).contains(&lifetime), "{lifetime}");
        assert_eq!(bytes(claims["jti"].as_str().unwrap()).len(), 16);
    }
}

#[test]
fn an_assertion_for_a_grant_carries_what_was_asked_and_its_own_times() {
    let mut request = request();
    request.proofs.push(ProofSpec::Assertion {
        claims: AssertionClaims {
            key: key(RSA),
            issuer: "robot@project.example".into(),
            subject: Some("person@example".into()),
            audience: TOKEN_ENDPOINT.into(),
            claims: vec![("scope".into(), "a b".into()), ("exp".into(), "never".into())],
            lifetime: Span::from_hours(1),
        },
        at: AT,
    });
    let form = form_of(&proved(request).unwrap());
    let claims = verified(&form["assertion"], &public(&Secret::from(RSA))).unwrap().claims;
    assert_eq!((&claims["iss"], &claims["sub"]), (&"robot@project.example".into(), &"person@example".into()));
    assert_eq!(claims["scope"], "a b");
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 3600);
}

#[test]
fn proofs_are_filled_in_their_order_and_the_dpop_proof_is_for_this_request() {
    let dpop = generate(Algorithm::Es256).unwrap();
    let mut request = request();
    request.url = "https://AS.example:443/token?tenant=1".into();
    request.proofs = vec![
        ProofSpec::Token { parameter: "subject_token", source: TokenSource::Kept(Secret::from("st-1")) },
        ProofSpec::Token { parameter: "actor_token", source: TokenSource::Kept(Secret::from("at-1")) },
        ProofSpec::Dpop { key: dpop.clone(), nonce: Some("n\"1".into()), at: AT },
    ];
    let request = proved(request).unwrap();
    assert_eq!(
        request.body.expose_str(),
        Some("grant_type=client_credentials&subject_token=st-1&actor_token=at-1")
    );
    let (_, proof) = request.headers.iter().find(|(name, _)| name == "DPoP").unwrap();
    let token = verified(proof.expose_str().unwrap(), &public(&dpop)).unwrap();
    assert_eq!(token.header["typ"], "dpop+jwt");
    let jwk = token.header["jwk"].as_object().unwrap();
    let members: BTreeSet<&str> = jwk.keys().map(String::as_str).collect();
    assert_eq!(members, BTreeSet::from(["crv", "kty", "x", "y"]), "the public half and nothing else");
    assert_eq!(token.claims["htm"], "POST");
    assert_eq!(token.claims["htu"], "https://as.example/token");
    assert_eq!(token.claims["nonce"], "n\"1");
    assert_eq!(token.claims["iat"], 1_700_000_000);
    assert_eq!(token.claims.get("ath"), None, "there is no access token yet");
}

#[test]
fn a_proof_that_cannot_be_made_says_why_and_shows_nothing() {
    let broken = Secret::from(P256.replace("MIG", "MIH"));
    let mut asked = request();
    asked.proofs.push(ProofSpec::Dpop { key: broken.clone(), nonce: None, at: AT });
    let why = proved(asked).err().unwrap();
    assert!(why.starts_with("the DPoP key: "), "{why}");
    let mut asked = request();
    asked.proofs.push(ProofSpec::ClientAssertion {
        key: SigningKey { algorithm: Some("RS256".into()), ..key(P256) },
        client_id: "c".into(),
        audience: "a".into(),
        at: AT,
    });
    let why = proved(asked).err().unwrap();
    assert!(why.starts_with("the client's key: ") && why.contains("ES256"), "{why}");
}

#[test]
fn no_two_proofs_have_the_same_name() {
    let (dpop, token) = (generate(Algorithm::EdDsa).unwrap(), Secret::from("at-1"));
    let names: BTreeSet<String> = (0..100)
        .map(|_| {
            let proof = resource_proof(&dpop, &token, "GET", "https://api.example/", None);
            verified(&proof, &public(&dpop)).unwrap().claims["jti"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(names.len(), 100);
}

fn resource_proof(key: &Secret, token: &Secret, method: &str, url: &str, nonce: Option<&str>) -> String {
    let proof = ResourceProof { key, token, method, url, nonce, at: AT };
    KeySigner::new().resource_proof(&proof).unwrap().expose_str().unwrap().to_owned()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_resource_proof_verifies_and_says_what_it_is_for(
        ec in any::<bool>(),
        method in "[A-Z]{1,8}",
        path in "(/[a-zA-Z0-9%._~-]{0,8}){0,4}",
        query in "(\\?[a-z=&]{0,8})?",
        token in "[!-~]{1,64}",
        nonce in prop::option::of("[!-~]{1,32}"),
    ) {
        let key = generate(if ec { Algorithm::Es256 } else { Algorithm::EdDsa }).unwrap();
        let url = format!("https://api.example{path}{query}");
        let token = Secret::from(token.as_str());
        let proof = resource_proof(&key, &token, &method, &url, nonce.as_deref());
        let read = verified(&proof, &public(&key)).unwrap();
        prop_assert_eq!(&read.claims["htm"], &method);
        let target = format!("https://api.example{}", if path.is_empty() { "/" } else { &path });
        prop_assert_eq!(&read.claims["htu"], &target);
        prop_assert_eq!(read.claims["nonce"].as_str(), nonce.as_deref());
        let hash = ring::digest::digest(&ring::digest::SHA256, token.expose());
        prop_assert_eq!(bytes(read.claims["ath"].as_str().unwrap()), hash.as_ref());
        let other = generate(Algorithm::Es256).unwrap();
        prop_assert!(!ec || verified(&proof, &public(&other)).is_none());
    }
}

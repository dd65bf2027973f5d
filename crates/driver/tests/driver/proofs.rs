//! What a request carries its token by, and what is kept of servers for the next proof.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use renewd_core::*;
use renewd_driver::testing::*;
use renewd_driver::*;

use crate::world::*;

/// Method and address, nonce, time.
type Proof = (String, Option<String>, Wall);

/// Signs nothing: it keeps what it was asked for.
#[derive(Clone, Default)]
struct Asked(Arc<Mutex<Vec<Proof>>>);

#[async_trait]
impl Signer for Asked {
    async fn prove(&self, _request: &mut TokenRequest) -> Result<(), String> {
        Ok(())
    }

    fn resource_proof(&self, proof: &ResourceProof<'_>) -> Result<Secret, String> {
        let asked = (format!("{} {}", proof.method, proof.url), proof.nonce.map(str::to_owned), proof.at);
        self.0.lock().expect("nobody panicked").push(asked);
        Ok(Secret::from("a proof"))
    }
}

struct Requests {
    prover: Prover,
    asked: Asked,
    clock: VirtualClock,
}

fn requests() -> Requests {
    let (asked, clock) = (Asked::default(), VirtualClock::new(START));
    let prover = Prover::with_clock(Arc::new(asked.clone()), Arc::new(clock.clone()));
    Requests { prover, asked, clock }
}

fn at(origin: &str) -> ProofAddress<'_> {
    ProofAddress { method: "GET", origin, path: "/things" }
}

impl Requests {
    /// The nonce and the time of the next proof.
    fn proof(&self, origin: &str) -> (Option<String>, Wall) {
        let sent = self.prover.authorize(&Secret::from("t"), Some(&Secret::from("a key")), at(origin));
        let sent = sent.expect("the signer signs everything");
        assert_eq!(sent.proof.as_ref().and_then(Secret::expose_str), Some("a proof"));
        let (address, nonce, at) = self.asked.0.lock().expect("nobody panicked").pop().expect("it was asked");
        assert_eq!(address, format!("GET {origin}/things"));
        (nonce, at)
    }

    fn nonce(&self, origin: &str) -> Option<String> {
        self.proof(origin).0
    }

    fn hear(&self, origin: &str, headers: &[(&str, &str)]) {
        let headers = headers.iter().map(|(name, value)| (*name, value.as_bytes()));
        self.prover.hear(origin, next_proof(200, headers));
    }
}

#[test]
fn a_bound_token_is_sent_as_dpop_with_a_proof_and_another_as_bearer_without() {
    let requests = requests();
    let (token, key) = (Secret::from("t-canary"), Secret::from("a key"));
    let bound = requests.prover.authorize(&token, Some(&key), at("https://a.example")).unwrap();
    assert_eq!(bound.authorization.expose_str(), Some("DPoP t-canary"));
    assert!(bound.proof.is_some());
    let plain = requests.prover.authorize(&token, None, at("https://a.example")).unwrap();
    assert_eq!(plain.authorization.expose_str(), Some("Bearer t-canary"));
    assert!(plain.proof.is_none());
    assert!(!format!("{:?}", requests.prover).contains("canary"));
}

#[test]
fn a_token_that_could_end_its_header_is_unfit() {
    let requests = requests();
    for token in ["", "a b", "a\r\nX: 1", "a\u{0}", "\u{e9}"] {
        let sent = requests.prover.authorize(&Secret::from(token), None, at("https://a.example"));
        assert_eq!(sent.err(), Some(Unfit::Token), "{token:?}");
    }
}

#[test]
fn a_bound_token_without_a_signer_is_unfit() {
    let prover = Prover::new(Arc::new(NoSigner));
    let sent = prover.authorize(&Secret::from("t"), Some(&Secret::from("a key")), at("https://a.example"));
    assert!(matches!(sent.err(), Some(Unfit::Proof(why)) if why.contains("nothing here can sign")));
}

#[test]
fn each_origin_has_its_own_nonce_and_its_own_clock() {
    let requests = requests();
    assert_eq!(requests.proof("https://a.example"), (None, START.wall));
    requests.hear("https://a.example", &[("DPoP-Nonce", "n"), ("Date", "Sun, 06 Nov 1994 08:49:37 GMT")]);
    assert_eq!(requests.nonce("https://a.example").as_deref(), Some("n"));
    assert_eq!(requests.proof("https://b.example"), (None, START.wall));
}

#[test]
fn what_is_known_of_an_origin_outlives_an_answer_that_says_less() {
    let requests = requests();
    let ahead = START.wall + mins(10);
    let said = |nonce: Option<&str>, server_time| {
        let mut said = NextProof::default();
        (said.nonce, said.server_time) = (nonce.map(str::to_owned), server_time);
        requests.prover.hear("https://a.example", said);
    };
    said(Some("n"), None);
    said(None, Some(ahead));
    assert_eq!(requests.proof("https://a.example"), (Some("n".into()), ahead));
    said(None, None);
    said(Some("m"), None);
    assert_eq!(requests.proof("https://a.example"), (Some("m".into()), ahead));
    requests.clock.advance(mins(1));
    assert_eq!(requests.proof("https://a.example").1, ahead + mins(1));
}

#[test]
fn of_many_origins_the_ones_that_were_heard_last_are_known() {
    const KEPT: usize = 64;
    let requests = requests();
    let origin = |number: usize| format!("https://{number}.example");
    for number in 0..KEPT {
        requests.clock.advance(secs(1));
        requests.hear(&origin(number), &[("dpop-nonce", "n")]);
    }
    requests.clock.advance(secs(1));
    requests.hear(&origin(0), &[("dpop-nonce", "m")]);
    assert!(
        (0..KEPT).all(|number| requests.nonce(&origin(number)).is_some()),
        "one that is known displaces nobody"
    );
    requests.clock.advance(secs(1));
    requests.hear(&origin(KEPT), &[("dpop-nonce", "n")]);
    let forgotten: Vec<usize> =
        (0..=KEPT).filter(|number| requests.nonce(&origin(*number)).is_none()).collect();
    assert_eq!(forgotten, [1], "the one that has been silent for longest");
    for number in 0..3 * KEPT {
        requests.hear(&origin(number), &[("dpop-nonce", "n")]);
    }
    let known = (0..3 * KEPT).filter(|number| requests.nonce(&origin(*number)).is_some()).count();
    assert_eq!(known, KEPT);
}

#[test]
fn a_header_that_is_no_text_and_one_that_says_nothing_of_proofs_are_passed_over() {
    let odd: [(&str, &[u8]); 3] =
        [("dpop-nonce", b"\xff"), ("x-nonce", b"n"), ("WWW-AUTHENTICATE", br#"DPoP error="use_dpop_nonce""#)];
    assert_eq!(next_proof(401, odd), NextProof::default());
    let asked = [odd[2], ("DPOP-NONCE", b"n")];
    assert!(next_proof(401, asked).wants_nonce);
}

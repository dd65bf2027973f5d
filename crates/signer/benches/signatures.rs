//! How many signatures one core makes: `cargo bench -p renewd-signer --bench signatures`.
//!
//! Each is a whole proof or assertion, its key read anew, as the proxy and the token requests make them.

#![expect(clippy::disallowed_methods, reason = "a benchmark measures time")]

use std::time::{Duration, Instant};

use renewd_core::{ProofSpec, Secret, SigningKey, Span, TokenRequest, Wall};
use renewd_driver::{ResourceProof, Signer as _};
use renewd_signer::{Algorithm, KeySigner, PrivateKey, generate};

const RSA: &str = include_str!("../tests/suite/keys/rsa.pem");
const ROUND: Duration = Duration::from_millis(700);
const ROUNDS: usize = 3;

fn main() {
    let in_earnest = std::env::args().any(|argument| argument == "--bench");
    let round = if in_earnest { ROUND } else { Duration::ZERO };
    let token = Secret::from("an-access-token-of-usual-length-0123456789-0123456789-0123456789-0123456789");
    println!("{:<34}{:>12}{:>12}", "", "per second", "µs each");
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
        let Ok(key) = generate(algorithm) else { return };
        row(&format!("DPoP proof {}", algorithm.name()), round, || {
            let proof = ResourceProof {
                key: &key,
                token: &token,
                method: "GET",
                url: "https://api.example/v1/things",
                nonce: Some("nonce"),
                at: Wall::from_unix_millis(1_700_000_000_000),
            };
            KeySigner::new().resource_proof(&proof).is_ok()
        });
        row(&format!("  of it: reading the key {}", algorithm.name()), round, || {
            PrivateKey::parse(&key).is_ok()
        });
    }
    let rsa = Secret::from(RSA);
    row("client assertion RS256, 2048 bits", round, || assertion(&rsa));
    row("  of it: reading the key RS256", round, || PrivateKey::parse(&rsa).is_ok());
}

fn assertion(key: &Secret) -> bool {
    let mut request = TokenRequest {
        url: "https://as.example/token".into(),
        headers: Vec::new(),
        body: Secret::from("a=b"),
        proofs: vec![ProofSpec::ClientAssertion {
            key: SigningKey { material: key.clone(), key_id: None, algorithm: None },
            client_id: "client".into(),
            audience: "https://as.example/token".into(),
            at: Wall::from_unix_millis(1_700_000_000_000),
        }],
        timeout: Span::from_secs(30),
        connect_timeout: Span::from_secs(10),
    };
    let signer = KeySigner::new();
    let proving = signer.prove(&mut request);
    futures_util::FutureExt::now_or_never(proving).is_some_and(|outcome| outcome.is_ok())
}

/// The fastest round counts: a busy machine only ever makes one slower.
fn row(name: &str, round: Duration, work: impl Fn() -> bool) {
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let (begun, mut times) = (Instant::now(), 0_u32);
        while times == 0 || begun.elapsed() < round {
            assert!(work(), "{name}");
            times += 1;
        }
        best = best.min(begun.elapsed().as_secs_f64() / f64::from(times));
    }
    println!("{name:<34}{:>12.0}{:>12.1}", 1.0 / best, best * 1e6);
}

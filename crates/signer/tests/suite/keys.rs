//! Every form of a key, and every key that is none.

use proptest::prelude::*;
use renewd_core::{Secret, SigningKey};
use renewd_signer::{Algorithm, KeyError, PrivateKey, generate};
use serde_json::Value;

pub(crate) const P256: &str = include_str!("keys/p256.pem");
pub(crate) const RSA: &str = include_str!("keys/rsa.pem");
pub(crate) const ED25519: &str = include_str!("keys/ed25519.pem");

fn parse(text: &str) -> Result<PrivateKey, KeyError> {
    PrivateKey::parse(&Secret::from(text))
}

pub(crate) fn refusal(text: &str) -> KeyError {
    parse(text).err().expect("the key should be refused")
}

#[test]
fn a_key_is_the_same_in_every_form() {
    let pairs = [
        (P256, include_str!("keys/p256-sec1.pem"), Algorithm::Es256),
        (RSA, include_str!("keys/rsa-pkcs1.pem"), Algorithm::Rs256),
    ];
    for (pkcs8, other, algorithm) in pairs {
        let (a, b) = (parse(pkcs8).unwrap(), parse(other).unwrap());
        assert_eq!((a.algorithm(), b.algorithm()), (algorithm, algorithm));
        assert_eq!(a.thumbprint(), b.thumbprint());
    }
    assert_eq!(parse(ED25519).unwrap().algorithm(), Algorithm::EdDsa);
}

#[test]
fn what_stands_around_the_key_does_not_matter() {
    let alone = parse(P256).unwrap().thumbprint();
    let crlf = P256.replace('\n', "\r\n");
    let mut with_public = String::from("Bag Attributes\n    friendlyName: x\n");
    with_public += P256;
    with_public += include_str!("keys/p256-public.pem");
    for text in [crlf, with_public, format!("\n\n{P256}\n")] {
        assert_eq!(parse(&text).unwrap().thumbprint(), alone);
    }
}

#[test]
fn a_refused_key_says_what_it_is_and_what_to_do() {
    for (text, expected, words) in [
        (include_str!("keys/p256-encrypted.pem"), KeyError::Encrypted, "openssl pkey"),
        (include_str!("keys/p256-sec1-encrypted.pem"), KeyError::Encrypted, "passphrase"),
        (include_str!("keys/p256-public.pem"), KeyError::PublicOnly, "private one"),
        (include_str!("keys/p256-no-public.pem"), KeyError::PublicHalfMissing, "openssl ec"),
        (include_str!("keys/p384.pem"), KeyError::Kind("a P-384 key"), "P-256"),
        (include_str!("keys/ed448.pem"), KeyError::Kind("an Ed448 key"), "Ed448"),
        (include_str!("keys/x25519.pem"), KeyError::Kind("an X25519 key"), "X25519"),
        (include_str!("keys/rsa-1024.pem"), KeyError::RsaTooShort(1024), "2048"),
        (include_str!("keys/rsa-e3.pem"), KeyError::RsaExponent, "65537"),
        (include_str!("keys/openssh.pem"), KeyError::OpenSsh, "ssh-keygen"),
        ("", KeyError::Empty, "empty"),
        (" \n", KeyError::Empty, "empty"),
        ("c2VjcmV0", KeyError::Unknown, "DER"),
        ("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----", KeyError::PublicOnly, "public"),
        (
            r#"{"kty":"oct","k":"c2VjcmV0"}"#,
            KeyError::Kind("a symmetric key (\"oct\"), a kind of client secret"),
            "oct",
        ),
        (r#"{"kty":"EC","crv":"P-384","x":"AA","y":"AA","d":"AA"}"#, KeyError::Kind("a P-384 key"), "P-256"),
        (r#"{"kty":"OKP","crv":"Ed25519","x":"AA"}"#, KeyError::PublicOnly, "private one"),
        (r#"{"keys":[]}"#, KeyError::Empty, "empty"),
        (r#"{"kty":"RSA","n":"AQ","e":"AQAB","d":"AQ"}"#, KeyError::RsaPartsMissing, "qi"),
    ] {
        let refused = refusal(text);
        assert_eq!(refused, expected);
        assert!(refused.to_string().contains(words), "{refused}");
    }
    assert_eq!(refusal(&format!("{P256}{RSA}")), KeyError::Several);
    assert_eq!(refusal(&"-".repeat(70 << 10)), KeyError::TooLong);
    let not_text = PrivateKey::parse(&Secret::new(vec![0x30, 0x81, 0xff])).err();
    assert_eq!(not_text, Some(KeyError::Unknown));
}

#[test]
fn the_halves_of_two_keys_make_none() {
    let [one, two] = [(); 2].map(|()| jwk(&generate(Algorithm::Es256).unwrap()));
    let mut mixed = one.clone();
    mixed["d"] = two["d"].clone();
    assert!(matches!(refusal(&mixed.to_string()), KeyError::Damaged(_)));
    let [one, two] = [(); 2].map(|()| jwk(&generate(Algorithm::EdDsa).unwrap()));
    let mut mixed = one.clone();
    mixed["x"] = two["x"].clone();
    assert!(matches!(refusal(&mixed.to_string()), KeyError::Damaged(_)));
}

#[test]
fn a_set_of_one_private_key_is_a_key_and_a_set_of_two_is_not() {
    let [one, two] = [(); 2].map(|()| jwk(&generate(Algorithm::EdDsa).unwrap()));
    let mut public = two.clone();
    public.as_object_mut().unwrap().remove("d");
    let set = serde_json::json!({ "keys": [public, one] });
    assert_eq!(parse(&set.to_string()).unwrap().key_id(), one["kid"].as_str());
    let set = serde_json::json!({ "keys": [two, one] });
    assert_eq!(refusal(&set.to_string()), KeyError::Several);
}

#[test]
fn the_algorithm_that_is_configured_must_be_the_keys() {
    let key = |algorithm: &str| SigningKey {
        material: Secret::from(P256),
        key_id: Some("mine".into()),
        algorithm: Some(algorithm.into()),
    };
    let read = PrivateKey::of(&key("ES256")).unwrap();
    assert_eq!(read.key_id(), Some("mine"));
    let refused = PrivateKey::of(&key("RS256")).err().unwrap();
    assert_eq!(refused, KeyError::Unfit { key: Algorithm::Es256 });
    assert!(refused.to_string().contains("P-256"), "{refused}");
    assert_eq!(PrivateKey::of(&key("none")).err(), Some(KeyError::UnknownAlgorithm));
    assert_eq!(Algorithm::named("Ed25519"), Some(Algorithm::EdDsa));
}

#[test]
fn a_generated_key_is_new_and_tells_only_its_public_half() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
        let [one, two] = [(); 2].map(|()| generate(algorithm).unwrap());
        let (read, other) = (PrivateKey::parse(&one).unwrap(), PrivateKey::parse(&two).unwrap());
        assert_eq!(read.algorithm(), algorithm);
        assert_eq!(read.key_id(), Some(read.thumbprint().as_str()));
        assert_ne!(read.thumbprint(), other.thumbprint());
        let private = jwk(&one)["d"].as_str().unwrap().to_owned();
        let told: Value = serde_json::from_str(&read.public_jwks()).unwrap();
        assert!(!told.to_string().contains(&private));
        let told = &told["keys"][0];
        assert_eq!((&told["use"], &told["alg"]), (&"sig".into(), &algorithm.name().into()));
        assert_eq!(told["kid"].as_str(), read.key_id());
        assert_eq!(told["x"], jwk(&one)["x"]);
    }
    assert_eq!(generate(Algorithm::Rs256).err(), Some(KeyError::NotGenerated(Algorithm::Rs256)));
}

fn jwk(key: &Secret) -> Value {
    serde_json::from_slice(key.expose()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever is in the file: an answer, never a panic, and never a piece of the file in it.
    #[test]
    fn a_damaged_key_is_refused_without_a_word_of_it(
        which in 0..6_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let generated = generate(Algorithm::Es256).unwrap();
        let text = match which {
            0 => P256,
            1 => RSA,
            2 => ED25519,
            3 => include_str!("keys/p256-sec1.pem"),
            4 => include_str!("keys/rsa-pkcs1.pem"),
            _ => generated.expose_str().unwrap(),
        };
        let mut bytes = text.as_bytes().to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(bytes.len().min(cut.index(2 * bytes.len())));
        if let Err(refused) = PrivateKey::parse(&Secret::new(bytes.clone())) {
            let said = refused.to_string();
            let file = String::from_utf8_lossy(&bytes).into_owned();
            let leak = file.as_bytes().windows(12).filter_map(|piece| std::str::from_utf8(piece).ok())
                .find(|piece| !piece.contains(['-', ' ']) && said.contains(*piece));
            prop_assert_eq!(leak, None);
        }
    }

    /// Bytes that form a PEM block of the right name, and no key.
    #[test]
    fn structures_that_are_no_key_are_refused(
        label in prop::sample::select(vec!["PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY"]),
        der in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        use base64::Engine as _;
        let body = base64::engine::general_purpose::STANDARD.encode(&der);
        let text = format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n");
        prop_assert!(parse(&text).is_err());
    }
}

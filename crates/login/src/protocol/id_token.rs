//! Whether an ID token belongs to this login (OpenID Connect Core §3.1.3.7).
//!
//! Its signature is not checked: it comes from the token endpoint itself, over TLS, and there §3.1.3.7 (6) lets the
//! server's certificate stand for it. It must never be used for a token that came any other way. What it says is shown
//! to people, and decides nothing but whether the login is refused.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use renewd_core::{Secret, Span, Wall, plain_line};
use zeroize::Zeroizing;

use super::address::Issuer;
use super::json::{METADATA_MAX_BYTES, Object, read_object};
use super::refusal::{Reason, Refusal};

const TOKEN: &str = "id_token";

/// Clocks of servers and machines differ by so much without anybody noticing.
const CLOCK_LEEWAY: Span = Span::from_mins(5);

/// OpenID Connect Core §15.6.2: Google's issuer, and how its ID tokens may write it.
const GOOGLE: (&str, &str) = ("https://accounts.google.com", "accounts.google.com");

/// Names that are shown.
const SHOWN_MAX_BYTES: usize = 120;

/// What the token must say.
#[derive(Clone, Copy)]
pub struct IdTokenExpected<'a> {
    /// The issuer, where it is known.
    pub issuer: Option<&'a Issuer>,
    /// The client that it must be meant for.
    pub client_id: &'a str,
    /// The nonce that was sent, if one was.
    pub nonce: Option<&'a Secret>,
    /// The server's time, as far as it is known.
    pub now: Wall,
}

/// Who logged in, cleaned: for display only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identified {
    /// `sub`.
    pub subject: String,
    /// `email`.
    pub email: Option<String>,
    /// `preferred_username`, else `name`.
    pub name: Option<String>,
}

/// Checks the token that came with the tokens of a login, and reads whose it is.
///
/// # Errors
/// Says which claim is wrong. The token is in no refusal.
pub fn check_id_token(token: &Secret, expected: &IdTokenExpected<'_>) -> Result<Identified, Refusal> {
    let claims = claims(token)?;
    let issuer = claims.required_text("iss")?;
    if expected.issuer.is_some_and(|known| !known.is(issuer) && (known.as_str(), issuer) != GOOGLE) {
        return Err(Refusal::new(Reason::IssuerMismatch, "iss").found(issuer));
    }
    check_audience(&claims, expected.client_id)?;
    let expiry = claims.whole("exp")?.ok_or_else(|| claims.missing("exp"))?;
    let expiry = Wall::from_unix_millis(expiry.saturating_mul(1000));
    if expected.now >= expiry + CLOCK_LEEWAY {
        return Err(Refusal::new(Reason::Expired, "exp"));
    }
    if let Some(nonce) = expected.nonce {
        let given = claims.text("nonce")?.unwrap_or_default();
        if !nonce.same_as(given.as_bytes()) {
            return Err(Refusal::new(Reason::NonceMismatch, "nonce"));
        }
    }
    let subject = match (claims.text("sub"), claims.whole("sub")) {
        (Err(_), Ok(Some(number))) => number.to_string(),
        _ => plain_line(claims.required_text("sub")?, SHOWN_MAX_BYTES),
    };
    // Only shown: one that is no text is none.
    let shown = |name| {
        let text = claims.text(name).ok().flatten()?;
        Some(plain_line(text, SHOWN_MAX_BYTES)).filter(|text| !text.is_empty())
    };
    Ok(Identified {
        subject,
        email: shown("email"),
        name: shown("preferred_username").or_else(|| shown("name")),
    })
}

/// §3.1.3.7 (3) to (5).
fn check_audience(claims: &Object, client_id: &str) -> Result<(), Refusal> {
    let audience = claims.one_or_more("aud")?;
    if audience.is_empty() {
        return Err(claims.missing("aud"));
    }
    if !audience.iter().any(|entry| entry == client_id) {
        return Err(Refusal::new(Reason::Audience, "aud").found(&audience.join(", ")));
    }
    match claims.text("azp")? {
        Some(party) if party != client_id => Err(Refusal::new(Reason::Audience, "azp").found(party)),
        None if audience.len() > 1 => {
            Err(Refusal::new(Reason::Missing, "azp").found("there are several audiences"))
        }
        _ => Ok(()),
    }
}

/// The claims of a signed token (RFC 7515 §3.1).
fn claims(token: &Secret) -> Result<Object, Refusal> {
    let fail = |found: &str| Refusal::new(Reason::NotJwt, TOKEN).found(found);
    if token.len() > METADATA_MAX_BYTES {
        return Err(Refusal::new(Reason::TooLong, TOKEN));
    }
    let text = token.expose_str().ok_or_else(|| fail(""))?;
    let parts: Vec<&str> = text.split('.').collect();
    let payload = match parts.as_slice() {
        [_, payload, _] => payload,
        [_, _, _, _, _] => return Err(fail("it is encrypted, and nobody here asked for that")),
        _ => return Err(fail("")),
    };
    let decoded = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).map_err(|_| fail(""))?;
    read_object(&Zeroizing::new(decoded), TOKEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> Secret {
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        Secret::from_string(format!("{}.{}.sig", encode(r#"{"alg":"RS256"}"#), encode(claims)))
    }

    fn check(claims: &str) -> Result<Identified, Reason> {
        let issuer = Issuer::parse("https://as.example").unwrap();
        let nonce = Secret::from("n1");
        let expected = IdTokenExpected {
            issuer: Some(&issuer),
            client_id: "cid",
            nonce: Some(&nonce),
            now: Wall::from_unix_millis(1_700_000_000_000),
        };
        check_id_token(&token(claims), &expected).map_err(|refusal| refusal.reason)
    }

    const WHOLE: &str = r#"{"iss":"https://as.example","aud":"cid","exp":1700000600,"nonce":"n1","sub":"u1","email":"a@b.example","name":"A"}"#;

    #[test]
    fn a_token_of_this_login_says_who_logged_in() {
        let who = check(WHOLE).unwrap();
        assert_eq!(
            (who.subject.as_str(), who.email.as_deref(), who.name.as_deref()),
            ("u1", Some("a@b.example"), Some("A"))
        );
        assert!(check(&WHOLE.replace("\"cid\"", r#"["x","cid"],"azp":"cid""#)).is_ok());
        assert!(check(&WHOLE.replace("1700000600", "1699999800")).is_ok(), "clocks differ a little");
        let hostile = check(&WHOLE.replace("\"u1\"", r#""u\u001b[2J\u202e1""#)).unwrap();
        assert_eq!(hostile.subject, "u1");
        let odd = check(&WHOLE.replace("\"u1\"", "17").replace("\"a@b.example\"", "true")).unwrap();
        assert_eq!((odd.subject.as_str(), odd.email), ("17", None));
        assert_eq!(check(&WHOLE.replace("\"u1\"", "\"007\"")).unwrap().subject, "007");
    }

    #[test]
    fn google_may_leave_out_the_scheme_of_its_issuer_and_nobody_else() {
        let token = token(&WHOLE.replace("https://as.example", "accounts.google.com"));
        let check = |issuer: &str| {
            let issuer = Issuer::parse(issuer).unwrap();
            let now = Wall::from_unix_millis(0);
            check_id_token(
                &token,
                &IdTokenExpected { issuer: Some(&issuer), client_id: "cid", nonce: None, now },
            )
        };
        assert!(check("https://accounts.google.com").is_ok());
        assert_eq!(check("https://as.example").unwrap_err().reason, Reason::IssuerMismatch);
    }

    #[test]
    fn a_token_of_another_login_is_refused() {
        for (from, to, why) in [
            ("https://as.example", "https://as.example/", Reason::IssuerMismatch),
            ("\"iss\":\"https://as.example\",", "", Reason::Missing),
            ("\"cid\"", "\"other\"", Reason::Audience),
            ("\"cid\"", "[]", Reason::Missing),
            ("\"cid\"", r#"["cid","x"]"#, Reason::Missing),
            ("\"cid\"", r#""cid","azp":"x""#, Reason::Audience),
            ("1700000600", "1699999600", Reason::Expired),
            ("1700000600", "\"soon\"", Reason::WrongType),
            ("\"n1\"", "\"n2\"", Reason::NonceMismatch),
            ("\"nonce\":\"n1\",", "", Reason::NonceMismatch),
            ("\"nonce\":\"n1\"", "\"nonce\":\"n1\",\"nonce\":\"n1\"", Reason::Duplicate),
            ("\"sub\":\"u1\",", "", Reason::Missing),
        ] {
            let changed = WHOLE.replacen(from, to, 1);
            assert_ne!(changed, WHOLE);
            assert_eq!(check(&changed), Err(why), "{changed}");
        }
    }

    #[test]
    fn what_is_no_signed_token_is_refused() {
        let nobody =
            IdTokenExpected { issuer: None, client_id: "c", nonce: None, now: Wall::from_unix_millis(0) };
        for text in ["", "a.b", "a.b.c", "a.b.c.d.e", "a.!!.c", "\u{e9}.\u{e9}.\u{e9}"] {
            let refusal = check_id_token(&Secret::from(text), &nobody).unwrap_err();
            assert!(matches!(refusal.reason, Reason::NotJwt | Reason::NotJson), "{text}: {refusal}");
        }
    }
}

//! What a resource server's answer says of the next proof of possession (RFC 9449 §8.2, §9).
//!
//! Its body is nobody's business here. Read by the same rules as a token endpoint's answer: its nonce, its clock, its
//! challenges.

use alloc::string::String;

use super::challenge;
use super::evidence;
use super::types::Response;
use crate::time::Wall;

/// The status of an answer that refuses a token, or its proof.
const UNAUTHORIZED: u16 = 401;

/// What the next proof for the server that gave an answer must carry.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct NextProof {
    /// The `DPoP-Nonce` that came (RFC 9449 §8.2).
    pub nonce: Option<String>,
    /// The server's clock, where the answer tells it.
    pub server_time: Option<Wall>,
    /// The server refuses this proof only for want of its nonce, and gave one (RFC 9449 §9). The token is as good as it
    /// was.
    pub wants_nonce: bool,
}

impl NextProof {
    /// Read from the head of an answer.
    pub fn from_answer(response: &Response) -> Self {
        let nonce = evidence::dpop_nonce(response);
        let wants_nonce = response.status == UNAUTHORIZED
            && nonce.is_some()
            && challenge::says(response, "DPoP", "error", "use_dpop_nonce");
        Self { nonce, server_time: evidence::server_time(response), wants_nonce }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::secret::Secret;

    fn read(status: u16, headers: &[(&str, &str)]) -> NextProof {
        let headers = headers.iter().map(|(name, value)| (String::from(*name), String::from(*value)));
        let body = Secret::new(Vec::new());
        NextProof::from_answer(&Response { status, headers: headers.collect(), body, truncated: false })
    }

    #[test]
    fn only_a_dpop_challenge_with_that_error_asks_for_a_nonce() {
        for (challenge, asks) in [
            (r#"DPoP error="use_dpop_nonce", error_description="x""#, true),
            (r#"DPoP realm="a", error=use_dpop_nonce"#, true),
            (r#"DPoP realm="a" error="use_dpop_nonce""#, true),
            (r#"Bearer realm="a", dpop ERROR="use_dpop_nonce""#, true),
            (r#"Negotiate, DPoP algs="ES256", error="use_dpop_nonce""#, true),
            (r#"Negotiate YII=, DPoP error="use_dpop_nonce""#, true),
            (r#"Bearer error="use_dpop_nonce""#, false),
            (r#"DPoP algs="ES256", Bearer error="use_dpop_nonce""#, false),
            (r#"DPoP error="invalid_token", error_description="use_dpop_nonce""#, false),
            (r#"DPoP error="invalid_token", error_description="a, error=use_dpop_nonce""#, false),
            (r#"Bearer realm="xdpop error=use_dpop_nonce""#, false),
            (r#"Bearer realm="a, DPoP error=use_dpop_nonce""#, false),
            ("DPoP", false),
            ("", false),
        ] {
            let read = read(401, &[("WWW-Authenticate", challenge), ("DPoP-Nonce", "n")]);
            assert_eq!(read.wants_nonce, asks, "{challenge}");
        }
    }

    #[test]
    fn a_nonce_is_wanted_only_where_it_came_with_a_401() {
        let (challenge, nonce) =
            (("www-authenticate", r#"DPoP error="use_dpop_nonce""#), ("dpop-nonce", "n"));
        let bearer = ("www-authenticate", r#"Bearer realm="a""#);
        assert!(read(401, &[challenge, nonce]).wants_nonce);
        assert!(read(401, &[bearer, challenge, nonce]).wants_nonce, "in a header of its own");
        assert!(!read(401, &[challenge]).wants_nonce);
        assert!(!read(401, &[challenge, ("dpop-nonce", "two words")]).wants_nonce);
        assert!(!read(401, &[nonce]).wants_nonce);
        assert!(!read(400, &[challenge, nonce]).wants_nonce);
        assert!(!read(403, &[challenge, nonce]).wants_nonce);
    }

    #[test]
    fn any_answer_may_bring_a_nonce_and_the_time() {
        let date = ("Date", "Sun, 06 Nov 1994 08:49:37 GMT");
        let then = Wall::from_unix_millis(784_111_777_000);
        let told = NextProof { nonce: Some("a.b-c~1".into()), server_time: Some(then), wants_nonce: false };
        assert_eq!(read(200, &[("DPoP-Nonce", "a.b-c~1"), date]), told);
        assert_eq!(read(200, &[date, ("Age", "60")]), NextProof::default(), "kept by a cache");
    }
}

//! The path prefix `/~SECRET`: who knows it may use the proxy.
//!
//! For where a connection's user cannot be had (other systems than Linux, forwarded ports): whoever was given the URL
//! can use it, and nobody else on the machine.

use http::uri::PathAndQuery;
use renewd_core::Secret;

/// Random bytes of a secret that the proxy makes itself: beyond guessing.
const SECRET_BYTES: usize = 32;
/// Shortest secret that a configuration may give: 128 bits in hexadecimal digits.
const SECRET_CHARS_MIN: usize = 32;
/// Longest: it is repeated in every request line.
const SECRET_CHARS_MAX: usize = 256;

/// Makes a secret: 64 hexadecimal digits of the operating system's entropy.
pub(crate) fn generate() -> Result<Secret, getrandom::Error> {
    let mut bytes = [0; SECRET_BYTES];
    getrandom::fill(&mut bytes)?;
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    // Measured: a buffer that grew would leave digits behind.
    let mut text = Vec::with_capacity(2 * SECRET_BYTES);
    text.extend(digits.map(|digit| b"0123456789abcdef"[usize::from(digit)]));
    bytes.fill(0);
    Ok(Secret::new(text))
}

/// Whether this can be a path segment that no client rewrites, and is long enough not to be guessed.
pub(crate) fn is_fit(secret: &Secret) -> bool {
    let unreserved = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (SECRET_CHARS_MIN..=SECRET_CHARS_MAX).contains(&secret.len()) && secret.expose().iter().all(unreserved)
}

/// The target without the prefix, or `None` where the prefix is missing or wrong. The comparison takes the same time
/// wherever the secrets differ.
pub(crate) fn strip(target: &PathAndQuery, secret: &Secret) -> Option<PathAndQuery> {
    let text = target.as_str();
    let rest = text.strip_prefix("/~").or_else(|| {
        // Some clients write the tilde as older RFCs had it.
        text.get(..4).filter(|start| start.eq_ignore_ascii_case("/%7e")).map(|_| &text[4..])
    })?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (given, rest) = rest.split_at(end);
    if !secret.same_as(given.as_bytes()) {
        return None;
    }
    let origin_form = if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") };
    PathAndQuery::from_maybe_shared(origin_form.into_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_is_stripped_and_everything_else_is_kept() {
        let secret = Secret::from("abc");
        for (target, expect) in [
            ("/~abc/x?y", Some("/x?y")),
            ("/~abc", Some("/")),
            ("/~abc?y=/", Some("/?y=/")),
            ("/~abc//x", Some("//x")),
            ("/%7eabc/x", Some("/x")),
            ("/%7Eabc/x", Some("/x")),
            ("/~abd/x", None),
            ("/~ab/x", None),
            ("/~abcd/x", None),
            ("/abc/x", None),
            ("/", None),
            ("/x/~abc/", None),
        ] {
            let got = strip(&target.parse().unwrap(), &secret);
            assert_eq!(got.as_ref().map(PathAndQuery::as_str), expect, "{target}");
        }
    }

    #[test]
    fn a_generated_secret_is_fit_and_never_the_same() {
        let (a, b) = (generate().unwrap(), generate().unwrap());
        assert!(is_fit(&a) && is_fit(&b));
        assert!(!a.same_as(b.expose()));
    }

    #[test]
    fn a_secret_that_can_be_guessed_or_rewritten_is_unfit() {
        for text in ["", "short", "0123456789abcdef0123456789abcde", "0123456789abcdef0123456789abcd/f"] {
            assert!(!is_fit(&Secret::from(text)), "{text}");
        }
        assert!(is_fit(&Secret::from("0123456789abcdef0123456789abcdef")));
    }
}

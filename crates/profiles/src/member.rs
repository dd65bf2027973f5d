//! Paths into a JSON answer: names joined by dots, elements of arrays in brackets.

use renewd_core::is_path;

/// Checks a path: `data.access_token`, `errors[0].resource`, `errors[*].code`. Which ones there are core says, which
/// follows them.
///
/// # Errors
/// Half a sentence for people.
pub(crate) fn path(text: &str) -> Result<(), String> {
    if !crate::text::is_plain(text) {
        return Err("holds a line break or a character that cannot be seen".into());
    }
    if text.is_empty() || !is_path(text) {
        return Err(
            "is no path like data.access_token, errors[0].code or errors[*].code of at most 8 steps and \
                    255 bytes"
                .into(),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_elements() {
        for good in
            ["a", "data.access_token", "errors[0].resource", "a[*].b[12][*]", "[0].code", "authed-user.é x"]
        {
            assert_eq!(path(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "a[",
            "a[]",
            "a]",
            "a[x]",
            "a[-1]",
            "a[0]b",
            "a[123456]",
            "a\nb",
            "a\u{202e}b",
        ] {
            assert!(path(bad).is_err(), "{bad:?}");
        }
        assert!(path(&["a"; 9].join(".")).is_err());
        assert!(path(&"a".repeat(256)).is_err());
    }
}

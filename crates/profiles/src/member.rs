//! Paths into a JSON answer: names joined by dots, elements of arrays in brackets.

/// Longest path, in bytes.
const PATH_BYTES_MAX: usize = 200;

/// Deepest path: names and elements together.
const PATH_STEPS_MAX: usize = 8;

/// Longest number of an element, in digits: no answer that is read has more elements.
const INDEX_DIGITS_MAX: usize = 5;

/// Checks a path: `data.access_token`, `errors[0].resource`, `errors[*].code`.
///
/// # Errors
/// Half a sentence for people.
pub(crate) fn path(text: &str) -> Result<(), String> {
    const FORM: &str = "is no path like data.access_token, errors[0].code or errors[*].code";
    if text.len() > PATH_BYTES_MAX {
        return Err(format!("is longer than {PATH_BYTES_MAX} bytes"));
    }
    if !crate::text::is_plain(text) {
        return Err("holds a line break or a character that cannot be seen".into());
    }
    let mut steps = 0;
    for part in text.split('.') {
        let (name, elements) = part.split_at(part.find('[').unwrap_or(part.len()));
        if name.is_empty() || name.contains(']') {
            return Err(FORM.into());
        }
        steps += 1 + count_elements(elements).ok_or(FORM)?;
    }
    if steps > PATH_STEPS_MAX { Err(format!("is deeper than {PATH_STEPS_MAX} steps")) } else { Ok(()) }
}

/// How many there are in `[0][*]`; none where it is something else.
fn count_elements(mut text: &str) -> Option<usize> {
    let mut count = 0;
    while !text.is_empty() {
        let (inside, after) = text.strip_prefix('[')?.split_once(']')?;
        let number =
            (1..=INDEX_DIGITS_MAX).contains(&inside.len()) && inside.bytes().all(|b| b.is_ascii_digit());
        if !number && inside != "*" {
            return None;
        }
        count += 1;
        text = after;
    }
    Some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_elements() {
        for good in ["a", "data.access_token", "errors[0].resource", "a[*].b[12][*]", "authed-user.é x"] {
            assert_eq!(path(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "[0]",
            "a[",
            "a[]",
            "a]",
            "a[x]",
            "a[-1]",
            "a[0]b",
            "a[123456]",
            "a\nb",
        ] {
            assert!(path(bad).is_err(), "{bad:?}");
        }
        assert!(path(&["a"; 9].join(".")).is_err());
        assert!(path(&"a".repeat(201)).is_err());
    }
}

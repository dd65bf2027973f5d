//! Durations and sizes as people write them.

pub(crate) use renewd_profiles::{DURATION_FORM, parse_duration};

/// Units of a size. Only binary ones: `1MB` means two things to two people.
const SIZE_UNITS: [(&str, u64); 4] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("B", 1)];

/// Reads `1MiB`, `64KiB` or a plain number of bytes.
///
/// # Errors
/// Half a sentence for people: what is wrong with it.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let size = match SIZE_UNITS.into_iter().find(|(name, _)| *name == unit) {
        Some((_, size)) => size,
        None if unit.is_empty() => 1,
        None => return Err("is not a size like 64KiB or 1MiB (units: B KiB MiB GiB)".into()),
    };
    if digits.is_empty() {
        return Err("is not a size like 64KiB or 1MiB (units: B KiB MiB GiB)".into());
    }
    digits
        .parse::<u64>()
        .ok()
        .and_then(|n| n.checked_mul(size))
        .ok_or_else(|| "is larger than can be counted".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_binary_units() {
        assert_eq!(parse_size("1MiB").unwrap(), 1 << 20);
        assert_eq!(parse_size("64KiB").unwrap(), 65_536);
        assert_eq!(parse_size("512").unwrap(), 512);
        assert_eq!(parse_size("0").unwrap(), 0);
        for text in ["", "MiB", "1MB", "1.5MiB", "-1", "99999999999999999999GiB"] {
            assert!(parse_size(text).is_err(), "{text:?}");
        }
    }
}

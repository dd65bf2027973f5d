//! As much DER (X.690) as private keys need: a reader that borrows, so that no copy of a key is made.

/// Tags that stand in private keys.
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OID: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const CONTEXT_0: u8 = 0xa0;
pub(crate) const CONTEXT_1: u8 = 0xa1;
/// `[1] IMPLICIT BIT STRING`: the public key of RFC 5958 §2.
pub(crate) const IMPLICIT_1: u8 = 0x81;

/// Reads values one after the other.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next value, whatever its tag.
    pub(crate) fn any(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, mut rest) = rest.split_first()?;
        let length = match first {
            0..=0x7f => usize::from(first),
            // Keys are below 64 KiB: two bytes of length are enough. An indefinite length (0x80) is no DER.
            0x81..=0x82 => {
                let (bytes, after) = rest.split_at_checked(usize::from(first & 0x7f))?;
                rest = after;
                bytes.iter().fold(0, |length, &byte| length << 8 | usize::from(byte))
            }
            _ => return None,
        };
        let (value, after) = rest.split_at_checked(length)?;
        self.0 = after;
        Some((tag, value))
    }

    /// The next value, if it has this tag.
    pub(crate) fn value(&mut self, tag: u8) -> Option<&'a [u8]> {
        let mut ahead = *self;
        let (found, value) = ahead.any()?;
        (found == tag).then(|| {
            *self = ahead;
            value
        })
    }

    /// What stands in the next value, if it has this tag.
    pub(crate) fn inside(&mut self, tag: u8) -> Option<Self> {
        self.value(tag).map(Reader)
    }

    /// The next integer, not negative, without leading zeros; zero is one byte.
    pub(crate) fn unsigned(&mut self) -> Option<&'a [u8]> {
        let bytes = self.value(INTEGER)?;
        match bytes {
            [] => None,
            [first, ..] if first & 0x80 != 0 => None,
            [0, rest @ ..] if !rest.is_empty() => Some(rest),
            whole => Some(whole),
        }
    }

    /// The next integer, if it is small.
    pub(crate) fn small(&mut self) -> Option<u8> {
        match self.unsigned()? {
            [small] => Some(*small),
            _ => None,
        }
    }

    /// The bytes of the next bit string of whole bytes, under this tag.
    pub(crate) fn bits(&mut self, tag: u8) -> Option<&'a [u8]> {
        match self.value(tag)? {
            [0, bytes @ ..] => Some(bytes),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_beyond_the_end_is_no_value() {
        for bytes in [&[][..], &[0x30], &[0x30, 1], &[0x30, 0x81], &[0x30, 0x82, 1], &[0x30, 0x80, 0, 0]] {
            assert!(Reader::new(bytes).any().is_none(), "{bytes:02x?}");
        }
        assert_eq!(Reader::new(&[2, 0x81, 1, 7]).small(), Some(7));
        assert_eq!(Reader::new(&[2, 2, 0, 0x80]).unsigned(), Some(&[0x80][..]));
        assert_eq!(Reader::new(&[2, 1, 0x80]).unsigned(), None, "a negative number");
    }

    #[test]
    fn a_value_of_another_tag_is_left_where_it_is() {
        let mut reader = Reader::new(&[2, 1, 5, 4, 1, 9]);
        assert!(reader.value(OCTET_STRING).is_none());
        assert_eq!(reader.small(), Some(5));
        assert_eq!(reader.value(OCTET_STRING), Some(&[9][..]));
        assert!(reader.any().is_none());
    }
}

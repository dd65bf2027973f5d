//! Looks for secrets in the memory of another process, as whoever reads its core file or its swapped pages would.
//!
//! Everything that is mapped writable is read through `/proc/PID/mem` and searched for each secret as it is, in base64
//! and percent-encoded, and for any eight bytes in a row of one of these: a secret that was cut, moved or half
//! overwritten is found too.

use std::collections::HashMap;
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// So many bytes in a row are a piece of a secret.
const PIECE_BYTES: usize = 8;

/// Memory is read in steps of so many bytes.
const STEP_BYTES: usize = 1 << 20;

/// Pages of zeroes are passed over whole.
const PAGE_BYTES: usize = 4096;

/// A first look at eight bytes costs one place of so many (2^n), most of them empty.
const SIEVE_BITS: u32 = 20;

/// Places of secrets in a process, each with the piece's length.
#[derive(Default)]
pub struct Found(Vec<Piece>);

struct Piece {
    label: String,
    region: String,
    address: u64,
    bytes: usize,
    /// What stands around, without the secret itself: it tells whose buffer it is.
    around: String,
}

impl Found {
    /// Whether a secret of that label was found, or a piece of it.
    pub fn holds(&self, label: &str) -> bool {
        self.0.iter().any(|piece| piece.label.split(',').next() == Some(label))
    }

    /// In how many places one of that label was found, as it is.
    pub fn places(&self, label: &str) -> usize {
        self.0.iter().filter(|piece| piece.label == label).count()
    }

    /// How many places there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Piece { label, region, address, bytes, around } in &self.0 {
            writeln!(f, "{bytes} bytes of {label} at {address:#x} in {region}, between {around}")?;
        }
        Ok(())
    }
}

/// What is looked for.
pub struct Search {
    pieces: HashMap<u64, usize>,
    labels: Vec<String>,
    sieve: Vec<bool>,
}

impl Default for Search {
    fn default() -> Self {
        Self { pieces: HashMap::new(), labels: Vec::new(), sieve: vec![false; 1 << SIEVE_BITS] }
    }
}

impl Search {
    /// For nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a secret under a name.
    ///
    /// # Panics
    /// When it is too short to be told from chance.
    #[must_use]
    pub fn with(mut self, label: &str, secret: &[u8]) -> Self {
        assert!(secret.len() >= 2 * PIECE_BYTES, "{label} is too short to be looked for");
        self.add(label.to_owned(), secret);
        for before in 0..3 {
            let mut padded = vec![0; before];
            padded.extend_from_slice(secret);
            let coded = STANDARD_NO_PAD.encode(&padded);
            // Without the characters that the bytes before and behind have a part in.
            let inner = &coded.as_bytes()[(before * 8).div_ceil(6)..padded.len() * 8 / 6];
            self.add(format!("{label}, base64"), inner);
        }
        let percent = secret.iter().fold(String::new(), |mut text, byte| {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    text.push(char::from(*byte))
                }
                _ => text.push_str(&format!("%{byte:02X}")),
            }
            text
        });
        if percent.as_bytes() != secret {
            self.add(format!("{label}, percent-encoded"), percent.as_bytes());
        }
        self
    }

    fn add(&mut self, label: String, bytes: &[u8]) {
        let number = self.labels.len();
        self.labels.push(label);
        for piece in bytes.windows(PIECE_BYTES) {
            let value = piece.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
            self.pieces.entry(value).or_insert(number);
            self.sieve[sieve(value)] = true;
        }
    }

    /// Searches everything that a process can write to.
    ///
    /// # Errors
    /// When its memory cannot be read: it belongs to another user, or it is not dumpable and this is not root.
    pub fn in_process(&self, pid: u32) -> io::Result<Found> {
        let memory = File::open(format!("/proc/{pid}/mem"))?;
        let mut found = Found::default();
        for line in fs::read_to_string(format!("/proc/{pid}/maps"))?.lines() {
            let (range, rest) = line.split_once(' ').unwrap_or((line, ""));
            let Some((from, to)) = range.split_once('-') else { continue };
            let (Ok(from), Ok(to)) = (u64::from_str_radix(from, 16), u64::from_str_radix(to, 16)) else {
                continue;
            };
            if rest.starts_with("rw") {
                let region = rest.split_ascii_whitespace().nth(4).unwrap_or("anonymous memory");
                self.in_region(&memory, from, to, region, &mut found);
            }
        }
        Ok(found)
    }

    fn in_region(&self, memory: &File, from: u64, to: u64, region: &str, found: &mut Found) {
        let mut buffer = vec![0; STEP_BYTES];
        let mut at = from;
        while at < to {
            let length = usize::try_from(to - at).unwrap_or(STEP_BYTES).min(STEP_BYTES);
            // A page that went away meanwhile holds nothing.
            let Ok(read) = memory.read_at(&mut buffer[..length], at) else { return };
            if read == 0 {
                return;
            }
            self.in_bytes(&buffer[..read], at, region, found);
            // What begins at the end of this step is read again with the next one.
            let step = if read > PIECE_BYTES && at + (read as u64) < to { read - PIECE_BYTES } else { read };
            at += step as u64;
        }
    }

    fn in_bytes(&self, bytes: &[u8], base: u64, region: &str, found: &mut Found) {
        let (mut value, mut at) = (0_u64, 0);
        while at < bytes.len() {
            if at % PAGE_BYTES == 0 && value == 0 && bytes[at..].starts_with(&[0; PAGE_BYTES]) {
                at += PAGE_BYTES;
                continue;
            }
            value = value << 8 | u64::from(bytes[at]);
            at += 1;
            if self.sieve[sieve(value)]
                && let Some(&label) = self.pieces.get(&value)
            {
                self.note(bytes, at - PIECE_BYTES.min(at), base, (&self.labels[label], region), found);
            }
        }
    }

    /// Takes a piece in; one that goes on where the last one ended lengthens that.
    fn note(&self, bytes: &[u8], at: usize, base: u64, (label, region): (&str, &str), found: &mut Found) {
        let address = base + at as u64;
        if let Some(last) = found.0.last_mut()
            && last.label == label
            && (last.address..=last.address + last.bytes as u64).contains(&address)
        {
            last.bytes = usize::try_from(address - last.address).unwrap_or(0) + PIECE_BYTES;
            return;
        }
        let before = &bytes[at.saturating_sub(48)..at];
        let around = format!("{:?} and what follows", String::from_utf8_lossy(before));
        found.0.push(Piece {
            label: label.to_owned(),
            region: region.to_owned(),
            address,
            bytes: PIECE_BYTES,
            around,
        });
    }
}

fn sieve(value: u64) -> usize {
    (value.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - SIEVE_BITS)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found_in(bytes: &[u8]) -> String {
        let search = Search::new().with("the secret", b"r4nd0m-s3cret/w1th+more");
        let mut found = Found::default();
        search.in_bytes(bytes, 0x1000, "here", &mut found);
        format!("{found:?}")
    }

    #[test]
    fn a_piece_of_a_secret_is_found_in_each_form_and_its_length_is_told() {
        for (bytes, told) in [
            (&b"....r4nd0m-s3cret/w1th+more...."[..], "23 bytes of the secret at 0x1004"),
            (b"....3cret/w1....", "8 bytes of the secret at 0x1004"),
            (b"3cret/w1", "8 bytes of the secret at 0x1000"),
            (b"x=s3cret%2Fw1th", "13 bytes of the secret, percent-encoded at 0x1002"),
            (b"cjRuZDBtLXMzY3JldC93MXRoK21vcmU=", "of the secret, base64 at 0x1000"),
            (b"0cjRuZDBtLXMzY3Jl", "of the secret, base64"),
        ] {
            assert!(found_in(bytes).contains(told), "{}", found_in(bytes));
        }
        for bytes in [&b"r4nd0m-"[..], b"", b"s3cret/ w1th+mo", &[0; 3 * PAGE_BYTES]] {
            assert_eq!(found_in(bytes), "");
        }
    }

    #[test]
    fn what_lies_behind_pages_of_zeroes_or_over_the_end_of_one_is_found() {
        for place in [PAGE_BYTES - 4, PAGE_BYTES, 2 * PAGE_BYTES + 1] {
            let mut bytes = vec![0; 4 * PAGE_BYTES];
            bytes[place..place + 10].copy_from_slice(b"r4nd0m-s3c");
            assert!(found_in(&bytes).contains(&format!("10 bytes of the secret at {:#x}", 0x1000 + place)));
        }
    }
}

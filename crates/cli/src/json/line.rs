//! How a document becomes one line: measured first, and with nothing in it that a terminal obeys.

use std::io;

use serde::Serialize;
use zeroize::Zeroizing;

use crate::exit::Failure;

/// One line of JSON. It is measured before it is written, so that a token in it leaves no copy in a buffer that grew.
///
/// # Errors
/// Never for the types here; an internal failure otherwise.
pub(crate) fn line(document: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut length = Length(0);
    write(document, &mut length)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(length.0.saturating_add(1)));
    write(document, &mut *bytes)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn write(document: &impl Serialize, to: &mut impl io::Write) -> Result<(), Failure> {
    let mut serializer = serde_json::Serializer::with_formatter(to, ControlsEscaped);
    document.serialize(&mut serializer).map_err(|e| Failure::internal(format!("JSON: {e}")))
}

/// Counts what is written.
struct Length(usize);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// JSON in which every control character is escaped. RFC 8259 §7 asks for that up to U+001F only, and a terminal obeys
/// U+0080 to U+009F too: a scope that a server chose stands in what a person may print.
struct ControlsEscaped;

impl serde_json::ser::Formatter for ControlsEscaped {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        for piece in fragment.split_inclusive(char::is_control) {
            let mut rest = piece.chars();
            match rest.next_back() {
                Some(control) if control.is_control() => {
                    write!(writer, "{}\\u{:04x}", rest.as_str(), u32::from(control))?;
                }
                _ => writer.write_all(piece.as_bytes())?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_escaped_and_survives() {
        let told = ["\u{1b}[31m\"\\\n", "a\u{9b}2J\u{7f}\u{85}b", "\u{e9}\u{2713}", ""];
        let bytes = line(&told).unwrap();
        let text = std::str::from_utf8(&bytes).unwrap().trim_end();
        assert!(!text.contains(char::is_control), "{text:?}");
        assert!(text.contains(r"a\u009b2J\u007f\u0085b"), "{text}");
        assert_eq!(serde_json::from_str::<[String; 4]>(text).unwrap(), told);
    }
}

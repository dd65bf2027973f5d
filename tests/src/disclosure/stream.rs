//! A connection whose answer is searched when it is over.

use std::io::{self, Read, Write};

use crate::disclosure;

/// So much of an answer is searched, in bytes. What is longer is a body that a test sent to itself.
const SEARCHED_BYTES_MAX: usize = 4 * 1024 * 1024;

/// So much of a request is kept, to know what was asked.
const REQUEST_LINE_BYTES_MAX: usize = 1024;

/// Passes everything through and remembers it.
pub(crate) struct Overheard<S> {
    inner: S,
    /// The path that is asked for before every target, where there is one: it is a secret, and no part of a place's name.
    prefix: String,
    asked: Vec<u8>,
    answered: Vec<u8>,
}

impl<S> Overheard<S> {
    pub(crate) fn new(inner: S, prefix: &str) -> Self {
        Self { inner, prefix: prefix.to_owned(), asked: Vec::new(), answered: Vec::new() }
    }

    /// What was asked: `GET /metrics`.
    fn place(&self) -> String {
        let line = self.asked.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        let mut words = line.split(' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let target = target.strip_prefix(self.prefix.as_str()).unwrap_or(target);
        format!("answer to {method} {}", target.split('?').next().unwrap_or_default())
    }
}

impl<S: Read> Read for Overheard<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        if self.answered.len() < SEARCHED_BYTES_MAX {
            self.answered.extend_from_slice(&buffer[..read]);
        }
        Ok(read)
    }
}

impl<S: Write> Write for Overheard<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        if self.asked.len() < REQUEST_LINE_BYTES_MAX {
            self.asked.extend_from_slice(&bytes[..written]);
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<S> Drop for Overheard<S> {
    fn drop(&mut self) {
        disclosure::check(&[&self.place()], &self.answered);
    }
}

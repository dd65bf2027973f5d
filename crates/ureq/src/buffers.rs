//! Buffers that are overwritten when they are dropped: the request's refresh token and the answer's tokens pass through
//! them in plain text.

use ureq::unversioned::transport::Buffers;
use zeroize::Zeroizing;

/// Room for input: more than the largest head that is accepted, so that a full buffer never looks like an end.
const INPUT_BYTES: usize = 64 * 1024;
/// Room for output: more than the longest header line that is sent (ureq writes line by line).
const OUTPUT_BYTES: usize = 32 * 1024;

/// Buffers of one transport.
pub(crate) struct WipedBuffers {
    input: Zeroizing<Vec<u8>>,
    consumed: usize,
    filled: usize,
    /// Whether the last look at the input used some of it; without progress more must be read.
    progress: bool,
    output: Zeroizing<Vec<u8>>,
}

impl WipedBuffers {
    pub(crate) fn new() -> Self {
        Self {
            input: Zeroizing::new(vec![0; INPUT_BYTES]),
            consumed: 0,
            filled: 0,
            progress: false,
            output: Zeroizing::new(vec![0; OUTPUT_BYTES]),
        }
    }

    /// The first `amount` bytes of the output.
    pub(crate) fn pending(&self, amount: usize) -> &[u8] {
        self.output.get(..amount).unwrap_or(&self.output)
    }

    /// Moves what is left of the input to the front.
    fn make_room(&mut self) {
        if self.consumed > 0 {
            self.input.copy_within(self.consumed..self.filled, 0);
            self.filled -= self.consumed;
            self.consumed = 0;
        }
    }
}

impl Buffers for WipedBuffers {
    fn output(&mut self) -> &mut [u8] {
        &mut self.output
    }

    fn input(&self) -> &[u8] {
        &self.input[self.consumed..self.filled]
    }

    fn input_append_buf(&mut self) -> &mut [u8] {
        self.make_room();
        &mut self.input[self.filled..]
    }

    fn input_appended(&mut self, amount: usize) {
        self.filled = (self.filled + amount).min(self.input.len());
    }

    fn input_consume(&mut self, amount: usize) {
        self.progress = amount > 0;
        self.consumed = (self.consumed + amount).min(self.filled);
    }

    fn tmp_and_output(&mut self) -> (&mut [u8], &mut [u8]) {
        self.make_room();
        (&mut self.input[self.filled..], &mut self.output)
    }

    fn can_use_input(&self) -> bool {
        self.progress && self.consumed < self.filled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn append(buffers: &mut WipedBuffers, bytes: &[u8]) {
        buffers.input_append_buf()[..bytes.len()].copy_from_slice(bytes);
        buffers.input_appended(bytes.len());
    }

    #[test]
    fn input_is_consumed_in_the_order_it_came() {
        let mut buffers = WipedBuffers::new();
        append(&mut buffers, b"HTTP/1.1 ");
        buffers.input_consume(5);
        append(&mut buffers, b"200");
        assert_eq!(buffers.input(), b"1.1 200");
        buffers.input_consume(7);
        assert!(buffers.input().is_empty());
        assert!(!buffers.can_use_input());
    }

    #[test]
    fn input_that_helped_nobody_asks_for_more() {
        let mut buffers = WipedBuffers::new();
        append(&mut buffers, b"HTT");
        buffers.input_consume(0);
        assert!(!buffers.can_use_input());
        buffers.input_consume(1);
        assert!(buffers.can_use_input());
    }

    #[test]
    fn a_full_buffer_has_room_again_once_some_of_it_is_consumed() {
        let mut buffers = WipedBuffers::new();
        let all = buffers.input_append_buf().len();
        buffers.input_appended(all);
        assert!(buffers.input_append_buf().is_empty());
        buffers.input_consume(10);
        assert_eq!(buffers.input_append_buf().len(), 10);
    }
}

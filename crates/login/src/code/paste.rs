//! The answer by hand: a browser on another machine ends at an address that leads nowhere there, and the person pastes
//! it here.

use std::io::{BufRead, Read};
use std::sync::{Arc, Weak};

use zeroize::Zeroizing;

use super::answer::Door;
use crate::error::{LoginError, LoginErrorKind};

/// The longest line: twice the longest address.
const LINE_MAX_BYTES: u64 = 32 * 1024;

/// Reads lines on a thread of its own until one is the answer, the input ends, or nobody waits any more. Where it is the
/// only way, the end of the input ends the login.
pub(super) fn read(
    input: Box<dyn BufRead + Send>,
    door: &Arc<Door>,
    only_way: bool,
) -> Result<(), LoginError> {
    let weak = Arc::downgrade(door);
    let held = only_way.then(|| Arc::clone(door));
    std::thread::Builder::new()
        .name("renewd-paste".into())
        .spawn(move || {
            lines(input, &weak);
            drop(held);
        })
        .map(|_detached| ())
        .map_err(|e| LoginError::new(LoginErrorKind::System, format!("the system gives no thread: {e}")))
}

fn lines(mut input: Box<dyn BufRead + Send>, door: &Weak<Door>) {
    loop {
        let mut line = Zeroizing::new(Vec::new());
        match input.by_ref().take(LINE_MAX_BYTES).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let text = match std::str::from_utf8(&line) {
            Ok(text) => text.trim(),
            Err(_) => continue,
        };
        let Some(door) = door.upgrade() else { return };
        if !text.is_empty() && door.pasted(text) {
            return;
        }
    }
}

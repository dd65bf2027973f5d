//! The passphrase of a store: from an open descriptor, or from the person at the terminal. Never from an argument, never
//! from the environment's text, and asked for once in a process.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use renewd_core::{Secret, StoreFault, StoreFaultKind};
use renewd_store::{PassphraseAsk, PassphrasePurpose, PassphraseSource};
use zeroize::Zeroizing;

use super::patient::read_within;
#[cfg(unix)]
use super::secret::descriptor;
use super::terminal::{ask_hidden, say};

/// Longest line that is read from a descriptor, in bytes: more than the store takes, so that it says what is wrong.
const LINE_BYTES_MAX: usize = 2048;

/// How often a new passphrase may be mistyped the second time.
const NEW_TRIES: u32 = 3;

/// The descriptors that the caller opened. Each is read once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Descriptors {
    /// The passphrase: `--passphrase-fd`, `RENEWD_STORE_PASSPHRASE_FD`.
    pub(crate) passphrase: Option<i32>,
    /// The one that takes its place: `--new-passphrase-fd`.
    pub(crate) new: Option<i32>,
    /// The change from one to the other was begun before: the store opens with the new one already.
    pub(crate) resuming: bool,
}

/// What was entered in this process. A descriptor can be read once, and nobody types a passphrase twice for one command.
#[derive(Clone, Default)]
pub(crate) struct Entered(Arc<Mutex<Memory>>);

#[derive(Default)]
struct Memory {
    /// What opens the store.
    passphrase: Option<Secret>,
    /// Descriptors that were read.
    read: Vec<i32>,
}

impl Entered {
    /// As the store asks for it.
    pub(crate) fn with(self, descriptors: Descriptors, person: bool, patience: Duration) -> Passphrases {
        Passphrases { entered: self, descriptors, person, patience }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where passphrases come from.
pub(crate) struct Passphrases {
    entered: Entered,
    descriptors: Descriptors,
    person: bool,
    /// How long a descriptor is read that nobody closes.
    patience: Duration,
}

impl PassphraseSource for Passphrases {
    fn passphrase(&self, ask: &PassphraseAsk) -> Result<Zeroizing<Vec<u8>>, StoreFault> {
        let given = match ask.purpose {
            PassphrasePurpose::New => self.new_one()?,
            PassphrasePurpose::Former => return self.former(),
            _ => self.standing(ask)?,
        };
        self.entered.memory().passphrase = Some(Secret::copy_of(&given));
        Ok(given)
    }

    fn asks_a_person(&self) -> bool {
        self.person
            && self.descriptors
                == Descriptors { resuming: self.descriptors.resuming, ..Descriptors::default() }
    }
}

impl Passphrases {
    fn standing(&self, ask: &PassphraseAsk) -> Result<Zeroizing<Vec<u8>>, StoreFault> {
        if ask.attempt > 1 {
            self.entered.memory().passphrase = None;
        }
        if let Some(known) = &self.entered.memory().passphrase {
            return Ok(Zeroizing::new(known.expose().to_vec()));
        }
        let Descriptors { passphrase, new, resuming } = self.descriptors;
        let order = if resuming { [new, passphrase] } else { [passphrase, None] };
        if let Some(line) = self.first_unread(order)? {
            return Ok(line);
        }
        let place = ask.store.display();
        if !self.person {
            return Err(unavailable(format!(
                "the store in {place} opens with a passphrase, and nobody can be asked for it here: give it by an open \
                 descriptor (--passphrase-fd 3 3< FILE, or RENEWD_STORE_PASSPHRASE_FD=3), or let an agent hold it"
            )));
        }
        let prompt = match ask.attempt {
            0 | 1 => format!("Passphrase of the store in {place}: "),
            _ => "That does not open it. Passphrase: ".to_owned(),
        };
        hidden(&prompt)
    }

    fn former(&self) -> Result<Zeroizing<Vec<u8>>, StoreFault> {
        let Descriptors { passphrase, new, .. } = self.descriptors;
        if let Some(line) = self.first_unread([passphrase, new])? {
            return Ok(line);
        }
        if !self.person {
            return Err(unavailable(
                "a change from one passphrase to another was begun and not ended, and the earlier one is needed once \
                 more: renewd rekey --passphrase-fd 3 --new-passphrase-fd 4 3< EARLIER 4< NEW"
                    .into(),
            ));
        }
        hidden("The passphrase of before (a change was begun and not ended): ")
    }

    fn new_one(&self) -> Result<Zeroizing<Vec<u8>>, StoreFault> {
        // The one descriptor is that of the new passphrase where the store did not open with one.
        let Descriptors { passphrase, new, .. } = self.descriptors;
        if let Some(line) = self.first_unread([new, passphrase])? {
            return Ok(line);
        }
        if !self.person {
            return Err(unavailable(
                "a new passphrase is needed, and nobody can be asked for it here: give it by an open descriptor \
                 (--passphrase-fd 3 3< FILE; in a change from one passphrase to another, --new-passphrase-fd)"
                    .into(),
            ));
        }
        for _ in 0..NEW_TRIES {
            let first = hidden("New passphrase (it will not be shown): ")?;
            if hidden("The same once more: ")? == first {
                return Ok(first);
            }
            say("these were not the same");
        }
        Err(unavailable("no passphrase was entered twice in the same way; nothing was done".into()))
    }

    /// What stands in the first of these descriptors that was not read yet; none where there is no such one.
    fn first_unread(&self, order: [Option<i32>; 2]) -> Result<Option<Zeroizing<Vec<u8>>>, StoreFault> {
        let mut memory = self.entered.memory();
        let Some(fd) = order.into_iter().flatten().find(|fd| !memory.read.contains(fd)) else {
            return Ok(None);
        };
        memory.read.push(fd);
        read(fd, self.patience).map(Some)
    }
}

/// Keeps a descriptor that leads to a passphrase from the programs that are started, whether anybody had to read it or
/// not: an agent may have answered.
#[cfg(unix)]
pub(crate) fn keep_from_children(fd: i32) {
    // One that is not open leads nowhere.
    drop(descriptor(fd));
}

fn hidden(prompt: &str) -> Result<Zeroizing<Vec<u8>>, StoreFault> {
    ask_hidden(prompt, "the passphrase").map_err(|failure| unavailable(failure.message))
}

/// One line, without its end.
fn read(fd: i32, patience: Duration) -> Result<Zeroizing<Vec<u8>>, StoreFault> {
    let told = |why: String| unavailable(format!("the passphrase: descriptor {fd} {why}"));
    let mut line = read_within(fd, LINE_BYTES_MAX, patience).map_err(told)?;
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    if line.contains(&b'\n') {
        return Err(told("holds more than one line".into()));
    }
    Ok(line)
}

fn unavailable(message: String) -> StoreFault {
    StoreFault { kind: StoreFaultKind::KeyUnavailable, message }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::io::{Seek as _, Write as _};
    use std::os::fd::AsRawFd as _;

    /// Longer than any test takes on the slowest machine.
    const LONG: Duration = Duration::from_secs(60);

    fn ask(purpose: PassphrasePurpose, attempt: u32) -> PassphraseAsk {
        PassphraseAsk::new(purpose, attempt, "/store")
    }

    fn file(content: &[u8]) -> std::fs::File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        file.rewind().unwrap();
        file
    }

    #[test]
    fn a_descriptor_is_read_once_and_what_it_held_serves_the_whole_process() {
        let given = file("corr\u{e9}ct horse\r\n".as_bytes());
        let entered = Entered::default();
        let descriptors = Descriptors { passphrase: Some(given.as_raw_fd()), ..Descriptors::default() };
        for _ in 0..2 {
            let source = entered.clone().with(descriptors, false, LONG);
            assert!(!source.asks_a_person());
            let got = source.passphrase(&ask(PassphrasePurpose::Open, 1)).unwrap();
            assert_eq!(got.as_slice(), "corr\u{e9}ct horse".as_bytes());
        }
    }

    #[test]
    fn a_new_passphrase_has_its_own_descriptor_where_the_old_one_took_the_first() {
        let (old, new) = (file(b"old one"), file(b"new one"));
        let descriptors =
            Descriptors { passphrase: Some(old.as_raw_fd()), new: Some(new.as_raw_fd()), resuming: false };
        let source = Entered::default().with(descriptors, false, LONG);
        assert_eq!(source.passphrase(&ask(PassphrasePurpose::Open, 1)).unwrap().as_slice(), b"old one");
        assert_eq!(source.passphrase(&ask(PassphrasePurpose::New, 1)).unwrap().as_slice(), b"new one");
        // A change that was begun: the store opens with the new one, and the old one is asked for once more.
        let (old, new) = (file(b"old one"), file(b"new one"));
        let descriptors =
            Descriptors { passphrase: Some(old.as_raw_fd()), new: Some(new.as_raw_fd()), resuming: true };
        let source = Entered::default().with(descriptors, false, LONG);
        assert_eq!(source.passphrase(&ask(PassphrasePurpose::Open, 1)).unwrap().as_slice(), b"new one");
        assert_eq!(source.passphrase(&ask(PassphrasePurpose::Former, 1)).unwrap().as_slice(), b"old one");
        assert!(source.passphrase(&ask(PassphrasePurpose::Former, 1)).is_err(), "each is read once");
        // The store opened without one: the only descriptor holds the new one.
        let lone = file(b"the only");
        let descriptors = Descriptors { passphrase: Some(lone.as_raw_fd()), ..Descriptors::default() };
        let source = Entered::default().with(descriptors, false, LONG);
        assert_eq!(source.passphrase(&ask(PassphrasePurpose::New, 1)).unwrap().as_slice(), b"the only");
        assert_eq!(source.passphrase(&ask(PassphrasePurpose::Open, 1)).unwrap().as_slice(), b"the only");
    }

    #[test]
    fn where_nobody_can_be_asked_the_words_say_how_to_give_it_and_show_nothing() {
        let source = Entered::default().with(Descriptors::default(), false, LONG);
        for (purpose, words) in [
            (PassphrasePurpose::Open, "RENEWD_STORE_PASSPHRASE_FD"),
            (PassphrasePurpose::New, "--passphrase-fd"),
        ] {
            let fault = source.passphrase(&ask(purpose, 1)).unwrap_err();
            assert_eq!(fault.kind, StoreFaultKind::KeyUnavailable);
            assert!(fault.message.contains(words), "{}", fault.message);
        }
        let two = file(b"hunter2 hunter2\nand more\n");
        let descriptors = Descriptors { passphrase: Some(two.as_raw_fd()), ..Descriptors::default() };
        let fault =
            Entered::default().with(descriptors, false, LONG).passphrase(&ask(PassphrasePurpose::Open, 1));
        let words = fault.unwrap_err().message;
        assert!(words.contains("more than one line") && !words.contains("hunter2"), "{words}");
    }

    #[test]
    fn a_pipe_whose_writer_never_ends_is_named_and_not_waited_for_without_end() {
        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(b"hunter2 hunter2\n").unwrap();
        let fd = reader.as_raw_fd();
        let descriptors = Descriptors { passphrase: Some(fd), ..Descriptors::default() };
        let source = Entered::default().with(descriptors, false, Duration::from_millis(20));
        let fault = source.passphrase(&ask(PassphrasePurpose::Open, 1)).unwrap_err();
        assert_eq!(fault.kind, StoreFaultKind::KeyUnavailable);
        for words in [format!("descriptor {fd} "), "nobody closed".into()] {
            assert!(fault.message.contains(&words), "{}", fault.message);
        }
        assert!(!fault.message.contains("hunter2"), "{}", fault.message);
        drop(writer);
    }
}

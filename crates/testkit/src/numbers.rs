//! Six numbers for a fault: what every proof, whatever its depth, reports in the same words.
//!
//! A test tells them with [`Numbers::report`]. Where the environment names a folder in `RENEWD_NUMBERS`, a row is kept
//! there as one JSON file, so that a whole run can be printed as one table; elsewhere the row is only printed.

use std::fmt;
use std::io;
use std::path::Path;

use serde_json::{Value, json};

/// The folder in which rows are kept.
pub const NUMBERS_ENV: &str = "RENEWD_NUMBERS";

/// Which proof a row comes from.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// The simulated world, in virtual time.
    World,
    /// The built binary, real files, real sockets.
    Processes,
    /// A server that was written elsewhere.
    Peer,
}

impl Tier {
    /// As it stands in a row.
    pub const fn name(self) -> &'static str {
        match self {
            Self::World => "world",
            Self::Processes => "processes",
            Self::Peer => "peer",
        }
    }
}

/// What one fault, met by some processes at one class of server, led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// The proof.
    pub tier: Tier,
    /// The fault's key in `tests/faults.toml`.
    pub fault: String,
    /// What distinguishes this row from others of the same fault; may be empty.
    pub variant: String,
    /// `P0` to `P6`, or the name of a server.
    pub class: String,
    /// Processes that shared the credential.
    pub processes: u32,
    /// Times that the fault was met.
    pub rounds: u64,
    /// Token requests that reached the server.
    pub token_requests: u64,
    /// Spent refresh tokens that the server saw again and took for theft.
    pub reuse_trips: u64,
    /// Times that somebody had to log in again.
    pub forced_logins: u64,
    /// Those among them where the rotated token was lost before it could be saved, and was reported as that.
    pub told_lost: u64,
    /// Access tokens past their expiry that a caller was given.
    pub expired_served: u64,
    /// The longest time from the end of the fault to a fresh token, in milliseconds; `None` where it never healed.
    pub heal_ms: Option<u64>,
    /// Places outside the store in which a secret was found.
    pub leaks: u64,
}

impl Numbers {
    /// A row with nothing counted yet.
    pub fn new(tier: Tier, fault: &str, class: &str, processes: u32) -> Self {
        Self {
            tier,
            fault: fault.to_owned(),
            variant: String::new(),
            class: class.to_owned(),
            processes,
            rounds: 0,
            token_requests: 0,
            reuse_trips: 0,
            forced_logins: 0,
            told_lost: 0,
            expired_served: 0,
            heal_ms: None,
            leaks: 0,
        }
    }

    /// The same row, told apart by a few words.
    #[must_use]
    pub fn variant(mut self, words: &str) -> Self {
        words.clone_into(&mut self.variant);
        self
    }

    /// Prints the row, and keeps it where [`NUMBERS_ENV`] says so.
    ///
    /// # Errors
    /// The row could not be written there.
    pub fn report(&self) -> io::Result<()> {
        println!("{self}");
        match std::env::var_os(NUMBERS_ENV) {
            Some(folder) => self.keep(Path::new(&folder)),
            None => Ok(()),
        }
    }

    /// Keeps the row in a folder, in place of an earlier one of the same name.
    ///
    /// # Errors
    /// The folder or the file could not be written.
    pub fn keep(&self, folder: &Path) -> io::Result<()> {
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join(self.file_name()), self.to_json().to_string() + "\n")
    }

    /// The row as JSON, one member for each field.
    pub fn to_json(&self) -> Value {
        json!({
            "tier": self.tier.name(), "fault": self.fault, "variant": self.variant, "class": self.class,
            "processes": self.processes, "rounds": self.rounds, "token_requests": self.token_requests,
            "reuse_trips": self.reuse_trips, "forced_logins": self.forced_logins, "told_lost": self.told_lost,
            "expired_served": self.expired_served, "heal_ms": self.heal_ms, "leaks": self.leaks,
        })
    }

    /// A row that [`to_json`](Self::to_json) made; `None` for anything else.
    pub fn from_json(row: &Value) -> Option<Self> {
        let text = |key: &str| row[key].as_str().map(str::to_owned);
        let number = |key: &str| row[key].as_u64();
        let tier = [Tier::World, Tier::Processes, Tier::Peer];
        Some(Self {
            tier: tier.into_iter().find(|tier| row["tier"] == tier.name())?,
            fault: text("fault")?,
            variant: text("variant")?,
            class: text("class")?,
            processes: u32::try_from(number("processes")?).ok()?,
            rounds: number("rounds")?,
            token_requests: number("token_requests")?,
            reuse_trips: number("reuse_trips")?,
            forced_logins: number("forced_logins")?,
            told_lost: number("told_lost")?,
            expired_served: number("expired_served")?,
            heal_ms: number("heal_ms"),
            leaks: number("leaks")?,
        })
    }

    fn file_name(&self) -> String {
        let name = [self.tier.name(), &self.fault, &self.variant, &self.class, &self.processes.to_string()]
            .join("-");
        let plain = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' });
        plain.collect::<String>() + ".json"
    }
}

impl fmt::Display for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let variant = if self.variant.is_empty() { String::new() } else { format!(" ({})", self.variant) };
        write!(
            f,
            "{}: {}{variant} · {} · {} processes · {} rounds: token requests {} · reuse trips {} · forced logins {} \
             (told as lost {}) · expired tokens served {} · time to heal ",
            self.tier.name(),
            self.fault,
            self.class,
            self.processes,
            self.rounds,
            self.token_requests,
            self.reuse_trips,
            self.forced_logins,
            self.told_lost,
            self.expired_served,
        )?;
        match self.heal_ms {
            Some(ms) => write!(f, "{ms} ms")?,
            None => f.write_str("never")?,
        }
        write!(f, " · secret leaks {}", self.leaks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Numbers {
        let mut row = Numbers::new(Tier::Processes, "kill-at-step", "P2", 2).variant("commit.rename");
        (row.rounds, row.token_requests, row.reuse_trips, row.forced_logins) = (3, 5, 1, 2);
        (row.told_lost, row.expired_served, row.heal_ms, row.leaks) = (2, 4, Some(1500), 6);
        row
    }

    #[test]
    fn a_row_comes_back_as_it_was_kept() {
        let folder = std::env::temp_dir().join(format!("renewd-numbers-{}", std::process::id()));
        row().keep(&folder).unwrap();
        row().keep(&folder).unwrap();
        let files: Vec<_> = std::fs::read_dir(&folder).unwrap().flatten().collect();
        assert_eq!(files.len(), 1, "a later row takes the place of an earlier one");
        let text = std::fs::read_to_string(files[0].path()).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(Numbers::from_json(&serde_json::from_str(&text).unwrap()), Some(row()));
    }

    #[test]
    fn what_is_no_row_is_none() {
        let mut broken = row().to_json();
        broken["tier"] = "guess".into();
        assert_eq!(Numbers::from_json(&broken), None);
        assert_eq!(Numbers::from_json(&json!({})), None);
    }

    #[test]
    fn a_row_reads_as_a_sentence_and_says_when_nothing_healed() {
        let mut row = row();
        assert!(row.to_string().contains("kill-at-step (commit.rename) · P2 · 2 processes"), "{row}");
        row.heal_ms = None;
        assert!(row.to_string().contains("time to heal never"), "{row}");
    }
}

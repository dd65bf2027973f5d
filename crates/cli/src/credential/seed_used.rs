//! Which seed a record was begun from, so that one that somebody put in its place later can be told: it is not used, and
//! whoever rotated a secret should not believe that it is.
//!
//! What is kept is a salted digest of a token that was spent long ago, in the state folder that its successors stand in.

use std::io::{BufRead as _, Write as _};
use std::path::Path;

use renewd_core::Secret;
use renewd_driver::system::SystemEntropy;
use renewd_driver::{CredentialName, Entropy as _};
use renewd_store::PrivateFolder;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::config::Config;
use crate::input::secret::read_secret_file;
use crate::json::SCHEMA;

/// Beside the journals.
const FOLDER: &str = "seeds";

#[derive(Serialize, Deserialize)]
struct Used {
    schema: u32,
    salt: String,
    sha256: String,
}

/// Remembers that a record was begun from this seed. That it could not be remembered harms nothing but the hint.
pub(super) fn remember(config: &Config, name: &CredentialName, seed: &Secret) {
    let Ok(state) = config.places().state() else { return };
    let salt = format!("{:032x}", SystemEntropy.attempt_id().0);
    let used = Used { schema: SCHEMA, sha256: digest(&salt, seed), salt };
    let written = PrivateFolder::create(&state.join(FOLDER)).and_then(|folder| folder.append(&file(name)));
    let line = serde_json::to_string(&used).unwrap_or_default();
    match written {
        Ok(mut file) => {
            if let Err(error) = writeln!(file, "{line}") {
                tracing::debug!(kind = ?error.kind(), "which seed was used is not remembered");
            }
        }
        Err(fault) => tracing::debug!(fault = fault.message, "which seed was used is not remembered"),
    }
}

/// Whether the credential's seed file holds another token than its record was begun from. No where nothing is known.
pub(crate) fn is_replaced(config: &Config, name: &CredentialName) -> bool {
    let Some(path) = config.path("credential", "seed_file", Some(name)) else { return false };
    let (Ok(seed), Some(used)) = (read_secret_file(&path, "the seed"), last(config, name)) else {
        return false;
    };
    digest(&used.salt, &seed) != used.sha256
}

fn last(config: &Config, name: &CredentialName) -> Option<Used> {
    let state: &Path = config.places().state().ok()?;
    let lines = PrivateFolder::open(&state.join(FOLDER)).ok()??.read(&file(name)).ok()??;
    let last = lines.lines().map_while(Result::ok).filter(|line| !line.is_empty()).last()?;
    serde_json::from_str(&last).ok()
}

fn file(name: &CredentialName) -> String {
    format!("{name}.jsonl")
}

fn digest(salt: &str, seed: &Secret) -> String {
    let mut hash = Sha256::new();
    hash.update(salt.as_bytes());
    hash.update(seed.expose());
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

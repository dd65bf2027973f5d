//! The user's own provider profiles, and what the configuration alone says of a credential's.

use std::path::PathBuf;
use std::sync::Arc;

use renewd_core::Profile;
use renewd_profiles::{PROFILE_BYTES_MAX, parse_file};

use super::document::CredentialEntry;
use super::{Config, utf8};
use crate::exit::Failure;
use crate::input::file::read_checked;
use crate::profiles::{Profiles, Source};

/// Reads the files of `--profile-file`.
///
/// # Errors
/// A configuration failure with everything that is wrong in the first file that is wrong, or where two have one name.
pub(super) fn of_files(files: &[PathBuf]) -> Result<Profiles, Failure> {
    let mut profiles = Profiles::default();
    for path in files {
        let bytes = read_checked(path, PROFILE_BYTES_MAX).map_err(|error| {
            Failure::configuration(format!("the profile file {} {}", path.display(), error.text()))
        })?;
        let text = utf8(path, &bytes)?;
        let profile =
            parse_file(path, text).map_err(|problems| Failure::configuration(problems.to_string()))?;
        if let Some(other) = profiles.own().find(|k| k.profile.name == profile.name) {
            let message = format!(
                "two profile files are called {}: {} and {}",
                profile.name,
                other.source,
                path.display()
            );
            return Err(Failure::configuration(message).advise("give only one of them, or rename one"));
        }
        profiles.add(profile, Source::File(Arc::new(path.clone())));
    }
    Ok(profiles)
}

/// The profile that an entry names, or whose server it names.
pub(super) fn of_entry<'c>(config: &'c Config, entry: &CredentialEntry) -> Option<&'c Profile> {
    let text = |key| entry.settings.get(&("credential", key)).and_then(|at| at.value.as_text());
    match text("profile") {
        Some(name) => config.profiles.named(name).map(|k| k.profile),
        None => config.profiles.for_server(text("issuer"), text("token_endpoint").unwrap_or_default()),
    }
}

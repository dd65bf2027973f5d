//! Whose a refresh token is, and what becomes of its owner when renewd uses it, too.

use renewd_core::AsClass;
use renewd_driver::CredentialName;

use crate::exit::Failure;
use crate::json::login_command;

/// Who has the token that was found.
pub(in crate::commands::import) struct Owner {
    /// For people: `gcloud`, `the rclone remote work`.
    pub(in crate::commands::import) name: String,
    /// How it is kept from using the token, in the imperative.
    pub(in crate::commands::import) stop: String,
}

/// What is said to somebody who imports a token that has an owner.
///
/// # Errors
/// A usage failure where the server replaces refresh tokens and nobody said that this one is taken over.
pub(in crate::commands::import) fn share(
    name: &CredentialName,
    place: &str,
    owner: &Owner,
    class: AsClass,
    take_over: bool,
) -> Result<String, Failure> {
    let (who, stop) = (&owner.name, &owner.stop);
    match (class, take_over) {
        (AsClass::P0, _) => Ok(format!(
            "{name}: this server does not replace refresh tokens, so {who} and renewd can both use this one; whichever \
             logs out or revokes it ends it for the other"
        )),
        (_, true) => Ok(format!(
            "{name}: taken over from {who}, whose token is spent with the first refresh here. Stop it now: {stop}"
        )),
        (_, false) => Err(Failure::usage(format!(
            "the refresh token in {place} is {who}'s, and this server replaces a refresh token when it is used (class {}): \
             it cannot have two owners. With the first refresh here {who}'s is spent; {who} then fails, and a server that \
             takes that for theft ends both",
            class.name()
        ))
        .advise(format!(
            "log in for a token of its own: {}\n  or add --take-over, and stop {who}: {stop}\n  or, where you know that \
             the server does not replace refresh tokens, say so with --as-class P0",
            login_command(name.as_str())
        ))
        .about(name)),
    }
}

//! `renewd rekey`: seals every record with another key, from the same place or from another one.
//!
//! It may be interrupted at any point, and goes on when it is called again. Agents and other commands go on meanwhile:
//! they see which key holds.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;

use clap::Args;
use renewd_store::{KeySource, OldKey, RekeyRequest, Rekeyed, Remembered, rekey};

use super::init::setting;
use crate::app::App;
use crate::config::Config;
use crate::credential::{key_setting, open_failure, options, remembered};
use crate::exit::{Exit, Failure};
use crate::input::passphrase::Descriptors;
use crate::journal::{self, What};

/// Arguments of `rekey`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  renewd rekey                              a new key in the same place
  renewd rekey --key keyring                from wherever it lies into the system's keyring
  renewd rekey --key passphrase             asks for a new passphrase

It may be interrupted at any point: the store stays usable, and the same command goes on.")]
pub(crate) struct Rekey {
    /// Where the new key lies: keyring, file, file:PATH, passphrase or systemd:NAME [default: where the old one does]
    #[arg(long, value_name = "SOURCE")]
    key: Option<String>,
    /// Read the new passphrase from an open descriptor, where the old key is a passphrase too
    #[arg(long, value_name = "N")]
    new_passphrase_fd: Option<u16>,
}

/// Seals anew.
///
/// # Errors
/// Exit 5 where the store or one of the keys cannot be used, or records are left to be sealed; exit 6 where the
/// configuration says that the key lies elsewhere.
pub(crate) fn run(args: &Rekey, app: &App) -> Result<(), Failure> {
    let config = app.config()?;
    let Some(made) = remembered(&config)? else {
        return Err(Failure::usage("there is no store yet, and so nothing to seal anew")
            .advise("renewd init makes one, and chooses where its key lies"));
    };
    let to = target(args, &config)?;
    let mut options = options(&config)?;
    options.kind = None;
    options.passphrase = Some(config.access().passphrases(descriptors(args, &config, &made)));
    let state = config.places().state()?;
    let to = to.map(|to| KeySource::from_setting(&to, state).map_err(open_failure)).transpose()?;
    let mut request = RekeyRequest::new(to);
    if io::stderr().is_terminal() && !app.output.is_quiet() {
        request.progress = Some(Arc::new(|done, of| {
            // Nobody can be told that standard error is gone.
            let _ =
                write!(io::stderr(), "\r  {done} of {of} credentials{}", if done == of { "\n" } else { "" });
        }));
    }
    let done = rekey(options, &request).map_err(|error| {
        open_failure(error).advise(what_stands(remembered(&config).ok().flatten().as_ref()))
    })?;
    journal::note(state, None, What::Rekeyed { key: done.setting.clone() });
    report(&done, app)
}

/// How it is with the key after a failure.
fn what_stands(made: Option<&Remembered>) -> String {
    let Some(made) = made else { return "look at the store with `renewd doctor`".into() };
    match &made.next {
        Some(next) => format!(
            "a change of the key from {} to {} was begun and not ended, and both are needed until then: `renewd rekey` \
             goes on with it",
            made.current.setting, next.setting
        ),
        None => format!(
            "no change of the key is under way; it is the one it was made with last: {}",
            made.current.setting
        ),
    }
}

/// The setting to seal for; none for a new key in the same place.
fn target(args: &Rekey, config: &Config) -> Result<Option<String>, Failure> {
    let configured = key_setting(config);
    let Some(key) = &args.key else { return Ok(configured) };
    let key = setting(key, "--key")?;
    match (config.lookup("store", "key", None), configured) {
        (Some(found), Some(configured)) if configured != key => Err(Failure::configuration(format!(
            "{}: store.key is {configured:?}, and the key is to lie at {key:?}; no later command could open the store",
            found.origin
        ))
        .advise("change store.key there first, or take it out: the store itself remembers where its key lies")),
        _ => Ok(Some(key)),
    }
}

fn descriptors(args: &Rekey, config: &Config, made: &Remembered) -> Descriptors {
    let standing = config.lookup("store", "passphrase_fd", None).and_then(|found| found.value.as_number());
    Descriptors {
        passphrase: standing.and_then(|fd| i32::try_from(fd).ok()),
        new: args.new_passphrase_fd.map(i32::from),
        resuming: made.next.is_some(),
    }
}

fn report(done: &Rekeyed, app: &App) -> Result<(), Failure> {
    let resumed = if done.resumed { "; what was begun before is ended" } else { "" };
    for left in &done.left {
        app.output.warn(&format!("{}: no key opens it, and it was left as it is: {}", left.name, left.why));
    }
    if !done.is_finished() {
        let waiting: Vec<String> =
            done.waiting.iter().map(|one| format!("{}: {}", one.name, one.why)).collect();
        return Err(Failure::new(
            Exit::Store,
            format!(
                "{} sealed anew; not yet: {}; both keys are needed until then",
                counted(done.sealed),
                waiting.join("; ")
            ),
        )
        .advise("`renewd rekey` again goes on with the rest"));
    }
    app.output.note(&format!(
        "{} {} sealed anew; the key: {}{resumed}",
        app.output.err.green("✓"),
        counted(done.sealed),
        done.setting
    ));
    match &done.old_key {
        OldKey::Left(place) => {
            app.output.note(&format!("  the old key opens nothing any more; it is still at {place}: remove it"));
        }
        OldKey::NotRemoved(why) => app.output.warn(&format!(
            "the old key opens nothing any more, and could not be removed: {why}; the next command tries again"
        )),
        _ => {}
    }
    Ok(())
}

fn counted(sealed: usize) -> String {
    match sealed {
        1 => "1 record or mark".into(),
        many => format!("{many} records and marks"),
    }
}

//! `renewd init`: makes the store, and chooses with the user where its key lies.
//!
//! The choice is remembered in the store itself (`store.toml`), so that no later command needs to be told. Records are
//! sealed whatever is chosen; there is no choice for clear text. What a configuration says already is taken as said, and
//! is never changed.

mod here;
mod sources;

use clap::Args;
use renewd_store::Remembered;

use crate::app::App;
use crate::config::{Config, Value};
use crate::credential::{is_there, open, store_failure, store_folder};
use crate::exit::{Exit, Failure};
use crate::input::terminal::{ask, say};
use here::Here;
use sources::SOURCES;

/// How often a person may answer with something that is no choice.
const TRIES: u32 = 5;

/// Arguments of `init`.
#[derive(Args, Debug)]
#[command(after_help = "Where the key can lie (--key):
  keyring         the system's keyring: opens with your login
  passphrase      derived from a passphrase that you enter
  systemd:NAME    a credential that systemd hands to the service
  file:PATH       a key file elsewhere
  file            a key file beside the records, mode 0600

Without --key it asks, and recommends. `renewd rekey --key SOURCE` changes the choice later.")]
pub(crate) struct Init {
    /// Where the key lies: keyring, file, file:PATH, passphrase or systemd:NAME
    #[arg(long, value_name = "SOURCE")]
    key: Option<String>,
    /// Where the records lie: file, or keyring
    #[arg(long, value_name = "KIND", value_parser = ["file", "keyring"], hide_possible_values = true)]
    kind: Option<String>,
    /// Take what is recommended, and ask nothing
    #[arg(long)]
    yes: bool,
}

impl Init {
    /// Whether it may ask a person at the terminal.
    pub(crate) fn may_ask(&self) -> bool {
        !self.yes
    }
}

/// Makes the store.
///
/// # Errors
/// Exit 2 where nobody can be asked and nothing is recommended; exit 5 where the place that was chosen cannot be used;
/// exit 6 where the configuration says otherwise.
pub(crate) fn run(args: &Init, app: &App) -> Result<(), Failure> {
    let config = app.config()?;
    let key = args.key.as_deref().map(|key| setting(key, "--key")).transpose()?;
    let folder = store_folder(&config)?;
    if let Some(remembered) = Remembered::read(&folder).map_err(store_failure)? {
        return stands_already(&remembered, key.as_deref(), args, &folder.display().to_string(), app);
    }
    if config.text("store", "kind", None).as_deref() == Some("memory") {
        return Err(Failure::usage("store.kind is \"memory\": there is nothing to make")
            .advise("take store.kind out of the configuration, or set it to \"file\""));
    }
    if args.kind.is_none() && is_there(&config)? {
        // Only its store.toml is gone: nothing is to be chosen for records that stand.
        open(&config)?;
        if let Some(remembered) = Remembered::read(&folder).map_err(store_failure)? {
            return stands_already(&remembered, key.as_deref(), args, &folder.display().to_string(), app);
        }
    }
    let here = Here::look(&config, &app.env);
    let chosen = choose(args, key, &config, &here)?;
    let config = said(&config, &chosen)?;
    let store = open(&config)?;
    let state = config.places().state()?;
    let key = sources::place(&chosen.key, &here.keyring(), state);
    let whole =
        if chosen.kind == "keyring" { format!(", the records in {}", here.keyring()) } else { String::new() };
    app.output.note(&format!(
        "{} the store is made: {}{whole}; its key: {key}",
        app.output.err.green("✓"),
        store.place
    ));
    app.output.note(
        "  nothing more is to be configured; begin with: renewd login NAME --profile P, or, with a refresh token at hand, \
         renewd import NAME --profile P < refresh-token",
    );
    Ok(())
}

/// What was chosen.
struct Chosen {
    key: String,
    kind: String,
}

/// A key source as the configuration would take it; a path of the command line counts from the current folder.
///
/// # Errors
/// A usage failure that does not repeat it: somebody may have given the secret itself.
pub(crate) fn setting(text: &str, flag: &str) -> Result<String, Failure> {
    let absolute = match text.strip_prefix("file:").filter(|path| !path.is_empty()) {
        Some(path) => std::path::absolute(path)
            .map(|path| format!("file:{}", path.display()))
            .map_err(|e| Failure::usage(format!("{flag}: {}", crate::input::file::plain(&e))))?,
        None => text.to_owned(),
    };
    match Value::key_source(&absolute) {
        Ok(_) => Ok(absolute),
        Err(why) => Err(Failure::usage(format!("{flag} {why} (it is not repeated: it could be a secret)"))),
    }
}

/// The store is there: what it is made with, and how that is changed.
fn stands_already(
    remembered: &Remembered,
    key: Option<&str>,
    args: &Init,
    folder: &str,
    app: &App,
) -> Result<(), Failure> {
    let words = format!(
        "there is a store in {folder} already: kind {}, key {}",
        remembered.kind, remembered.current.setting
    );
    let other_key = key.is_some_and(|key| key != remembered.current.setting);
    if args.kind.as_ref().is_some_and(|kind| *kind != remembered.kind) {
        return Err(Failure::usage(words).advise(
            "the kind of a store is not changed; begin another one with store.path and log in there",
        ));
    }
    let whole = remembered.kind == "keyring";
    if other_key && whole {
        return Err(Failure::usage(words).advise(
            "the key of records in a keyring lies there too; begin another store with store.path and log in there",
        ));
    }
    if other_key {
        let key = key.unwrap_or_default();
        return Err(Failure::usage(words).advise(format!("renewd rekey --key {key} puts its key there")));
    }
    let change = if whole {
        "`renewd rekey` gives it another key"
    } else {
        "`renewd rekey --key SOURCE` puts its key elsewhere"
    };
    app.output.note(&format!("{words}\n  {change}"));
    Ok(())
}

/// The configuration with the choice in it.
///
/// # Errors
/// Where it says otherwise by itself: no later command could open the store then.
fn said(config: &Config, chosen: &Chosen) -> Result<Config, Failure> {
    for (name, flag, chosen) in [("key", "--key", &chosen.key), ("kind", "--kind", &chosen.kind)] {
        if let Some(found) = config.lookup("store", name, None)
            && !same(config, name, chosen, &found.value.to_string())
        {
            return Err(Failure::configuration(format!(
                "{}: store.{name} is {:?}, and {chosen:?} is to be made; no later command could open that",
                found.origin,
                found.value.to_string()
            ))
            .advise(format!("take store.{name} out there, or leave {flag} out here")));
        }
    }
    Ok(config.clone().with_flag("store", "key", Value::Text(chosen.key.clone()), "--key").with_flag(
        "store",
        "kind",
        Value::Text(chosen.kind.clone()),
        "--kind",
    ))
}

fn same(config: &Config, name: &str, chosen: &str, configured: &str) -> bool {
    chosen == configured
        || (name == "key" && crate::credential::key_setting(config).as_deref() == Some(chosen))
}

fn choose(args: &Init, key: Option<String>, config: &Config, here: &Here) -> Result<Chosen, Failure> {
    let kind = args.kind.clone().or_else(|| config.text("store", "kind", None));
    let told = key.or_else(|| crate::credential::key_setting(config));
    // Whole records in the keyring need it anyway: the key lies there too.
    let told = told.or_else(|| (kind.as_deref() == Some("keyring")).then(|| "keyring".to_owned()));
    if let Some(key) = told {
        if key == "keyring" || kind.as_deref() == Some("keyring") {
            here.keyring_serves().map_err(|error| Failure::new(Exit::Store, error.to_string()))?;
        }
        return Ok(Chosen { key, kind: kind.unwrap_or_else(|| "file".into()) });
    }
    let recommended = here.keyring_serves().is_ok();
    if recommended && (args.yes || !here.person) {
        return Ok(Chosen { key: "keyring".into(), kind: kind.unwrap_or_else(|| "file".into()) });
    }
    if args.yes || !here.person {
        let why = here.keyring_serves().err().map(ToString::to_string).unwrap_or_default();
        return Err(Failure::usage(format!(
            "where shall the key of the store lie? The system's keyring cannot be used, and nothing weaker is chosen \
             without you. The keyring: {why}"
        ))
        .advise(sources::commands()));
    }
    let key = menu(here, recommended)?;
    match key.as_str() {
        "keyring whole" => Ok(Chosen { key: "keyring".into(), kind: "keyring".into() }),
        _ => Ok(Chosen { key, kind: kind.unwrap_or_else(|| "file".into()) }),
    }
}

/// Asks. The last choice is the whole record in the keyring.
fn menu(here: &Here, recommended: bool) -> Result<String, Failure> {
    say("Every login is kept in a sealed record. Where shall the key lie that opens the records?\n\
         Nothing is ever stored in clear.\n");
    for (number, source) in (1..).zip(SOURCES) {
        let best = if recommended && source.setting == "keyring" { "  (recommended)" } else { "" };
        say(&format!("  {number}  {}: {}{best}", source.setting, source.title));
        if let Some(remark) = here.remark(source.setting) {
            say(&format!("       now:      {remark}"));
        }
        say(&format!(
            "       protects: {}\n       needs:    {}\n       limits:   {}\n",
            source.protects, source.needs, source.limits
        ));
    }
    let whole = SOURCES.len() + 1;
    say(&format!(
        "  {whole}  everything in the keyring: the records as well, none in files\n       \
         as 1; slower, and what a keyring loses is lost. Pieces of a record are put where an item is small.\n"
    ));
    let default = if recommended { " [1]" } else { "" };
    for _ in 0..TRIES {
        let answer = ask(&format!("Which one? A number or a name{default}: "))?;
        let number = match answer.as_str() {
            "" if recommended => Some(1),
            text => text.parse::<usize>().ok(),
        };
        let setting = match number {
            Some(n) if n == whole => Some("keyring whole"),
            Some(n) => n.checked_sub(1).and_then(|n| SOURCES.get(n)).map(|source| source.setting),
            None => sources::of(&answer).map(|_| answer.as_str()),
        };
        match setting {
            None => say("that is none of them"),
            Some("keyring" | "keyring whole") if here.keyring_serves().is_err() => {
                say(&here.remark("keyring").unwrap_or_default());
            }
            Some("file:PATH") => return named("file", "Which file?"),
            Some("systemd:NAME") => return named("systemd", "Which credential?"),
            Some(setting) if setting.contains(':') => return self::setting(setting, "the answer"),
            Some(setting) => return Ok(setting.to_owned()),
        }
    }
    Err(Failure::usage("nothing was chosen; nothing was made").advise(sources::commands()))
}

fn named(kind: &str, question: &str) -> Result<String, Failure> {
    let answer = ask(&format!("{question} "))?;
    setting(&format!("{kind}:{answer}"), "the answer")
}

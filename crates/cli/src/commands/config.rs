//! `renewd config`: what holds, where each value came from, and whether the configuration is right.

mod lists;
mod one;

use clap::{Args, Subcommand};
use renewd_driver::CredentialName;

use crate::app::App;
use crate::config::{Config, Effective, GLOBAL, Key, Missing, Origin, POLICY};
use crate::credential::{
    Secrets, check_transport, chosen, contradictions, glance, is_memory, names, open_existing, remembered,
    setup, store_folder,
};
use crate::exit::Failure;

/// Arguments of `config`.
#[derive(Args, Debug)]
pub(crate) struct ConfigCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Print each effective value and where it came from
    Show {
        /// The values of one credential
        name: Option<CredentialName>,
    },
    /// Say whether the configuration is right
    Check,
}

/// Shows or checks.
///
/// # Errors
/// What is wrong with the configuration.
pub(crate) fn run(args: &ConfigCommand, app: &App) -> Result<(), Failure> {
    let config = app.config()?;
    match &args.what {
        What::Show { name: None } => show(&config, app),
        What::Show { name: Some(name) } => {
            app.output.data(laid_out(&one::rows(&config, name)?, app).as_bytes())
        }
        What::Check => check(&config, app),
    }
}

/// One line of `config show`.
struct Row {
    key: String,
    value: String,
    origin: String,
}

fn row(key: &Key, path: String, found: Option<Effective>) -> Row {
    match found {
        Some(found) => Row { key: path, value: found.value.to_string(), origin: found.origin.to_string() },
        None => Row { key: path, value: key.default.into(), origin: Origin::Default.to_string() },
    }
}

fn show(config: &Config, app: &App) -> Result<(), Failure> {
    let mut rows = places(config)?;
    let made = remembered(config).unwrap_or_default();
    let all = GLOBAL.iter().chain(POLICY);
    rows.extend(
        all.map(|key| {
            let mut row = row(key, key.path(), config.lookup(key.table, key.name, None));
            // Where things really are, rather than how that was found out.
            match (key.table, key.name) {
                ("store", "path") => row.value = store_folder(config)?.display().to_string(),
                ("store", name @ ("kind" | "key")) if config.lookup("store", name, None).is_none() => {
                    if let Some(made) = &made {
                        row.value =
                            if name == "key" { made.current.setting.clone() } else { made.kind.clone() };
                        row.origin = "the store itself (store.toml)".into();
                    }
                }
                ("agent", "socket") => row.value = crate::agent_client::socket(config)?.display().to_string(),
                _ => {}
            }
            Ok(row)
        })
        .collect::<Result<Vec<_>, Failure>>()?,
    );
    rows.extend(lists::rows(config));
    app.output.data(laid_out(&rows, app).as_bytes())
}

fn places(config: &Config) -> Result<Vec<Row>, Failure> {
    let state = config.places().state()?;
    let file = match (config.file(), config.places().config()) {
        (Some(path), _) => path.display().to_string(),
        (None, Some((path, _))) => format!("{} (not there)", path.display()),
        (None, None) => "none".into(),
    };
    let named = config.places().config().is_some_and(|(_, named)| named);
    Ok(vec![
        Row {
            key: "config".into(),
            value: file,
            origin: if named { Origin::Flag("--config").to_string() } else { Origin::Default.to_string() },
        },
        Row {
            key: "state_dir".into(),
            value: state.display().to_string(),
            origin: config.places().state_from().into(),
        },
    ])
}

fn laid_out(rows: &[Row], app: &App) -> String {
    let width = |of: fn(&Row) -> &str| rows.iter().map(|r| of(r).chars().count()).max().unwrap_or(0);
    let (keys, values) = (width(|r| &r.key), width(|r| &r.value).min(60));
    rows.iter()
        .map(|r| {
            let origin = app.output.out.dim(format!("# {}", r.origin));
            format!("{:<keys$} = {:<values$}  {origin}\n", r.key, r.value)
        })
        .collect()
}

fn check(config: &Config, app: &App) -> Result<(), Failure> {
    for (name, near) in Config::unknown_variables(&app.env) {
        let near = near.map(|n| format!("; did you mean {n}?")).unwrap_or_default();
        app.output.warn(&format!("the variable {name} is not known{near}"));
    }
    let store = open_existing(config)?;
    let known = names(config, store.as_ref().map(|s| s.port.as_ref()))?;
    for name in &known {
        let record = match &store {
            Some(store) => glance(config, store.port.as_ref(), name)?.record,
            None => None,
        };
        setup(config, name, record.as_ref(), Secrets::Read)?;
        check_transport(config, name)?;
        let chosen = chosen(config, name, record.as_ref())?;
        for odd in contradictions(config, name, record.as_ref(), &chosen) {
            app.output.warn(&odd);
        }
    }
    // The login may come later; that it is no slip of the pen, a person must say. Whom an agent keeps in memory alone is
    // not seen from here: the doctor asks it.
    for Missing { what, advice } in config.missing(&known).into_iter().filter(|_| !is_memory(config)) {
        app.output.warn(&format!("{what}; {advice}"));
    }
    for (host, one, other) in config.profiles().rivals() {
        app.output.warn(&format!(
            "the profiles {one} and {other} both claim {host}: neither is chosen for it unless it is named"
        ));
    }
    let what = match config.file() {
        Some(path) => format!("{} is right", path.display()),
        None => "there is no configuration file; the defaults hold".into(),
    };
    app.output.note(&format!("{} {what}", app.output.err.green("✓")));
    Ok(())
}

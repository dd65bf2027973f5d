//! `renewd doctor`: looks at everything a credential depends on here, says what is wrong, and how to mend it.
//!
//! It sends nothing, and leaves nothing behind: the one thing that it makes is an item in the keyring, which it reads
//! and removes again. The exit code is that of the first thing that is wrong.

mod keys;
mod served;
#[cfg(unix)]
mod sinks;

use clap::Args;
use renewd_blocking::block_on;
use renewd_core::{BootId, Wall};
use renewd_driver::system::SystemClock;
use renewd_driver::{Clock as _, CredentialName};

use crate::agent_client::{Agent, Asked, NoAgent, socket};
use crate::app::App;
use crate::config::{Config, Missing};
use crate::credential::{
    OpenStore, Secrets, check_transport, glance, is_seed_replaced, names, open_existing, setup, store_failure,
};
use crate::exit::{Exit, Failure};
use crate::json::CredentialStatus;

/// 2025-01-01: a clock before it was never set, and no certificate of today is valid for it.
const PLAUSIBLE: Wall = Wall::from_unix_millis(1_735_689_600_000);

/// Arguments of `doctor`.
#[derive(Args, Debug)]
pub(crate) struct Doctor {}

enum Finding {
    Good(String),
    /// Works, but somebody should know.
    Note(String),
    /// It may come later.
    Missing(Missing),
    Bad(Failure),
}

/// Looks.
///
/// # Errors
/// The exit code of the first thing that is wrong; the words stand in the report.
pub(crate) fn run(_args: &Doctor, app: &App) -> Result<(), Failure> {
    let mut findings = vec![version()];
    match app.config() {
        Err(failure) => findings.push(Finding::Bad(failure)),
        Ok(config) => {
            configuration(&config, app, &mut findings);
            let store = store(&config, &mut findings);
            keys::look(&config, &mut findings);
            process(&mut findings);
            clocks(&mut findings);
            let mut known = agent(&config, &mut findings);
            #[cfg(unix)]
            hooks(&config, app, &mut findings);
            let seen = !matches!(store, Seen::Unknown);
            match store {
                Seen::Unknown => {}
                Seen::None => known.extend(credentials(&config, None, &mut findings)),
                Seen::Open(store) => known.extend(credentials(&config, Some(&store), &mut findings)),
                Seen::Served(all) => served::credentials(&config, &all, &mut findings),
            }
            if seen {
                findings.extend(config.missing(&known).into_iter().map(Finding::Missing));
            }
            proxies(&config, &mut findings);
            #[cfg(unix)]
            sinks::look(&config, &mut findings);
        }
    }
    report(&findings, app)
}

fn report(findings: &[Finding], app: &App) -> Result<(), Failure> {
    let paint = app.output.out;
    let mut text = String::new();
    let mut first: Option<Exit> = None;
    for finding in findings {
        let (sign, words, fix) = match finding {
            Finding::Good(words) => (paint.green("✓"), words.clone(), None),
            Finding::Note(words) => (paint.yellow("!"), words.clone(), None),
            Finding::Missing(missing) => {
                (paint.yellow("!"), missing.what.clone(), Some(missing.advice.clone()))
            }
            Finding::Bad(failure) => {
                first = first.or(Some(failure.exit));
                (paint.red("✗"), failure.message.clone(), failure.advice.clone())
            }
        };
        text.push_str(&format!("{sign} {}\n", words.replace('\n', "\n  ")));
        if let Some(fix) = fix {
            text.push_str(&format!("    → {fix}\n"));
        }
    }
    app.output.data(text.as_bytes())?;
    first.map_or(Ok(()), |exit| Err(Failure::silent(exit)))
}

fn version() -> Finding {
    let (version, os, arch) = (env!("CARGO_PKG_VERSION"), std::env::consts::OS, std::env::consts::ARCH);
    Finding::Good(format!("renewd {version} on {os} {arch}"))
}

fn configuration(config: &Config, app: &App, findings: &mut Vec<Finding>) {
    findings.push(Finding::Good(match (config.file(), config.places().config()) {
        (Some(path), _) => format!("configuration: {}", path.display()),
        (None, Some((path, _))) => format!("configuration: none at {}; the defaults hold", path.display()),
        (None, None) => "configuration: none; the defaults hold".into(),
    }));
    findings.extend(config.warnings.iter().map(|w| Finding::Note(format!("environment: {w}"))));
    for (name, near) in Config::unknown_variables(&app.env) {
        let near = near.map(|n| format!("; did you mean {n}?")).unwrap_or_default();
        findings.push(Finding::Note(format!("environment: the variable {name} is not known{near}")));
    }
}

/// What was seen of the store.
enum Seen {
    /// Nothing more can be said about credentials.
    Unknown,
    /// It is not there yet.
    None,
    Open(OpenStore),
    /// An agent has it open, and says this.
    Served(Vec<CredentialStatus>),
}

fn store(config: &Config, findings: &mut Vec<Finding>) -> Seen {
    match config.places().state() {
        Err(failure) => {
            findings.push(Finding::Bad(failure));
            return Seen::Unknown;
        }
        Ok(path) => findings.push(Finding::Good(format!("state: {}", path.display()))),
    }
    match open_existing(config) {
        Err(failure) => match served::by_agent(config, &failure, findings) {
            Some(all) => Seen::Served(all),
            None => {
                findings.push(Finding::Bad(failure));
                Seen::Unknown
            }
        },
        Ok(None) => {
            findings.push(Finding::Good(
                "store: none yet; `renewd init` makes it, and so does the first login".into(),
            ));
            Seen::None
        }
        Ok(Some(store)) => {
            findings.push(Finding::Good(format!("store: {} opens with its key", store.place)));
            Seen::Open(store)
        }
    }
}

/// What keeps other programs of the same user from this process's memory.
fn process(findings: &mut Vec<Finding>) {
    for (name, words, good) in crate::harden::report().lines() {
        let words = format!("{name}: {words}");
        findings.push(if good { Finding::Good(words) } else { Finding::Note(words) });
    }
}

fn clocks(findings: &mut Vec<Finding>) {
    let now = SystemClock.now();
    if now.wall < PLAUSIBLE {
        findings.push(Finding::Bad(
            Failure::internal(format!(
                "clock: it shows {}, which cannot be",
                crate::output::time::rfc3339(now.wall)
            ))
            .advise("set the clock (timedatectl set-ntp true): tokens and certificates are judged by it"),
        ));
    } else {
        let boot = if SystemClock.boot_id() == BootId::default() { "unknown" } else { "known" };
        findings.push(Finding::Good(format!(
            "clocks: wall {}, boot {} ago ({boot})",
            crate::output::time::rfc3339(now.wall),
            crate::output::time::brief(renewd_core::Span::from_millis(now.boot.as_millis()))
        )));
    }
}

/// Whom it serves.
fn agent(config: &Config, findings: &mut Vec<Finding>) -> Vec<CredentialName> {
    let mut served = Vec::new();
    let place = socket(config).map(|s| s.display().to_string()).unwrap_or_default();
    findings.push(match Agent::find(config) {
        Err(NoAgent::Absent) => {
            Finding::Good(format!("agent: none at {place}; tokens are refreshed when they are asked for"))
        }
        Err(NoAgent::Elsewhere(dir)) => Finding::Note(format!(
            "agent: the one at {place} serves another state folder ({}) and is passed over",
            dir.display()
        )),
        Err(NoAgent::Silent(why)) => Finding::Note(format!("agent: {why}; it is passed over")),
        Ok(agent) => match agent.all() {
            Asked::Answer(all) => {
                served.extend(all.credentials.iter().filter_map(|c| c.name.parse().ok()));
                Finding::Good(format!(
                    "agent: version {} (process {}) serves {} credentials at {place}",
                    agent.description.version,
                    agent.description.pid,
                    all.credentials.len()
                ))
            }
            Asked::Refused(failure) => Finding::Note(format!("agent: {}", failure.message)),
            Asked::Silent(why) => Finding::Note(format!(
                "agent: process {} at {place}: {why}; it is passed over",
                agent.description.pid
            )),
        },
    });
    served
}

/// What is run, or shown, when a login is needed.
#[cfg(unix)]
fn hooks(config: &Config, app: &App, findings: &mut Vec<Finding>) {
    findings.extend(crate::hooks::look(config, &app.env).into_iter().map(|found| match found {
        Ok(good) => Finding::Good(good),
        Err(why) => Finding::Note(why),
    }));
}

/// All there are here.
fn credentials(
    config: &Config,
    store: Option<&OpenStore>,
    findings: &mut Vec<Finding>,
) -> Vec<CredentialName> {
    let names = match names(config, store.map(|s| s.port.as_ref())) {
        Ok(names) => names,
        Err(failure) => {
            findings.push(Finding::Bad(failure));
            return config.credentials().map(|(name, _)| name.clone()).collect();
        }
    };
    for name in &names {
        findings.push(credential(config, store, name));
    }
    // One claim tells about the locks of the whole folder; it is given back at once.
    if let (Some(store), Some(name)) = (store, names.first()) {
        findings.push(match block_on(store.port.try_claim(name)) {
            Ok(Some(_)) => Finding::Good("locks: a claim can be taken".into()),
            Ok(None) => Finding::Good(format!("locks: the claim of {name} is held, by a refresh under way")),
            Err(fault) => Finding::Bad(store_failure(fault)),
        });
    }
    names
}

fn credential(config: &Config, store: Option<&OpenStore>, name: &CredentialName) -> Finding {
    let looked = store.map(|s| glance(config, s.port.as_ref(), name)).transpose();
    let glance = match looked {
        Ok(glance) => glance,
        Err(failure) => return Finding::Bad(failure),
    };
    let view = glance.as_ref().map(|g| g.view().0);
    if let Some(fault) = view.as_ref().and_then(|v| v.store_fault.clone()) {
        return Finding::Bad(store_failure(fault).about(name));
    }
    let record = glance.as_ref().and_then(|g| g.record.as_ref());
    if let Err(failure) = setup(config, name, record, Secrets::Read) {
        return Finding::Bad(failure);
    }
    if let Err(failure) = check_transport(config, name) {
        return Finding::Bad(failure);
    }
    if record.is_some_and(|r| r.max_wall_seen > SystemClock.now().wall) {
        return Finding::Note(format!(
            "{name}: the clock shows an earlier time than when the record was written; was it set back?"
        ));
    }
    if record.is_some() && is_seed_replaced(config, name) {
        return Finding::Note(format!(
            "{name}: the seed file has changed since it was used; the record goes on, and what is in the file is not \
             used. To use it: renewd import {name} --replace, with the file as standard input"
        ));
    }
    match view {
        None => Finding::Good(format!("{name}: configured, not logged in yet")),
        Some(view) => {
            let cause = view.cause.map(|c| format!(" ({})", c.name())).unwrap_or_default();
            let words = format!("{name}: {}{cause}", view.status.name());
            if view.health == renewd_core::Health::Healthy {
                Finding::Good(words)
            } else {
                Finding::Note(words)
            }
        }
    }
}

fn proxies(config: &Config, findings: &mut Vec<Finding>) {
    for proxy in config.proxies() {
        if proxy.access.as_deref() == Some("any-local-user") {
            let mut names: Vec<&str> = proxy.routes.iter().map(|route| route.credential.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            findings.push(Finding::Note(format!(
                "proxy: {} lets every user of this machine act as {}; that is meant for containers of one pod",
                proxy.listen,
                names.join(", ")
            )));
        }
        for route in proxy.routes.iter().filter(|route| route.upstream.starts_with("http://")) {
            findings.push(Finding::Note(format!("proxy: {} is plain http", route.upstream)));
        }
    }
}

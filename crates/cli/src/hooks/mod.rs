//! What the user wants done when a credential needs a login, waits for its server, or works again: programs of the
//! configuration, and a desktop notification.
//!
//! It is done by whoever keeps credentials: the agent and `renewd run`. An event is told once, whatever number of
//! processes keep the credential and however often they are started anew: [`raised`] remembers it in the state folder.
//! Nothing here logs in. It runs on a thread of its own, and no refresh waits for it.

mod desktop;
mod moment;
mod program;
mod raised;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use renewd_core::{Cause, Now, Report, Status};
use renewd_driver::{CredentialName, Event};
use tokio::sync::{mpsc, oneshot};

use crate::config::Config;
use crate::environment::Environment;
use crate::journal::Sink;
use crate::json::login_command;

use program::Program;
use raised::Raised;

/// Events that wait for their turn. More are dropped: a machine on which everything fails at once needs no program for
/// each.
const WAITING_MAX: usize = 64;

/// Whoever stops waits so long for what was begun.
const END: Duration = Duration::from_secs(5);

/// How long a program may run, where nothing is configured.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What happened, as hooks know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Happening {
    Unauthenticated,
    AuthRetrying,
    Recovered,
}

impl Happening {
    /// As `{event}` has it, and behind `on_` in the configuration.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Unauthenticated => "unauthenticated",
            Self::AuthRetrying => "auth_retrying",
            Self::Recovered => "recovered",
        }
    }

    const fn key(self) -> &'static str {
        match self {
            Self::Unauthenticated => "on_unauthenticated",
            Self::AuthRetrying => "on_auth_retrying",
            Self::Recovered => "on_recovered",
        }
    }
}

/// One thing to tell.
#[derive(Clone, Debug)]
struct Told {
    name: CredentialName,
    what: Happening,
    cause: Option<Cause>,
}

impl Told {
    /// An argument with what happened in it. Names are plain words, so nothing in them is an option or a path.
    fn filled_in(&self, argument: &str) -> String {
        argument
            .replace("{credential}", self.name.as_str())
            .replace("{event}", self.what.name())
            .replace("{cause}", self.cause.map_or("", Cause::name))
            .replace("{command}", &login_command(self.name.as_str()))
    }
}

/// What is wanted.
#[derive(Clone, Debug, Default)]
struct Wanted {
    programs: Vec<(Happening, Vec<String>)>,
    timeout: Option<Duration>,
    desktop: bool,
}

impl Wanted {
    fn of(config: &Config) -> Self {
        let all = [Happening::Unauthenticated, Happening::AuthRetrying, Happening::Recovered];
        let program = |what: Happening| {
            let words = config.lookup("hooks", what.key(), None)?.value.as_words()?.to_vec();
            Some((what, words))
        };
        let flag = |table, name| config.lookup(table, name, None).and_then(|e| e.value.as_flag());
        let timeout = config.span("hooks", "timeout", None);
        Self {
            programs: all.into_iter().filter_map(program).collect(),
            timeout: timeout.map(|span| Duration::from_millis(span.as_millis())),
            desktop: flag("notify", "desktop").unwrap_or(false),
        }
    }

    fn is_nothing(&self) -> bool {
        self.programs.is_empty() && !self.desktop
    }
}

/// Tells of events. Made once for a process.
pub(crate) struct Hooks {
    wanted: Arc<Mutex<Wanted>>,
    raised: Raised,
    tell: mpsc::Sender<Told>,
    /// The thread; and by dropping its sender it is told that the end has come.
    thread: Option<(JoinHandle<()>, oneshot::Sender<()>)>,
}

/// Hears on the journal's thread.
struct Hearing {
    wanted: Arc<Mutex<Wanted>>,
    raised: Raised,
    tell: mpsc::Sender<Told>,
}

impl Hooks {
    /// Begins, with what the configuration wants.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn begin(config: &Config, env: &Environment, state: &Path) -> std::io::Result<Self> {
        let wanted = Arc::new(Mutex::new(Wanted::of(config)));
        let (tell, told) = mpsc::channel(WAITING_MAX);
        let (end, ended) = oneshot::channel();
        let (seen, env) = (Arc::clone(&wanted), env.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new()
            .name("hooks".into())
            .spawn(move || runtime.block_on(work(told, ended, &seen, &env)))?;
        Ok(Self { wanted, raised: Raised::new(state), tell, thread: Some((thread, end)) })
    }

    /// What listens, among those that the journal tells.
    pub(crate) fn sink(&self) -> Box<dyn Sink> {
        Box::new(Hearing {
            wanted: Arc::clone(&self.wanted),
            raised: self.raised.clone(),
            tell: self.tell.clone(),
        })
    }

    /// The configuration was read anew.
    pub(crate) fn reload(&self, config: &Config) {
        *self.wanted.lock().unwrap_or_else(PoisonError::into_inner) = Wanted::of(config);
    }

    /// Nothing more is told. What was begun is waited for, but not for long.
    pub(crate) fn end(self) {
        let Self { thread, tell, .. } = self;
        // As long as anybody could still tell something, the thread would wait for it.
        drop(tell);
        if let Some((thread, end)) = thread {
            drop(end);
            // A thread that died has nothing left to do.
            let _ = thread.join();
        }
    }
}

/// What will not work of what is configured, and what will: sentences for the doctor.
pub(crate) fn look(config: &Config, env: &Environment) -> Vec<Result<String, String>> {
    let wanted = Wanted::of(config);
    let mut all = Vec::new();
    for (what, words) in &wanted.programs {
        let program = words.first().map(String::as_str).unwrap_or_default();
        all.push(match program::trusted(Path::new(program)) {
            Ok(()) => Ok(format!("hooks.{}: {program}", what.key())),
            Err(why) => Err(format!("hooks.{}: {why}", what.key())),
        });
    }
    if wanted.desktop {
        all.push(match desktop::bus(env) {
            Ok(address) => {
                Ok(format!("notify.desktop: on the bus {address}, where the agent runs in this session"))
            }
            Err(why) => Err(format!("notify.desktop: {why}")),
        });
    }
    all
}

/// A person wrote the record: what was raised is answered, and the next time is another one.
pub(crate) fn answered(state: &Path, name: &CredentialName) {
    Raised::new(state).lower(name);
}

impl Sink for Hearing {
    fn take(&mut self, name: &CredentialName, _now: Now, event: &Event) {
        if self.wanted.lock().unwrap_or_else(PoisonError::into_inner).is_nothing() {
            return;
        }
        let (what, cause) = match event {
            Event::Changed { to: Status::Unauthenticated, cause, .. } => (Happening::Unauthenticated, *cause),
            Event::Changed { to: Status::AuthRetrying, cause, .. } => (Happening::AuthRetrying, *cause),
            Event::Changed { to: Status::Running, .. }
            | Event::Report(Report::Refreshed { .. } | Report::Adopted { .. }) => {
                (Happening::Recovered, None)
            }
            _ => return,
        };
        let is_new = match what {
            // Whoever logged out wanted it so.
            Happening::Unauthenticated if cause == Some(Cause::LoggedOut) => {
                self.raised.lower(name);
                false
            }
            Happening::Recovered => self.raised.lower(name),
            _ => self.raised.raise(name, what),
        };
        if is_new && self.tell.try_send(Told { name: name.clone(), what, cause }).is_err() {
            tracing::warn!(credential = %name, event = what.name(), "too much happens at once for hooks: not told");
        }
    }
}

async fn work(
    mut waiting: mpsc::Receiver<Told>,
    ended: oneshot::Receiver<()>,
    wanted: &Mutex<Wanted>,
    env: &Environment,
) {
    let mut ended = std::pin::pin!(ended);
    let mut shown = HashMap::new();
    let all = async {
        while let Some(told) = waiting.recv().await {
            let wanted = wanted.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if !wanted.desktop {
                run_programs(&told, &wanted, env).await;
                continue;
            }
            let all = moment::gathered(told, &mut waiting).await;
            show(&all, &mut shown, env).await;
            for told in &all {
                run_programs(told, &wanted, env).await;
            }
        }
    };
    let mut all = std::pin::pin!(all);
    tokio::select! {
        biased;
        () = all.as_mut() => return,
        _ = ended.as_mut() => {}
    }
    // What waits is told still; a program that takes longer than this is ended with us.
    let _ = tokio::time::timeout(END, all).await;
}

/// `shown`: the desktop's number of each credential's notification.
async fn show(all: &[Told], shown: &mut HashMap<CredentialName, u32>, env: &Environment) {
    // What a group shows changes which notification the next one takes the place of.
    let mut rest = all;
    while let Some(group) = moment::groups(rest, shown).first().copied() {
        rest = rest.get(group.len()..).unwrap_or_default();
        let notified = desktop::notify(env, group, moment::replaced(group, shown)).await;
        for Told { name, what, .. } in group {
            let event = what.name();
            match &notified {
                Ok(number) => {
                    shown.insert(name.clone(), *number);
                    tracing::debug!(credential = %name, event, "the desktop was notified");
                }
                Err(why) => {
                    tracing::warn!(credential = %name, event, why, "the desktop could not be notified");
                }
            }
        }
    }
}

async fn run_programs(told: &Told, wanted: &Wanted, env: &Environment) {
    let (name, event) = (&told.name, told.what.name());
    for (_, words) in wanted.programs.iter().filter(|(what, _)| *what == told.what) {
        let words = words.iter().enumerate().map(|(i, word)| match i {
            0 => word.clone(),
            _ => told.filled_in(word),
        });
        let program = Program { words: words.collect(), timeout: wanted.timeout.unwrap_or(TIMEOUT) };
        match program.run(env).await {
            Ok(()) => tracing::debug!(credential = %name, event, "the hook ran"),
            Err(why) => tracing::warn!(credential = %name, event, why, "the hook failed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_with_nothing_to_tell_waits_for_nothing() {
        let (tell, told) = mpsc::channel(1);
        let (end, ended) = oneshot::channel::<()>();
        drop((tell, end));
        // A runtime without timers: whoever begins to wait fails.
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let wanted = Mutex::new(Wanted::default());
        runtime.block_on(work(told, ended, &wanted, &Environment::default()));
        assert!(!wanted.is_poisoned());
    }
}

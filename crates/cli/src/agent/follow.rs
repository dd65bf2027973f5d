//! The agent's own loop: until told to stop, it takes up new credentials and carries out reloads.
//!
//! A reload looks at the whole configuration first. Where something is wrong in it nothing changes, and whoever asked
//! hears what it is; else everything is exchanged in place, in an order in which no request finds anything missing:
//! credentials, then the proxies and files that serve them, then what is there no more.

use std::sync::Arc;
use std::time::Duration;

use renewd_core::Status;
use tokio::sync::mpsc;

use super::activation::Activation;
use super::api::Api;
use super::door::Description;
use super::notify::{self, Beat};
use super::proxies::Proxies;
use super::reload::{Asked, ReloadDocument};
use super::serve::Stop;
use super::sinks::Sinks;
use crate::app::App;
use crate::config::Config;
use crate::exit::Failure;
use crate::hooks::Hooks;
use crate::journal::What;

/// Credentials that another process imported are noticed within this.
const RESCAN: Duration = Duration::from_secs(5);

/// Settings that hold from the start of the agent to its end.
const FIXED: [(&str, &str); 6] = [
    ("agent", "socket"),
    ("agent", "status"),
    ("agent", "status_access"),
    ("store", "kind"),
    ("store", "path"),
    ("store", "key"),
];

/// Everything that a reload changes.
pub(super) struct Life<'a> {
    pub(super) app: &'a App,
    pub(super) api: &'a Api,
    pub(super) description: &'a Description,
    pub(super) hooks: &'a Hooks,
    pub(super) activation: &'a Activation,
    pub(super) beat: &'a Beat,
    /// What the agent was started with.
    pub(super) begun: Arc<Config>,
}

impl Life<'_> {
    /// Until told to stop.
    pub(super) async fn follow(&self, mut asked: mpsc::Receiver<Asked>, stop: &mut Stop) {
        let mut config = Arc::clone(&self.begun);
        let mut rescan = tokio::time::interval(RESCAN);
        rescan.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut said = String::new();
        loop {
            let next = tokio::select! {
                told = stop.told() => match told {
                    super::serve::Told::Stop => return,
                    super::serve::Told::Reload => Next::Reload(None),
                },
                Some(question) = asked.recv() => Next::Reload(Some(question)),
                () = self.api.rescan.notified() => Next::Look,
                _ = rescan.tick() => Next::Look,
            };
            self.beat.at_work(true);
            let done = async {
                match next {
                    Next::Look => self.look(&config).await,
                    Next::Reload(question) => {
                        let came = self.reload(&mut config).await;
                        if let Some(question) = question {
                            // Whoever asked may be gone; the lines and the journal say it too.
                            let _ = question.send(came);
                        }
                    }
                }
                self.say_status(&mut said).await;
            };
            // Whoever tells the agent to stop need not wait for a disk that hangs.
            tokio::select! {
                () = done => {}
                () = stop.ended() => return,
            }
            self.beat.at_work(false);
        }
    }

    /// New credentials, seeds that have come, proxies that waited for either.
    async fn look(&self, config: &Arc<Config>) {
        let known = self.api.keepers.all().len();
        let mut failures = self.api.keepers.reconcile(config, false).await;
        if self.api.keepers.all().len() == known {
            return;
        }
        failures.extend(self.exchange(config).await);
        self.tell(&failures);
    }

    /// # Errors
    /// What is wrong in the new configuration: `config` is what it was.
    async fn reload(&self, config: &mut Arc<Config>) -> Result<ReloadDocument, Failure> {
        notify::reloading();
        let came = match self.read(config) {
            Err(failure) => {
                self.app.output.failure(&failure);
                self.app.output.note("renewd: the configuration that was in force stays in force");
                self.api.hub.note(None, What::ReloadFailed { message: failure.message.clone() });
                Err(failure)
            }
            Ok(new) => {
                *config = new;
                self.hooks.reload(config);
                let mut failures = self.api.keepers.reconcile(config, true).await;
                failures.extend(self.exchange(config).await);
                self.tell(&failures);
                let needs_restart = self.needs_restart(config);
                for setting in &needs_restart {
                    self.app.output.note(&format!(
                        "renewd: {setting} has changed; it holds from the agent's next start"
                    ));
                }
                self.app.output.note("renewd: the configuration was read anew");
                self.api.hub.note(None, What::Reloaded);
                Ok(ReloadDocument::new(&failures, needs_restart))
            }
        };
        notify::say(notify::READY);
        came
    }

    fn read(&self, config: &Config) -> Result<Arc<Config>, Failure> {
        let new = Config::load(config.places(), &self.app.env)?.with_access(Arc::clone(config.access()));
        let wrong = Proxies::check(&new).into_iter().chain(Sinks::check(&new)).next();
        wrong.map_or(Ok(Arc::new(new)), Err)
    }

    async fn exchange(&self, config: &Config) -> Vec<Failure> {
        let api = self.api;
        let mut failures = api.proxies.reconcile(config, &api.keepers, self.activation).await;
        failures.extend(api.sinks.reconcile(config).await);
        failures.extend(self.description.write(&api.proxies.places().await).err());
        failures
    }

    fn tell(&self, failures: &[Failure]) {
        for failure in failures {
            self.app.output.failure(failure);
        }
    }

    fn needs_restart(&self, config: &Config) -> Vec<String> {
        let changed = |(table, name): &(&'static str, &'static str)| {
            config.text(table, name, None) != self.begun.text(table, name, None)
        };
        FIXED.into_iter().filter(changed).map(|(table, name)| format!("{table}.{name}")).collect()
    }

    /// For `systemctl status`.
    async fn say_status(&self, said: &mut String) {
        let mut statuses: Vec<(String, Status)> = Vec::new();
        for (keeper, _) in self.api.keepers.all() {
            if let Ok(seen) = keeper.view().await {
                statuses.push((keeper.name().to_string(), seen.view.status));
            }
        }
        let line = notify::status_line(&statuses);
        if *said != line {
            notify::say(&line);
            *said = line;
        }
    }
}

enum Next {
    Look,
    Reload(Option<Asked>),
}

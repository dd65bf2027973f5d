//! The agent's life: begin, serve, read the configuration anew when told, stop in order.

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use renewd_driver::Clock as _;
use renewd_driver::system::SystemClock;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;

use super::accept::accept;
use super::activation::Activation;
use super::api::Api;
use super::door::Door;
use super::events::Hub;
use super::follow::Life;
use super::keepers::Keepers;
use super::metrics::Metrics;
use super::notify::{self, Beat};
use super::otel::Telemetry;
use super::page::Gate;
use super::proxies::Proxies;
use super::reload::{Asked, Reloads};
use super::sinks::Sinks;
use crate::app::App;
use crate::config::Config;
use crate::credential::{OpenStore, open, store_place};
use crate::exit::{Exit, Failure};
use crate::hooks::Hooks;
use crate::journal::{JournalFolder, LineFormat, Lines, Scribe, Sink, What};
use crate::logging::LogFormat;
use crate::output::time::local;

/// Questions under way end within this when the agent stops.
const END: Duration = Duration::from_secs(5);

/// Serves until told to stop.
///
/// # Errors
/// What kept it from starting; exit 5 when new tokens could not be saved at the end.
pub(crate) fn serve(app: &App) -> Result<(), Failure> {
    // Before anything else has descriptors that might be taken for those that were handed over.
    let activation = Activation::take(&app.env)?;
    super::descriptors::raise_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("agent")
        .enable_all()
        .build()
        .map_err(|e| Failure::internal(format!("no runtime can be started: {e}")))?;
    runtime.block_on(live(app, &activation))
}

async fn live(app: &App, activation: &Activation) -> Result<(), Failure> {
    let config = app.config()?;
    let mut stop = Stop::new()?;
    let Some((mut parts, door, asked)) = Parts::of(app, &config, activation, &mut stop).await? else {
        return Ok(());
    };
    if let Some(first) = parts.fill(&config, activation, &door).await {
        parts.give_up().await;
        return Err(first);
    }
    for name in activation.unused() {
        app.output.warn(&format!(
            "the socket {name} was handed over, and nothing in the configuration listens on it"
        ));
    }
    greet(app, &door, &parts.api).await;
    parts.serve(app, config, activation, door, asked, stop).await;
    parts.end(app).await
}

/// What a running agent is made of.
struct Parts {
    api: Arc<Api>,
    scribe: Scribe,
    hooks: Hooks,
    telemetry: Telemetry,
}

/// Questions to read the configuration anew.
type Questions = mpsc::Receiver<Asked>;

impl Parts {
    /// All of it, with nothing kept yet; none where the agent was told to stop before the store was open.
    async fn of(
        app: &App,
        config: &Arc<Config>,
        activation: &Activation,
        stop: &mut Stop,
    ) -> Result<Option<(Self, Door, Questions)>, Failure> {
        let state = config.places().state()?.to_owned();
        let socket = crate::agent_client::socket(config)?;
        let by_user = config.text("agent", "status_access", None).as_deref() != Some("path-secret");
        let gate = Arc::new(Gate::new(by_user));
        let door =
            Door::open(&socket, status_address(config)?, activation, &gate, &state, store_place(config))
                .await?;
        let hooks = Hooks::begin(config, &app.env, &state)
            .map_err(|e| Failure::internal(format!("no thread can be started: {e}")))?;
        let telemetry = Telemetry::of(&app.env, |why| app.output.warn(why));
        let scribe = scribe(app, &state, &hooks)?;
        let metrics = Metrics::begun(SystemClock.now().wall);
        let hub = Hub::new(scribe.clone(), metrics.clone(), telemetry.refreshes());
        let store = tokio::select! {
            store = opened(config) => store?,
            () = stop.ended() => return Ok(None),
        };
        let keepers = Arc::new(Keepers::new(store.port, hub.clone()));
        let (reload, asked) = Reloads::new();
        let api = Arc::new(Api {
            proxies: Arc::new(Proxies::observed(telemetry.requests())),
            sinks: Arc::new(Sinks::new(Arc::clone(&keepers), hub.clone())),
            keepers,
            hub,
            metrics,
            reload,
            rescan: Arc::new(Notify::new()),
            state,
            journals: super::api::journal_readers(),
            listeners: super::api::event_listeners(),
            gate,
        });
        Ok(Some((Self { api, scribe, hooks, telemetry }, door, asked)))
    }

    /// Takes up what is configured. The first that cannot be: a broken entry stops the start, as a broken file does; later
    /// it is told and the rest goes on.
    async fn fill(&self, config: &Arc<Config>, activation: &Activation, door: &Door) -> Option<Failure> {
        let Api { keepers, proxies, sinks, .. } = &*self.api;
        let mut failures = keepers.reconcile(config, true).await;
        failures.extend(proxies.reconcile(config, keepers, activation).await);
        failures.extend(sinks.reconcile(config).await);
        failures.extend(door.description().write(&proxies.places().await).err());
        failures.into_iter().next()
    }

    /// Ends what has begun, in an agent that never served.
    async fn give_up(self) {
        self.api.sinks.shutdown().await;
        self.api.keepers.shutdown().await;
        self.api.proxies.shutdown().await;
        self.scribe.end();
        self.hooks.end();
    }

    /// Answers and follows the configuration until told to stop, and then until the questions under way have their answers.
    async fn serve(
        &mut self,
        app: &App,
        begun: Arc<Config>,
        activation: &Activation,
        door: Door,
        asked: Questions,
        mut stop: Stop,
    ) {
        let api = &self.api;
        let description = door.description().clone();
        api.hub.note(
            None,
            What::AgentStarted { pid: std::process::id(), version: env!("CARGO_PKG_VERSION").into() },
        );
        notify::say(notify::READY);
        let (stopping, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        accept(&mut tasks, door, api, &stopped);
        if let Some(exporter) = self.telemetry.exporter() {
            tasks.spawn(exporter.run(Arc::clone(api), stopped.clone()));
        }
        let beat = Beat::default();
        let life =
            Life { app, api, description: &description, hooks: &self.hooks, activation, beat: &beat, begun };
        tokio::select! {
            () = life.follow(asked, &mut stop) => {}
            () = async { notify::watchdog(&api.keepers, &beat).await; std::future::pending().await } => {}
        }
        notify::say(notify::STOPPING);
        let _ = stopping.send(true);
        api.hub.end();
        api.proxies.shutdown().await;
        let ended = tokio::time::timeout(END, async { while tasks.join_next().await.is_some() {} }).await;
        if ended.is_err() {
            tasks.abort_all();
        }
    }

    /// Ends what is kept, the token files first: the end of the keepers says nothing of the tokens.
    ///
    /// # Errors
    /// Exit 5 when new tokens could not be saved.
    async fn end(self, app: &App) -> Result<(), Failure> {
        for (path, name, until) in self.api.sinks.shutdown().await {
            let until = local(until, SystemClock.now().wall);
            app.output.note(&format!(
                "renewd: {name}: the token file {} stays; its token is valid until {until}, and nobody renews it now",
                path.display()
            ));
        }
        let lost = self.api.keepers.shutdown().await;
        self.api.hub.note(None, What::AgentStopped { pid: std::process::id() });
        self.scribe.end();
        self.hooks.end();
        match lost.into_iter().next() {
            None => Ok(()),
            Some((name, what)) => Err(Failure::new(Exit::Store, format!("{name}: {what}")).about(name)),
        }
    }
}

/// Opens the store on a thread of its own: a keyring may take its time, or a person who types a passphrase, and whoever
/// tells the agent to stop meanwhile need not wait for either.
async fn opened(config: &Arc<Config>) -> Result<OpenStore, Failure> {
    let (say, heard) = tokio::sync::oneshot::channel();
    let config = Arc::clone(config);
    std::thread::Builder::new()
        .name("store".into())
        .spawn(move || drop(say.send(open(&config))))
        .map_err(|e| Failure::internal(format!("no thread can be started: {e}")))?;
    heard.await.unwrap_or_else(|_| Err(Failure::internal("the store could not be opened")))
}

fn status_address(config: &Config) -> Result<Option<SocketAddr>, Failure> {
    let Some(text) = config.text("agent", "status", None) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| {
        Failure::configuration(format!(
            "agent.status {text:?} is not an address; write it like 127.0.0.1:9797"
        ))
    })
}

fn scribe(app: &App, state: &std::path::Path, hooks: &Hooks) -> Result<Scribe, Failure> {
    let mut sinks: Vec<Box<dyn Sink>> = vec![Box::new(JournalFolder::new(state)), hooks.sink()];
    if !app.output.is_quiet() {
        let format = match app.global.log_format {
            LogFormat::Text => LineFormat::Text,
            LogFormat::Json => LineFormat::Json,
        };
        sinks.push(Box::new(Lines::new(format, app.output.err)));
    }
    Scribe::begin(sinks).map_err(|e| Failure::internal(format!("no thread can be started: {e}")))
}

async fn greet(app: &App, door: &Door, api: &Api) {
    let Api { gate, keepers, proxies, .. } = api;
    if app.output.is_quiet() || app.global.log_format == LogFormat::Json {
        return;
    }
    let n = keepers.all().len();
    let what = if n == 1 { "1 credential".into() } else { format!("{n} credentials") };
    app.output.note(&format!("renewd: keeping {what}; {}", door.description().path().display()));
    if n == 0 {
        app.output.note("renewd: nothing to keep yet: renewd login NAME --profile P");
    }
    let terminal = std::io::stderr().is_terminal();
    for place in proxies.places().await {
        let shown = place.url.expose_str().filter(|url| terminal || *url == place.listen);
        let told = shown.map_or_else(
            // What is no terminal is a log, as a rule, and read by others.
            || {
                let description = door.description().path().display();
                format!("{}; the URL with its secret stands in {description}", place.listen)
            },
            String::from,
        );
        app.output.note(&format!("renewd: proxy on {told}"));
    }
    if let Some(address) = door.status.as_ref().and_then(|s| s.local_addr().ok()) {
        let url = gate.url(&address.to_string());
        let told = match url.expose_str().filter(|_| terminal || !gate.is_secret()) {
            _ if !address.ip().is_loopback() => format!("health and metrics on http://{address}"),
            Some(url) => format!("status page on {url}"),
            None => format!(
                "status page on http://{address}; the URL with its secret stands in {}",
                door.description().path().display()
            ),
        };
        app.output.note(&format!("renewd: {told}"));
    }
}

/// The signals that an agent heeds.
pub(super) struct Stop {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

impl Stop {
    fn new() -> Result<Self, Failure> {
        let on = |kind| signal(kind).map_err(|e| Failure::internal(format!("signals cannot be heard: {e}")));
        Ok(Self {
            terminate: on(SignalKind::terminate())?,
            interrupt: on(SignalKind::interrupt())?,
            hangup: on(SignalKind::hangup())?,
        })
    }

    /// Told to stop. What else was said meanwhile is heard later.
    pub(super) async fn ended(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    pub(super) async fn told(&mut self) -> Told {
        tokio::select! {
            _ = self.terminate.recv() => Told::Stop,
            _ = self.interrupt.recv() => Told::Stop,
            _ = self.hangup.recv() => Told::Reload,
        }
    }
}

/// What a signal asks for.
pub(super) enum Told {
    Stop,
    Reload,
}

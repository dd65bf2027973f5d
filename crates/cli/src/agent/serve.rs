//! The agent's life: begin, serve, read the configuration anew when told, stop in order.

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use super::api::{Api, Side};
use super::door::{Description, Door};
use super::events::Hub;
use super::http::connection;
use super::keepers::Keepers;
use super::metrics::Metrics;
use super::notify;
use super::page::Gate;
use super::proxies::Proxies;
use crate::app::App;
use crate::config::Config;
use crate::credential::{OpenStore, open, store_place};
use crate::exit::{Exit, Failure};
use crate::hooks::Hooks;
use crate::journal::{JournalFolder, LineFormat, Lines, Scribe, Sink, What};
use crate::logging::LogFormat;

/// Connections to the socket at a time. A descriptor each, and where the limit cannot be raised it is 1 024.
const CONNECTIONS_MAX: usize = 384;

/// Connections to the status address at a time, apart from those to the socket: any user of the machine can hold as
/// many as there are.
const STATUS_CONNECTIONS_MAX: usize = 128;

/// Credentials that another process imported are noticed within this.
const RESCAN: Duration = Duration::from_secs(5);

/// Questions under way end within this when the agent stops.
const END: Duration = Duration::from_secs(5);

/// Serves until told to stop.
///
/// # Errors
/// What kept it from starting; exit 5 when new tokens could not be saved at the end.
pub(crate) fn serve(app: &App) -> Result<(), Failure> {
    super::descriptors::raise_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("agent")
        .enable_all()
        .build()
        .map_err(|e| Failure::internal(format!("no runtime can be started: {e}")))?;
    runtime.block_on(live(app))
}

async fn live(app: &App) -> Result<(), Failure> {
    let config = app.config()?;
    let state = config.places().state()?.to_owned();
    let mut stop = Stop::new()?;
    let socket = crate::agent_client::socket(&config)?;
    let by_user = config.text("agent", "status_access", None).as_deref() != Some("path-secret");
    let gate = Arc::new(Gate::new(by_user));
    let door = Door::open(&socket, status_address(&config)?, &gate, &state, store_place(&config)).await?;
    let hooks = Hooks::begin(&config, &app.env, &state)
        .map_err(|e| Failure::internal(format!("no thread can be started: {e}")))?;
    let scribe = scribe(app, &state, &hooks)?;
    let metrics = Metrics::default();
    let hub = Hub::new(scribe.clone(), metrics.clone());
    let store = tokio::select! {
        store = opened(&config) => store?,
        _ = stop.told() => return Ok(()),
    };
    let keepers = Arc::new(Keepers::new(store.port, hub.clone()));
    let proxies = Arc::new(Proxies::default());
    let api = Arc::new(Api {
        keepers: Arc::clone(&keepers),
        proxies: Arc::clone(&proxies),
        hub,
        metrics,
        reload: Arc::new(Notify::new()),
        rescan: Arc::new(Notify::new()),
        state: state.clone(),
        journals: super::api::journal_readers(),
        gate: Arc::clone(&gate),
    });
    // A broken entry stops the start, as a broken file does; later it is told and the rest goes on.
    let mut failures = keepers.reconcile(&config, true).await;
    failures.extend(proxies.reconcile(&config, &keepers).await);
    let description = door.description().clone();
    failures.extend(description.write(&proxies.places().await).err());
    if let Some(first) = failures.into_iter().next() {
        keepers.shutdown().await;
        proxies.shutdown().await;
        scribe.end();
        hooks.end();
        return Err(first);
    }
    greet(app, &door, &gate, &keepers, &proxies).await;
    let pid = std::process::id();
    api.hub.note(None, What::AgentStarted { pid, version: env!("CARGO_PKG_VERSION").into() });
    notify::say(notify::READY);
    let (stopping, stopped) = watch::channel(false);
    let mut tasks = JoinSet::new();
    accept(&mut tasks, door, &api, &stopped);
    follow(app, config, &api, &description, &hooks, &mut stop).await;
    notify::say(notify::STOPPING);
    let _ = stopping.send(true);
    api.hub.end();
    proxies.shutdown().await;
    let ended = tokio::time::timeout(END, async { while tasks.join_next().await.is_some() {} }).await;
    if ended.is_err() {
        tasks.abort_all();
    }
    let lost = keepers.shutdown().await;
    api.hub.note(None, What::AgentStopped { pid });
    scribe.end();
    hooks.end();
    match lost.into_iter().next() {
        None => Ok(()),
        Some((name, what)) => Err(Failure::new(Exit::Store, format!("{name}: {what}")).about(name)),
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

/// Until told to stop: new credentials are taken up, a reload is carried out.
async fn follow(
    app: &App,
    mut config: Arc<Config>,
    api: &Api,
    description: &Description,
    hooks: &Hooks,
    stop: &mut Stop,
) {
    let mut rescan = tokio::time::interval(RESCAN);
    rescan.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let reload = tokio::select! {
            told = stop.told() => match told {
                Told::Stop => return,
                Told::Reload => true,
            },
            () = api.reload.notified() => true,
            () = api.rescan.notified() => false,
            _ = rescan.tick() => false,
        };
        if reload {
            match Config::load(config.places(), &app.env) {
                Ok(new) => {
                    config = Arc::new(new);
                    hooks.reload(&config);
                }
                Err(failure) => {
                    app.output.failure(&failure);
                    app.output.note("renewd: the configuration that was in force stays in force");
                    continue;
                }
            }
        }
        let known = api.keepers.all().len();
        let mut failures = api.keepers.reconcile(&config, reload).await;
        // A proxy may have waited for its credential.
        if reload || api.keepers.all().len() != known {
            failures.extend(api.proxies.reconcile(&config, &api.keepers).await);
            failures.extend(description.write(&api.proxies.places().await).err());
        }
        if reload || api.keepers.all().len() != known {
            for failure in &failures {
                app.output.failure(failure);
            }
        }
        if reload {
            app.output.note("renewd: the configuration was read anew");
        }
    }
}

fn accept(tasks: &mut JoinSet<()>, door: Door, api: &Arc<Api>, stopped: &watch::Receiver<bool>) {
    let (room, status_room) =
        (Arc::new(Semaphore::new(CONNECTIONS_MAX)), Arc::new(Semaphore::new(STATUS_CONNECTIONS_MAX)));
    let (api, mut stop) = (Arc::clone(api), stopped.clone());
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            while connections.try_join_next().is_some() {}
            tokio::select! {
                () = told(&mut stop) => break,
                accepted = unix(&door.unix, &room) => match accepted {
                    // Not a byte is read of anybody else.
                    Ok((stream, permit)) if renewd_proxy::is_same_user_unix(&stream) => {
                        let serve = connection(stream, Arc::clone(&api), Side::Socket, stop.clone());
                        connections.spawn(async move { serve.await; drop(permit); });
                    }
                    Ok(_) => tracing::warn!("another user's connection to the socket was closed"),
                    Err(error) => pause(&error).await,
                },
                accepted = tcp(door.status.as_ref(), &status_room) => match accepted {
                    Ok((stream, side, permit)) => {
                        let (api, stop) = (Arc::clone(&api), stop.clone());
                        connections.spawn(async move {
                            let side = api.gate.side(&stream, side).await;
                            connection(stream, api, side, stop).await;
                            drop(permit);
                        });
                    }
                    Err(error) => pause(&error).await,
                },
            }
        }
        drop(door);
        while connections.join_next().await.is_some() {}
    });
}

/// Ends when the agent stops.
async fn told(stop: &mut watch::Receiver<bool>) {
    // An error means that the agent is gone altogether.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// The next connection to the socket, once there is room for it: who finds none waits in the listener's queue.
async fn unix(
    listener: &tokio::net::UnixListener,
    room: &Arc<Semaphore>,
) -> std::io::Result<(tokio::net::UnixStream, OwnedSemaphorePermit)> {
    let permit = permit(room).await;
    Ok((listener.accept().await?.0, permit))
}

/// The same for the status address; never, where there is none.
async fn tcp(
    listener: Option<&tokio::net::TcpListener>,
    room: &Arc<Semaphore>,
) -> std::io::Result<(tokio::net::TcpStream, Side, OwnedSemaphorePermit)> {
    let Some(listener) = listener else { return std::future::pending().await };
    let permit = permit(room).await;
    let (stream, peer) = listener.accept().await?;
    let local = peer.ip().is_loopback() && listener.local_addr()?.ip().is_loopback();
    Ok((stream, if local { Side::Loopback } else { Side::Network }, permit))
}

async fn permit(room: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    match Arc::clone(room).acquire_owned().await {
        Ok(permit) => permit,
        // Nobody closes them.
        Err(_) => std::future::pending().await,
    }
}

/// Out of descriptors, most likely: trying again at once would only burn time.
async fn pause(error: &std::io::Error) {
    tracing::warn!(kind = ?error.kind(), "a connection could not be accepted");
    tokio::time::sleep(Duration::from_millis(100)).await;
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

async fn greet(app: &App, door: &Door, gate: &Gate, keepers: &Keepers, proxies: &Proxies) {
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
struct Stop {
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

    async fn told(&mut self) -> Told {
        tokio::select! {
            _ = self.terminate.recv() => Told::Stop,
            _ = self.interrupt.recv() => Told::Stop,
            _ = self.hangup.recv() => Told::Reload,
        }
    }
}

/// What a signal asks for.
enum Told {
    Stop,
    Reload,
}

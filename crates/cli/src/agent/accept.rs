//! Who comes in by the agent's listeners, and how many at a time.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use super::api::{Api, Side};
use super::descriptors::connections_of_socket;
use super::door::Door;
use super::http::connection;
use super::visitors::Places;

/// Accepts until told to stop, then waits for the connections to end.
pub(super) fn accept(
    tasks: &mut JoinSet<()>,
    mut door: Door,
    api: &Arc<Api>,
    stopped: &watch::Receiver<bool>,
) {
    if let Some(status) = door.status.take() {
        tasks.spawn(at_status(status, Arc::clone(api), stopped.clone()));
    }
    tasks.spawn(at_socket(door, Arc::clone(api), stopped.clone()));
}

async fn at_socket(door: Door, api: Arc<Api>, mut stop: watch::Receiver<bool>) {
    let room = Arc::new(Semaphore::new(connections_of_socket()));
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
        }
    }
    drop(door);
    while connections.join_next().await.is_some() {}
}

/// Everybody is let in at once, for nobody says whose connection it is before that: it is the places that are apart.
async fn at_status(listener: TcpListener, api: Arc<Api>, mut stop: watch::Receiver<bool>) {
    let places = Places::new();
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            () = told(&mut stop) => break,
            accepted = tcp(&listener, &api) => accepted,
        };
        let (stream, side) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                pause(&error).await;
                continue;
            }
        };
        let (api, stopping) = (Arc::clone(&api), stop.clone());
        if side != Side::Loopback {
            let visit = places.visitor();
            connections.spawn(async move {
                let is_own =
                    |request: &http::Request<_>| api.gate.admit(request.uri(), side).1 == Side::Loopback;
                visit.serve(stream, is_own, |request| api.handle(request, side), stopping).await;
            });
            continue;
        }
        // The user itself waits for a place where he has taken all of his, and then so does whoever comes after him.
        let permit = tokio::select! {
            () = told(&mut stop) => break,
            permit = places.own() => permit,
        };
        connections.spawn(async move {
            connection(stream, api, side, stopping).await;
            drop(permit);
        });
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Ends when the agent stops.
pub(super) async fn told(stop: &mut watch::Receiver<bool>) {
    // An error means that the agent is gone altogether.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// The next connection to the socket, once there is room for it: who finds none waits in the listener's queue.
async fn unix(
    listener: &UnixListener,
    room: &Arc<Semaphore>,
) -> std::io::Result<(UnixStream, OwnedSemaphorePermit)> {
    let permit = permit(room).await;
    Ok((listener.accept().await?.0, permit))
}

/// The next connection to the status address, and whose it is.
async fn tcp(listener: &TcpListener, api: &Api) -> std::io::Result<(TcpStream, Side)> {
    let (stream, peer) = listener.accept().await?;
    let local = peer.ip().is_loopback() && listener.local_addr()?.ip().is_loopback();
    let side = api.gate.side(&stream, if local { Side::Loopback } else { Side::Network }).await;
    Ok((stream, side))
}

pub(super) async fn permit(room: &Arc<Semaphore>) -> OwnedSemaphorePermit {
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

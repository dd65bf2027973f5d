//! Who comes in by the agent's listeners, and how many at a time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use super::api::{Api, Side};
use super::descriptors::connections_of_socket;
use super::door::Door;
use super::http::connection;

/// Connections to the status address at a time, apart from those to the socket: any user of the machine can hold as
/// many as there are.
const STATUS_CONNECTIONS_MAX: usize = 128;

/// Accepts until told to stop, then waits for the connections to end.
pub(super) fn accept(tasks: &mut JoinSet<()>, door: Door, api: &Arc<Api>, stopped: &watch::Receiver<bool>) {
    let room = Arc::new(Semaphore::new(connections_of_socket()));
    let status_room = Arc::new(Semaphore::new(STATUS_CONNECTIONS_MAX));
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

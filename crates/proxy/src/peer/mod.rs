//! Who stands at the other end of a local connection.
//!
//! A Unix socket carries its peer's user id. Loopback TCP does not, but on Linux the kernel's socket table names the
//! owner of the client's end. It is asked once for each connection, before a byte is read, so that nothing of a
//! stranger's request is acted upon (invariant 18).

#[cfg(target_os = "linux")]
mod namespace;
#[cfg(target_os = "linux")]
mod sock_diag;
#[cfg(target_os = "linux")]
mod socket_table;

/// Whether the user behind a connection can be told for loopback TCP on this system, and from all others.
#[cfg(target_os = "linux")]
pub fn is_tcp_owner_known() -> bool {
    !namespace::own_uid_is_shared()
}

/// Whether the user behind a connection can be told for loopback TCP on this system: no.
#[cfg(not(target_os = "linux"))]
pub fn is_tcp_owner_known() -> bool {
    false
}

/// Whether the client's end of this accepted loopback connection belongs to the user that runs this process.
///
/// Only *this* user: root too is somebody else, unless the process runs as root. A client that has closed its socket
/// already is nobody: the kernel then says user 0, whoever it was. False where the user cannot be told.
#[cfg(target_os = "linux")]
pub async fn is_same_user_tcp(stream: &tokio::net::TcpStream) -> bool {
    let (Ok(client), Ok(server)) = (stream.peer_addr(), stream.local_addr()) else { return false };
    is_same_user(stream, Pair { client, server }).await
}

/// The same for the addresses that the connection had a moment ago.
#[cfg(target_os = "linux")]
async fn is_same_user(stream: &tokio::net::TcpStream, pair: Pair) -> bool {
    let owner = match sock_diag::owner(pair) {
        Ok(owner) => owner,
        // No such netlink family here (some sandboxes): read the table, which walks every socket of the machine.
        Err(_) => match tokio::task::spawn_blocking(move || socket_table::owner(pair)).await {
            Ok(Ok(owner)) => owner,
            _ => None,
        },
    };
    // A client that closed gives its port up, and what it sent can still be read here: what was found could be the
    // connection of the next one on that port. It cannot while this one stands.
    let stands = stream.peer_addr().is_ok_and(|client| client == pair.client);
    stands && is_tcp_owner_known() && owner.is_some_and(|uid| uid == own_uid())
}

/// Whether the client's end of this accepted loopback connection is another user's, and not root's either: for a listener
/// that anybody's browser may come to, and through whatever forwards a port to it, which often runs as root.
///
/// A client that has closed its socket already could be anybody, and nobody waits for an answer there: it is a
/// stranger. False where the user cannot be told.
#[cfg(target_os = "linux")]
pub fn is_strangers_tcp(stream: &std::net::TcpStream) -> bool {
    let (Ok(client), Ok(server)) = (stream.peer_addr(), stream.local_addr()) else { return true };
    if !is_tcp_owner_known() {
        return false;
    }
    let pair = Pair { client, server };
    let Ok(owner) = sock_diag::owner(pair).or_else(|_| socket_table::owner(pair)) else { return false };
    // As above: what was found is this connection's while it stands.
    let stands = stream.peer_addr().is_ok_and(|now| now == client);
    !stands || owner.is_none_or(|uid| uid != own_uid() && uid != 0)
}

/// Whether it is another user's: it cannot be told on this system, hence false.
#[cfg(not(target_os = "linux"))]
pub fn is_strangers_tcp(_stream: &std::net::TcpStream) -> bool {
    false
}

/// Whether the client's end of this accepted loopback connection belongs to the user that runs this process: it cannot
/// be told on this system, hence false.
#[cfg(not(target_os = "linux"))]
pub async fn is_same_user_tcp(_stream: &tokio::net::TcpStream) -> bool {
    false
}

/// Whether the process at the other end belongs to the user that runs this one. Root is somebody else, as above.
#[cfg(unix)]
pub fn is_same_user_unix(stream: &tokio::net::UnixStream) -> bool {
    stream.peer_cred().is_ok_and(|peer| peer.uid() == own_uid())
}

#[cfg(unix)]
pub(crate) fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// The two ends of an accepted connection.
#[cfg(target_os = "linux")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    /// The client's end, whose owner is looked for.
    pub(crate) client: std::net::SocketAddr,
    /// Our end.
    pub(crate) server: std::net::SocketAddr,
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    /// Listener, client's end, accepted end.
    fn connection(listen: &str, connect: &str) -> (TcpListener, TcpStream, Pair) {
        let listener = TcpListener::bind(listen).unwrap();
        let port = listener.local_addr().unwrap().port();
        let client = TcpStream::connect(format!("{connect}:{port}")).unwrap();
        let (accepted, peer) = listener.accept().unwrap();
        let pair = Pair { client: peer, server: accepted.local_addr().unwrap() };
        // The accepted end stays open past the test: only its addresses matter.
        std::mem::forget(accepted);
        (listener, client, pair)
    }

    fn owners(pair: Pair) -> [Option<u32>; 2] {
        // Both sources must agree wherever both are there.
        let table = socket_table::owner(pair).unwrap();
        [table, sock_diag::owner(pair).unwrap_or(table)]
    }

    #[test]
    fn the_owner_of_the_clients_end_is_found() {
        for (listen, connect) in [("127.0.0.1:0", "127.0.0.1"), ("[::1]:0", "[::1]")] {
            let (_listener, _client, pair) = connection(listen, connect);
            assert_eq!(owners(pair), [Some(own_uid()); 2], "{listen}");
        }
    }

    #[test]
    fn a_client_on_a_dual_stack_socket_is_found() {
        let (_listener, _client, pair) = connection("127.0.0.1:0", "[::ffff:127.0.0.1]");
        assert_eq!(owners(pair), [Some(own_uid()); 2]);
    }

    #[test]
    fn a_client_that_has_gone_belongs_to_nobody() {
        let (_listener, client, pair) = connection("127.0.0.1:0", "127.0.0.1");
        drop(client);
        assert_eq!(owners(pair), [None; 2]);
    }

    #[test]
    fn ones_own_connection_is_no_strangers_and_one_that_has_gone_is() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        assert!(!is_strangers_tcp(&accepted));
        drop(client);
        assert!(is_strangers_tcp(&accepted));
    }

    #[test]
    fn a_half_closed_client_still_has_its_owner() {
        let (_listener, client, pair) = connection("127.0.0.1:0", "127.0.0.1");
        client.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(owners(pair), [Some(own_uid()); 2]);
    }

    /// What a stranger does who wants his request served as another user's: send it, go, and have it looked at when
    /// the other user's next connection happens to have the port that he had.
    #[tokio::test]
    async fn a_connection_whose_port_went_to_the_next_client_is_not_taken_for_that_one() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = listener.local_addr().unwrap();
        // A port that is given up may go to any other program of the machine: then another connection is tried.
        for _ in 0..50 {
            let gone = TcpStream::connect(server).unwrap();
            let client = gone.local_addr().unwrap();
            let (accepted, _) = listener.accept().await.unwrap();
            let pair = Pair { client, server };
            assert!(is_same_user(&accepted, pair).await);
            // Reset rather than closed, so that the port is free at once.
            socket2::SockRef::from(&gone).set_linger(Some(std::time::Duration::ZERO)).unwrap();
            drop(gone);
            let next = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
            next.set_reuse_address(true).unwrap();
            if next.bind(&client.into()).is_err() {
                continue;
            }
            next.connect(&server.into()).unwrap();
            assert_eq!(owners(pair), [Some(own_uid()); 2], "the next one has the port");
            assert!(!is_same_user(&accepted, pair).await);
            return;
        }
        panic!("no port could be taken over");
    }

    #[test]
    fn a_listener_on_the_clients_port_is_not_taken_for_it() {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let pair = Pair { client: other.local_addr().unwrap(), server: listener.local_addr().unwrap() };
        assert_eq!(owners(pair), [None; 2]);
    }
}

//! A way from a TCP port to a Unix socket, for tools that know only the one and are to try what listens on the other.
//!
//! It passes bytes on as they are, with one exception: a stream of events has no end, and a tool that waits for one would
//! wait for ever. So the relay ends such an answer as a server would, once nothing has come for a moment.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::wait::PATIENCE;

/// A stream in which nothing has come for so long is ended.
const QUIET: Duration = Duration::from_millis(200);

/// What tells such a stream from an answer, in its head.
const EVENT_STREAM: &[u8] = b"content-type: text/event-stream";

/// The end of a body in chunks (RFC 9112 §7.1).
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// A running relay. It ends with this value.
pub struct Relay {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
}

impl Relay {
    /// One that leads to that socket.
    ///
    /// # Panics
    /// When the system gives no port.
    pub fn to(socket: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let ended = Arc::new(AtomicBool::new(false));
        let (socket, over) = (Arc::new(PathBuf::from(socket)), Arc::clone(&ended));
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if over.load(Ordering::Relaxed) {
                    break;
                }
                let socket = Arc::clone(&socket);
                // A side that goes away in the middle is no error: the tool may hang up when it likes.
                std::thread::spawn(move || connect(&client, &socket).unwrap_or_default());
            }
        });
        Self { address, ended }
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // The listener looks at the end only when somebody comes.
        let _ = TcpStream::connect(self.address);
    }
}

fn connect(client: &TcpStream, socket: &Path) -> io::Result<()> {
    let server = UnixStream::connect(socket)?;
    client.set_read_timeout(Some(PATIENCE))?;
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    let requests = std::thread::spawn(move || {
        // The end of the one is the end of the other.
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    let passed = answers(server.try_clone()?, client.try_clone()?);
    let _ = server.shutdown(Shutdown::Both);
    let _ = client.shutdown(Shutdown::Both);
    let _ = requests.join();
    passed
}

fn answers(mut server: UnixStream, mut client: TcpStream) -> io::Result<()> {
    let mut piece = [0; 16 << 10];
    let mut endless = false;
    loop {
        server.set_read_timeout(Some(if endless { QUIET } else { PATIENCE }))?;
        match server.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(n) => {
                let bytes = piece.get(..n).unwrap_or_default();
                endless |=
                    bytes.to_ascii_lowercase().windows(EVENT_STREAM.len()).any(|at| at == EVENT_STREAM);
                client.write_all(bytes)?;
            }
            Err(error)
                if endless && matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) =>
            {
                return client.write_all(LAST_CHUNK);
            }
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn what_goes_in_comes_out_and_a_stream_of_events_has_an_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = [0; 3];
            stream.read_exact(&mut asked).unwrap();
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n5\r\nhello\r\n")
                .unwrap();
            // Held until the other side has gone.
            assert_eq!(stream.read(&mut [0]).unwrap(), 0);
            asked
        });
        let relay = Relay::to(&path);
        let mut client = TcpStream::connect(relay.url().strip_prefix("http://").unwrap()).unwrap();
        client.write_all(b"abc").unwrap();
        let mut heard = String::new();
        client.read_to_string(&mut heard).unwrap();
        assert!(heard.ends_with("hello\r\n0\r\n\r\n"), "{heard}");
        assert_eq!(&server.join().unwrap(), b"abc");
    }
}

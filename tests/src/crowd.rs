//! Many clients that come, ask, and stay for as long as they are let.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::wait::{PATIENCE, pause};

/// Between two questions of a client.
const BETWEEN: Duration = Duration::from_millis(200);

/// Clients of one address. They go when this is dropped.
pub struct Crowd {
    here: Arc<AtomicUsize>,
    leave: Arc<AtomicBool>,
}

impl Crowd {
    /// So many clients, all of them connected. Each asks for that target again and again on the same connection, and goes
    /// when it is cut.
    ///
    /// # Errors
    /// Where one of them cannot connect.
    pub fn come(address: SocketAddr, clients: usize, target: &str) -> io::Result<Self> {
        let (here, leave) = (Arc::new(AtomicUsize::new(clients)), Arc::new(AtomicBool::new(false)));
        let question: Arc<str> = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n").into();
        let connected: io::Result<Vec<_>> = (0..clients).map(|_| TcpStream::connect(address)).collect();
        for stream in connected? {
            let (here, leave, question) = (Arc::clone(&here), Arc::clone(&leave), Arc::clone(&question));
            std::thread::spawn(move || {
                // Why it ends does not matter.
                let _ = stay(stream, &question, &leave);
                here.fetch_sub(1, Ordering::Relaxed);
            });
        }
        Ok(Self { here, leave })
    }

    /// How many are not cut yet.
    pub fn here(&self) -> usize {
        self.here.load(Ordering::Relaxed)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.leave.store(true, Ordering::Relaxed);
    }
}

/// Asks until it is cut, or to leave.
fn stay(mut stream: TcpStream, question: &str, leave: &AtomicBool) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut answer = [0; 4096];
    while !leave.load(Ordering::Relaxed) {
        stream.write_all(question.as_bytes())?;
        if stream.read(&mut answer)? == 0 {
            break;
        }
        pause(BETWEEN);
    }
    Ok(())
}

//! Clients that ask, wait for the whole answer, and ask again: bytes by hand, so that they cost next to nothing.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// What is asked, by how many, for how long.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    pub(crate) address: SocketAddr,
    pub(crate) size: usize,
    pub(crate) clients: usize,
    pub(crate) span: Duration,
}

/// What came of it.
pub(crate) struct Done {
    pub(crate) requests: usize,
    /// Of one request, from its first byte to the answer's last.
    pub(crate) median: Duration,
}

/// # Panics
/// Where an answer is not the one expected: a figure of failures would be none.
pub(crate) fn run(load: &Load) -> Done {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut times = runtime.block_on(async {
        let mut clients = JoinSet::new();
        for _ in 0..load.clients {
            clients.spawn(client(*load));
        }
        clients.join_all().await.concat()
    });
    times.sort_unstable();
    Done { requests: times.len(), median: times[times.len() / 2] }
}

async fn client(load: Load) -> Vec<Duration> {
    let mut request = match load.size {
        0 => b"GET /x HTTP/1.1\r\nhost: localhost\r\n\r\n".to_vec(),
        size => format!("POST /x HTTP/1.1\r\nhost: localhost\r\ncontent-length: {size}\r\n\r\n").into_bytes(),
    };
    request.resize(request.len() + load.size, b'x');
    let expected = if load.size == 0 { 2 } else { load.size };
    let mut stream = TcpStream::connect(load.address).await.expect("a connection");
    stream.set_nodelay(true).expect("an option");
    let mut buffer = vec![0; 128 * 1024];
    let (began, mut times) = (Instant::now(), Vec::new());
    while began.elapsed() < load.span {
        let asked = Instant::now();
        stream.write_all(&request).await.expect("a request");
        answer(&mut stream, &mut buffer, expected).await;
        times.push(asked.elapsed());
    }
    times
}

async fn answer(stream: &mut TcpStream, buffer: &mut [u8], expected: usize) {
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await.expect("an answer");
        assert!(read > 0, "the connection ended instead of an answer");
        filled += read;
        if let Some(head) = buffer[..filled].windows(4).take(4096).position(|four| four == b"\r\n\r\n") {
            assert!(buffer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&buffer[..head]));
            let mut left = (head + 4 + expected).saturating_sub(filled);
            while left > 0 {
                let read = stream.read(buffer).await.expect("an answer");
                assert!(read > 0, "the connection ended within an answer");
                left = left.checked_sub(read).expect("no more than the answer");
            }
            return;
        }
    }
}

//! What the kernel does with the bytes of a process that was killed.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::io::Read;
use std::net::SocketAddr;
use std::process::Command;

use renewd_core::Secret;
use socket2::{Domain, Socket, Type};
use support::{Rig, request, until};

/// Where the process that is to be killed sends its request.
const URL: &str = "RENEWD_TEST_URL_OF_A_DOOMED_PROCESS";
/// Far more than what the server's side takes in, so that most of it waits in the sender's kernel.
const BODY_BYTES: usize = 1024 * 1024;
/// The server's receive buffer.
const WINDOW_BYTES: usize = 4096;
/// That much in the sender's kernel shows that it has more than it could send.
const STUCK_BYTES: u64 = 128 * 1024;

#[test]
fn what_a_killed_process_had_not_sent_is_never_sent() {
    if let Ok(url) = std::env::var(URL) {
        let mut large = request(&url);
        large.body = Secret::from_string("x".repeat(BODY_BYTES));
        Rig::new().send(large);
        panic!("the process that sends this was to be killed");
    }
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.set_recv_buffer_size(WINDOW_BYTES).unwrap();
    listener.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
    listener.listen(1).unwrap();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "what_a_killed_process_had_not_sent_is_never_sent"])
        .env(URL, format!("http://{address}/token"))
        .spawn()
        .unwrap();
    let (mut connection, _) = listener.accept().unwrap();
    until("bytes are stuck in the sender's kernel", || stuck(address.port()) > STUCK_BYTES);
    child.kill().unwrap();
    child.wait().unwrap();
    let mut arrived = Vec::new();
    // It ends with a reset, and holds no more than what had arrived before.
    assert!(connection.read_to_end(&mut arrived).is_err());
    assert!((arrived.len() as u64) < STUCK_BYTES, "{} bytes arrived", arrived.len());
}

/// Bytes that the kernel holds for the sender to that port and has not got rid of: the queue field of
/// `/proc/net/tcp`, behind the remote address.
fn stuck(port: u16) -> u64 {
    let remote = format!("0100007F:{port:04X}");
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|fields| fields.get(2) == Some(&remote.as_str()))
        .filter_map(|fields| u64::from_str_radix(fields.get(4)?.split(':').next()?, 16).ok())
        .sum()
}

//! The socket table by netlink: sock_diag(7) finds one socket by its two ends, however many the machine has.

use std::io;
use std::net::{IpAddr, SocketAddr};

use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, recv, sendto, socket_with,
};

use super::Pair;

// linux/netlink.h, linux/sock_diag.h, linux/inet_diag.h, linux/tcp.h, linux/socket.h
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST: u16 = 1;
const NLMSG_ERROR: u16 = 2;
const IPPROTO_TCP: u8 = 6;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const TCP_SYN_SENT: u8 = 2;
const TCP_LISTEN: u8 = 10;
const ANY_STATE: u32 = u32::MAX;
const NO_COOKIE: u32 = u32::MAX;
const ENOENT: i32 = -2;

const HEADER_BYTES: usize = 16;
const REQUEST_BYTES: usize = HEADER_BYTES + 56;
/// `struct inet_diag_msg` without attributes.
const MESSAGE_BYTES: usize = 72;
/// Where things stand in `struct inet_diag_msg`: after family, state, timer and retransmissions comes the 48-byte
/// socket id, then expires, rqueue, wqueue, uid, inode.
const STATE_AT: usize = 1;
const PORTS_AT: usize = 4;
const UID_AT: usize = 64;
const INODE_AT: usize = 68;

/// The owner of the client's end; `None` when there is no such socket, or nobody holds it any more.
pub(crate) fn owner(pair: Pair) -> io::Result<Option<u32>> {
    let socket =
        socket_with(AddressFamily::NETLINK, SocketType::DGRAM, SocketFlags::CLOEXEC, Some(SOCK_DIAG))?;
    bind(&socket, &SocketAddrNetlink::new(0, 0))?;
    sendto(&socket, &request(pair), SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
    let mut answer = [0; 1024];
    // The kernel has answered before `sendto` came back; anything else must not block a connection.
    let (length, _) = recv(&socket, &mut answer[..], RecvFlags::DONTWAIT)?;
    read(&answer[..length.min(answer.len())], pair)
}

/// `struct nlmsghdr` and `struct inet_diag_req_v2`. Addresses and ports are in network order, the rest in the machine's.
fn request(pair: Pair) -> [u8; REQUEST_BYTES] {
    let mut out = Vec::with_capacity(REQUEST_BYTES);
    out.extend((REQUEST_BYTES as u32).to_ne_bytes());
    out.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    out.extend(NLM_F_REQUEST.to_ne_bytes());
    out.extend([0; 8]);
    let (client, server) = (pair.client.ip().to_canonical(), pair.server.ip().to_canonical());
    let family = if client.is_ipv4() { AF_INET } else { AF_INET6 };
    out.extend([family, IPPROTO_TCP, 0, 0]);
    out.extend(ANY_STATE.to_ne_bytes());
    out.extend(pair.client.port().to_be_bytes());
    out.extend(pair.server.port().to_be_bytes());
    out.extend(padded(client));
    out.extend(padded(server));
    out.extend(0u32.to_ne_bytes());
    out.extend(NO_COOKIE.to_ne_bytes());
    out.extend(NO_COOKIE.to_ne_bytes());
    let mut fixed = [0; REQUEST_BYTES];
    fixed.copy_from_slice(&out);
    fixed
}

fn padded(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(ip) => {
            let mut bytes = [0; 16];
            bytes[..4].copy_from_slice(&ip.octets());
            bytes
        }
        IpAddr::V6(ip) => ip.octets(),
    }
}

fn read(answer: &[u8], pair: Pair) -> io::Result<Option<u32>> {
    let broken = || io::Error::new(io::ErrorKind::InvalidData, "sock_diag answered something else");
    let kind = answer
        .get(4..6)
        .and_then(|bytes| bytes.try_into().ok())
        .map(u16::from_ne_bytes)
        .ok_or_else(broken)?;
    let body = answer.get(HEADER_BYTES..).ok_or_else(broken)?;
    if kind == NLMSG_ERROR {
        let code = body.first_chunk().copied().map(i32::from_ne_bytes).ok_or_else(broken)?;
        return if code == ENOENT { Ok(None) } else { Err(io::Error::from_raw_os_error(-code)) };
    }
    if kind != SOCK_DIAG_BY_FAMILY || body.len() < MESSAGE_BYTES {
        return Err(broken());
    }
    let word = |at: usize| {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&body[at..at + 4]);
        bytes
    };
    // The kernel falls back to a listener where no connection matches: that is not the client. Nor is one that is still
    // connecting: ours has connected, so that one is the next on its port.
    let is_connection = !matches!(body[STATE_AT], TCP_LISTEN | TCP_SYN_SENT);
    let is_it = is_connection && word(PORTS_AT) == ports(pair.client, pair.server);
    let (uid, inode) = (u32::from_ne_bytes(word(UID_AT)), u32::from_ne_bytes(word(INODE_AT)));
    Ok((is_it && inode != 0).then_some(uid))
}

fn ports(client: SocketAddr, server: SocketAddr) -> [u8; 4] {
    let ([a, b], [c, d]) = (client.port().to_be_bytes(), server.port().to_be_bytes());
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> Pair {
        Pair { client: "127.0.0.1:54321".parse().unwrap(), server: "127.0.0.1:8787".parse().unwrap() }
    }

    #[test]
    fn a_socket_that_listens_or_is_still_connecting_is_not_the_client() {
        for (state, found) in [(1, Some(1001)), (5, Some(1001)), (TCP_LISTEN, None), (TCP_SYN_SENT, None)] {
            let mut answer = [0; HEADER_BYTES + MESSAGE_BYTES];
            answer[4..6].copy_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
            let body = &mut answer[HEADER_BYTES..];
            body[STATE_AT] = state;
            body[PORTS_AT..PORTS_AT + 4].copy_from_slice(&ports(pair().client, pair().server));
            body[UID_AT..UID_AT + 4].copy_from_slice(&1001u32.to_ne_bytes());
            body[INODE_AT] = 7;
            assert_eq!(read(&answer, pair()).unwrap(), found, "state {state}");
        }
    }

    #[test]
    fn a_truncated_or_foreign_answer_is_an_error_not_a_user() {
        for length in [0, 5, 15, 16, 40, HEADER_BYTES + MESSAGE_BYTES - 1] {
            let mut answer = vec![0; length];
            if length >= 6 {
                answer[4..6].copy_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
            }
            assert!(read(&answer, pair()).is_err(), "{length} bytes");
        }
        assert!(read(&[0; HEADER_BYTES + MESSAGE_BYTES], pair()).is_err(), "another kind of message");
    }
}

//! The socket table as text: `/proc/self/net/tcp` and `tcp6` (proc_pid_net(5)).

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::net::{IpAddr, SocketAddr};

use super::Pair;

/// Reads both tables: an IPv4 connection made through an IPv6 socket stands in the second.
pub(crate) fn owner(pair: Pair) -> io::Result<Option<u32>> {
    let mut last = None;
    let mut any_read = false;
    for table in ["/proc/self/net/tcp", "/proc/self/net/tcp6"] {
        match File::open(table) {
            Ok(file) => {
                any_read = true;
                if let Some(uid) = owner_in(BufReader::new(file), pair)? {
                    return Ok(Some(uid));
                }
            }
            Err(error) => last = Some(error),
        }
    }
    match last {
        Some(error) if !any_read => Err(error),
        _ => Ok(None),
    }
}

fn owner_in(mut table: impl BufRead, pair: Pair) -> io::Result<Option<u32>> {
    let mut line = String::new();
    while table.read_line(&mut line)? > 0 {
        if let Some(entry) = Entry::read(&line)
            && entry.local == canonical(pair.client)
            && entry.remote == canonical(pair.server)
        {
            // Without an inode nobody holds the socket any more, and its uid reads 0. One that is still connecting is
            // the next on the port.
            let held = entry.inode.is_some_and(|inode| inode != 0) && entry.state != SYN_SENT;
            return Ok(held.then_some(entry.uid));
        }
        line.clear();
    }
    Ok(None)
}

/// In the table's hexadecimal `st` (include/net/tcp_states.h).
const SYN_SENT: u8 = 2;

/// `sl local_address rem_address st tx_queue:rx_queue tr:when retrnsmt uid timeout inode …`
struct Entry {
    local: (IpAddr, u16),
    remote: (IpAddr, u16),
    state: u8,
    uid: u32,
    inode: Option<u64>,
}

impl Entry {
    /// `None` for the heading and for anything that is no entry.
    fn read(line: &str) -> Option<Self> {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let (local, remote) = (address(fields.next()?)?, address(fields.next()?)?);
        let state = u8::from_str_radix(fields.next()?, 16).ok()?;
        let uid = fields.nth(3)?.parse().ok()?;
        let inode = fields.nth(1)?.parse().ok();
        Some(Self { local, remote, state, uid, inode })
    }
}

/// `0100007F:1F90`: words of the address in the machine's own order, the port as a number.
fn address(text: &str) -> Option<(IpAddr, u16)> {
    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| Some(u32::from_str_radix(ip.get(at..at + 8)?, 16).ok()?.to_ne_bytes());
    let ip = match ip.len() {
        8 => IpAddr::from(word(0)?),
        32 => {
            let mut bytes = [0; 16];
            for (i, part) in bytes.chunks_exact_mut(4).enumerate() {
                part.copy_from_slice(&word(i * 8)?);
            }
            IpAddr::from(bytes)
        }
        _ => return None,
    };
    Some((ip.to_canonical(), port))
}

fn canonical(address: SocketAddr) -> (IpAddr, u16) {
    (address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:2253 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 7 1 0 100 0 0 10 0
   1: 0100007F:2253 0100007F:D431 01 00000000:00000000 00:00000000 00000000  1000        0 8 1 0 20 4 30 10 -1
   2: 0100007F:D431 0100007F:2253 01 00000000:00000000 00:00000000 00000000  1001        0 9 1 0 20 4 30 10 -1
   3: 0100007F:D432 0100007F:2253 06 00000000:00000000 03:00000F2B 00000000     0        0 0 3 0
   4: 0100007F:D434 0100007F:2253 02 00000000:00000000 00:00000000 00000000  1001        0 9 1 0 20 4 30 10 -1
";

    #[cfg(target_endian = "little")]
    fn owner_of(client: &str, table: &str) -> Option<u32> {
        let pair = Pair { client: client.parse().unwrap(), server: "127.0.0.1:8787".parse().unwrap() };
        owner_in(table.as_bytes(), pair).unwrap()
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn the_entry_is_the_one_seen_from_the_client() {
        assert_eq!(owner_of("127.0.0.1:54321", TABLE), Some(1001));
        assert_eq!(owner_of("127.0.0.1:54322", TABLE), None, "in TIME_WAIT, held by nobody");
        assert_eq!(owner_of("127.0.0.1:54323", TABLE), None, "not there");
        assert_eq!(owner_of("127.0.0.1:54324", TABLE), None, "still connecting");
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn mapped_addresses_are_read_as_what_they_map() {
        let mapped = TABLE.replace("0100007F:", "0000000000000000FFFF00000100007F:");
        assert_eq!(owner_of("127.0.0.1:54321", &mapped), Some(1001));
    }

    #[test]
    fn a_damaged_table_finds_nobody() {
        for line in
            ["", "x", "0: 0100007F:1F90", "0: ZZ:1 ZZ:1 01 0 0 0 0 0 0", "0: 0100007F:D431 0100007F:2253 01"]
        {
            assert!(Entry::read(line).is_none(), "{line}");
        }
    }
}

//! Somebody who connects: `stranger tcp ADDRESS [TARGET]` or `stranger unix PATH [TARGET]`, started by a test under another user.
//! `stranger crowd ADDRESS CLIENTS` is many of them, who say `here` once they have come and stay until their standard input ends.
//!
//! Sends a request and prints what came of it: `refused` (no connection), `closed` (without a byte), or the first line
//! of the answer.

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    use renewd_e2e::Door;
    use std::io::{Read as _, Write as _};

    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [what, address, clients] = args.as_slice()
        && what == "crowd"
    {
        let (address, clients) = (address.parse().expect("an address"), clients.parse().expect("a number"));
        let _crowd = renewd_e2e::Crowd::come(address, clients, "/healthz").expect("all of them can connect");
        println!("here");
        std::io::stdin().read_to_end(&mut Vec::new()).expect("standard input can be read");
        return std::process::ExitCode::SUCCESS;
    }
    let door = match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["tcp", address, ..] => address.parse().ok().map(Door::Tcp),
        ["unix", path, ..] => Some(Door::Unix(path.into())),
        _ => None,
    };
    let Some(door) = door else {
        eprintln!("stranger tcp ADDRESS [TARGET] | unix PATH [TARGET] | crowd ADDRESS CLIENTS");
        return std::process::ExitCode::from(2);
    };
    let Ok(mut stream) = door.connect() else {
        println!("refused");
        return std::process::ExitCode::SUCCESS;
    };
    let mut answer = Vec::new();
    // A connection that is closed at once may be so before or after this; either way nothing comes.
    let target = args.get(2).map_or("/v1/credentials", String::as_str);
    let asked = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let sent = stream.write_all(asked.as_bytes());
    let read = sent.and_then(|()| stream.read_to_end(&mut answer));
    match (String::from_utf8_lossy(&answer).lines().next(), read) {
        (Some(line), _) => println!("{line}"),
        (None, Err(error)) if error.kind() == std::io::ErrorKind::WouldBlock => println!("silence"),
        (None, _) => println!("closed"),
    }
    std::process::ExitCode::SUCCESS
}

#[cfg(not(unix))]
fn main() {}

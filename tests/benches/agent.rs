//! What a crowd on the agent's socket costs: ten thousand clients at once, one in ten of them silent and one in ten slow,
//! beside a bare server on a Unix socket that answers every request with the same bytes. Both see the same crowd in one run.
//!
//! `RENEWD_BIN` names the program to measure: one that was built optimised.

#[cfg(target_os = "linux")]
fn main() {
    linux::main();
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("skipped: memory is read from /proc");
}

#[cfg(target_os = "linux")]
mod linux {
    use std::path::{Path, PathBuf};
    use std::process::{Command, Stdio};
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use renewd_e2e::testkit::{AsConfig, AuthorizationServer};
    use renewd_e2e::{Agent, Home, wait_for};
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{UnixListener, UnixStream};
    use tokio::sync::Barrier;

    /// Set in the process that is the bare server.
    const BARE_ENV: &str = "RENEWD_BENCH_BARE";

    /// Clients at once.
    const CLIENTS: usize = 10_000;

    /// One in so many says nothing, and one says it slowly.
    const BAD_ONE_IN: usize = 10;

    const QUESTION: &[u8] =
        b"POST /v1/credentials/work/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\
        Content-Type: application/json\r\nConnection: close\r\n\r\n{}";

    const BARE_ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";

    /// No answer within this is none.
    const PATIENCE: Duration = Duration::from_secs(60);

    pub(super) fn main() {
        let most = getrlimit(Resource::Nofile).maximum;
        setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most }).expect("descriptors can be had");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime");
        if let Some(path) = std::env::var_os(BARE_ENV) {
            return runtime.block_on(bare(&PathBuf::from(path)));
        }
        let server = AuthorizationServer::start(AsConfig::default()).expect("a server can be started");
        let home = Home::new();
        home.import("work", &server);
        let agent = Agent::start(&home);
        agent.wait_credential("work", "a token", |seen| seen["token_valid"] == true);
        let path = home.path().join("bare.sock");
        let mut bare = Command::new(std::env::current_exe().expect("this program"));
        let mut bare = bare.env(BARE_ENV, &path).stdin(Stdio::piped()).spawn().expect("it starts");
        wait_for("the bare server", || std::os::unix::net::UnixStream::connect(&path).ok());
        println!("{CLIENTS} clients at once, {} silent, {} slow", CLIENTS / BAD_ONE_IN, CLIENTS / BAD_ONE_IN);
        println!("| | answered | median | 99 % | slowest | memory before | most |");
        for (name, socket, pid) in
            [("bare server", path.as_path(), bare.id()), ("agent", &home.socket(), agent.pid())]
        {
            let before = memory(pid, "VmRSS:");
            let mut took = runtime.block_on(crowd(socket));
            took.sort_unstable();
            let at = |part: usize| took.get((took.len() * part / 100).min(took.len().saturating_sub(1)));
            let ms = |at: Option<&Duration>| {
                at.map_or("none".into(), |d| format!("{:.0} ms", d.as_secs_f64() * 1e3))
            };
            let (half, most, last) = (ms(at(50)), ms(at(99)), ms(took.last()));
            let peak = memory(pid, "VmHWM:");
            println!(
                "| {name} | {} of {} | {half} | {most} | {last} | {before} MB | {peak} MB |",
                took.len(),
                honest()
            );
        }
        let _ = bare.kill();
        let _ = bare.wait();
    }

    fn honest() -> usize {
        (0..CLIENTS).filter(|n| n % BAD_ONE_IN > 1).count()
    }

    /// How long each honest client waited for its whole answer, those that got one.
    async fn crowd(socket: &Path) -> Vec<Duration> {
        let (socket, start) = (Arc::new(socket.to_owned()), Arc::new(Barrier::new(CLIENTS)));
        let mut clients = tokio::task::JoinSet::new();
        for n in 0..CLIENTS {
            let (socket, start) = (Arc::clone(&socket), Arc::clone(&start));
            clients.spawn(async move {
                start.wait().await;
                #[expect(
                    clippy::disallowed_methods,
                    reason = "the time that an answer takes is what is measured"
                )]
                let began = Instant::now();
                let asked = tokio::time::timeout(PATIENCE, client(n, &socket)).await;
                (matches!(asked, Ok(Ok(true))) && n % BAD_ONE_IN > 1).then(|| began.elapsed())
            });
        }
        let mut took = Vec::new();
        while let Some(done) = clients.join_next().await {
            took.extend(done.ok().flatten());
        }
        took
    }

    async fn client(n: usize, socket: &Path) -> std::io::Result<bool> {
        let mut stream = loop {
            match UnixStream::connect(socket).await {
                Ok(stream) => break stream,
                // The listener's queue is full.
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                Err(error) => return Err(error),
            }
        };
        match n % BAD_ONE_IN {
            0 => {}
            1 => {
                for byte in QUESTION.iter().take(20) {
                    stream.write_all(&[*byte]).await?;
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
            }
            _ => stream.write_all(QUESTION).await?,
        }
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok(answer.starts_with(b"HTTP/1.1 200"))
    }

    /// Reads a request's bytes once, answers, closes; closes what is silent after the agent's time.
    async fn bare(path: &Path) {
        let listener = UnixListener::bind(path).expect("a socket");
        loop {
            let Ok((mut stream, _)) = listener.accept().await else { continue };
            tokio::spawn(async move {
                let mut asked = vec![0; 4096];
                let mut read = 0;
                let whole = async {
                    while !asked[..read].ends_with(b"{}") {
                        match stream.read(&mut asked[read..]).await {
                            Ok(n @ 1..) => read += n,
                            _ => return false,
                        }
                    }
                    true
                };
                if matches!(tokio::time::timeout(Duration::from_secs(10), whole).await, Ok(true)) {
                    let _ = stream.write_all(BARE_ANSWER).await;
                }
            });
        }
    }

    /// In megabytes, as the kernel counts.
    fn memory(pid: u32, field: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap_or("0 kB");
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) / 1024
    }
}

//! The proxies as processes, and what they have used of the processor.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::roles::TOKEN;

/// One that is measured.
pub(crate) struct Rival {
    name: &'static str,
    address: SocketAddr,
    process: Option<Child>,
    _folder: Option<tempfile::TempDir>,
}

impl Drop for Rival {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            for child in children(process.id()) {
                let _ = Command::new("kill").arg(child.to_string()).status();
            }
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

impl Rival {
    /// No proxy at all.
    pub(crate) fn direct(upstream: SocketAddr) -> Self {
        Self { name: "no proxy", address: upstream, process: None, _folder: None }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn is_direct(&self) -> bool {
        self.process.is_none()
    }

    /// Of the process and its workers, in ticks of 10 ms.
    pub(crate) fn cpu(&self) -> Duration {
        let Some(process) = &self.process else { return Duration::ZERO };
        let all = children(process.id()).into_iter().chain([process.id()]);
        all.map(|pid| Duration::from_millis(10 * ticks(pid))).sum()
    }
}

fn children(pid: u32) -> Vec<u32> {
    let listed = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    listed.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// User and system time.
fn ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let behind_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    behind_name.split_ascii_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum()
}

/// This program in another role.
fn role(name: &'static str, args: &[&str]) -> Rival {
    let own = std::env::current_exe().expect("the path of this program");
    let mut process =
        Command::new(own).arg("--role").args(args).stdout(Stdio::piped()).spawn().expect("a process");
    let mut line = String::new();
    let mut output = BufReader::new(process.stdout.take().expect("its output"));
    output.read_line(&mut line).expect("its address");
    let address = line.trim().parse().expect("its address");
    Rival { name, address, process: Some(process), _folder: None }
}

pub(crate) fn upstream() -> Rival {
    role("the upstream", &["upstream"])
}

pub(crate) fn hyper(upstream: SocketAddr) -> Rival {
    role("bare hyper proxy", &["hyper", &upstream.to_string()])
}

pub(crate) fn renewd(upstream: SocketAddr) -> Rival {
    role("renewd", &["renewd", &upstream.to_string()])
}

/// With one worker and connections that are kept.
pub(crate) fn nginx(upstream: SocketAddr) -> Result<Rival, String> {
    let address = free_address();
    let configuration = |folder: &Path| {
        let folder = folder.display();
        format!(
            "worker_processes 1; daemon off; pid {folder}/pid; error_log stderr crit;\n\
             events {{ worker_connections 1024; }}\n\
             http {{ access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;\n\
             fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n\
             keepalive_requests 100000000; client_body_buffer_size 128k; proxy_buffers 8 32k;\n\
             upstream api {{ server {upstream}; keepalive 64; keepalive_requests 100000000; }}\n\
             server {{ listen {address}; location / {{ proxy_pass http://api; proxy_http_version 1.1;\n\
             proxy_set_header Connection \"\"; proxy_set_header Authorization \"Bearer {TOKEN}\"; }} }} }}\n"
        )
    };
    other("nginx", &["/usr/sbin/nginx", "nginx"], &["-e", "stderr", "-c"], configuration, address)
}

/// With one thread and connections that are kept.
pub(crate) fn haproxy(upstream: SocketAddr) -> Result<Rival, String> {
    let address = free_address();
    let configuration = |_: &Path| {
        format!(
            "global\n  nbthread 1\n  maxconn 1024\n\
             defaults\n  mode http\n  timeout connect 5s\n  timeout client 1m\n  timeout server 1m\n  http-reuse always\n\
             frontend f\n  bind {address}\n  http-request set-header Authorization \"Bearer {TOKEN}\"\n\
             \x20 default_backend b\n\
             backend b\n  server s {upstream}\n"
        )
    };
    other("haproxy", &["/usr/sbin/haproxy", "haproxy"], &["-db", "-q", "-f"], configuration, address)
}

fn other(
    name: &'static str,
    programs: &[&str],
    args: &[&str],
    configuration: impl Fn(&Path) -> String,
    address: SocketAddr,
) -> Result<Rival, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let file = folder.path().join("configuration");
    fs::write(&file, configuration(folder.path())).map_err(|error| error.to_string())?;
    let mut begun = programs.iter().map(|program| {
        Command::new(program).args(args).arg(&file).stdin(Stdio::null()).stderr(Stdio::null()).spawn()
    });
    let process = begun
        .find_map(Result::ok)
        .ok_or("it is not installed (Debian: apt-get install nginx-light haproxy)")?;
    let rival = Rival { name, address, process: Some(process), _folder: Some(folder) };
    let began = Instant::now();
    while TcpStream::connect(address).is_err() {
        if began.elapsed() > Duration::from_secs(10) {
            return Err("it does not begin to listen".into());
        }
        std::thread::yield_now();
    }
    Ok(rival)
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    listener.local_addr().expect("an address")
}

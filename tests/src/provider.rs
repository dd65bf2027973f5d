//! A provider of no known kind: it takes whatever is posted, keeps it, and answers what the test wrote. The servers of
//! the testkit answer as RFC 6749 says; the ones that profiles are for do not.

use std::collections::VecDeque;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Posted {
    headers: Vec<(String, String)>,
    /// The body, as text.
    pub body: String,
}

impl Posted {
    /// The value of a header, where it came.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// All headers, as they came.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Its body as JSON; null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }
}

/// The server. It ends with the test's process.
pub struct Provider {
    address: std::net::SocketAddr,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    answers: VecDeque<(u16, String)>,
    posted: Vec<Posted>,
}

impl Provider {
    /// Starts it on a free port of loopback.
    ///
    /// # Panics
    /// When there is none.
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let address = listener.local_addr().expect("a bound listener has an address");
        let kept = Arc::<Mutex<Kept>>::default();
        let mine = Arc::clone(&kept);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mine = Arc::clone(&mine);
                // A client that goes away is its own business; one that says nothing holds nobody up.
                std::thread::spawn(move || drop(serve(stream, &mine)));
            }
        });
        Self { address, kept }
    }

    /// The token endpoint.
    pub fn token_url(&self) -> String {
        format!("http://{}/token", self.address)
    }

    /// Answers the next request that has no answer yet with this status and body; the last one holds for all later.
    pub fn answer(&self, status: u16, body: &str) {
        lock(&self.kept).answers.push_back((status, body.into()));
    }

    /// Answers everything from now on with this status and body.
    pub fn always(&self, status: u16, body: &str) {
        lock(&self.kept).answers = VecDeque::from([(status, body.into())]);
    }

    /// Everything that came.
    pub fn posted(&self) -> Vec<Posted> {
        lock(&self.kept).posted.clone()
    }

    /// The last request.
    ///
    /// # Panics
    /// When none came.
    #[track_caller]
    pub fn last(&self) -> Posted {
        self.posted().pop().expect("a request came")
    }
}

fn lock(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(stream: TcpStream, kept: &Mutex<Kept>) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut headers: Vec<(String, String)> = Vec::new();
    let mut line = String::new();
    reader.read_line(&mut line)?;
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.into(), value.trim().into()));
    }
    let length = headers.iter().find(|(n, _)| n.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|(_, value)| value.parse().ok()).unwrap_or_default();
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let (status, text) = {
        let mut kept = lock(kept);
        kept.posted.push(Posted { headers, body: String::from_utf8_lossy(&body).into_owned() });
        let next =
            if kept.answers.len() > 1 { kept.answers.pop_front() } else { kept.answers.front().cloned() };
        next.unwrap_or((503, String::new()))
    };
    let length = text.len();
    let head = format!(
        "HTTP/1.1 {status} Provider\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    reader.get_mut().write_all(&[head.as_bytes(), text.as_bytes()].concat())
}

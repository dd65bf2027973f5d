//! The file as it is written, before anything is understood. Unknown keys are errors that name the key and its line.

use serde::Deserialize;

use super::ExpectTotals;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawScenario {
    pub(super) name: String,
    #[serde(default = "seven")]
    pub(super) seed: u64,
    #[serde(rename = "as", default)]
    pub(super) server: RawServer,
    #[serde(default)]
    pub(super) processes: RawCounts,
    pub(super) classes: Option<Vec<String>>,
    pub(super) fault: Option<String>,
    pub(super) variant: Option<String>,
    pub(super) liveness: Option<bool>,
    pub(super) watch: Option<bool>,
    pub(super) flaw: Option<String>,
    pub(super) sockets: Option<String>,
    pub(super) store_latency: Option<String>,
    #[serde(default)]
    pub(super) policy: RawPolicy,
    #[serde(default)]
    pub(super) login: RawLogin,
    pub(super) callers: Option<String>,
    pub(super) end: Option<String>,
    #[serde(default)]
    pub(super) at: Vec<RawAt>,
    #[serde(default)]
    pub(super) expect: Vec<RawExpect>,
    #[serde(default)]
    pub(super) expect_totals: ExpectTotals,
}

fn seven() -> u64 {
    7
}

/// A number, or several to be played one after the other.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a number of processes, or a list of them such as [1, 2]")]
pub(super) enum RawCounts {
    One(u32),
    Each(Vec<u32>),
}

impl Default for RawCounts {
    fn default() -> Self {
        Self::One(1)
    }
}

/// Whom an entry is about.
#[derive(Clone, Deserialize)]
#[serde(untagged, expecting = "a process number from 1, \"any\" or \"all\"")]
pub(super) enum RawOn {
    Number(u32),
    Name(String),
}

fn yes() -> bool {
    true
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawServer {
    pub(super) cap: Option<usize>,
    pub(super) class: Option<String>,
    pub(super) lifetime: Option<String>,
    pub(super) grace: Option<String>,
    pub(super) refresh_token_lifetime: Option<String>,
    pub(super) expires_in: Option<String>,
    pub(super) latency: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLogin {
    #[serde(default = "yes")]
    pub(super) access_token: bool,
    #[serde(default = "yes")]
    pub(super) refresh_token: bool,
    #[serde(default = "yes")]
    pub(super) client_id: bool,
    pub(super) grant: Option<String>,
}

impl Default for RawLogin {
    fn default() -> Self {
        Self { access_token: true, refresh_token: true, client_id: true, grant: None }
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPolicy {
    #[serde(default)]
    pub(super) refresh: RawRefresh,
    #[serde(default)]
    pub(super) retry: RawRetry,
    #[serde(default)]
    pub(super) auth_retrying: RawAuthRetrying,
    #[serde(default)]
    pub(super) request: RawRequest,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRefresh {
    pub(super) window: Option<String>,
    pub(super) mandatory: Option<String>,
    pub(super) min_interval: Option<String>,
    pub(super) settle: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRetry {
    pub(super) initial: Option<String>,
    pub(super) max: Option<String>,
    pub(super) tries: Option<u32>,
    pub(super) elapsed: Option<String>,
    pub(super) budget: Option<u32>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAuthRetrying {
    pub(super) interval: Option<String>,
    pub(super) ceiling: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRequest {
    pub(super) timeout: Option<String>,
    pub(super) connect_timeout: Option<String>,
}

/// Something that becomes of the next request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawWire {
    pub(super) late: Option<String>,
    pub(super) duplicate: Option<String>,
    pub(super) lose: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAt {
    pub(super) t: String,
    pub(super) on: Option<RawOn>,
    pub(super) point: Option<String>,
    pub(super) skip: Option<u32>,
    pub(super) repeat: Option<u32>,
    pub(super) every: Option<String>,
    pub(super) wire: Option<RawWire>,
    pub(super) give_up: Option<String>,
    pub(super) server: Option<String>,
    pub(super) next: Option<String>,
    pub(super) latency: Option<String>,
    pub(super) clock: Option<RawClock>,
    pub(super) network: Option<String>,
    pub(super) process: Option<String>,
    pub(super) store: Option<String>,
    pub(super) api: Option<String>,
    pub(super) person: Option<String>,
    pub(super) burst: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawClock {
    pub(super) suspend: Option<String>,
    pub(super) wall: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawExpect {
    pub(super) on: Option<u32>,
    pub(super) t: Option<String>,
    pub(super) by: Option<String>,
    pub(super) status: Option<String>,
    pub(super) health: Option<String>,
    pub(super) cause: Option<String>,
    pub(super) phase: Option<String>,
    pub(super) token: Option<bool>,
    pub(super) generation: Option<u64>,
    pub(super) token_requests_max: Option<u64>,
    pub(super) token_requests_min: Option<u64>,
}

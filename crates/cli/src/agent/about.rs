//! `GET /v1/agent`: what the agent is and what it serves, for a status page. Nothing secret: a proxy's address stands here
//! without the path that opens it.

use http::{Response, StatusCode};
use serde::Serialize;

use super::api::Api;
use super::door::{ProxyPlace, RoutePlace};
use super::http::{Body, json};
use crate::json::SCHEMA;

/// The agent.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct AgentDocument {
    #[cfg_attr(test, schemars(schema_with = "crate::schema::version"))]
    schema: u32,
    version: &'static str,
    pid: u32,
    proxies: Vec<ProxyDocument>,
}

/// One of its proxies.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct ProxyDocument {
    /// Where it listens: `http://127.0.0.1:8787` or `unix:PATH`, without a path secret.
    listen: String,
    /// What stands behind it, by the beginning of the path.
    routes: Vec<RouteDocument>,
}

/// One of a proxy's upstreams.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct RouteDocument {
    prefix: String,
    upstream: String,
    /// Whose token is added.
    credential: String,
}

impl From<RoutePlace> for RouteDocument {
    fn from(RoutePlace { prefix, credential, upstream }: RoutePlace) -> Self {
        Self { prefix, upstream, credential }
    }
}

impl From<ProxyPlace> for ProxyDocument {
    fn from(ProxyPlace { listen, routes, .. }: ProxyPlace) -> Self {
        Self { listen, routes: routes.into_iter().map(RouteDocument::from).collect() }
    }
}

impl Api {
    /// What it is now.
    pub(super) async fn about(&self) -> Response<Body> {
        let proxies = self.proxies.places().await.into_iter().map(ProxyDocument::from).collect();
        let (version, pid) = (env!("CARGO_PKG_VERSION"), std::process::id());
        json(StatusCode::OK, &AgentDocument { schema: SCHEMA, version, pid, proxies })
    }
}

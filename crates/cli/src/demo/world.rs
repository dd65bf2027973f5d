//! Everything that takes part: the authorization server and the API in this process, the agent in another.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use renewd_testkit::{AsClass, AsConfig, AuthorizationServer, ProtectedApi, http_request};

use super::home::Home;
use super::pace::Pace;
use super::processes::{Agent, Binary, CREDENTIAL};
use crate::exit::{Exit, Failure};
use crate::input::file::plain;
use crate::json::{CredentialDocument, CredentialStatus};

/// The client that the server knows.
const CLIENT_ID: &str = "renewd-demo";

/// All of it. Dropped in this order: the agent ends before its servers, and its folder goes last.
pub(super) struct World {
    /// The agent.
    pub(super) agent: Agent,
    /// This binary.
    pub(super) binary: Binary,
    /// The agent's socket.
    pub(super) socket: PathBuf,
    /// The protected API.
    pub(super) api: Arc<ProtectedApi>,
    /// The authorization server.
    pub(super) server: AuthorizationServer,
    _home: Home,
}

impl World {
    /// Sets it up and starts the agent.
    ///
    /// # Errors
    /// What could not be started.
    pub(super) fn build(pace: Pace) -> Result<Self, Failure> {
        let failed = |e: std::io::Error| {
            Failure::internal(format!("no server can be started on 127.0.0.1: {}", plain(&e)))
        };
        let server = AuthorizationServer::start(AsConfig {
            // The strictest: a refresh token works once, and a second use revokes the login.
            class: AsClass::P2,
            lifetime_ms: pace.lifetime().as_millis(),
            client_id: CLIENT_ID.into(),
            ..AsConfig::default()
        })
        .map_err(failed)?;
        let api = Arc::new(ProtectedApi::start(&server).map_err(failed)?);
        let home = Home::make()?;
        let (config, state) = (home.path().join("config.toml"), home.path().join("state"));
        let socket = home.path().join("run").join("agent.sock");
        let text = format!(
            "[store]\nkey = \"file\"\n[agent]\nsocket = {socket:?}\nstatus = \"127.0.0.1:0\"\n{}[[proxy]]\nlisten = \"127.0.0.1:0\"\n\
             upstream = {:?}\ncredential = \"{CREDENTIAL}\"\n",
            pace.policy(),
            api.url()
        );
        write_private(&config, &text).map_err(|e| {
            Failure::new(Exit::Store, format!("{} cannot be written: {}", config.display(), plain(&e)))
        })?;
        let binary = Binary::new(config, state)?;
        let login = server.mint_grant();
        binary.import(&server.token_url(), CLIENT_ID, &login.refresh_token)?;
        let agent = binary.agent()?;
        Ok(Self { agent, binary, socket, api, server, _home: home })
    }

    /// Ends the agent in order, and everything else with it.
    ///
    /// # Errors
    /// When the agent did not end well.
    pub(super) fn end(self) -> Result<(), Failure> {
        self.agent.end()
    }

    /// What the agent says of the credential.
    ///
    /// # Errors
    /// When it does not answer.
    pub(super) fn agent_status(&self) -> Result<CredentialStatus, Failure> {
        let text = self.ask_agent(&format!("/v1/credentials/{CREDENTIAL}"))?;
        let document: CredentialDocument = serde_json::from_str(&text)
            .map_err(|e| self.agent.failure(&format!("its status cannot be read: {e}")))?;
        Ok(document.credential)
    }

    /// Asks the agent's status address.
    ///
    /// # Errors
    /// When it does not answer with 200.
    pub(super) fn ask_agent(&self, target: &str) -> Result<String, Failure> {
        let no_answer = |why: &str| self.agent.failure(&format!("no answer to {target}: {why}"));
        let addr = self.agent.status.parse().map_err(|_| no_answer("its address is none"))?;
        match http_request(addr, "GET", target, &[], b"") {
            Ok(answer) if answer.status == 200 => Ok(answer.text()),
            Ok(answer) => Err(no_answer(&format!("status {}", answer.status))),
            Err(error) => Err(no_answer(&plain(&error))),
        }
    }
}

/// Whatever the umask: a configuration that others could write would be refused.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

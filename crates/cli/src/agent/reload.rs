//! The configuration is read anew: whoever asks for it hears what came of it.

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use crate::exit::Failure;
use crate::json::SCHEMA;

/// Questions that wait while one reload is under way; more are refused rather than kept.
const WAITING_MAX: usize = 16;

/// What came of a reload.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct ReloadDocument {
    #[cfg_attr(test, schemars(schema_with = "crate::schema::version"))]
    pub(crate) schema: u32,
    /// The configuration is in force.
    pub(crate) done: bool,
    /// What of it could not be carried out; the rest holds.
    #[serde(default)]
    pub(crate) problems: Vec<String>,
    /// Settings that have changed and hold from the next start of the agent.
    #[serde(default)]
    pub(crate) needs_restart: Vec<String>,
}

impl ReloadDocument {
    /// One of what could not be done and what needs a restart.
    pub(super) fn new(failures: &[Failure], needs_restart: Vec<String>) -> Self {
        let problems = failures.iter().map(ToString::to_string).collect();
        Self { schema: SCHEMA, done: true, problems, needs_restart }
    }
}

/// A question, and where its answer goes.
pub(super) type Asked = oneshot::Sender<Result<ReloadDocument, Failure>>;

/// Asks for reloads. Clones ask the same agent.
#[derive(Clone)]
pub(crate) struct Reloads(mpsc::Sender<Asked>);

impl Reloads {
    /// The asking end, and the one that carries it out.
    pub(super) fn new() -> (Self, mpsc::Receiver<Asked>) {
        let (asks, asked) = mpsc::channel(WAITING_MAX);
        (Self(asks), asked)
    }

    /// Has the configuration read anew.
    ///
    /// # Errors
    /// What is wrong in it; what was in force stays in force, whole.
    pub(crate) async fn ask(&self) -> Result<ReloadDocument, Failure> {
        let (answer, answered) = oneshot::channel();
        let gone = || Failure::internal("the agent stops, or is busy with many reloads");
        self.0.try_send(answer).map_err(|_| gone())?;
        answered.await.unwrap_or_else(|_| Err(gone()))
    }
}

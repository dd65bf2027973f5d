//! Where a login is kept: in the store of this machine, or by the agent, where only that has the store open. Memory is an
//! agent's alone; a key may be given to its unit and to nobody else.

use std::sync::Arc;

use renewd_blocking::block_on;
use renewd_core::Record;
use renewd_driver::{CredentialName, CredentialStore};
use renewd_store::MemoryStore;

use crate::agent_client::Agent;
use crate::config::Config;
use crate::credential::{Standing, is_memory, keep, open, refuse_other, standing, store_place};
use crate::exit::{Exit, Failure};
use crate::journal::What;
use crate::json::CredentialStatus;
use crate::obtain::written;

/// Where a login is kept.
pub(super) struct Place {
    keeper: Keeper,
    /// What is prepared for a login lies here until the login is kept.
    side: Arc<dyn CredentialStore>,
}

enum Keeper {
    Store { shown: String },
    Agent { agent: Agent, why: String },
}

/// What was kept.
pub(super) enum Kept {
    /// In the store.
    Stored(Box<Record>),
    /// By the agent, which says how it stands.
    Handed(Box<CredentialStatus>),
}

impl Place {
    /// Finds it.
    ///
    /// # Errors
    /// A store that neither opens nor is kept open by an agent.
    pub(super) fn find(config: &Config, name: &CredentialName) -> Result<Self, Failure> {
        let agent = || Agent::find(config);
        let handed = |agent: Agent, why: String| {
            let side: Arc<dyn CredentialStore> = Arc::new(MemoryStore::new());
            Self { keeper: Keeper::Agent { agent, why }, side }
        };
        if is_memory(config) {
            let failed = || {
                Failure::usage("store.kind is memory, which nothing but a running agent keeps anything in")
                    .advise("start the agent first (renewd agent), and log in then")
                    .about(name)
            };
            let agent = agent().map_err(|_| failed())?;
            return Ok(handed(
                agent,
                "the login goes to the agent, which keeps its credentials in memory".into(),
            ));
        }
        let running = agent().ok();
        let other = running.as_ref().and_then(|agent| agent.description.store.clone());
        let own = store_place(config);
        match open(config) {
            Ok(_) if other.is_some() && own.is_some() && other != own => {
                let why = format!(
                    "the login goes to the agent, which keeps its credentials in {}",
                    other.unwrap_or_default()
                );
                match running {
                    Some(agent) => Ok(handed(agent, why)),
                    None => Err(Failure::internal("the agent is gone").about(name)),
                }
            }
            Ok(store) => Ok(Self { keeper: Keeper::Store { shown: store.place }, side: store.port }),
            Err(failure) => match running {
                Some(agent) if failure.exit == Exit::Store => {
                    let why = format!(
                        "the store does not open here ({}): the login goes to the agent",
                        failure.message
                    );
                    Ok(handed(agent, why))
                }
                _ => Err(failure.about(name)),
            },
        }
    }

    /// What a person is told of it before.
    pub(super) fn told(&self) -> Option<&str> {
        match &self.keeper {
            Keeper::Store { .. } => None,
            Keeper::Agent { why, .. } => Some(why),
        }
    }

    /// Where it is kept, for people.
    pub(super) fn shown(&self) -> String {
        match &self.keeper {
            Keeper::Store { shown } => shown.clone(),
            Keeper::Agent { agent, .. } => format!("the agent (process {})", agent.description.pid),
        }
    }

    /// Where what is prepared lies.
    pub(super) fn side(&self) -> &dyn CredentialStore {
        self.side.as_ref()
    }

    /// What stands under that name. Of what an agent keeps, what is no secret.
    ///
    /// # Errors
    /// A store failure.
    pub(super) fn standing(&self, name: &CredentialName) -> Result<Standing, Failure> {
        match &self.keeper {
            Keeper::Store { .. } => block_on(standing(self.side.as_ref(), name)),
            Keeper::Agent { agent, .. } => Ok(Standing::seen(agent.login(name))),
        }
    }

    /// Keeps it. An agent that runs has it at once.
    ///
    /// # Errors
    /// Another login stands there; a store failure.
    pub(super) fn keep(
        &self,
        config: &Config,
        name: &CredentialName,
        record: Record,
        replace: bool,
        way: &str,
    ) -> Result<Kept, Failure> {
        match &self.keeper {
            Keeper::Store { .. } => {
                let kept = block_on(keep(self.side.as_ref(), name, record, replace))?;
                written(config, name, What::logged_in(&kept, Some(way)));
                Ok(Kept::Stored(Box::new(kept)))
            }
            Keeper::Agent { agent, .. } => {
                refuse_other(name, &self.standing(name)?, &record.identity, replace)?;
                let status = agent.hand_over(name, &record, replace)?;
                #[cfg(unix)]
                if let Ok(state) = config.places().state() {
                    crate::hooks::answered(state, name);
                }
                Ok(Kept::Handed(Box::new(status)))
            }
        }
    }
}

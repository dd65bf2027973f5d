//! What this process knows of its own request that ended without a complete answer.
//!
//! The store says it too, in the intent; but a restored backup, or a folder that was emptied, says it no more, and an
//! end that could not be written never stood there. What was sent is on its way all the same: so a process asks its own
//! memory as well before it sends a refresh token again, whatever the record says.

use crate::lifecycle::machine::Machine;
use crate::lifecycle::mark::Standing;
use crate::record::Record;
use crate::secret::Secret;
use crate::time::Boot;

/// A request that may still take effect at the server.
#[derive(Clone, Hash)]
pub(crate) struct InFlight {
    /// What it spends. Another generation, even another login, may hold the same one.
    refresh_token: Secret,
    /// What it was sent for: the doubt that it leaves is about that version alone.
    version: (u64, u64),
    /// When it has settled.
    until: Boot,
}

impl Machine {
    /// The request that was sent for that record ended without a complete answer, or was given up.
    pub(crate) fn remember_in_flight(&mut self, record: &Record) {
        let spends = record.settings.grant_type.spends_refresh_token();
        let refresh_token = record.grant.refresh_token.as_ref().filter(|_| spends);
        if let Some(refresh_token) = refresh_token.cloned() {
            let until = self.now.boot + self.settle_time();
            self.in_flight = Some(InFlight { refresh_token, version: record.version(), until });
        }
    }

    /// The server gave out another token: no doubt is left.
    pub(crate) fn forget_in_flight(&mut self) {
        self.in_flight = None;
    }

    /// Another version was taken over: of what has settled nothing is worth keeping, its refresh token least of all.
    pub(crate) fn forget_settled(&mut self) {
        let now = self.now.boot;
        self.in_flight.take_if(|known| known.until <= now);
    }

    /// What the record's intent asks for, and the memory of this process.
    pub(crate) fn standing_here(&self, record: &Record) -> Standing {
        let written = self.standing(record);
        let sends = |known: &&InFlight| {
            let refresh_token = record.grant.refresh_token.as_ref();
            record.settings.grant_type.spends_refresh_token()
                && refresh_token.is_some_and(|token| token.same_as(known.refresh_token.expose()))
        };
        let Some(known) = self.in_flight.as_ref().filter(sends) else { return written };
        match written {
            Standing::Clear { .. } if self.now.boot < known.until => Standing::Unsettled(known.until),
            Standing::Clear { doubt } => {
                Standing::Clear { doubt: doubt || known.version == record.version() }
            }
            Standing::Unsettled(until) => Standing::Unsettled(until.max(known.until)),
            // The wait begins now, or never.
            Standing::Orphan | Standing::Foreign(_) => written,
        }
    }
}

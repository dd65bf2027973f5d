//! A client whose id is the address of its own description (client id metadata documents).
//!
//! The server fetches the description itself, and tells little of what it does not like about it. So it is looked at
//! here first. A client id that is an address is nothing special at servers that do not say that they fetch it.

use crate::error::LoginError;
use crate::fetch::{Choice, document, fetch};
use crate::plan::Plan;
use crate::ports::{LoginEvent, Ports, Ui};
use crate::protocol::{check_client_document, check_client_id};

/// Looks at the client's description, where it has one. That it cannot be fetched from here is told, and no error: the
/// server may reach what we do not.
pub(crate) async fn look_at(
    ports: &Ports,
    plan: &Plan,
    redirect_uri: Option<&str>,
    ui: &dyn Ui,
) -> Result<(), LoginError> {
    let fetches = plan.server.metadata().is_some_and(|metadata| metadata.client_id_metadata_documents);
    let id = plan.client.id.as_str();
    if !fetches || !(id.starts_with("https://") || id.starts_with("http://")) {
        return Ok(());
    }
    let address = check_client_id(id).map_err(|e| LoginError::mistaken("the client id", &e))?;
    let policy = &plan.policy.request;
    let unseen = |why: &str| {
        let remark = format!("the client's own description at {address} could not be looked at: {why}");
        ui.tell(&LoginEvent::Remark(&remark));
    };
    // The id may be what a registration at this server brought: then the address is the server's choice, and a private one
    // is nothing to ask for it. One's own private one no public server could read either.
    let choice = Choice::Foreign(plan.server.horizon);
    let fetched = match fetch(ports, &address, choice, "application/json", policy).await {
        Ok(fetched) => fetched,
        Err(error) => {
            unseen(&error.to_string());
            return Ok(());
        }
    };
    if fetched.response.status != 200 {
        unseen(&format!("HTTP {}", fetched.response.status));
        return Ok(());
    }
    check_client_document(document(&fetched)?, &address, redirect_uri)
        .map_err(|e| LoginError::mistaken("the client's own description", &e))
}

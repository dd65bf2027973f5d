//! Dynamic client registration (RFC 7591): a client of one's own, where the server makes one for whoever asks.

use renewd_core::{Answer, RequestPolicy, Secret};
use renewd_driver::WebRequest;

use crate::discover::Server;
use crate::error::{LoginError, LoginErrorKind};
use crate::ports::Ports;
use crate::protocol::{Registered, RegistrationRequest};
use crate::wire;

/// Registers. The caller keeps what comes back before it is used: a client that was forgotten is a client that nobody
/// removes.
///
/// # Errors
/// Where the server registers nobody, or otherwise than it was asked to.
pub async fn register(
    ports: &Ports,
    server: &Server,
    request: &RegistrationRequest<'_>,
    initial_token: Option<&Secret>,
    policy: &RequestPolicy,
) -> Result<Registered, LoginError> {
    let endpoint = server.registration_endpoint.as_ref().ok_or_else(|| {
        let text = "the server registers no clients by itself; register one by hand and give its --client-id";
        LoginError::new(LoginErrorKind::Configuration, text)
    })?;
    let place = "the registration of a client";
    let built =
        request.build(&endpoint.value, initial_token, policy).map_err(|e| LoginError::mistaken(place, &e))?;
    let reach = server.reach_of(endpoint);
    let answer = ports.web.exchange(WebRequest::from_token_request(built, reach)).await;
    let at = ports.clock.now().wall;
    let response = match &answer.answer {
        Answer::Failed(failure) if answer.out_of_reach => {
            return Err(LoginError::out_of_reach(failure).at(place));
        }
        answer => wire::response(answer, place)?,
    };
    if response.status == 429 || response.status >= 500 {
        let text = format!("{place}: {} answers with HTTP {}", endpoint.value, response.status);
        return Err(LoginError::new(LoginErrorKind::Temporary, text));
    }
    Registered::read(response.status, response.body.expose(), request, &endpoint.value, at)
        .map_err(|e| LoginError::refused(place, &e))
}

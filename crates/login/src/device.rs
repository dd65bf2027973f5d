//! The device grant (RFC 8628): a person enters a code on any device, and this one asks until he has.

use renewd_core::{Answer, Proving, TokenRequest, Verdict};

use crate::client_document;
use crate::error::{LoginError, LoginErrorKind};
use crate::granted::Granted;
use crate::plan::Plan;
use crate::ports::{LoginEvent, Ports, Ui};
use crate::protocol::{DeviceAnswer, DevicePoll, DeviceRequest, PollAnswer, PollEnd, PollStep};
use crate::wire::{self, Asked, Wire};

/// Logs in by a code that a person enters elsewhere.
///
/// # Errors
/// See [`LoginErrorKind`].
pub async fn by_device(ports: &Ports, plan: &Plan, ui: &dyn Ui) -> Result<Granted, LoginError> {
    let mut wire = Wire::new(ports, plan);
    let client = plan.client.clone().for_login(&plan.profile);
    let identity = plan.identity()?;
    let policy = &plan.policy.request;
    client_document::look_at(ports, plan, None, ui).await?;
    let begun = begin(&mut wire, ui).await?;

    let mut poll = DevicePoll::new(&begun, ports.clock.now().boot);
    let make = |proving: Proving<'_>| {
        Ok(TokenRequest::device_code(&identity, &client, &begun.device_code, proving, policy))
    };
    let mut step = poll.step(ports.clock.now().boot);
    loop {
        match step {
            PollStep::Wait { until } => {
                ui.tell(&LoginEvent::Waiting { until });
                ports.timer.sleep_until(until).await;
                step = poll.step(ports.clock.now().boot);
            }
            PollStep::Ask => {
                poll.asked(ports.clock.now().boot);
                let asked = wire.ask_for_token(&make).await?;
                let answer = read(&asked);
                let interval = poll.interval();
                step = poll.answered(&answer, ports.clock.now().boot);
                tell(&answer, &asked, &poll, interval, ui);
                if step == PollStep::Ended(PollEnd::Granted) {
                    return Granted::of(asked, &wire, None);
                }
            }
            PollStep::Ended(end) => return Err(ended(&end)),
        }
    }
}

/// Asks for the codes, and shows the person's.
async fn begin(wire: &mut Wire<'_>, ui: &dyn Ui) -> Result<DeviceAnswer, LoginError> {
    let plan = wire.plan;
    let endpoint = plan.server.device_authorization_endpoint.as_ref().ok_or_else(|| {
        let text = "the server names no device authorization endpoint: it does not offer --device, or give \
                    --device-authorization-endpoint URL";
        LoginError::new(LoginErrorKind::Configuration, text)
    })?;
    let client = plan.client.clone().for_login(&plan.profile);
    let identity = plan.identity()?;
    let scope = plan.scope_text();
    let request = DeviceRequest {
        endpoint: &endpoint.value,
        scope: scope.as_deref(),
        resource: plan.server.resource.as_ref().map(|resource| resource.value.as_str()),
        audience: client.audience.as_deref(),
    };
    let make = |proving: Proving<'_>| Ok(request.build(&identity, &client, proving, &plan.policy.request));
    let asked = wire.ask(plan.server.reach_of(endpoint), &make).await?;
    let place = "the device authorization request";
    let response = wire::response(&asked.answer, place)?;
    let begun = DeviceAnswer::read(response.status, response.body.expose())
        .map_err(|e| LoginError::refused(place, &e))?;
    // rfc: 8628-3.3.1 the code is told even where the address holds it: the person compares
    ui.tell(&LoginEvent::DeviceCode {
        user_code: &begun.user_code,
        verification_uri: begun.verification_uri.as_str(),
        verification_uri_complete: begun.verification_uri_complete.as_ref().map(|uri| uri.as_str()),
        expires_in: begun.expires_in,
    });
    Ok(begun)
}

fn read(asked: &Asked) -> PollAnswer {
    match &asked.answer {
        Answer::Response(response) => {
            PollAnswer::read(response.status, asked.judgement.retry_after, response.body.expose())
        }
        Answer::Failed(_) => PollAnswer::NoAnswer(None),
    }
}

fn tell(answer: &PollAnswer, asked: &Asked, poll: &DevicePoll, before: renewd_core::Span, ui: &dyn Ui) {
    if poll.interval() > before {
        ui.tell(&LoginEvent::SlowedDown { interval: poll.interval() });
    }
    if matches!(answer, PollAnswer::NoAnswer(_)) && asked.judgement.verdict != Verdict::Success {
        let reason = wire::said(&asked.judgement.evidence);
        ui.tell(&LoginEvent::Retrying { reason: &reason });
    }
}

fn ended(end: &PollEnd) -> LoginError {
    match end {
        PollEnd::Denied(denial) => {
            LoginError::new(LoginErrorKind::Denied, format!("the login was refused: {denial}"))
        }
        PollEnd::Expired => LoginError::new(
            LoginErrorKind::TimedOut,
            "the code expired before the server said that anybody had entered it; run the login again",
        ),
        PollEnd::Refused(denial) => {
            LoginError::new(LoginErrorKind::Denied, format!("the server refused: {denial}"))
        }
        PollEnd::Granted => LoginError::new(LoginErrorKind::Refused, "the answer was none"),
    }
}

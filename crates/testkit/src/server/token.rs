//! One token request on a socket: read, held, processed or not, and answered as the script says.

use super::MAX_FORM_BYTES;
use super::routes::{arrival, dated};
use super::shared::Shared;
use crate::delivery::Delivery;
use crate::fault::Fault;
use crate::http::{After, Connection, Head};
use crate::model::{AsReply, TokenForm};
use std::io;
use std::time::Duration;

/// Serves `POST /token`.
pub(super) fn serve(shared: &Shared, connection: &mut Connection, head: &Head) -> io::Result<After> {
    let (fault, _in_flight) = arrive(shared);
    if matches!(fault, Fault::ResetOnAccept | Fault::ResetBeforeRead) {
        note_unprocessed(shared, &fault.to_string());
        return Ok(After::Reset);
    }
    let body = match connection.read_whole_body(MAX_FORM_BYTES) {
        Ok(body) => body,
        Err(error) => {
            note_unprocessed(shared, "incomplete request");
            return Err(error);
        }
    };
    let stop = std::sync::Arc::clone(&connection.stop);
    if !shared.pass_gate(&stop, |gate| gate.before) {
        return Ok(After::Close);
    }
    let delivery = process(shared, head, &body, &fault);
    let delay = shared.look(|state| state.delay);
    if !shared.pass_gate(&stop, |gate| gate.after) || !stop.pause(delay) {
        return Ok(After::Close);
    }
    deliver(connection, dated(shared, delivery))
}

fn process(shared: &Shared, head: &Head, body: &[u8], fault: &Fault) -> Delivery {
    let kind = head.field("content-type").unwrap_or_default().to_ascii_lowercase();
    let form = TokenForm::parse(body, head.field("authorization")).map_err(|error| error.to_string());
    let form = form.and_then(|mut form| {
        form.arrival = Some(arrival(shared, head));
        let is_form = kind.starts_with("application/x-www-form-urlencoded");
        is_form
            .then_some(form)
            .ok_or_else(|| "Content-Type is not application/x-www-form-urlencoded".to_owned())
    });
    let now_ms = shared.clock.now_ms();
    shared.change(|state| match form {
        Ok(form) => fault.apply(&mut state.model, now_ms, &form),
        Err(reason) => Delivery::Answer(state.model.malformed_request(now_ms, &reason)),
    })
}

pub(super) fn deliver(connection: &mut Connection, delivery: Delivery) -> io::Result<After> {
    match delivery {
        Delivery::Answer(reply) => connection.answer(&reply),
        Delivery::Drip { reply, interval_ms } => drip(connection, &reply, interval_ms),
        Delivery::Truncated(reply) => {
            let (mut head, body) = connection.answer_bytes(&reply);
            head.extend_from_slice(&body[..body.len() / 2]);
            connection.send(&head).map(|()| After::Close)
        }
        Delivery::Raw(bytes) => connection.send(&bytes).map(|()| After::Close),
        Delivery::Nothing => {
            connection.wait_for_close();
            Ok(After::Close)
        }
        Delivery::Closed => Ok(After::Close),
        Delivery::Reset => Ok(After::Reset),
    }
}

fn drip(connection: &mut Connection, reply: &AsReply, interval_ms: u64) -> io::Result<After> {
    let (mut bytes, body) = connection.answer_bytes(reply);
    bytes.extend_from_slice(&body);
    for byte in bytes {
        connection.send(&[byte])?;
        if !connection.stop.pause(Duration::from_millis(interval_ms)) {
            break;
        }
    }
    Ok(After::Close)
}

/// Chooses the fault in order of arrival, and counts the request as on the wire.
fn arrive(shared: &Shared) -> (Fault, InFlight<'_>) {
    let fault = shared.change(|state| {
        state.in_flight += 1;
        state.max_in_flight = state.max_in_flight.max(state.in_flight);
        state.script.take()
    });
    (fault, InFlight(shared))
}

fn note_unprocessed(shared: &Shared, fault: &str) {
    let now_ms = shared.clock.now_ms();
    shared.change(|state| state.model.note_unprocessed(now_ms, None, fault));
}

/// Ends the count when the request ends, however it ends.
struct InFlight<'a>(&'a Shared);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.change(|state| state.in_flight -= 1);
    }
}

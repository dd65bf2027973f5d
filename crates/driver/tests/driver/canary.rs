//! No secret in any log line, event, view or error of the loop, whatever happens and however much is logged.

use std::io;
use std::sync::{Arc, Mutex};

use renewd_core::*;
use renewd_driver::testing::*;
use renewd_testkit::{AsConfig, AuthorizationServer, Canaries, MintedGrant};
use tracing_subscriber::fmt::MakeWriter;

use crate::world::*;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no writer panics").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn json(body: String) -> (u16, &'static str, String) {
    (400, "application/json", body)
}

/// Answers that repeat what was sent, in every place that a message is made from.
fn indiscreet(sent: &MintedGrant) -> Vec<Reply> {
    let (refresh, access) = (&sent.refresh_token, &sent.access_token);
    let said = format!("the token {refresh} is not liked, nor is {access}");
    let error = |code: &str| {
        json(format!(r#"{{"error":"{code}","error_description":"{said}","error_uri":"{said}"}}"#))
    };
    [
        error("temporarily_unavailable"),
        error(refresh),
        json(format!(r#"{{"error":{{"code":"{refresh}","message":"{said}"}}}}"#)),
        (403, "text/html", format!("<!DOCTYPE html><p>{said}")),
        (500, "text/plain", said.clone()),
        (200, "application/json", format!(r#"{{"access_token":"{access}","expires_in":"{refresh}","#)),
        (418, "text/plain", refresh.clone()),
    ]
    .map(|(status, kind, body)| Reply::Status(status, kind, body))
    .into()
}

fn granted(tokens: &MintedGrant) -> Reply {
    let (access, refresh) = (&tokens.access_token, &tokens.refresh_token);
    let body = format!(
        r#"{{"access_token":"{access}","token_type":"Bearer","expires_in":3600,"refresh_token":"{refresh}"}}"#
    );
    Reply::Status(200, "application/json", body)
}

/// A login with these tokens, whose access token is over.
fn login(tokens: &MintedGrant) -> Record {
    let mut record = record(mins(61));
    record.grant.refresh_token = Some(Secret::from(tokens.refresh_token.as_str()));
    record.grant.access[0].token = Secret::from(tokens.access_token.as_str());
    record
}

#[test]
fn a_refresh_a_rejection_an_outage_and_a_refusal_show_no_token() {
    let server = AuthorizationServer::start(AsConfig::default()).unwrap();
    let [first, second, third, fourth] = [(); 4].map(|()| server.mint_grant());
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone());
    let _heard = tracing::subscriber::set_default(subscriber.finish());
    let mut told = String::new();

    let mut world = World::new([granted(&second), granted(&third)]);
    let keeper = world.keep("work", login(&first));
    let lease = world.wait(keeper.token()).map(|token| token.to_owned()).unwrap();
    assert_eq!(text(&lease), second.access_token);
    told += &format!("{lease:?} {keeper:?} {:?}", keeper.try_token());
    // A resource server refuses it: the replay has another.
    let rejection = world.wait(keeper.rejected(1, 1)).unwrap();
    told += &format!("{rejection:?}");

    for reply in indiscreet(&third) {
        world.endpoint.rescript([reply]);
        world.executor.run_for(mins(61));
        world.demand(&keeper);
        world.executor.run_for(mins(5));
        told += &format!("{:?}", world.view(&keeper));
    }
    world.endpoint.rescript([granted(&fourth)]);
    world.executor.run_for(Span::from_hours(30));
    assert_eq!(
        keeper.try_token().map(|token| token.to_owned()).as_deref().map(text),
        Some(&*fourth.access_token)
    );

    let refused = format!(r#"{{"error":"invalid_grant","error_description":"{}"}}"#, fourth.refresh_token);
    world.endpoint.rescript([Reply::Status(400, "application/json", refused)]);
    let error = world.wait(keeper.refresh(mins(5))).unwrap_err();
    told += &format!("{error} {error:?} {:?}", world.view(&keeper));

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("auth_retrying") && log.contains("unauthenticated"), "the log was heard:\n{log}");
    let mut canaries = Canaries::default();
    canaries.learn_issued();
    assert_eq!(canaries.found_in(log.as_bytes()), []);
    assert_eq!(canaries.found_in(told.as_bytes()), []);
    let planted = format!("{log}{}", &third.refresh_token[9..19]);
    assert!(!canaries.found_in(planted.as_bytes()).is_empty(), "a piece of one would have been found");
}

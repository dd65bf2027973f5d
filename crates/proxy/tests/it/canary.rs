//! No secret in any log line or answer, whatever happens and however much is logged.

use std::io;
use std::sync::{Arc, Mutex};

use renewd_proxy::Access;
use renewd_testkit::{AsConfig, AuthorizationServer, Canaries, SecretKind};
use tracing_subscriber::fmt::MakeWriter;

use crate::world::{Script, Upstream, World, config, ok, retrying, unauthorized};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
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

#[tokio::test]
async fn neither_token_nor_path_secret_shows_in_logs_or_in_answers_of_the_proxys_own() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone());
    // For all threads: what other tests log meanwhile is looked through as well.
    tracing::subscriber::set_global_default(subscriber.finish()).unwrap();
    let login = AuthorizationServer::start(AsConfig::default()).unwrap().mint_grant();
    let mut canaries = Canaries::default();
    canaries.learn_issued();
    let (served, _seen) = Upstream::answering(|_, _| ok("")).await;
    let (refusing, _seen_2) = Upstream::answering(|_, _| unauthorized()).await;
    let (broken, _seen_3) = Upstream::answering(|_, _| "nonsense\r\n\r\n".to_owned()).await;
    let mut told = Vec::new();
    for upstream in [served.url(), refusing.url(), broken.url(), "http://127.0.0.1:1".to_owned()] {
        for script in
            [Script::Tokens, Script::NoRenewal, Script::RenewalFails(retrying()), Script::Nothing(retrying())]
        {
            for bad in [false, true] {
                let mut config = config(&upstream);
                config.access = Access::PathSecret(None);
                let shown = format!("{config:?}");
                let world = World::with(config, script.clone()).await;
                let token = login.access_token.as_str();
                world.source.say(&if bad { format!("{token}\r\nx: y") } else { token.to_owned() });
                let url = world.proxy.client_url();
                let secret = url.expose_str().unwrap().rsplit_once("/~").unwrap().1.to_owned();
                for path in [format!("/~{secret}/x"), "/x".to_owned()] {
                    let (head, body) =
                        world.ask(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")).await;
                    told.push(format!("{head:?} {}", body.text()));
                }
                told.push(shown);
                canaries.learn(SecretKind::PathSecret, secret.as_bytes());
            }
        }
    }
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("request served"), "the log is heard");
    for text in &told {
        assert_eq!(canaries.found_in(text.as_bytes()), [], "{text}");
    }
    assert_eq!(canaries.found_in(log.as_bytes()), []);
}

use super::*;

use crate::config::Places;
use crate::environment::Environment;
use crate::exit::Exit;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixListener;

struct Given {
    dir: tempfile::TempDir,
    config: Config,
}

fn given() -> Given {
    let dir = tempfile::tempdir().unwrap();
    let env = Environment::default();
    let places = Places::find(&env, None, Some(dir.path())).unwrap();
    let config = Config::load(&places, &env).unwrap();
    std::fs::create_dir(dir.path().join("run")).unwrap();
    Given { dir, config }
}

impl Given {
    fn socket(&self) -> PathBuf {
        self.dir.path().join("run/agent.sock")
    }

    fn describe(&self, state_dir: &Path) {
        let description = AgentDescription {
            schema: 1,
            pid: 1,
            state_dir: state_dir.into(),
            socket: self.socket(),
            status_addr: None,
            version: "0".into(),
            store: None,
        };
        let path = AgentDescription::path_beside(&self.socket());
        std::fs::write(path, serde_json::to_vec(&description).unwrap()).unwrap();
    }

    /// Answers one request with these bytes and gives the request back.
    fn serve(&self, answer: &'static str) -> std::thread::JoinHandle<String> {
        let listener = UnixListener::bind(self.socket()).unwrap();
        self.describe(self.dir.path());
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = vec![0; 4096];
            let n = stream.read(&mut request).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&request[..n]).into_owned()
        })
    }
}

fn name() -> CredentialName {
    "github".parse().unwrap()
}

#[test]
fn without_a_socket_there_is_no_agent() {
    assert_eq!(Agent::find(&given().config).err(), Some(NoAgent::Absent));
}

#[test]
fn an_agent_of_another_state_folder_is_passed_over() {
    let given = given();
    let _listener = UnixListener::bind(given.socket()).unwrap();
    given.describe(Path::new("/elsewhere"));
    assert_eq!(Agent::find(&given.config).err(), Some(NoAgent::Elsewhere("/elsewhere".into())));
}

#[test]
fn a_token_is_asked_for_with_the_callers_terms() {
    let given = given();
    let body = r#"{"schema":1,"access_token":"at-1","token_type":"Bearer","expires_at":null,"epoch":1,"generation":2,"scope":null,"later":true}"#;
    let answer: &'static str = Box::leak(
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_boxed_str(),
    );
    let server = given.serve(answer);
    let agent = Agent::find(&given.config).unwrap();
    let Asked::Answer(token) =
        agent.token(&name(), &Target::default(), Span::from_secs(90), Span::from_secs(20))
    else {
        panic!("no answer")
    };
    assert_eq!((token.access_token.expose(), token.generation), (&b"at-1"[..], 2));
    let request = server.join().unwrap();
    assert!(request.starts_with("POST /v1/credentials/github/token HTTP/1.1\r\n"), "{request}");
    assert!(request.ends_with(r#"{"min_validity_s":90,"timeout_s":20}"#), "{request}");
}

#[test]
fn the_agents_own_failure_is_passed_on_with_its_exit_code() {
    let given = given();
    let body = r#"{"schema":1,"error":{"code":"auth_retrying","exit":4,"credential":"github","message":"m","cause":"outage","retry_after_s":312,"next_attempt_at":null,"login_command":null}}"#;
    let answer: &'static str =
        Box::leak(format!("HTTP/1.1 503 X\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_boxed_str());
    let server = given.serve(answer);
    let agent = Agent::find(&given.config).unwrap();
    let Asked::Refused(failure) = agent.refresh(&name(), Span::from_secs(20)) else { panic!("no refusal") };
    assert_eq!(failure.exit, Exit::Unavailable);
    server.join().unwrap();
}

#[test]
fn one_that_answers_nonsense_or_does_not_know_the_credential_is_passed_over() {
    for answer in ["HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n", "nonsense\r\n\r\n", ""] {
        let given = given();
        let server = given.serve(answer);
        let agent = Agent::find(&given.config).unwrap();
        assert!(matches!(agent.one(&name()), Asked::Silent(_)), "{answer:?}");
        server.join().unwrap();
    }
}

#[test]
fn a_number_is_whole_however_it_is_written() {
    let read = |text: &str| serde_json::from_str::<TokenQuestion>(&format!(r#"{{"timeout_s":{text}}}"#));
    for (text, number) in [
        ("7", Some(7)),
        ("7.0", Some(7)),
        ("1e3", Some(1000)),
        // The nearest float is this very number; a reader in a hurry takes one beside it.
        ("2251799813685247.0", Some(2_251_799_813_685_247)),
        ("null", None),
        ("18446744073709551615", Some(u64::MAX)),
    ] {
        assert_eq!(read(text).unwrap().timeout_s, number, "{text}");
    }
    for text in ["7.5", "-1", "-1.0", "1e40", "18446744073709551616", "\"7\"", "true"] {
        assert!(read(text).is_err(), "{text}");
    }
}

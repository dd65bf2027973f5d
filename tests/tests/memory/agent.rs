//! What an agent leaves in its memory once a login is over: nothing, in its own buffers and in those of the libraries
//! that its tokens went through.

#![cfg(target_os = "linux")]

use std::time::Duration;

use renewd_e2e::memory::{Found, Search};
use renewd_e2e::testkit::{AsConfig, AuthorizationServer, ClientAuth, ProtectedApi, issued_after};
use renewd_e2e::{Agent, Home, pause};
use serde_json::json;

/// Lets a test that is not root's look into the memory of a build with debug assertions.
const READABLE: &str = "RENEWD_TEST_READABLE";

/// How often is looked before what is left counts as left for good, and how long after each other: half a minute.
const LOOKS: usize = 100;
const BETWEEN_LOOKS: Duration = Duration::from_millis(300);

fn everything_issued(secret: &str) -> Search {
    let mut search = Search::new().with("the client secret", secret.as_bytes());
    for (number, issued) in issued_after(0).iter().enumerate().filter(|(_, issued)| issued.text != secret) {
        search = search.with(&format!("{:?} {number}", issued.kind), issued.text.as_bytes());
    }
    search
}

fn label_of_last(start: &str) -> String {
    let issued = issued_after(0);
    let at = issued.iter().rposition(|issued| issued.text.starts_with(start)).expect("it was issued");
    format!("{:?} {at}", issued[at].kind)
}

fn in_memory_of(agent: &Agent, search: &Search) -> Found {
    search
        .in_process(agent.pid())
        .expect("the memory of a build with debug assertions can be read when it is asked for")
}

#[test]
fn nothing_is_left_of_any_secret_in_an_agent_after_a_logout() {
    let random = AuthorizationServer::start(AsConfig::default()).unwrap().mint_grant();
    let secret = format!("c/s+{}=&", random.access_token);
    let server = AuthorizationServer::start(AsConfig {
        client_secret: Some(secret.clone()),
        client_auth: ClientAuth::Basic,
        ..AsConfig::default()
    })
    .unwrap();
    let api = ProtectedApi::start(&server).unwrap();
    let home = Home::with(&format!(
        "[[proxy]]\nlisten = \"127.0.0.1:0\"\nupstream = \"{}\"\ncredential = \"work\"\n",
        api.url()
    ));
    let secret_file = home.private_file("client-secret", &secret);
    let file = secret_file.to_str().unwrap();
    home.import_with("work", &server, &["--client-auth", "basic", "--client-secret-file", file]);
    let mut command = home.command(["agent"]);
    command.env(READABLE, "1");
    let agent = Agent::start_at(command, &home.socket());

    // A token over the socket, requests over the proxy, one of them refused and sent again with a newer token.
    assert_eq!(agent.socket().post("/v1/credentials/work/token", &json!({})).status, 200);
    let proxy = agent.proxy();
    assert_eq!(proxy.get("/before").status, 200);
    api.revoke_current();
    assert_eq!(proxy.get("/after").status, 200);
    home.run(["refresh", "work"]).succeeded();
    home.run(["token", "work"]).succeeded();

    let search = everything_issued(&secret);
    let held = in_memory_of(&agent, &search);
    for label in [label_of_last("at_"), label_of_last("rt_")] {
        assert!(held.holds(&label), "{label} is held and was not found: the search sees nothing\n{held:?}");
    }

    home.run(["logout", "work"]).succeeded();
    // The loop is told at once; that it lets go, and takes the token back at the server, takes moments.
    let mut left = Found::default();
    let gone = (0..LOOKS).any(|_| {
        left = in_memory_of(&agent, &search);
        pause(BETWEEN_LOOKS);
        left.places("the client secret") == left.len()
    });
    // The client may log in again, and its secret is what it does that with: it is kept, once.
    assert!(gone && left.len() <= 1, "{left:?}");
}

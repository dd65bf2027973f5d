//! Many processes share one credential at a server that nobody here wrote: none of them ever presents a refresh token that
//! another has spent, and everybody holds a token that the server takes.

#![cfg(unix)]

use std::collections::BTreeMap;

use renewd_e2e::{Agent, Home, QUICK_RETRY, Running, Stranger, number, unix_seconds, wait_for};

/// Processes at the same time.
const PROCESSES: usize = 20;

/// Rotations of a run in CI; [`ROTATIONS_ENV`] asks for more.
const ROTATIONS: usize = 10;

/// How many rotations a run goes through.
const ROTATIONS_ENV: &str = "RENEWD_PEERS_ROTATIONS";

/// A lifetime that no test sees the end of.
const LIFETIME_S: u32 = 3600;

/// Whoever asks for so much wants a refresh, unless somebody just made one.
const ALMOST_A_LIFETIME: &str = "3599s";

/// A home in which a refresh may follow another at once.
fn home(more: &str) -> Home {
    Home::with(&format!("{QUICK_RETRY}\n[refresh]\nmin_interval = \"0s\"\n{more}"))
}

fn generation(home: &Home) -> u64 {
    home.status("work")["generation"].as_u64().expect("a generation")
}

/// Asks for a token, and says which generation it is of.
fn tokens(racing: Vec<Running>) -> BTreeMap<u64, String> {
    let answers = racing.into_iter().map(|one| one.finish().succeeded().json());
    answers
        .map(|answer| {
            let token = answer["access_token"].as_str().expect("a token").to_owned();
            (answer["generation"].as_u64().expect("a generation"), token)
        })
        .collect()
}

/// canaille's tokens are signed statements with whole seconds in them: two of one second are the same text, and the
/// server cannot tell the living one from the one that a rotation ended.
fn let_a_second_pass() {
    let began = unix_seconds() as u64;
    wait_for("the next second", || (unix_seconds() as u64 > began).then_some(()));
}

fn twenty_processes_share_it(stranger: Stranger) {
    let Some(peer) = stranger.start(LIFETIME_S) else { return };
    let home = home("");
    peer.import(&home, "work", None, &[]);
    let imported = generation(&home);
    let rotations = number(ROTATIONS_ENV, ROTATIONS) as u64;
    let mut rounds = 0;
    while peer.counts().rotations < rotations {
        let before = generation(&home);
        let ask = ["token", "work", "--min-validity", ALMOST_A_LIFETIME, "--format", "json"];
        let (asking, refreshing): (Vec<_>, Vec<_>) =
            (0..PROCESSES / 2).map(|_| (home.start(ask), home.start(["refresh", "work"]))).unzip();
        let tokens = tokens(asking);
        refreshing.into_iter().for_each(|one| drop(one.finish().succeeded()));
        let after = generation(&home);
        assert!(after > before && tokens.keys().all(|generation| (before..=after).contains(generation)));
        if stranger == Stranger::OidcProvider {
            assert!(tokens.values().all(|token| peer.accepts(token)), "the server takes all of them");
        }
        rounds += 1;
    }
    let_a_second_pass();
    home.run(["refresh", "work"]).succeeded();
    let last = tokens((0..PROCESSES).map(|_| home.start(["token", "work", "--format", "json"])).collect());
    assert_eq!(last.len(), 1, "afterwards all have the same");
    assert!(last.values().all(|token| peer.accepts(token)), "and the server takes it");

    let counts = peer.counts();
    assert_eq!((counts.replays, counts.families_revoked, counts.refused), (0, 0, 0), "{counts:?}");
    assert_eq!(counts.max_in_flight, 1, "one request at a time");
    assert_eq!(counts.token_requests, counts.rotations, "none was wasted");
    assert_eq!(generation(&home) - imported, counts.rotations, "the store counted what the server counted");
    let mut row = peer.numbers(&home, "race", PROCESSES as u32).variant("commands");
    (row.rounds, row.heal_ms) = (rounds, Some(0));
    row.report().expect("the row can be kept");
}

#[test]
fn twenty_processes_share_a_login_at_oidc_provider() {
    twenty_processes_share_it(Stranger::OidcProvider);
}

#[test]
fn twenty_processes_share_a_login_at_canaille() {
    twenty_processes_share_it(Stranger::Canaille);
}

/// An agent that renews by itself, ten commands that want a newer token than there is, half of them past the agent, and a
/// client that goes on asking through the agent's proxy.
fn agent_commands_and_proxy_share_it(stranger: Stranger) {
    /// Short, so that the agent has to renew too; halved by the window, with as much left for a slow machine.
    const LIFETIME_S: u32 = 10;
    const COMMANDS: usize = 10;
    const ROUNDS: u64 = 2;
    let Some(peer) = stranger.start(LIFETIME_S) else { return };
    let proxy = format!(
        "window = \"5s\"\n[[proxy]]\nlisten = \"127.0.0.1:0\"\nupstream = \"http://{}\"\ncredential = \"work\"\n",
        peer.place().host
    );
    let home = home(&proxy);
    peer.import(&home, "work", None, &[]);
    let imported = generation(&home);
    let agent = Agent::start(&home);
    let proxy = agent.proxy();
    let served = || proxy.get(&peer.userinfo().path).status == 200;
    for _ in 0..ROUNDS {
        let command = |n: usize| {
            let mut command = home.command(["refresh", "work"]);
            if n.is_multiple_of(2) {
                // Where they look for it no agent is: they do the whole transaction by themselves.
                command.env("XDG_RUNTIME_DIR", home.path().join("elsewhere"));
            }
            Running::start(command, b"")
        };
        let racing: Vec<Running> = (0..COMMANDS).map(command).collect();
        // canaille ends the token before with each rotation, and the next one of the same second is the same text: one
        // that was answered 401 there is no new token, and a command would be told so rather than handed it.
        if stranger == Stranger::OidcProvider {
            assert!(served(), "the proxy's client is served meanwhile");
        }
        racing.into_iter().for_each(|one| drop(one.finish().succeeded()));
        let_a_second_pass();
        wait_for("the proxy's client to be served", || served().then_some(()));
        let so_far = peer.counts().rotations;
        wait_for("a renewal by the agent itself", || (peer.counts().rotations > so_far).then_some(()));
    }
    let_a_second_pass();
    wait_for("the proxy's client to be served", || served().then_some(()));
    agent.stop().succeeded();

    let counts = peer.counts();
    assert_eq!((counts.replays, counts.families_revoked, counts.refused), (0, 0, 0), "{counts:?}");
    assert_eq!(counts.max_in_flight, 1, "one request at a time");
    assert_eq!(generation(&home) - imported, counts.rotations, "the store counted what the server counted");
    let mut row = peer.numbers(&home, "race", COMMANDS as u32 + 1).variant("agent, commands, proxy client");
    (row.rounds, row.heal_ms) = (ROUNDS, Some(0));
    row.report().expect("the row can be kept");
}

#[test]
fn an_agent_commands_and_a_proxy_client_share_a_login_at_oidc_provider() {
    agent_commands_and_proxy_share_it(Stranger::OidcProvider);
}

#[test]
fn an_agent_commands_and_a_proxy_client_share_a_login_at_canaille() {
    agent_commands_and_proxy_share_it(Stranger::Canaille);
}

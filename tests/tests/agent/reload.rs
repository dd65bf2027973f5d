//! A new configuration under load: everything is exchanged in place, and no request fails.

#![cfg(unix)]

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use renewd_e2e::testkit::{AsConfig, AuthorizationServer, ProtectedApi, read_answer};
use renewd_e2e::{Agent, Door, Home, QUICK_RETRY, wait_for};
use rustix::process::Signal;

/// Reloads of the test, each with another configuration than the one before.
const ROUNDS: u64 = 30;

/// Proxies that are always there.
const PROXIES: usize = 3;

/// One client of a proxy: every second request on a connection that it keeps, as most HTTP libraries do.
fn client(door: &Door, over: &AtomicBool, served: &AtomicU64) -> Result<(), String> {
    let mut kept = door.connect().map_err(|error| format!("{door}: {error}"))?;
    while !over.load(Ordering::Relaxed) {
        let failed = |error: std::io::Error| format!("a kept connection to {door}: {error}");
        kept.write_all(b"POST /kept HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbody")
            .map_err(failed)?;
        let answer = read_answer(&mut kept, false).map_err(failed)?;
        if answer.status != 200 {
            return Err(format!("a kept connection to {door}: {} {}", answer.status, answer.text()));
        }
        let closes = answer.header("connection").is_some_and(|v| v.eq_ignore_ascii_case("close"));
        if closes {
            kept = door.connect().map_err(|error| format!("{door}: {error}"))?;
        }
        let answer = door
            .request("POST", "/new", &[], b"body")
            .map_err(|error| format!("a new connection to {door}: {error}"))?;
        if answer.status != 200 {
            return Err(format!("a new connection to {door}: {} {}", answer.status, answer.text()));
        }
        served.fetch_add(2, Ordering::Relaxed);
    }
    Ok(())
}

#[test]
fn no_request_fails_while_the_configuration_changes_again_and_again() {
    let server = AuthorizationServer::start(AsConfig::default()).expect("a server can be started");
    let apis: Vec<_> = (0..2).map(|_| ProtectedApi::start(&server).expect("an API can be started")).collect();
    let home = Home::new();
    for name in ["one", "two"] {
        home.import(name, &server);
    }
    let ca = home.private_file("ca.pem", "");
    let sinks = home.path().join("sinks");
    std::fs::create_dir(&sinks).unwrap();
    std::fs::set_permissions(&sinks, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let door = |n: usize| Door::Unix(home.path().join(format!("runtime/p{n}")));
    // Everything that may change does: upstream, credential, limits, patience, policy, the way to the server, sinks,
    // hooks, and a proxy and a credential's entry that come and go.
    let configuration = |round: u64| {
        let mut text = format!(
            "{QUICK_RETRY}[refresh]\nwindow = \"{}m\"\n[request]\nconnect_timeout = \"{}s\"\n[hooks]\ntimeout = \"{}s\"\n",
            5 + round % 7,
            5 + round % 3,
            10 + round,
        );
        for n in 0..PROXIES + (round % 2) as usize {
            let Door::Unix(path) = door(n) else { continue };
            text += &format!(
                "[[proxy]]\nlisten = \"unix:{}\"\nupstream = \"{}\"\ncredential = \"{}\"\nreplay_limit = \"{}KiB\"\n\
                 demand_timeout = \"{}s\"\n",
                path.display(),
                apis[(round as usize + n) % 2].url(),
                ["one", "two"][(round as usize / 2 + n) % 2],
                16 + round,
                5 + round % 5
            );
        }
        for n in 0..=round % 2 {
            let format = ["raw", "json"][(round / 2 % 2) as usize];
            text += &format!(
                "[[sink]]\ncredential = \"one\"\npath = \"{}\"\nformat = \"{format}\"\n",
                sinks.join(format!("t{n}")).display()
            );
        }
        text
    };
    home.configure(&configuration(0));
    let agent = Agent::start(&home);
    for name in ["one", "two"] {
        agent.wait_credential(name, "a token", |seen| seen["token_valid"] == true);
    }
    let (over, served) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..PROXIES)
            .map(|n| {
                let (over, served, door) = (&over, &served, door(n));
                scope.spawn(move || client(&door, over, served))
            })
            .collect();
        for round in 1..=ROUNDS {
            let before = served.load(Ordering::Relaxed);
            home.configure(&configuration(round));
            if round % 5 == 0 {
                agent.signal(Signal::HUP);
            }
            home.run(["agent", "reload"]).succeeded();
            if round % 10 == 3 {
                // What is wrong is answered, and changes nothing.
                home.configure(&(configuration(round + 1) + "[[proxy]]\nlisten = \"127.0.0.1:0\"\n"));
                let said = home.run(["agent", "reload"]).failed(6).stderr;
                assert!(said.contains("needs the key upstream"), "{said}");
            }
            wait_for("requests under the new configuration", || {
                let stopped = clients.iter().any(std::thread::ScopedJoinHandle::is_finished);
                (stopped || served.load(Ordering::Relaxed) > before + 6).then_some(())
            });
        }
        over.store(true, Ordering::Relaxed);
        for client in clients {
            client.join().expect("the client ends").expect("no request fails");
        }
    });
    drop(ca);
    let metered = server.totals();
    assert_eq!(metered.reuse_trips, 0, "{metered:?}");
    println!("{} requests over {ROUNDS} reloads", served.load(Ordering::Relaxed));
    agent.stop().succeeded();
}

#[test]
fn a_reload_answers_what_is_wrong_what_waits_for_a_restart_and_what_could_not_be_done() {
    let server = AuthorizationServer::start(AsConfig::default()).expect("a server can be started");
    let api = ProtectedApi::start(&server).expect("an API can be started");
    let home = Home::with(QUICK_RETRY);
    home.import("work", &server);
    let agent = Agent::start(&home);
    home.configure(&format!("{QUICK_RETRY}[agent]\nstatus = \"127.0.0.1:0\"\n[store]\nkind = \"file\"\n"));
    let ran = home.run(["agent", "reload"]).succeeded();
    assert!(
        ran.stderr.contains("agent.status has changed; it holds from the agent's next start"),
        "{}",
        ran.stderr
    );
    let answer = agent.socket().request("POST", "/v1/reload", &[], b"").expect("an answer");
    let document = answer.json();
    assert_eq!((answer.status, &document["done"]), (200, &true.into()), "{document}");
    assert_eq!(document["needs_restart"][0], "agent.status", "{document}");

    // An address that somebody else has: the rest is in force all the same.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let free = home.path().join("runtime/p");
    let entry = |listen: &str| {
        format!(
            "[[proxy]]\nlisten = \"{listen}\"\nupstream = \"{}\"\ncredential = \"work\"\naccess = \"path-secret\"\n",
            api.url()
        )
    };
    home.configure(&format!(
        "{QUICK_RETRY}{}{}",
        entry(&taken.local_addr().unwrap().to_string()),
        entry(&format!("unix:{}", free.display()))
    ));
    let ran = home.run(["agent", "reload"]).failed(6);
    assert!(ran.stderr.contains("the address is in use"), "{}", ran.stderr);
    assert!(Door::Unix(free).connect().is_ok(), "the other proxy has begun");

    home.configure("[refresh]\nwindow = \"0s\"\n");
    let answer = agent.socket().request("POST", "/v1/reload", &[], b"").expect("an answer");
    assert!((400..600).contains(&answer.status), "{}", answer.status);
    assert!(answer.text().contains("refresh.window"), "{}", answer.text());
    agent.wait_said("the configuration that was in force stays in force");
}

#[test]
fn a_route_to_a_credential_that_nobody_knows_is_told_and_the_other_routes_go_on() {
    let server = AuthorizationServer::start(AsConfig::default()).expect("a server can be started");
    let api = ProtectedApi::start(&server).expect("an API can be started");
    let home = Home::new();
    home.import("work", &server);
    let path = home.path().join("runtime/p");
    let route = |prefix: &str, credential: &str| {
        format!(
            "[[proxy.route]]\nprefix = \"{prefix}\"\nupstream = \"{}\"\ncredential = \"{credential}\"\n",
            api.url()
        )
    };
    let listen = format!("{QUICK_RETRY}[[proxy]]\nlisten = \"unix:{}\"\n", path.display());
    home.configure(&format!("{listen}{}", route("/work/", "work")));
    let agent = Agent::start(&home);
    agent.wait_credential("work", "a token", |seen| seen["token_valid"] == true);
    let door = Door::Unix(path);
    assert_eq!(door.get("/work/a").status, 200);

    home.configure(&format!(
        "{listen}{}{}{}",
        route("/work/", "work"),
        route("/late/", "late"),
        route("/more/", "work")
    ));
    let ran = home.run(["agent", "reload"]).failed(6);
    assert!(ran.stderr.contains("no credential is called late"), "{}", ran.stderr);
    let document = agent.socket().request("POST", "/v1/reload", &[], b"").expect("an answer").json();
    let problems = document["problems"].as_array().expect("a list");
    assert!(problems.len() == 1 && problems[0].as_str().unwrap().contains("late"), "{document}");
    for (target, status) in [("/work/a", 200), ("/more/a", 200), ("/late/a", 503)] {
        assert_eq!(door.get(target).status, status, "{target}");
    }
    // It comes, and nobody has to say so.
    home.import("late", &server);
    wait_for("the late one's route", || (door.get("/late/a").status == 200).then_some(()));
}

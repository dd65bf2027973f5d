//! Tokens bound to a key (RFC 9449), at a server that wants a nonce for every proof.

#![cfg(unix)]

use renewd_e2e::{Agent, Stranger};

use crate::world::{SCOPE, World};

#[test]
fn a_bound_login_lives_with_one_key_and_the_proxy_proves_it_to_the_api() {
    let Some(world) = World::new(Stranger::OidcProvider) else { return };
    let (ran, _) =
        world.login_with_a_person(&[&["--client-id", "bound", "--dpop", "--browser"], &SCOPE[..]].concat());
    ran.succeeded();
    let proved = world.peer.overheard_at("/token");
    assert!(proved.iter().all(|seen| seen.all["dpop"] == true), "every request has a proof: {proved:?}");
    assert_eq!(proved.first().map(|seen| &seen.all["nonce"]), Some(&false.into()), "nobody knew a nonce");
    let last = proved.last().expect("a request");
    assert_eq!((last.status, &last.all["nonce"]), (200, &true.into()), "the nonce was learned");

    let bound_to = |token: &str| {
        let said = world.peer.introspect(token);
        assert_eq!((&said["active"], &said["token_type"]), (&true.into(), &"DPoP".into()), "{said}");
        said["cnf"]["jkt"].as_str().expect("a thumbprint").to_owned()
    };
    let first = world.token();
    assert!(!world.peer.accepts(&first), "without the key it is worth nothing");
    world.home.run(["refresh", "work"]).succeeded();
    let second = world.token();
    assert_ne!(first, second);
    assert_eq!(bound_to(&first), bound_to(&second), "the same key");

    let configuration = std::fs::read_to_string(world.home.configuration()).expect("there is one");
    world.home.configure(&format!(
        "{configuration}\n[[proxy]]\nlisten = \"127.0.0.1:0\"\nupstream = \"{}\"\ncredential = \"work\"\n",
        world.peer.issuer()
    ));
    let agent = Agent::start(&world.home);
    agent.wait_credential("work", "a token", |seen| seen["token_valid"] == true);
    let proxy = agent.proxy();
    for _ in 0..2 {
        let answer = proxy.get("/me");
        assert_eq!((answer.status, &answer.json()["sub"]), (200, &"alice".into()), "{}", answer.text());
    }
    let asked = world.peer.overheard_at("/me");
    let fresh: Vec<_> = asked.iter().filter(|seen| seen.all["dpop"] == true).collect();
    assert!(fresh.last().is_some_and(|seen| seen.status == 200 && seen.all["nonce"] == true), "{fresh:?}");
    agent.stop().succeeded();
}

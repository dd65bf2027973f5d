//! A login that begins at an API: it says where its tokens are had (RFC 9728), and wants them for itself (RFC 8707).

#![cfg(unix)]

use renewd_e2e::{Place, Running, Stranger, percent};

use crate::world::World;

#[test]
fn an_api_says_where_to_log_in_and_takes_the_token_that_comes_of_it() {
    let Some(world) = World::new(Stranger::OidcProvider) else { return };
    let api = world.peer.resource().to_owned();
    let login = Running::start(
        world.command(&[
            "login",
            "work",
            "--resource",
            &api,
            "--client-id",
            "renewd",
            "--browser",
            "--scope",
            "read",
            "--scope",
            "write",
            "--scope",
            "offline_access",
        ]),
        b"",
    );
    world.agree_after(0);
    login.finish().succeeded();
    assert!(
        world.desktop.opened()[0].contains(&format!("resource={}", percent(&api))),
        "{:?}",
        world.desktop.opened()
    );

    let ask = |token: &str| {
        let bearer = format!("Bearer {token}");
        let place = Place::of(&api);
        renewd_e2e::testkit::http_request(
            place.address,
            "GET",
            &place.path,
            &[("Authorization", &bearer)],
            b"",
        )
        .expect("the API answers")
    };
    assert_eq!(ask("none").status, 401);
    let first = world.token();
    assert_eq!((ask(&first).status, &ask(&first).json()["aud"]), (200, &api.as_str().into()));
    world.home.run(["refresh", "work"]).succeeded();
    assert_eq!(ask(&world.token()).status, 200, "a refreshed token is for the same API");
    let named: Vec<_> =
        world.peer.overheard_at("/token").iter().map(|seen| seen.text("resource").to_owned()).collect();
    assert!(!named.is_empty() && named.iter().all(|resource| *resource == api), "{named:?}");

    // One grant, another result beside it: the narrower token is its own, and the other stays.
    let wide = world.token();
    let narrow = world.home.run(["token", "work", "--scope", "read"]).succeeded().line().to_owned();
    assert_ne!(wide, narrow);
    assert_eq!(
        (&ask(&narrow).json()["scope"], &ask(&world.token()).json()["scope"]),
        (&"read".into(), &"read write".into())
    );
    assert_eq!(world.home.run(["token", "work", "--scope", "read"]).succeeded().line(), narrow, "kept");
    assert_eq!(world.peer.counts().replays, 0);
}

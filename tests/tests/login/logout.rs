//! The end of a login: told to the server, and gone from here.

#![cfg(unix)]

use renewd_e2e::{Stranger, disclosure};

use crate::world::{SCOPE, World};

#[test]
fn a_logout_ends_the_login_at_the_server_and_leaves_nothing_of_it_here() {
    disclosure::insist();
    let Some(world) = World::new(Stranger::OidcProvider) else { return };
    world.login_with_a_person(&[&["--client-id", "renewd", "--browser"], &SCOPE[..]].concat()).0.succeeded();
    world.lives();
    let token = world.token();

    world.home.run(["logout", "work"]).succeeded();
    let told = world.peer.overheard_at("/token/revocation");
    assert!(!told.is_empty() && told.iter().all(|seen| seen.status == 200), "{told:?}");
    assert!(!world.peer.accepts(&token), "the server has ended it");
    let sent = world.peer.counts().token_requests;
    let ran = world.home.run(["token", "work"]).failed(3);
    assert!(ran.stderr.contains("renewd login work"), "{ran:?}");
    assert_eq!(world.peer.counts().token_requests, sent, "nothing is tried with what is gone");
    // Sealed or not: what a file says of a login that ended.
    assert_eq!(disclosure::leaks_below(world.home.path()), Vec::<String>::new());

    // Nothing stands in the way of the next one.
    world.login_with_a_person(&[&["--client-id", "renewd", "--browser"], &SCOPE[..]].concat()).0.succeeded();
    world.lives();
}

#[test]
fn a_bound_and_registered_login_is_ended_with_its_own_key_and_client() {
    let Some(world) = World::new(Stranger::OidcProvider) else { return };
    let args = [&["--register", "--dpop", "--browser"], &SCOPE[..]].concat();
    world.login_with_a_person(&args).0.succeeded();
    let token = world.token();
    world.home.run(["logout", "work"]).succeeded();
    let told = world.peer.overheard_at("/token/revocation");
    assert!(told.last().is_some_and(|seen| seen.status == 200), "{told:?}");
    assert_eq!(world.peer.introspect(&token)["active"], false);
}

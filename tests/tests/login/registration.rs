//! Dynamic registration (RFC 7591): a login at a server that never heard of this client, and one that forgot it.

#![cfg(unix)]

use renewd_e2e::Stranger;

use crate::world::{SCOPE, World};

#[test]
fn a_client_registers_itself_once_and_a_server_that_forgot_it_is_met_with_the_way_out() {
    let Some(world) = World::new(Stranger::OidcProvider) else { return };
    let register = [&["--register", "--browser"], &SCOPE[..]].concat();
    world.login_with_a_person(&register).0.succeeded();
    let registrations = || world.peer.overheard_at("/reg");
    assert_eq!(registrations().len(), 1, "once");
    assert_eq!((registrations()[0].status, registrations()[0].method.as_str()), (201, "POST"));
    world.lives();
    let client = world.peer.overheard_at("/token").pop().expect("a request").text("client").to_owned();
    assert_eq!(client, registrations()[0].text("client"));

    // Logged in again it is the same client: what was registered is kept with the login.
    world.login_with_a_person(&["--browser"]).0.succeeded();
    assert_eq!(registrations().len(), 1);
    world.lives();

    assert_eq!(world.peer.forget(), [client]);
    let said = world.home.run(["refresh", "work"]);
    assert!(matches!(said.code, Some(3 | 4)), "{said:?}");
    for part in ["invalid_client", "log in with --register"] {
        assert!(said.stderr.contains(part), "{part:?} not in {said:?}");
    }
    world.login_with_a_person(&register).0.succeeded();
    assert_eq!(registrations().len(), 2, "the forgotten one is not used again");
    world.lives();
}

//! Logins without a person: client credentials, signing clients, token exchange, JWT bearer. None has a refresh token; each is
//! renewed by asking again.

#![cfg(unix)]

use renewd_e2e::{Home, Stranger};

use crate::world::World;

impl World {
    /// The login is alive, and is renewed by a grant of the same kind, however often.
    #[track_caller]
    fn lives_by(&self, grant_type: &str, client: &str) {
        let first = self.token();
        assert_eq!(self.peer.introspect(&first)["active"], true, "the token of the login is taken");
        self.home.run(["refresh", "work"]).succeeded();
        let second = self.token();
        assert_ne!(first, second);
        let said = self.peer.introspect(&second);
        assert_eq!((&said["active"], &said["client_id"]), (&true.into(), &client.into()), "{said}");
        let asked: Vec<_> = self.peer.overheard_at("/token");
        let last = asked.last().expect("a request");
        assert_eq!((last.text("grant_type"), last.status), (grant_type, 200));
        assert!(asked.iter().all(|seen| seen.text("grant_type") != "refresh_token"));
        let status = self.status();
        assert_eq!((&status["status"], &status["cause"]), (&"running".into(), &serde_json::Value::Null));
    }
}

#[test]
fn a_client_with_a_secret_logs_in_by_itself_for_one_api() {
    let Some(world) = World::new(Stranger::OidcProvider) else { return };
    let clients = world.peer.clients();
    let secret = world.home.private_file("secret", clients["secrets"]["machine"].as_str().expect("a secret"));
    let api = clients["apis"][0].as_str().expect("an API");
    let secret = secret.display().to_string();
    world
        .login(&[
            "--grant",
            "client-credentials",
            "--client-id",
            "machine",
            "--client-secret-file",
            &secret,
            "--client-auth",
            "post",
            "--scope",
            "read",
            "--resource",
            api,
        ])
        .succeeded();
    world.lives_by("client_credentials", "machine");
    let said = world.peer.introspect(&world.token());
    assert_eq!((&said["scope"], &said["aud"]), (&"read".into(), &api.into()), "{said}");
    assert_eq!(world.desktop.opened(), Vec::<String>::new());
}

#[test]
fn a_client_that_signs_logs_in_with_a_key_of_each_kind_from_each_kind_of_file() {
    let Some(world) = World::new(Stranger::OidcProvider) else { return };
    let keys = world.peer.clients()["keys"].clone();
    for (algorithm, form) in
        [("ES256", "pem"), ("RS256", "jwk"), ("EdDSA", "jwk"), ("EdDSA", "pem"), ("RS256", "pem")]
    {
        let key = &keys[algorithm][form];
        let content = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
        let file = world.home.private_file(&format!("{algorithm}.{form}"), &content).display().to_string();
        let (client, key_id) = (format!("machine-{algorithm}"), format!("key-{algorithm}"));
        let mut args = vec![
            "--grant",
            "client-credentials",
            "--client-id",
            &client,
            "--client-key-file",
            &file,
            "--replace",
        ];
        // A JWK says its own.
        if form == "pem" {
            args.extend(["--client-key-id", &key_id]);
        }
        world.login(&args).succeeded();
        world.lives_by("client_credentials", &client);
        let asked = world.peer.overheard_at("/token");
        let assertions: Vec<_> = asked.iter().rev().take(2).map(|seen| &seen.all["assertion"]).collect();
        assert_eq!(assertions[0]["header"]["alg"], algorithm);
        assert_eq!(assertions[0]["header"]["kid"], key_id.as_str());
        assert_eq!(
            (&assertions[0]["payload"]["iss"], &assertions[0]["payload"]["sub"]),
            (&client.as_str().into(), &client.as_str().into())
        );
        assert_ne!(assertions[0]["payload"]["jti"], assertions[1]["payload"]["jti"], "each is good for once");
        // Gone from where it was read: the login keeps it, sealed.
        std::fs::remove_file(&file).expect("a file can be removed");
        world.home.run(["refresh", "work"]).succeeded();
    }
}

#[test]
fn a_token_of_one_login_is_exchanged_for_another() {
    let Some(world) = World::new(Stranger::OidcProvider) else { return };
    // The subject's own login, whose token file another program keeps fresh.
    world
        .login_with_a_person(&[
            "--client-id",
            "renewd",
            "--browser",
            "--scope",
            "openid",
            "--scope",
            "offline_access",
        ])
        .0
        .succeeded();
    let subject = world.home.private_file("subject", &world.token());
    let key = world
        .home
        .private_file("key.pem", world.peer.clients()["keys"]["ES256"]["pem"].as_str().expect("a key"));
    world
        .login(&[
            "--replace",
            "--grant",
            "token-exchange",
            "--client-id",
            "exchange",
            "--client-key-file",
            &key.display().to_string(),
            "--client-key-id",
            "key-ES256",
            "--subject-token-file",
            &subject.display().to_string(),
        ])
        .succeeded();
    world.lives_by("urn:ietf:params:oauth:grant-type:token-exchange", "exchange");
    assert_eq!(world.peer.introspect(&world.token())["sub"], "alice", "for the person whose token it was");
}

#[test]
fn a_signed_statement_about_somebody_is_a_login() {
    let Some(world) = World::new(Stranger::OidcProvider) else { return };
    let key = world
        .home
        .private_file("key.pem", world.peer.clients()["keys"]["RS256"]["pem"].as_str().expect("a key"));
    world
        .login(&[
            "--grant",
            "jwt-bearer",
            "--client-id",
            "bearer",
            "--assertion-key-file",
            &key.display().to_string(),
            "--assertion-issuer",
            "robot",
            "--assertion-subject",
            "bob",
        ])
        .succeeded();
    world.lives_by("urn:ietf:params:oauth:grant-type:jwt-bearer", "bearer");
    assert_eq!(world.peer.introspect(&world.token())["sub"], "bob");
}

#[test]
fn an_entry_that_says_all_needs_no_login_command() {
    let Some(mut world) = World::new(Stranger::OidcProvider) else { return };
    let secret = world.peer.clients()["secrets"]["machine"].as_str().expect("a secret").to_owned();
    world.home = Home::new();
    let file = world.home.private_file("secret", &secret);
    world.home.configure(&format!(
        "[refresh]\nmin_interval = \"0s\"\n[credential.work]\nissuer = \"{}\"\ntoken_endpoint = \"{}\"\ngrant = \"client_credentials\"\n\
         client_id = \"machine\"\nclient_auth = \"post\"\nclient_secret_file = \"{}\"\nscope = [\"read\"]\nresource = \"https://one.example/\"\n",
        world.peer.issuer(), world.peer.token_endpoint(), file.display()
    ));
    world.lives_by("client_credentials", "machine");
}

#[test]
fn a_key_that_the_server_does_not_know_is_told_and_nothing_is_stored() {
    let Some(world) = World::new(Stranger::OidcProvider) else { return };
    let key = world
        .home
        .private_file("key.pem", world.peer.clients()["keys"]["ES256"]["pem"].as_str().expect("a key"));
    let ran = world.login(&[
        "--grant",
        "client-credentials",
        "--client-id",
        "machine-RS256",
        "--client-key-file",
        &key.display().to_string(),
    ]);
    assert!(!matches!(ran.code, Some(0) | Some(1) | None), "{ran:?}");
    assert!(ran.stderr.contains("invalid_client"), "{ran:?}");
    world.has_nothing();
}

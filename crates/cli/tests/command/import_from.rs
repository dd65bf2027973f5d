//! What other programs keep, imported: nothing of theirs is changed, and no token gets two owners unsaid.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use crate::world::{CANARY, World};
use renewd_testkit::{AsConfig, AuthorizationServer};

/// A file that only its owner reads, as these programs write theirs.
fn file(world: &World, name: &str, content: &str) -> PathBuf {
    let path = world.path(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, content).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path
}

fn adc(refresh_token: &str) -> String {
    format!(
        r#"{{"type":"authorized_user","client_id":"c.apps.googleusercontent.com","client_secret":"s-{CANARY}","refresh_token":"{refresh_token}"}}"#
    )
}

fn document(server: &AuthorizationServer, refresh_token: &str) -> String {
    format!(
        r#"{{"refresh_token":"{refresh_token}","client_id":"testkit-client","token_endpoint":"{}","revocation_endpoint":"{}"}}"#,
        server.token_url(),
        server.revocation_url()
    )
}

#[test]
fn gclouds_file_is_found_where_gcloud_puts_it_and_may_be_shared() {
    let world = World::new();
    let path = file(&world, ".config/gcloud/application_default_credentials.json", &adc(CANARY));
    let before = std::fs::read(&path).unwrap();
    world
        .run(&["import", "gcp", "--from", "gcloud"])
        .expect(0, &["does not replace refresh tokens", "ends it for the other", "imported"]);
    assert_eq!(std::fs::read(&path).unwrap(), before, "nothing of it is changed");
    let json = world.run(&["status", "gcp", "--json"]).json();
    assert_eq!(json["credentials"][0]["status"], "running");
    let shown = world.run(&["config", "show", "gcp"]).out;
    assert!(shown.contains("oauth2.googleapis.com/token"), "{shown}");
    // The same token under another name is refused here as from anywhere.
    world.run(&["import", "twice", "--from", "gcloud"]).expect(2, &["belongs to credential gcp"]);
}

#[test]
fn cloudsdk_config_says_where_it_is_and_a_missing_file_says_where_it_was_looked_for() {
    let world = World::new();
    let path = file(&world, "elsewhere/application_default_credentials.json", &adc(CANARY));
    let folder = path.parent().unwrap().to_str().unwrap().to_owned();
    let world = world.with("CLOUDSDK_CONFIG", &folder);
    world.run(&["import", "gcp", "--from", "gcloud"]).expect(0, &["imported"]);
    let empty = World::new();
    empty
        .run(&["import", "gcp", "--from", "gcloud"])
        .expect(2, &[".config/gcloud/application_default_credentials.json does not exist"]);
}

#[test]
fn a_service_account_needs_no_refresh_token_and_no_take_over() {
    let world = World::new();
    let key = format!(
        r#"{{"type":"service_account","private_key_id":"k","private_key":"-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----\n","client_email":"robot@p.iam.gserviceaccount.com","token_uri":"https://oauth2.googleapis.com/token"}}"#
    );
    let path = file(&world, "robot.json", &key);
    world
        .run(&["import", "robot", "--from", "gcloud", "--path", path.to_str().unwrap(), "--scope", "a"])
        .expect(0, &["signs for the scope a", "imported"]);
    let json = world.run(&["status", "robot", "--json"]).json();
    assert_eq!(json["credentials"][0]["status"], "running", "{json}");
}

#[test]
fn a_service_accounts_token_is_signed_for_and_renewed_without_anybody() {
    const KEY: &str = include_str!("../../../signer/tests/suite/keys/rsa.pem");
    let world = World::new();
    let mut config = AsConfig::default();
    let key = renewd_signer::PrivateKey::parse(&KEY.into()).unwrap();
    config.login.assertion_keys = Some(key.public_jwks());
    let server = AuthorizationServer::start(config).unwrap();
    let account = serde_json::json!({
        "type": "service_account", "private_key": KEY, "client_email": "robot@p.iam.gserviceaccount.com",
        "token_uri": server.token_url(),
    });
    let path = file(&world, "robot.json", &account.to_string());
    // This server wants to know its client beside the assertion; Google does not.
    let more = ["--client-id", "testkit-client"];
    let args = ["import", "robot", "--from", "gcloud", "--path", path.to_str().unwrap()];
    world.run(&[&args[..], &more].concat()).expect(0, &["imported"]);
    let first = world.run(&["token", "robot"]).expect(0, &[]).out;
    world.run(&["refresh", "robot"]).expect(0, &[]);
    assert_ne!(world.run(&["token", "robot"]).expect(0, &[]).out, first);
    assert_eq!(server.totals().token_requests, 2);
}

#[test]
fn a_token_that_rotates_is_shared_with_nobody_unless_it_is_taken_over() {
    let (world, server) = (World::new(), AuthorizationServer::start(AsConfig::default()).unwrap());
    let grant = server.mint_grant();
    let path = file(&world, "mine.json", &document(&server, &grant.refresh_token));
    let args = ["import", "a", "--from", "file", "--path", path.to_str().unwrap()];
    let refused =
        world.run(&args).expect(2, &["cannot have two owners", "--take-over", "renewd login a", "P2"]);
    assert!(!refused.err.contains(&grant.refresh_token));
    world.run(&["token", "a"]).expect(3, &[]);
    assert_eq!(server.totals().token_requests, 0, "nothing was spent");
    world
        .run(&[&args[..], &["--take-over"]].concat())
        .expect(0, &["taken over from", "Stop it now", "imported"]);
    world.run(&["token", "a"]).expect(0, &[]);
    world.run(&["logout", "a"]).expect(0, &["revoked at the server"]);
}

#[test]
fn who_knows_that_the_server_does_not_rotate_may_say_so() {
    let (world, server) = (World::new(), AuthorizationServer::start(AsConfig::default()).unwrap());
    let text = document(&server, CANARY);
    let args = ["import", "a", "--from", "file", "--path", "-", "--as-class", "P0"];
    world.feed(&args, text.as_bytes()).expect(0, &["can both use", "imported"]);
}

#[test]
fn an_account_of_oidc_agent_finds_its_server_by_the_issuer_however_that_is_spelt() {
    let (world, server) = (World::new(), AuthorizationServer::start(AsConfig::default()).unwrap());
    let grant = server.mint_grant();
    // oidc-agent ends every issuer with a slash.
    let account = format!(
        r#"{{"name":"egi","issuer_url":"{}/","client_id":"testkit-client","client_secret":"","refresh_token":"{}","scope":"openid","audience":""}}"#,
        server.issuer(),
        grant.refresh_token
    );
    let args = ["import", "egi", "--from", "oidc-agent", "--take-over"];
    world
        .feed(&args, account.as_bytes())
        .expect(0, &["taken over from oidc-agent", "oidc-add -r egi", "imported"]);
    world.run(&["token", "egi"]).expect(0, &[]);
    let gone = account.replace("/\",\"client_id", "/nowhere\",\"client_id");
    world
        .feed(&["import", "other", "--from", "oidc-agent", "--take-over"], gone.as_bytes())
        .expect(2, &["the token endpoint is not known", "--token-endpoint"]);
}

#[test]
fn one_remote_of_rclone_is_taken_and_the_file_stays_as_it_is() {
    let (world, server) = (World::new(), AuthorizationServer::start(AsConfig::default()).unwrap());
    let grant = server.mint_grant();
    let text = format!(
        "[one]\ntype = box\nclient_id = testkit-client\ntoken_url = {}\ntoken = {{\"refresh_token\":\"{}\"}}\n\n[two]\ntype = box\ntoken = {{\"refresh_token\":\"{CANARY}\"}}\n",
        server.token_url(),
        grant.refresh_token
    );
    let path = file(&world, ".config/rclone/rclone.conf", &text);
    world.run(&["import", "box", "--from", "rclone"]).expect(2, &["which remote? It has one, two"]);
    world
        .run(&["import", "box", "--from", "rclone", "--entry", "one", "--take-over"])
        .expect(0, &["taken over from the rclone remote one", "rclone config reconnect one:", "imported"]);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    world.run(&["token", "box"]).expect(0, &[]);
    world
        .run(&["import", "second", "--from", "rclone", "--entry", "two", "--take-over"])
        .expect(2, &["--client-id"]);
}

#[test]
fn a_source_that_others_can_write_is_refused_and_a_broken_one_names_its_line() {
    let world = World::new();
    let path = file(&world, "mine.json", "{\n\"refresh_token\": oops}");
    let args = ["import", "a", "--from", "file", "--path", path.to_str().unwrap()];
    world.run(&args).expect(2, &["mine.json: line 2, column"]);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
    world.run(&args).expect(2, &["mine.json"]);
}

#[test]
fn flags_of_a_source_need_one_and_standard_input_has_one_reader() {
    let world = World::new();
    for flag in [&["--path", "x"][..], &["--entry", "x"], &["--take-over"]] {
        let args =
            [&["import", "a", "--token-endpoint", "https://as.example/t", "--client-id", "c"], flag].concat();
        world.run(&args).expect(2, &["--from"]);
    }
    world
        .run(&["import", "a", "--from", "oidc-agent", "--client-secret-file", "-"])
        .expect(2, &["two readers of standard input"]);
    world.run(&["import", "a", "--from", "file"]).expect(2, &["--path"]);
}

//! `docker-credential-renewd`, started by docker itself, and its protocol as docker's own library speaks it.

use std::os::unix::fs::symlink;
use std::process::Command;
use std::sync::Arc;

use renewd_e2e::testkit::{AsConfig, AuthorizationServer, Fault, ProtectedApi};
use renewd_e2e::{Home, QUICK_RETRY, Ran, Running, renewd};

use super::site::{Says, Site, is_there, takes};

/// What docker compares with, to the letter.
const NOT_FOUND: &str = "credentials not found in native keychain\n";

struct World {
    server: AuthorizationServer,
    home: Home,
    site: Site,
}

const MANIFEST: &str = r#"{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.list.v2+json","manifests":[]}"#;

/// A registry that wants a token as a password, and a login that is for it.
fn world() -> World {
    let server = AuthorizationServer::start(AsConfig::default()).unwrap();
    let api = Arc::new(ProtectedApi::start(&server).unwrap());
    let site = Site::start(move |asked| match asked.shown() {
        Some((scheme, token, Some(user))) if scheme == "Basic" && user == "person" && takes(&api, &token) => {
            Says(200, Vec::new(), MANIFEST.into())
                .with("Content-Type", "application/vnd.docker.distribution.manifest.list.v2+json")
                .with("Docker-Distribution-Api-Version", "registry/2.0")
        }
        _ => Says::json(401, r#"{"errors":[{"code":"UNAUTHORIZED"}]}"#)
            .with("WWW-Authenticate", "Basic realm=\"registry\"")
            .with("Docker-Distribution-Api-Version", "registry/2.0"),
    });
    let home = Home::with(&format!(
        "{QUICK_RETRY}[credential.images]\nhelper_hosts = [\"{}\", \"registry.example\"]\nhelper_username = \"person\"\n",
        site.address
    ));
    home.import("images", &server);
    let bin = home.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    symlink(renewd(), bin.join("docker-credential-renewd")).unwrap();
    World { server, home, site }
}

impl World {
    fn start(&self, program: &str, args: &[&str], stdin: &str) -> Ran {
        let mut command = Command::new(program);
        command.args(args).env_clear();
        let theirs = self.home.command(["status"]);
        command.envs(theirs.get_envs().filter_map(|(key, value)| Some((key, value?))));
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", self.home.path().join("bin").display()));
        Running::start(command, stdin.as_bytes()).finish()
    }

    fn helper(&self, operation: &str, stdin: &str) -> Ran {
        let link = self.home.path().join("bin/docker-credential-renewd");
        self.start(link.to_str().unwrap(), &[operation], stdin)
    }
}

#[test]
fn docker_asks_a_registry_with_a_token_that_it_got_from_the_helper() {
    if !is_there("docker", "--version", "RENEWD_DOCKER_REQUIRED") {
        return;
    }
    let world = world();
    let config = world.home.path().join("home/.docker");
    std::fs::create_dir(&config).unwrap();
    let helpers = format!(r#"{{"credHelpers":{{"{}":"renewd"}}}}"#, world.site.address);
    std::fs::write(config.join("config.json"), helpers).unwrap();
    let image = format!("{}/a:latest", world.site.address);
    let ran = world.start("docker", &["manifest", "inspect", "--insecure", &image], "");
    // What this small registry has is no image; that it was asked for with the token is what counts.
    let asked = ("GET /v2/a/manifests/latest".to_owned(), Some("Basic".to_owned()));
    assert!(world.site.seen().contains(&asked), "{:?} {ran:?}", world.site.seen());
    assert_eq!(world.server.totals().token_requests, 1);
}

#[test]
fn the_protocol_is_dockers_to_the_letter() {
    let world = world();
    let token = world.home.run(["token", "images"]).succeeded().line().to_owned();
    for server in
        [world.site.address.to_string(), "registry.example".into(), "https://registry.example/v2/".into()]
    {
        let given = world.helper("get", &format!("{server}\n")).succeeded().json();
        assert_eq!(
            (&given["ServerURL"], &given["Username"], &given["Secret"]),
            (&server.as_str().into(), &"person".into(), &token.as_str().into()),
        );
    }
    let all = world.helper("list", "").succeeded().json();
    assert_eq!(all["registry.example"], "person");
    assert_eq!(all.as_object().unwrap().len(), 2);
    for foreign in
        ["registry.example:5000", "http://registry.example", "evil.example", "registry.example.evil"]
    {
        assert_eq!(world.helper("get", foreign).failed(1).stdout, NOT_FOUND, "{foreign}");
    }
    assert_eq!(world.helper("get", "").failed(1).stdout, "no credentials server URL\n");
    world.helper("erase", "evil.example").succeeded();
    let kept = world.helper("erase", "registry.example").failed(1);
    assert!(kept.stdout.contains("renewd logout images"), "{kept:?}");
    let typed =
        |user: &str| format!(r#"{{"ServerURL":"registry.example","Username":"{user}","Secret":"s"}}"#);
    world.helper("store", &typed("person")).succeeded();
    let refused = world.helper("store", &typed("somebody")).failed(1);
    assert!(refused.stdout.contains("renewd login images"), "{refused:?}");
    assert_eq!(world.home.run(["token", "images"]).succeeded().line(), token);
}

#[test]
fn in_an_outage_docker_is_told_on_standard_output() {
    let world = world();
    world.server.set_fault(Fault::WafBlock);
    let ran = world.helper("get", "registry.example").failed(1);
    assert!(ran.stdout.contains("auth_retrying") && !ran.stdout.contains(NOT_FOUND.trim()), "{ran:?}");
}

//! `renewd helper kubectl`, started by kubectl itself against a server that wants a token.

use std::process::Command;
use std::sync::Arc;

use renewd_e2e::testkit::{AsConfig, AuthorizationServer, Fault, ProtectedApi};
use renewd_e2e::{Home, QUICK_RETRY, Ran, Running, renewd};

use super::site::{Says, Site, is_there, takes};

struct World {
    server: AuthorizationServer,
    api: Arc<ProtectedApi>,
    home: Home,
    site: Site,
}

fn world() -> World {
    let server = AuthorizationServer::start(AsConfig::default()).unwrap();
    let api = Arc::new(ProtectedApi::start(&server).unwrap());
    let home = Home::with(QUICK_RETRY);
    home.import("cluster", &server);
    let known = Arc::clone(&api);
    let site = Site::start_tls(move |asked| match asked.shown() {
        Some((scheme, token, None)) if scheme == "Bearer" && takes(&known, &token) => {
            Says::json(200, format!("{{\"asked\":\"{}\"}}", asked.path))
        }
        _ => Says::json(
            401,
            r#"{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Unauthorized","code":401}"#,
        ),
    });
    World { server, api, home, site }
}

impl World {
    /// kubectl with a kubeconfig whose user is the plugin, in that version.
    fn kubectl(&self, version: &str) -> Ran {
        let config = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
             clusters:\n- name: c\n  cluster: {{server: \"https://{}\", insecure-skip-tls-verify: true}}\n\
             contexts:\n- name: c\n  context: {{cluster: c, user: u}}\n\
             users:\n- name: u\n  user:\n    exec:\n      apiVersion: client.authentication.k8s.io/{version}\n\
             \x20     command: '{}'\n      args: [helper, kubectl, cluster]\n      interactiveMode: IfAvailable\n\
             \x20     provideClusterInfo: true\n",
            self.site.address,
            renewd().display()
        );
        let file = self.home.private_file("kubeconfig", &config);
        let mut command = Command::new("kubectl");
        command.arg("--kubeconfig").arg(file).args(["get", "--raw", "/version"]).env_clear();
        let theirs = self.home.command(["status"]);
        command.envs(theirs.get_envs().filter_map(|(key, value)| Some((key, value?))));
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        Running::start(command, b"").finish()
    }
}

#[test]
fn kubectl_gets_a_token_in_the_version_that_it_asks_for() {
    if !is_there("kubectl", "--help") {
        return;
    }
    let world = world();
    let mut worked = 0;
    for version in ["v1", "v1beta1"] {
        let ran = world.kubectl(version);
        // One of before 1.22 does not know v1, and says so before it starts a plugin.
        if version == "v1" && ran.stderr.contains("exec plugin: invalid apiVersion") {
            continue;
        }
        assert_eq!(ran.succeeded().json()["asked"], "/version", "{version}");
        worked += 1;
    }
    assert!(worked > 0);
    assert_eq!(world.server.totals().token_requests, 1, "one token for both");
}

#[test]
fn a_token_that_is_over_is_replaced_and_an_outage_is_told() {
    if !is_there("kubectl", "--help") {
        return;
    }
    let world = world();
    world.kubectl("v1beta1").succeeded();
    world.api.revoke_current();
    // The protocol has no word for a refusal; a person has one.
    world.home.run(["refresh", "cluster"]).succeeded();
    world.kubectl("v1beta1").succeeded();
    world.home.run(["logout", "cluster"]).succeeded();
    world.server.set_fault(Fault::WafBlock);
    let ran = world.kubectl("v1beta1").failed(1);
    assert!(ran.stderr.contains("renewd login cluster"), "{ran:?}");
}

#[test]
fn an_id_token_is_given_with_its_own_end() {
    let server = AuthorizationServer::start(AsConfig::default()).unwrap();
    let home = Home::with(QUICK_RETRY);
    home.import_with("cluster", &server, &["--scope", "openid"]);
    let given = home.run(["helper", "kubectl", "cluster", "--id-token"]).succeeded().json();
    assert_eq!(given["apiVersion"], "client.authentication.k8s.io/v1");
    assert_eq!(given["status"]["token"].as_str().unwrap().split('.').count(), 3, "a JWT");
    assert!(given["status"]["expirationTimestamp"].as_str().unwrap().ends_with('Z'), "{}", given["status"]);
    let access = home.run(["helper", "kubectl", "cluster"]).succeeded().json();
    assert_ne!(access["status"]["token"], given["status"]["token"]);
}

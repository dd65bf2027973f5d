//! `renewd helper kubectl`, started by kubectl itself against a server that wants a token.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use renewd_e2e::testkit::{AsConfig, AuthorizationServer, Fault, ProtectedApi};
use renewd_e2e::{Home, QUICK_RETRY, Ran, Running, renewd, unix_seconds, unix_seconds_of};

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
    if !is_there("kubectl", "--help", "RENEWD_TOOLS_REQUIRED") {
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
    if !is_there("kubectl", "--help", "RENEWD_TOOLS_REQUIRED") {
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

/// A token of that shape, which nobody verifies here.
fn id_token(number: u64, exp: u64) -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let claims = format!("{{\"sub\":\"person\",\"jti\":\"{number}\",\"exp\":{exp}}}");
    format!("{}.{}.{}", part("{\"alg\":\"none\"}"), part(&claims), part("signature"))
}

#[test]
fn an_id_token_comes_with_its_own_end_and_one_that_is_over_is_replaced() {
    let counted = AtomicU64::new(0);
    let end = unix_seconds() as u64 + 900;
    let site = Site::start(move |_| {
        let number = counted.fetch_add(1, Ordering::SeqCst);
        // The first is over before the access token is.
        let id_token = id_token(number, if number == 0 { 1 } else { end });
        Says::json(
            200,
            format!(
                "{{\"access_token\":\"at-{number}\",\"token_type\":\"Bearer\",\"expires_in\":3600,\
                 \"refresh_token\":\"rt-{number}-0123456789\",\"id_token\":\"{id_token}\"}}"
            ),
        )
    });
    let home = Home::with(QUICK_RETRY);
    let endpoint = format!("http://{}/token", site.address);
    let args = ["import", "cluster", "--token-endpoint", &endpoint, "--client-id", "c", "--scope", "openid"];
    Running::start(home.command(args), b"rt-first-0123456789").finish().succeeded();
    let access = home.run(["helper", "kubectl", "cluster"]).succeeded().json();
    assert_eq!(access["status"]["token"], "at-0");
    for _ in 0..2 {
        let given = home.run(["helper", "kubectl", "cluster", "--id-token"]).succeeded().json();
        assert_eq!(given["apiVersion"], "client.authentication.k8s.io/v1");
        assert_eq!(given["status"]["token"], id_token(1, end));
        assert_eq!(unix_seconds_of(given["status"]["expirationTimestamp"].as_str().unwrap()) as u64, end);
    }
    assert_eq!(site.seen().len(), 2, "one refresh for the ID token");
}

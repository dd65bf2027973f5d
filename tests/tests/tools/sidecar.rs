//! The Kubernetes examples: what they hold is read by others' tools and by ours, and played as processes on one machine.
//!
//! A pod is a few processes on one loopback with shared folders. So the test takes the configuration out of the manifest,
//! puts folders of its own where the manifest mounts volumes and test servers where it names servers, and starts the
//! agent with the manifest's own arguments.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use renewd_e2e::testkit::{AsConfig, AuthorizationServer, Fault, ProtectedApi};
use renewd_e2e::{Agent, Home, QUICK_RETRY, wait_for};

use crate::validators::{printed, repository, validator};

const SIDECAR: &str = "packaging/kubernetes/sidecar.yaml";
const SINK: &str = "packaging/kubernetes/sink.yaml";

/// The pod's folders, and the secret in them.
struct Pod {
    home: Home,
}

impl Pod {
    /// With the manifest's configuration, changed where a volume or a server stands in it; none where it cannot be read here.
    fn new(manifest: &str, changes: &[(&str, &str)]) -> Option<Self> {
        let text = printed(validator()?.arg("configuration").arg(repository(manifest)));
        let home = Home::new();
        for name in ["secrets", "state-volume", "run", "shared"] {
            fs::create_dir(home.path().join(name)).unwrap();
        }
        // A fresh emptyDir is open to all; the others are the pod's.
        let open = |name: &str, bits| {
            fs::set_permissions(home.path().join(name), fs::Permissions::from_mode(bits)).unwrap();
        };
        open("run", 0o700);
        open("state-volume", 0o700);
        open("shared", 0o777);
        let pod = Self { home };
        let path = |name: &str| pod.home.path().join(name).display().to_string();
        let mut text = text
            .replace("/run/secrets/renewd", &path("secrets"))
            .replace("/run/renewd", &path("run"))
            .replace("\"/shared/", &format!("\"{}/", path("shared")))
            .replace("0.0.0.0:9469", "0.0.0.0:0")
            .replace("127.0.0.1:8787", "127.0.0.1:0");
        for (from, to) in changes {
            assert!(text.contains(from), "{from:?} stands in {manifest}");
            text = text.replace(from, to);
        }
        pod.home.configure(&(QUICK_RETRY.to_owned() + &text));
        pod.secret("key", &[7; 32]);
        Some(pod)
    }

    /// As a Secret's volume has it: a link to a file that the group may read.
    fn secret(&self, name: &str, content: &[u8]) {
        let folder = self.home.path().join("secrets");
        let (data, link) = (folder.join("..data"), folder.join(name));
        fs::create_dir_all(&data).unwrap();
        fs::write(data.join(name), content).unwrap();
        fs::set_permissions(data.join(name), fs::Permissions::from_mode(0o440)).unwrap();
        let _ = fs::remove_file(&link);
        std::os::unix::fs::symlink(Path::new("..data").join(name), link).unwrap();
    }

    fn socket(&self) -> PathBuf {
        self.home.path().join("run/agent.sock")
    }

    /// The container, with the manifest's arguments; without a home, as in an image that holds nothing.
    fn start(&self) -> Agent {
        let state = self.home.path().join("state-volume");
        let configuration = self.home.configuration();
        let mut command = self.home.command([
            "--config".as_ref(),
            configuration.as_os_str(),
            "--state-dir".as_ref(),
            state.as_os_str(),
        ]);
        command.args(["--log-format", "json", "agent"]);
        for variable in ["HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "RENEWD_STORE_KEY"] {
            command.env_remove(variable);
        }
        Agent::start_at(command, &self.socket())
    }

    /// Where the proxy listens: it stands in `agent.json`.
    fn proxy(&self) -> renewd_e2e::Door {
        let description = fs::read_to_string(self.home.path().join("run/agent.json")).unwrap();
        let description = renewd_e2e::json(&description);
        let url = description["proxies"][0]["url"].as_str().expect("a proxy");
        renewd_e2e::Door::of_url(url).expect("a URL")
    }
}

fn probe(agent: &Agent, path: &str) -> u16 {
    agent.status_address().get(path).status
}

#[test]
fn kubernetes_own_schemas_take_the_manifests() {
    let Some(mut validator) = validator() else { return };
    let said = printed(validator.arg("kubernetes").arg(repository(SIDECAR)).arg(repository(SINK)));
    for resource in [
        "configmap/renewd",
        "persistentvolumeclaim/renewd",
        "deployment/my-app",
        "networkpolicy/my-app-renewd",
        "deployment/my-reader",
    ] {
        assert!(said.contains(&format!("passed for resource {resource} ")), "{resource}: {said}");
    }
}

#[test]
fn the_configurations_in_the_manifests_are_right_as_they_stand() {
    for manifest in [SIDECAR, SINK] {
        let Some(mut validator) = validator() else { return };
        let home = Home::new();
        // What a Secret mounts is looked for.
        let secret = home.private_file("client-secret", "secret").display().to_string();
        let text = printed(validator.arg("configuration").arg(repository(manifest)));
        home.configure(&text.replace("/run/secrets/renewd/client-secret", &secret));
        let mut check = home.command(["config", "check"]);
        check.env_remove("RENEWD_STORE_KEY");
        renewd_e2e::Running::start(check, b"").finish().succeeded();
    }
}

#[test]
fn a_pod_with_the_proxy_begins_with_its_seed_and_goes_on_with_what_its_volume_holds() {
    let server = AuthorizationServer::start(AsConfig::default()).unwrap();
    let api = ProtectedApi::start(&server).unwrap();
    let (endpoint, upstream) = (server.token_url(), api.url());
    let changes = [
        ("https://login.example.com/oauth2/token", endpoint.as_str()),
        ("https://api.example.com", upstream.as_str()),
        ("client_id = \"my-app\"", "client_id = \"testkit-client\""),
    ];
    let Some(pod) = Pod::new(SIDECAR, &changes) else { return };
    let seed = server.mint_grant();
    pod.secret("refresh-token", seed.refresh_token.as_bytes());
    let agent = pod.start();
    assert_eq!(probe(&agent, "/healthz"), 200);
    assert_eq!(pod.proxy().get("/orders").status, 200, "the app has no token and needs none");
    assert_eq!(probe(&agent, "/readyz"), 200);
    server.set_fault(Fault::WafBlock);
    assert_eq!(probe(&agent, "/readyz"), 200, "an outage takes no pod out of service");
    server.set_fault(Fault::Ok);
    agent.stop();
    // The next pod: the Secret still holds the first refresh token, which is spent.
    let agent = pod.start();
    assert_eq!(pod.proxy().get("/orders").status, 200);
    assert_eq!(probe(&agent, "/readyz"), 200);
    assert_eq!(server.totals().reuse_trips, 0, "the record wins over the seed");
    agent.stop();
}

#[test]
fn a_pod_with_a_file_gives_its_neighbour_a_token_that_the_api_takes() {
    let server = AuthorizationServer::start(AsConfig::default()).unwrap();
    let endpoint = server.token_url();
    let changes = [
        ("https://login.example.com/oauth2/token", endpoint.as_str()),
        ("client_id = \"my-app\"", "client_id = \"testkit-client\""),
        // The test server has no client credentials: a seed in place of the secret.
        ("grant = \"client-credentials\"\n", ""),
        ("client_secret_file", "seed_file"),
    ];
    let Some(pod) = Pod::new(SINK, &changes) else { return };
    pod.secret("client-secret", server.mint_grant().refresh_token.as_bytes());
    let agent = pod.start();
    let file = pod.home.path().join("shared/token");
    let token = wait_for("the app to find a token", || fs::read_to_string(&file).ok());
    let bits = fs::metadata(&file).unwrap().permissions().mode() & 0o777;
    assert_eq!(bits, 0o640, "for the group that both containers are in");
    let api = ProtectedApi::start(&server).unwrap();
    let door = renewd_e2e::Door::of_url(&api.url()).unwrap();
    let header = format!("Bearer {}", token.trim());
    let answer = door.request("GET", "/", &[("Authorization", &header)], b"").unwrap();
    assert_eq!(answer.status, 200, "the token in the file is one that the API takes");
    assert_eq!(probe(&agent, "/readyz"), 200);
    agent.stop();
}

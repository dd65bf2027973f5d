//! An image pushed and pulled through `docker-credential-renewd`, with programs that others wrote on both sides: skopeo is
//! the client, the distribution registry (docker's own) the server. Between them is what every large registry has, a
//! token service: it takes the login's access token as a password, and gives the registry's own token for it. Its key is
//! made for the test.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use renewd_e2e::testkit::{AsConfig, AuthorizationServer, ExpiresIn, Fault, ProtectedApi};
use renewd_e2e::{Home, QUICK_RETRY, Ran, Running, renewd, unix_seconds, unix_seconds_of, wait_for};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::site::{Says, Site, is_there, takes};

/// The variable that makes a missing skopeo or registry a failure.
const REQUIRED: &str = "RENEWD_IMAGES_REQUIRED";

/// What the registry calls itself, and whom it believes.
const SERVICE: &str = "registry.test";
const ISSUER: &str = "issuer.test";

/// How long an access token works, as the authorization server says: over while the test looks on.
const LIFETIME_S: &str = "3";

/// How far the authorization server's clock is pushed: past the life that its tokens really have.
const PAST_EVERY_TOKEN: Duration = Duration::from_secs(4000);

/// How long the registry's own token is good: longer than any copy here.
const PASS_S: u64 = 300;

struct World {
    server: AuthorizationServer,
    home: Home,
    /// The access tokens that the token service took, one after the other.
    taken: Arc<Mutex<Vec<String>>>,
    service: Site,
    registry: Registry,
}

/// A registry, its token service, and a home with a login that is for them.
fn world() -> World {
    // The server lets its tokens live for longer than it says: none is over on the way on a slow machine.
    let expires_in = ExpiresIn::Verbatim(LIFETIME_S.to_owned());
    let server = AuthorizationServer::start(AsConfig { expires_in, ..AsConfig::default() }).unwrap();
    let api = Arc::new(ProtectedApi::start(&server).unwrap());
    let signer = Signer::new();
    let certificate = signer.certificate_pem.clone();
    let taken = Arc::<Mutex<Vec<String>>>::default();
    let log = Arc::clone(&taken);
    let service = Site::start(move |asked| match asked.shown() {
        Some((scheme, token, Some(user))) if scheme == "Basic" && user == "person" && takes(&api, &token) => {
            log.lock().unwrap().push(token);
            Says::json(200, json!({ "token": signer.pass(), "expires_in": PASS_S }).to_string())
        }
        _ => Says::json(401, r#"{"errors":[{"code":"UNAUTHORIZED"}]}"#)
            .with("WWW-Authenticate", "Basic realm=\"tokens\""),
    });
    let home = Home::new();
    let registry = Registry::start(home.path(), &certificate, &format!("http://{}/token", service.address));
    home.configure(&configuration(&registry.address));
    home.import("images", &server);
    let bin = home.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    symlink(renewd(), bin.join("docker-credential-renewd")).unwrap();
    let docker = home.path().join("home/.docker");
    std::fs::create_dir(&docker).unwrap();
    let helpers = json!({ "credHelpers": { registry.address.as_str(): "renewd" } });
    std::fs::write(docker.join("config.json"), helpers.to_string()).unwrap();
    World { server, home, taken, service, registry }
}

impl World {
    fn skopeo(&self, args: &[&str]) -> Ran {
        let mut command = Command::new("skopeo");
        command.arg("--insecure-policy").args(args).env_clear();
        let theirs = self.home.command(["status"]);
        command.envs(theirs.get_envs().filter_map(|(key, value)| Some((key, value?))));
        let path = std::env::var("PATH").unwrap();
        command.env("PATH", format!("{}:{path}", self.home.path().join("bin").display()));
        command.env("TMPDIR", self.home.path()).current_dir(self.home.path());
        Running::start(command, b"").finish()
    }

    fn image(&self) -> String {
        format!("docker://{}/small:latest", self.registry.address)
    }

    fn push(&self) -> Ran {
        let image = self.image();
        self.skopeo(&["copy", "--preserve-digests", "--dest-tls-verify=false", "oci:made:latest", &image])
    }

    fn pull(&self, into: &str) -> Ran {
        let (image, into) = (self.image(), format!("oci:{into}:latest"));
        self.skopeo(&["copy", "--preserve-digests", "--src-tls-verify=false", &image, &into])
    }

    fn taken(&self) -> Vec<String> {
        self.taken.lock().unwrap().clone()
    }
}

/// The registry. It ends with this value.
struct Registry {
    address: String,
    _running: Running,
}

impl Registry {
    /// On a port that it chooses itself, and says in its log.
    fn start(folder: &Path, certificate_pem: &str, realm: &str) -> Self {
        let folder = folder.join("registry");
        std::fs::create_dir_all(folder.join("images")).unwrap();
        let (certificate, configuration) = (folder.join("tokens.pem"), folder.join("registry.yml"));
        std::fs::write(&certificate, certificate_pem).unwrap();
        // YAML has JSON in it.
        let text = json!({
            "version": "0.1",
            "log": { "level": "info", "accesslog": { "disabled": true } },
            "storage": { "filesystem": { "rootdirectory": folder.join("images") } },
            "http": { "addr": "127.0.0.1:0", "secret": "of no use to anybody" },
            "auth": { "token": {
                "realm": realm, "service": SERVICE, "issuer": ISSUER, "rootcertbundle": certificate,
            } },
        });
        std::fs::write(&configuration, text.to_string()).unwrap();
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(&configuration).env_clear().env("HOME", &folder).current_dir(&folder);
        let mut running = Running::start(command, b"");
        let address = wait_for("the registry's word on where it listens", || {
            let said = running.stderr();
            assert!(running.is_running(), "the registry has ended:\n{said}");
            let (_, after) = said.split_once("listening on ")?;
            // A word that goes on is not all there yet.
            let end = after.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ':'))?;
            Some(after[..end].to_owned())
        });
        Self { address, _running: running }
    }
}

/// Who the registry believes: a key of this test, under a certificate of its own.
struct Signer {
    certificate_pem: String,
    certificate_der: Vec<u8>,
    key: EcdsaKeyPair,
}

impl Signer {
    fn new() -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec![ISSUER.to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let pkcs8 = key.serialize_der();
        let signing = &ECDSA_P256_SHA256_FIXED_SIGNING;
        Self {
            certificate_pem: certificate.pem(),
            certificate_der: certificate.der().to_vec(),
            key: EcdsaKeyPair::from_pkcs8(signing, &pkcs8, &SystemRandom::new()).unwrap(),
        }
    }

    /// A token of the registry's own kind: a JWT (RFC 7519) with its certificate in it, good for the one image here.
    fn pass(&self) -> String {
        let now = unix_seconds() as u64;
        let header = json!({ "typ": "JWT", "alg": "ES256", "x5c": [STANDARD.encode(&self.certificate_der)] });
        let access = json!([{ "type": "repository", "name": "small", "actions": ["pull", "push"] }]);
        let claims = json!({
            "iss": ISSUER, "sub": "person", "aud": SERVICE, "jti": "1",
            "iat": now, "nbf": now - PASS_S, "exp": now + PASS_S, "access": access,
        });
        let encoded = |part: &serde_json::Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encoded(&header), encoded(&claims));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// Whether both can be started, as [`is_there`] has it.
fn all_there() -> bool {
    ["skopeo", "docker-registry"].into_iter().all(|program| is_there(program, "--version", REQUIRED))
}

/// A configuration that has a login for images at that registry.
fn configuration(host: &str) -> String {
    format!("{QUICK_RETRY}[credential.images]\nhelper_hosts = [\"{host}\"]\nhelper_username = \"person\"\n")
}

/// The smallest image: one layer with one file, in the layout of the OCI image specification.
fn image(folder: &Path) {
    let layer = folder.join("layer");
    std::fs::create_dir_all(&layer).unwrap();
    std::fs::write(layer.join("file"), "hello\n").unwrap();
    let out = |command: &mut Command| {
        let ran = command.current_dir(&layer).output().unwrap();
        assert!(ran.status.success(), "{ran:?}");
        ran.stdout
    };
    let plain = out(Command::new("tar").args(["-cf", "-", "file"]));
    let tar = folder.join("layer.tar");
    std::fs::write(&tar, &plain).unwrap();
    let packed = out(Command::new("gzip").args(["-n", "-c"]).arg(&tar));

    let blobs = folder.join("made/blobs/sha256");
    std::fs::create_dir_all(&blobs).unwrap();
    let keep = |media: &str, bytes: &[u8]| {
        let name = hex(bytes);
        std::fs::write(blobs.join(&name), bytes).unwrap();
        let media = format!("application/vnd.oci.image.{media}");
        json!({ "mediaType": media, "digest": format!("sha256:{name}"), "size": bytes.len() })
    };
    let configuration = json!({
        "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{}", hex(&plain))] },
    });
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": keep("config.v1+json", configuration.to_string().as_bytes()),
        "layers": [keep("layer.v1.tar+gzip", &packed)],
    });
    let mut entry = keep("manifest.v1+json", manifest.to_string().as_bytes());
    entry["annotations"] = json!({ "org.opencontainers.image.ref.name": "latest" });
    let index = json!({ "schemaVersion": 2, "manifests": [entry] });
    std::fs::write(folder.join("made/index.json"), index.to_string()).unwrap();
    std::fs::write(folder.join("made/oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The names of an image's blobs, each of which says what is in it, and whether they say the truth.
fn blobs(folder: PathBuf) -> Vec<(String, bool)> {
    let mut found: Vec<_> = std::fs::read_dir(folder.join("blobs/sha256"))
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let true_to_it = hex(&std::fs::read(&path).unwrap()) == name;
            (name, true_to_it)
        })
        .collect();
    found.sort();
    found
}

#[test]
fn an_image_is_pushed_and_pulled_and_pulled_again_with_another_token_after_the_first_is_over() {
    if !all_there() {
        return;
    }
    let world = world();
    let here = world.home.path();
    image(here);
    world.push().succeeded();
    world.pull("first").succeeded();
    let before = world.taken();
    let refreshes = world.server.totals().token_requests;

    // What is held is over by the clock of this machine (status leaves out parts of a second), and by the server's, which
    // takes none of them any more.
    let over = unix_seconds_of(world.home.status("images")["token_expires_at"].as_str().unwrap());
    wait_for("the end of the token", || (unix_seconds() > over + 1.0).then_some(()));
    world.server.advance(PAST_EVERY_TOKEN);
    world.pull("second").succeeded();

    let made = blobs(here.join("made"));
    assert_eq!(made.len(), 3, "a manifest, a configuration, a layer");
    for pulled in ["first", "second"] {
        assert_eq!(blobs(here.join(pulled)), made, "{pulled}");
    }
    assert!(made.iter().all(|(_, true_to_it)| *true_to_it));
    let all = world.taken();
    let (earlier, later) = all.split_at(before.len());
    assert!(!earlier.is_empty() && !later.is_empty(), "{} and {}", earlier.len(), later.len());
    assert!(later.iter().all(|token| !earlier.contains(token)), "a token that is over was taken");
    assert!(world.server.totals().token_requests > refreshes);
    assert_eq!(world.server.totals().families_revoked, 0);
}

#[test]
fn a_registry_that_no_credential_is_for_gets_none_and_skopeo_goes_on_without() {
    if !all_there() {
        return;
    }
    let world = world();
    image(world.home.path());
    world.home.configure(&configuration("registry.example"));
    let refused = world.push().failed(1);
    assert!(refused.stderr.contains("unauthorized"), "{refused:?}");
    // The token service was asked, and shown nothing.
    assert!(world.service.seen().contains(&("GET /token".to_owned(), None)), "{:?}", world.service.seen());
    assert!(world.taken().is_empty());
    assert_eq!(world.server.totals().token_requests, 0);
}

#[test]
fn in_an_outage_skopeo_passes_on_the_helpers_reason() {
    if !all_there() {
        return;
    }
    let world = world();
    image(world.home.path());
    world.server.set_fault(Fault::WafBlock);
    let failed = world.push().failed(1);
    assert!(failed.stderr.contains("auth_retrying"), "{failed:?}");
    assert!(world.taken().is_empty());
}

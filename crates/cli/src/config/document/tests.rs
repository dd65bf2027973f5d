use super::*;
use renewd_core::Span;

/// Every table of the contract's example, with every key.
const WHOLE: &str = r#"
demand_timeout = "20s"
[store]
kind = "file"
path = "/var/lib/renewd"
key = "file:/etc/renewd/key"
passphrase_fd = 3
keyring_timeout = "5s"
accept_unshared_locks = false
[refresh]
window = "15m"
mandatory = "60s"
min_interval = "0s"
settle = "35s"
accept_foreign_intents = false
[retry]
initial = "10s"
max = "2m"
tries = 5
elapsed = "5m"
budget = 20
budget_refill = "3m"
[auth_retrying]
interval = "10m"
ceiling = "24h"
[request]
timeout = "30s"
connect_timeout = "10s"
ca_file = "ca.pem"
roots = "webpki"
proxy = "http://proxy.example:3128"
[lifetime]
default = "1h"
[shutdown]
grace = "30s"
[credential.github]
profile = "generic"
issuer = "https://as.example"
token_endpoint = "https://as.example/token"
revocation_endpoint = "https://as.example/revoke"
client_id = "Iv1.x"
resource = "https://api.example"
client_auth = "basic"
client_secret_file = "/run/secrets/cs"
scope = ["repo", "user"]
as_class = "P3"
grace = "30s"
seed_file = "/run/secrets/rt"
required = true
helper_hosts = ["github.example"]
helper_username = "x-access-token"
demand_timeout = "30s"
authorization_endpoint = "https://as.example/authorize"
device_authorization_endpoint = "https://as.example/device"
audience = "api"
client_key_file = "/run/secrets/key.pem"
client_key_keyring = "keys/github"
client_key_id = "k1"
client_key_algorithm = "ES256"
client_assertion_audience = "https://as.example"
dpop = true
grant = "jwt_bearer"
subject_token_file = "/run/secrets/subject"
subject_token_type = "urn:ietf:params:oauth:token-type:jwt"
actor_token_file = "/run/secrets/actor"
actor_token_type = "urn:ietf:params:oauth:token-type:jwt"
requested_token_type = "urn:ietf:params:oauth:token-type:access_token"
assertion_file = "/run/secrets/assertion"
assertion_key_file = "/run/secrets/key.pem"
assertion_key_id = "k1"
assertion_key_algorithm = "RS256"
assertion_issuer = "me"
assertion_subject = "you"
assertion_audience = "https://as.example/token"
assertion_lifetime = "5m"
redirect_uri = "http://127.0.0.1:8765/callback"
[credential.github.refresh]
window = "5m"
[credential.github.auth_retrying]
interval = "1m"
ceiling = "2h"
[credential.github.request]
ca_file = "/etc/ca.pem"
[credential.github.parameters]
audience = "api"
[credential.github.headers]
Accept = "application/json"
[credential.github.login_parameters]
prompt = "consent"
[credential.github.assertion_claims]
scope = "read"
[[proxy]]
listen = "127.0.0.1:8787"
upstream = "https://api.github.com"
credential = "github"
upstream_http2 = "auto"
replay_limit = "1MiB"
access = "same-user"
demand_timeout = "5s"
scope = ["read"]
resource = "https://api.example/"
audience = "api"
[[proxy.route]]
prefix = "/v2/"
upstream = "http://127.0.0.1:50051"
credential = "github"
strip_prefix = false
upstream_http2 = "prior-knowledge"
replay_limit = "4MiB"
scope = ["read"]
resource = "https://api.example/"
audience = "api"
[[sink]]
credential = "github"
path = "/shared/token"
format = "raw"
mode = "0640"
on_unavailable = "remove"
folder = "own"
scope = ["repo"]
resource = "https://api.example/"
audience = "api"
[agent]
socket = "/run/renewd.sock"
status = "127.0.0.1:0"
status_access = "same-user"
[hooks]
on_unauthenticated = ["/usr/bin/notify-send", "renewd", "{credential} needs a login"]
on_auth_retrying = ["/usr/bin/logger", "{credential} waits"]
on_recovered = ["/usr/bin/logger", "{credential} works again"]
timeout = "30s"
[notify]
desktop = true
"#;

fn parse(text: &str) -> Result<Document, Problems> {
    Document::parse(Path::new("config.toml"), text)
}

#[test]
fn every_table_and_key_of_the_contract_is_read_with_its_line() {
    let document = parse(WHOLE).unwrap();
    for key in keys::of_environment() {
        assert!(document.top.contains_key(&(key.table, key.name)), "{}", key.path());
    }
    let github = &document.credentials[&"github".parse().unwrap()];
    for key in keys::CREDENTIAL {
        assert!(github.settings.contains_key(&(key.table, key.name)), "{}", key.path());
    }
    assert_eq!(github.settings[&("refresh", "window")].value, Value::Span(Span::from_mins(5)));
    assert_eq!(document.top[&("refresh", "window")].line, 11);
    assert_eq!(github.parameters, [("audience".into(), "api".into())]);
    assert_eq!(github.login_parameters, [("prompt".into(), "consent".into())]);
    assert_eq!(github.assertion_claims, [("scope".into(), "read".into())]);
    for key in keys::PROXY {
        assert!(document.proxies[0].settings.contains_key(&(key.table, key.name)), "{}", key.path());
    }
    for key in keys::ROUTE {
        let route = &document.proxies[0].routes[0];
        assert!(route.settings.contains_key(&(key.table, key.name)), "{}", key.path());
    }
    for key in keys::SINK {
        assert!(document.sinks[0].settings.contains_key(&(key.table, key.name)), "{}", key.path());
    }
}

#[test]
fn an_empty_file_and_one_with_a_byte_order_mark_are_fine() {
    assert!(parse("").unwrap().top.is_empty());
    assert_eq!(parse("\u{feff}[retry]\ntries = 3\n").unwrap().top.len(), 1);
}

#[test]
fn each_mistake_names_its_line_its_key_and_the_way_out() {
    for (text, line, words) in [
        ("[refresh]\nwindw = \"1m\"", 2, "unknown key refresh.windw; did you mean window?"),
        ("[auth-retrying]\ninterval = \"1m\"", 1, "unknown key auth-retrying; did you mean auth_retrying?"),
        ("\n\n[refresh]\nceiling = \"1m\"", 4, "ceiling belongs in [auth_retrying]"),
        ("[refresh]\nbanana = 1", 2, "known here: accept_foreign_intents, mandatory, min_interval"),
        ("[refresh]\nwindow = 900", 2, "refresh.window = 900 is a number without a unit"),
        ("[refresh]\nwindow = \"0s\"", 2, "refresh.window = \"0s\" is zero"),
        ("[refresh]\nwindow = \"-1m\"", 2, "is negative"),
        ("[refresh]\nwindow = \"soon\"", 2, "is not a duration"),
        ("[retry]\ntries = -1", 2, "retry.tries = -1 is not a whole number"),
        ("[retry]\ntries = \"five\"", 2, "retry.tries = \"five\" is a string; it must be a whole number"),
        ("[retry]\nbudget = 0", 2, "from 1 to"),
        ("refresh = 1", 1, "refresh must be a table"),
        ("credential = 1", 1, "credential must be a table"),
        ("[credential]\ngithub = 1", 2, "credential.github must be a table"),
        ("[credential.\"../x\"]", 1, "must begin with a letter or digit"),
        ("[credential.a]\ncient_id = \"x\"", 2, "unknown key credential.a.cient_id; did you mean client_id?"),
        ("[credential.a]\nclient_secret = \"hunter2\"", 2, "client_secret_file"),
        ("[credential.a]\nrefresh_token = \"hunter2\"", 2, "renewd import"),
        ("[store]\npassphrase = \"hunter2\"", 2, "--passphrase-fd"),
        ("[credential.a]\ntoken_endpoint = \"http://as.example/t\"", 2, "https only"),
        ("[credential.a]\nas_class = \"P9\"", 2, "is none of P0, P1"),
        ("[credential.a]\nscope = [1]", 2, "something else than texts"),
        ("[credential.a.parameters]\nclient_id = \"x\"", 2, "cannot be set here"),
        ("[credential.a]\ndpop_key = \"hunter2\"", 2, "dpop = true"),
        ("[credential.a]\nclient_key = \"hunter2\"", 2, "client_key_file"),
        ("[credential.a.login_parameters]\nstate = \"x\"", 2, "cannot be set here"),
        ("[credential.a.assertion_claims]\nexp = \"x\"", 2, "cannot be set here"),
        ("[credential.a.headers]\nDPoP = \"x\"", 2, "cannot be set here"),
        ("[credential.a.headers]\nAuthorization = \"x\"", 2, "cannot be set here"),
        ("[credential.a.headers]\n\"a b\" = \"x\"", 2, "visible ASCII"),
        ("[proxy]\nlisten = \"127.0.0.1:1\"", 1, "[[proxy]]"),
        ("[[proxy]]\nlisten = \"8787\"", 2, "like 127.0.0.1:8787"),
        ("[[proxy]]\n[proxy.route]\nprefix = \"/a\"", 2, "[[proxy.route]]"),
        ("[[proxy]]\n[[proxy.route]]\nprefix = \"a\"", 3, "does not begin with /"),
        ("[[proxy]]\n[[proxy.route]]\nprefix = \"/~a/\"", 3, "path secrets"),
        ("[[proxy]]\n[[proxy.route]]\nlisten = \"127.0.0.1:1\"", 3, "listen"),
        ("[[sink]]\nmode = \"0666\"", 2, "everybody"),
        ("[hooks]\non_unauthenticated = [\"notify-send\"]", 2, "absolute path"),
        ("[hooks]\non_unauthenticated = \"notify-send\"", 2, "must be a list"),
        ("[store]\nkind = \"cloud\"", 2, "none of file, keyring, memory"),
        ("[refresh]\nwindow = \"1m\"\nwindow = \"2m\"", 3, "no TOML"),
        ("[refresh\nwindow = \"1m\"", 1, "no TOML"),
    ] {
        let problems = parse(text).unwrap_err();
        let message = problems.to_string();
        assert!(message.contains(words), "{text:?}: {message}");
        assert!(message.starts_with(&format!("config.toml:{line}: ")), "{text:?}: {message}");
        assert!(!message.contains("hunter2"), "{message}");
    }
}

#[test]
fn all_mistakes_are_told_at_once_in_the_order_of_the_file() {
    let problems = parse("[retry]\ntries = -1\n[refresh]\nwindw = \"1m\"\n").unwrap_err();
    let lines: Vec<_> = problems.all.iter().map(|p| p.line).collect();
    assert_eq!(lines, [Some(2), Some(4)]);
}

#[test]
fn what_a_hostile_file_holds_does_not_reach_the_terminal() {
    for text in ["\"\\u001b[31m\" = 1", "[refresh]\nwindow = \"\\u001b[31m\"", "[refresh]\n\"a\\nb\" = 1"] {
        let message = parse(text).unwrap_err().to_string();
        assert!(!message.contains('\x1b') && message.lines().count() == 1, "{message:?}");
    }
}

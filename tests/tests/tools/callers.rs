//! gRPC and WebSocket as others wrote them, on both sides of the agent's proxies: clients that know nothing of tokens, and
//! servers that refuse the one they saw last.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use renewd_e2e::testkit::{AsConfig, AuthorizationServer, ProtectedApi};
use renewd_e2e::{Agent, Door, Home};
use serde_json::{Value, json};

use crate::validators::{printed, repository, skipped};

/// The Python that has them; none where it is not installed.
fn python(script: &str) -> Option<Command> {
    let folder = std::env::var_os("RENEWD_PEERS").map(|folder| PathBuf::from(folder).join("callers"));
    let Some(folder) = folder.filter(|folder| folder.join("installed").is_file()) else {
        let why = "grpcio and websockets are not installed: `cargo xtask peers` installs them";
        return skipped("RENEWD_PEERS_REQUIRED", why);
    };
    let mut command = Command::new(folder.join("bin/python"));
    command.arg(repository("tests/peers/callers").join(script));
    Some(command)
}

/// The servers. They end with this value.
struct Servers {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    grpc: u64,
    websocket: u64,
}

impl Drop for Servers {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Servers {
    fn start() -> Option<Self> {
        let mut command = python("server.py")?;
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut servers = Self { child, input, output: BufReader::new(output), grpc: 0, websocket: 0 };
        let greeting = servers.line();
        servers.grpc = greeting["grpc"].as_u64().unwrap();
        servers.websocket = greeting["websocket"].as_u64().unwrap();
        Some(servers)
    }

    fn line(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    /// What was asked since the last time: where, and whether it was welcome. The token seen last is refused from now on.
    fn refuse(&mut self) -> Value {
        self.input.write_all(b"refuse\n").unwrap();
        self.line()["calls"].take()
    }
}

struct World {
    servers: Servers,
    _server: AuthorizationServer,
    _api: ProtectedApi,
    home: Home,
    _agent: Agent,
    /// `HOST:PORT` of each, in the order of the configuration.
    grpc: String,
    other: String,
}

fn world() -> Option<World> {
    let servers = Servers::start()?;
    let server = AuthorizationServer::start(AsConfig::default()).unwrap();
    let api = ProtectedApi::start(&server).unwrap();
    let home = Home::with(&format!(
        "[[proxy]]\nlisten = \"127.0.0.1:0\"\nupstream = \"http://127.0.0.1:{}\"\ncredential = \"work\"\n\
         upstream_http2 = \"prior-knowledge\"\ndemand_timeout = \"1s\"\n\
         [[proxy.route]]\nprefix = \"/nobody.Nobody/\"\nupstream = \"http://127.0.0.1:{}\"\ncredential = \"nobody\"\n\
         strip_prefix = false\n\
         [[proxy]]\nlisten = \"127.0.0.1:0\"\n\
         [[proxy.route]]\nprefix = \"/ws/\"\nupstream = \"http://127.0.0.1:{}\"\ncredential = \"chat\"\n\
         [[proxy.route]]\nprefix = \"/api/\"\nupstream = \"{}\"\ncredential = \"work\"\n",
        servers.grpc,
        servers.grpc,
        servers.websocket,
        api.url()
    ));
    home.import("work", &server);
    home.import("chat", &server);
    // Its server is gone when the agent begins.
    home.import("nobody", &AuthorizationServer::start(AsConfig::default()).unwrap());
    let agent = Agent::start(&home);
    let described: Value =
        serde_json::from_slice(&std::fs::read(home.socket().with_file_name("agent.json")).unwrap()).unwrap();
    // Several of any free port stand there in no order of ours; their routes tell them apart.
    let of = |prefix: &str| {
        let proxies = described["proxies"].as_array().unwrap().iter();
        let has = |proxy: &&Value| {
            proxy["routes"].as_array().unwrap().iter().any(|route| route["prefix"] == prefix)
        };
        let proxy = proxies.clone().find(has).unwrap_or_else(|| panic!("{described}"));
        proxy["url"].as_str().unwrap().strip_prefix("http://").unwrap().to_owned()
    };
    let (grpc, other) = (of("/nobody.Nobody/"), of("/ws/"));
    Some(World { servers, _server: server, _api: api, home, _agent: agent, grpc, other })
}

/// What a client saw.
fn called(kind: &str, address: &str) -> Value {
    let Some(mut client) = python("client.py") else { panic!("it was there a moment ago") };
    let text = printed(client.args([kind, address]));
    serde_json::from_str(text.trim()).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn grpc_calls_and_streams_go_through_and_a_refused_call_is_made_once_more() {
    let Some(mut world) = world() else { return };
    for round in ["the first token", "the one after a refusal"] {
        let told = called("grpc", &world.grpc);
        assert_eq!((&told["unary"], &told["served"]), (&json!("cba"), &json!("1")), "{round}");
        assert_eq!(
            (&told["stream"], &told["status"]),
            (&json!(["eno", "owt", "eerht"]), &json!("OK")),
            "{round}"
        );
        assert_eq!(told["long"], true, "{round}");
        assert_eq!(told["nobody"]["code"], "UNAVAILABLE", "{round}: {told}");
        assert_eq!(told["nobody"]["problem"], "urn:renewd:auth-retrying", "{round}: {told}");
        let calls = world.servers.refuse();
        let first = if round == "the first token" { json!([]) } else { json!([["/echo.Echo/Unary", false]]) };
        let refused: Vec<_> =
            calls.as_array().unwrap().iter().filter(|call| call[1] == false).cloned().collect();
        assert_eq!(Value::from(refused), first, "{round}: {calls}");
    }
    assert_eq!(world.home.status("work")["generation"], 2, "one refresh for the refusal, and no more");
}

#[test]
fn a_websocket_and_a_plain_api_share_an_address_each_with_its_own_credential() {
    let Some(mut world) = world() else { return };
    let address = format!("{}/ws/room?x=1", world.other);
    for round in ["the first token", "the one after a refusal"] {
        let told = called("websocket", &address);
        assert_eq!(told, json!({"echoes": [true, true, true], "elsewhere": 403}), "{round}");
        let calls = world.servers.refuse();
        let expected = match round {
            "the first token" => json!([["/room?x=1", true]]),
            _ => json!([["/room?x=1", false], ["/room?x=1", true]]),
        };
        assert_eq!(calls, expected, "{round}");
    }
    let door = Door::of_url(&format!("http://{}", world.other)).unwrap();
    assert_eq!(door.get("/api/hello").status, 200);
    assert_eq!(door.get("/other").status, 404);
    assert_eq!(door.get("/api/../ws/room").status, 400);
    assert_eq!(world.home.status("chat")["generation"], 2);
    assert_eq!(world.home.status("work")["generation"], 1);
}

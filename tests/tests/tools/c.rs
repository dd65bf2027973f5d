//! The C library from C: compiled by the machine's compiler, linked with the static library, run against real servers.

use std::path::{Path, PathBuf};
use std::process::Command;

use renewd_e2e::testkit::{AsConfig, AuthorizationServer, Fault, ProtectedApi};
use renewd_e2e::{Agent, Home, QUICK_RETRY, Ran, Running, json};
use tempfile::TempDir;

/// The variable that names the folder of the libraries. `cargo xtask test` builds them and sets it.
const LIBRARY_ENV: &str = "RENEWD_FFI";

/// The shared library.
const SHARED: &str = if cfg!(target_os = "macos") { "librenewd.dylib" } else { "librenewd.so" };

/// What Rust's standard library needs of the system besides.
const SYSTEM: &[&str] = if cfg!(target_os = "macos") {
    &["-framework", "Security", "-framework", "CoreFoundation", "-liconv"]
} else {
    &["-lpthread", "-ldl", "-lm"]
};

/// Every warning is an error: the header is read by programs that have them all on.
const STRICT: &[&str] = &["-Wall", "-Wextra", "-Werror", "-pedantic"];

fn root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&here).join("..")
}

fn ffi(file: &str) -> PathBuf {
    root().join("crates/ffi").join(file)
}

/// A program that is watched: what it does wrong with memory of the library's, and what it does not give back, ends it.
const WATCHED: &[&str] = if cfg!(target_os = "linux") {
    &["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g"]
} else {
    &[]
};

/// A compiled program, in a folder that goes with it.
struct Program {
    _folder: TempDir,
    path: PathBuf,
}

/// Runs a compiler, and shows what it complains of.
#[track_caller]
fn compile(compiler: &str, args: &[&str], files: &[&Path], out: &Path) {
    let mut command = Command::new(compiler);
    command.args(args).args(STRICT).arg("-I").arg(ffi("include")).args(files).arg("-o").arg(out);
    let done = command.output().unwrap_or_else(|error| panic!("{compiler}: {error}"));
    assert!(done.status.success(), "{command:?}:\n{}", String::from_utf8_lossy(&done.stderr));
}

impl Program {
    /// Compiles a source and links it with the static library or, watched and quicker, with the shared one; none where they were
    /// not built: said, and nothing is tested.
    fn of(source: &Path, is_static: bool) -> Option<Self> {
        let Some(libraries) = std::env::var_os(LIBRARY_ENV).map(PathBuf::from) else {
            println!(
                "SKIPPED, nothing was tested: {LIBRARY_ENV} is not set: `cargo xtask test` builds the C library"
            );
            return None;
        };
        let library = libraries.join(if is_static { "librenewd.a" } else { SHARED });
        assert!(library.is_file(), "{LIBRARY_ENV} names {}, where no library is", library.display());
        let folder = tempfile::tempdir().expect("a folder can be made");
        let path = folder.path().join("program");
        let object = folder.path().join("program.o");
        let watched = if is_static { &[] } else { WATCHED };
        compile("cc", &[&["-std=c99", "-c"], watched].concat(), &[source], &object);
        let mut link = Command::new("cc");
        link.arg(&object).arg(&library).arg("-o").arg(&path);
        if is_static {
            link.args(SYSTEM);
        } else {
            link.args(watched).arg(format!("-Wl,-rpath,{}", libraries.display())).arg("-lpthread");
        }
        let done = link.output().expect("there is a linker");
        assert!(done.status.success(), "{link:?}:\n{}", String::from_utf8_lossy(&done.stderr));
        Some(Self { _folder: folder, path })
    }

    fn subject() -> Option<Self> {
        Self::of(&root().join("tests/tests/tools/c/subject.c"), false)
    }

    /// Runs it in that home, as the command is run there.
    fn run(&self, home: &Home, args: &[&str]) -> Ran {
        let command = home.command::<&str>([]);
        let mut own = Command::new(&self.path);
        own.args(args).env_clear();
        own.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        Running::start(own, b"").finish()
    }
}

fn server() -> AuthorizationServer {
    AuthorizationServer::start(AsConfig::default()).expect("a server can be started")
}

#[test]
fn the_header_is_c99_and_cpp11_without_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let (c, cpp) = (folder.path().join("header.c"), folder.path().join("header.cpp"));
    let text = "#include \"renewd.h\"\n#include \"renewd.h\"\n\
                int use(renewd_request *r) { renewd_options o = RENEWD_OPTIONS_INIT; *r = one(\"x\"); return (int)o.size; }\n";
    let one =
        "static renewd_request one(const char *n) { renewd_request r = RENEWD_REQUEST_INIT(n); return r; }\n";
    let prototype = "int use(renewd_request *r);\n";
    let text = text.replacen("int use", &format!("{one}{prototype}int use"), 1);
    std::fs::write(&c, &text).unwrap();
    std::fs::write(&cpp, &text).unwrap();
    let object = folder.path().join("header.o");
    compile("cc", &["-std=c99", "-c", "-Wstrict-prototypes"], &[&c], &object);
    compile("cc", &["-std=c11", "-c"], &[&c], &object);
    compile("c++", &["-std=c++11", "-c"], &[&cpp], &object);
}

/// A function that the header declares and the library lacks would be found by whoever calls it first; one that it has
/// beside the header by nobody.
#[test]
fn the_shared_library_has_what_the_header_declares_and_nothing_else_of_that_name() {
    let Some(libraries) = std::env::var_os(LIBRARY_ENV).map(PathBuf::from) else {
        println!(
            "SKIPPED, nothing was tested: {LIBRARY_ENV} is not set: `cargo xtask test` builds the C library"
        );
        return;
    };
    let header = std::fs::read_to_string(ffi("include/renewd.h")).unwrap();
    let declared = |line: &str| {
        let line = line.split("/*").next()?.trim_end();
        let name = line.split('(').next()?.rsplit([' ', '*']).next()?;
        let is = line.contains('(') && !line.starts_with([' ', '#', '*']) && name.starts_with("renewd_");
        is.then(|| name.to_owned())
    };
    let mut declared: Vec<String> = header.lines().filter_map(declared).collect();
    declared.sort();
    let library = libraries.join(SHARED);
    let listed = Command::new("nm")
        .arg("-gP")
        .args(if cfg!(target_os = "macos") { [].as_slice() } else { &["-D"] })
        .arg(&library)
        .output();
    let listed = String::from_utf8(listed.expect("nm comes with the compiler").stdout).unwrap();
    let mut exported: Vec<String> = listed
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            let name = words.next()?.trim_start_matches('_');
            (words.next() == Some("T") && name.starts_with("renewd_")).then(|| name.to_owned())
        })
        .collect();
    exported.sort();
    assert!(declared.len() > 20, "{declared:?}");
    assert_eq!(exported, declared);
}

#[test]
fn the_program_on_the_page_prints_a_header() {
    let page = std::fs::read_to_string(root().join("docs/c.md")).unwrap();
    let quick_start =
        page.split("```c\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a program");
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("program.c");
    std::fs::write(&source, quick_start).unwrap();
    let Some(program) = Program::of(&source, false) else { return };
    let (server, home) = (server(), Home::new());
    home.import("github", &server);
    let token = home.run(["token", "github"]).succeeded();
    let printed = program.run(&home, &[]).succeeded();
    assert_eq!(printed.line(), format!("Authorization: Bearer {}", token.line()));
    let nobody = program.run(&Home::new(), &[]).failed(3);
    assert!(nobody.stderr.contains("no credential is called github"), "{nobody:?}");
}

#[test]
fn a_c_program_has_the_token_that_the_command_has() {
    let Some(subject) = Program::subject() else { return };
    let (server, home) = (server(), Home::new());
    home.import("work", &server);
    let ran = subject.run(&home, &["get", "work"]).succeeded();
    let (token, facts) = ran.stdout.split_once('\n').unwrap();
    assert_eq!(token, home.run(["token", "work"]).succeeded().line());
    let facts = json(facts);
    assert_eq!((&facts["epoch"], &facts["generation"]), (&1.into(), &1.into()));
    assert!(facts["expires_at_ms"].as_i64().unwrap() > 1_700_000_000_000 && facts["short"] == 0, "{facts}");
    assert_eq!(subject.run(&home, &["copy", "work"]).succeeded().line(), token);
    assert_eq!(subject.run(&home, &["keep", "work"]).succeeded().stdout.split_once('\n').unwrap().0, token);
    assert_eq!(server.totals().token_requests, 1, "one process refreshed, and all have its token");
    let status = subject.run(&home, &["status", "work"]).succeeded().json();
    assert_eq!(status["credentials"][0]["status"], "running");
    assert_eq!(status, home.run(["status", "work", "--json"]).succeeded().json());
    let history = home.run(["history", "work", "--json"]).succeeded();
    assert!(history.stdout.contains("refreshed"), "the journal is written by the library too: {history:?}");
}

#[test]
fn a_c_program_asks_the_agent_first() {
    let Some(subject) = Program::subject() else { return };
    let (server, home) = (server(), Home::new());
    home.import("work", &server);
    let agent = Agent::start(&home);
    let token = home.run(["token", "work"]).succeeded();
    // What is asked of the agent cannot be answered by a record that is gone.
    std::fs::remove_dir_all(home.state().join("credentials")).unwrap();
    let ran = subject.run(&home, &["get", "work"]).succeeded();
    assert_eq!(ran.stdout.lines().next(), Some(token.line()));
    drop(agent);
    assert_eq!(server.totals().token_requests, 1);
}

#[test]
fn a_401_is_reported_and_the_request_repeated_once_with_a_newer_token() {
    let Some(fetch) = Program::of(&ffi("examples/fetch.c"), true) else { return };
    for with_agent in [false, true] {
        let (server, home) = (server(), Home::new());
        let api = ProtectedApi::start(&server).unwrap();
        home.import("work", &server);
        let agent = with_agent.then(|| Agent::start(&home));
        let (host, port) = (api.addr().ip().to_string(), api.addr().port().to_string());
        let args = ["work", host.as_str(), port.as_str(), "/thing"];
        assert_eq!(fetch.run(&home, &args).succeeded().line(), "200");
        api.revoke_current();
        assert_eq!(fetch.run(&home, &args).succeeded().line(), "200 after a newer token");
        let statuses: Vec<u16> = api.log().iter().map(|entry| entry.status).collect();
        assert_eq!(statuses, [200, 401, 200]);
        assert_eq!(server.totals().token_requests, 2);
        assert_eq!(home.status("work")["generation"], 2);
        drop(agent);
    }
}

#[test]
fn an_outage_is_code_4_with_the_time_of_the_next_attempt() {
    let Some(subject) = Program::subject() else { return };
    let server = server();
    let home =
        Home::with(&format!("{QUICK_RETRY}\n[auth_retrying]\ninterval = \"10m\"\nceiling = \"24h\"\n"));
    home.import("work", &server);
    server.set_fault(Fault::WafBlock);
    let ran = subject.run(&home, &["get", "work"]).failed(4);
    let told = ran.json();
    assert_eq!((&told["kind"], &told["cause"]), (&"auth_retrying".into(), &"outage".into()));
    let wait = told["retry_after_s"].as_i64().unwrap();
    assert!((1..=720).contains(&wait), "{told}");
}

#[test]
fn who_must_log_in_is_code_3_with_the_command_to_type() {
    let Some(subject) = Program::subject() else { return };
    let (server, home) = (server(), Home::new());
    let grant = home.import("work", &server);
    for (name, kind) in [("elsewhere", "no_grant"), ("work", "unauthenticated")] {
        server.revoke_family(grant.grant);
        let told = subject.run(&home, &["get", name]).failed(3).json();
        assert_eq!((&told["kind"], &told["retry_after_s"]), (&kind.into(), &(-1).into()), "{told}");
        assert_eq!(told["login"], format!("renewd login {name}"));
    }
    let home = Home::with("[refresh]\nwindwo = \"1m\"\n");
    assert_eq!(subject.run(&home, &["get", "work"]).failed(6).json()["kind"], "configuration");
}

#[test]
fn threads_share_a_session_and_make_one_refresh() {
    let Some(subject) = Program::subject() else { return };
    let (server, home) = (server(), Home::new());
    home.import("work", &server);
    subject.run(&home, &["threads", "work"]).succeeded();
    let totals = server.totals();
    assert_eq!((totals.token_requests, totals.reuse_trips), (1, 0), "{totals:?}");
}

#[test]
fn a_fork_goes_on_with_its_parents_session_and_so_does_the_parent() {
    let Some(subject) = Program::subject() else { return };
    let (server, home) = (server(), Home::with("[refresh]\nmin_interval = \"0s\"\n"));
    home.import("work", &server);
    let ran = subject.run(&home, &["fork", "work"]).succeeded();
    let tokens: Vec<&str> = ran.stdout.lines().step_by(2).collect();
    let [parents, childs, newer, newest] = tokens[..] else { panic!("four tokens: {ran:?}") };
    assert!(parents == childs && childs != newer, "the child has its parent's token, then one of its own");
    let totals = server.totals();
    assert_eq!(totals.reuse_trips, 0, "{totals:?}");
    assert_eq!(newest, home.run(["token", "work"]).succeeded().line(), "the parent has what stands");
}

//! What is run, and what the desktop is told, when a login is needed: once, whoever keeps the credential.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use renewd_testkit::{AsConfig, AuthorizationServer, Fault};

use crate::world::{World, until};

/// A program that writes down what it was called with.
fn hook(world: &World) -> (PathBuf, PathBuf) {
    let (hook, told) = (world.path("hook"), world.path("told"));
    std::fs::write(&hook, format!("#!/bin/sh\nprintf '%s\\n' \"$*\" >> '{}'\n", told.display())).unwrap();
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o700)).unwrap();
    (hook, told)
}

fn told(path: &PathBuf) -> Vec<String> {
    std::fs::read_to_string(path).unwrap_or_default().lines().map(String::from).collect()
}

#[test]
fn a_login_that_is_needed_is_told_once_and_its_end_once() {
    let (world, server) = (World::new(), AuthorizationServer::start(AsConfig::default()).unwrap());
    let (hook, heard) = hook(&world);
    let hook = hook.display();
    world.configure(&format!(
        "[hooks]\non_unauthenticated = [\"{hook}\", \"{{event}}\", \"{{credential}}\", \"{{cause}}\", \"{{command}}\", \"$(id)\"]\n\
         on_recovered = [\"{hook}\", \"{{event}}\", \"{{credential}}\"]\n",
    ));
    let grant = server.mint_grant();
    world.import("work", &server.token_url(), &grant.refresh_token, &[]).expect(0, &[]);
    let agent = world.agent(&[]);
    world.run(&["token", "work"]).expect(0, &[]);
    server.set_fault(Fault::InvalidGrant);
    world.run(&["refresh", "work"]).expect(3, &[]);
    let needed = "unauthenticated work grant_refused renewd login work $(id)";
    until("the hook was run", || told(&heard) == [needed]);
    // The next agent finds the same state, and tells nobody anew.
    drop(agent);
    let _ = std::fs::remove_file(world.state().join("run/agent.sock"));
    let _agent = world.agent(&[]);
    until("the agent has looked", || world.status("work")["status"] == "unauthenticated");
    server.set_fault(Fault::Ok);
    let grant = server.mint_grant();
    world.feed(&["import", "work", "--replace"], grant.refresh_token.as_bytes()).expect(0, &[]);
    until("it runs again", || world.status("work")["status"] == "running");
    world.run(&["token", "work"]).expect(0, &[]);
    server.set_fault(Fault::InvalidGrant);
    world.run(&["refresh", "work"]).expect(3, &[]);
    // The second time is another event; nothing was told twice in between.
    let times = || told(&heard).iter().filter(|line| *line == needed).count();
    until("the hook was run again", || times() >= 2);
    assert_eq!(times(), 2, "{:?}", told(&heard));
}

#[test]
fn a_command_that_asks_once_runs_no_hook_and_the_agent_that_comes_after_it_tells() {
    let (world, server) = (World::new(), AuthorizationServer::start(AsConfig::default()).unwrap());
    let (hook, heard) = hook(&world);
    world.configure(&format!(
        "[hooks]\non_unauthenticated = [\"{}\", \"{{event}}\", \"{{credential}}\"]\n",
        hook.display()
    ));
    let grant = server.mint_grant();
    world.import("work", &server.token_url(), &grant.refresh_token, &[]).expect(0, &[]);
    server.set_fault(Fault::InvalidGrant);
    for _ in 0..2 {
        world.run(&["token", "work"]).expect(3, &["renewd login work"]);
    }
    assert_eq!(told(&heard), Vec::<String>::new());
    assert!(!world.state().join("raised").exists(), "nobody says that it was told");
    let _agent = world.agent(&[]);
    until("the agent told of it", || told(&heard) == ["unauthenticated work"]);
}

/// A server that is not there for a while.
fn down() -> Fault {
    Fault::Status { code: 503, retry_after: None, body: String::new() }
}

/// Waits and their ends, told to a program.
fn outage_hooks(world: &World, program: &std::path::Path) {
    let hook = program.display();
    world.configure(&format!(
        "[retry]\ninitial = \"50ms\"\nmax = \"100ms\"\ntries = 2\nbudget = 100000\nbudget_refill = \"1s\"\n[auth_retrying]\ninterval = \"300ms\"\n[hooks]\ntimeout = \"1s\"\n\
         on_auth_retrying = [\"{hook}\", \"{{event}}\", \"{{credential}}\"]\n\
         on_recovered = [\"{hook}\", \"{{event}}\", \"{{credential}}\"]\n",
    ));
}

fn count(heard: &PathBuf, line: &str) -> usize {
    told(heard).iter().filter(|told| *told == line).count()
}

#[test]
fn each_outage_is_told_once_and_its_end_once_however_many_attempts_it_takes_and_agents_it_outlives() {
    let (world, server) = (World::new(), AuthorizationServer::start(AsConfig::default()).unwrap());
    let (hook, heard) = hook(&world);
    outage_hooks(&world, &hook);
    let grant = server.mint_grant();
    world.import("work", &server.token_url(), &grant.refresh_token, &[]).expect(0, &[]);
    let agent = world.agent(&[]);
    world.run(&["token", "work"]).expect(0, &[]);
    for outage in 1..=2 {
        server.set_fault(down());
        world.run(&["refresh", "work", "--timeout", "1s"]);
        until("it is told", || count(&heard, "auth_retrying work") == outage);
        let sent = server.totals().token_requests;
        until("more attempts failed", || server.totals().token_requests > sent + 3);
        server.set_fault(Fault::Ok);
        until("its end is told", || count(&heard, "recovered work") == outage);
        assert_eq!(count(&heard, "auth_retrying work"), outage, "{:?}", told(&heard));
    }
    server.set_fault(down());
    world.run(&["refresh", "work", "--timeout", "1s"]);
    until("the third is told", || count(&heard, "auth_retrying work") == 3);
    // Killed in the middle of it: the next agent finds the outage told.
    drop(agent);
    let _ = std::fs::remove_file(world.state().join("run/agent.sock"));
    let _agent = world.agent(&[]);
    let sent = server.totals().token_requests;
    until("the next agent tried as well", || server.totals().token_requests > sent + 2);
    server.set_fault(Fault::Ok);
    until("the end is told", || count(&heard, "recovered work") == 3);
    assert_eq!(count(&heard, "auth_retrying work"), 3, "{:?}", told(&heard));
}

#[test]
fn a_hook_that_hangs_fails_or_calls_renewd_itself_makes_no_loop_and_holds_up_no_token() {
    let (world, server) = (World::new(), AuthorizationServer::start(AsConfig::default()).unwrap());
    let (program, heard) = (world.path("hook"), world.path("told"));
    // It calls what may raise events itself, then hangs until it is ended.
    let renewd = env!("CARGO_BIN_EXE_renewd");
    let script = format!(
        "#!/bin/sh\nprintf '%s\\n' \"$*\" >> '{}'\n'{renewd}' refresh work --timeout 1s\n\
         '{renewd}' token work --timeout 1s\n[ \"$1\" = recovered ] && exit 3\nsleep 600\n",
        heard.display()
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
    outage_hooks(&world, &program);
    let grant = server.mint_grant();
    world.import("work", &server.token_url(), &grant.refresh_token, &[]).expect(0, &[]);
    let _agent = world.agent(&[]);
    world.run(&["token", "work"]).expect(0, &[]);
    server.set_fault(down());
    world.run(&["refresh", "work", "--timeout", "1s"]);
    until("it is told", || count(&heard, "auth_retrying work") == 1);
    // While it hangs, whoever asks has the token that is still valid.
    world.run(&["token", "work"]).expect(0, &[]);
    let log = || std::fs::read_to_string(world.path("agent.log")).unwrap();
    until("it was ended", || log().contains("the hook failed") && log().contains("longer than"));
    server.set_fault(Fault::Ok);
    until("the end is told", || count(&heard, "recovered work") == 1);
    until("its failure is told", || log().contains("exit status: 3"));
    assert_eq!(told(&heard), ["auth_retrying work", "recovered work"]);
}

#[test]
fn of_many_credentials_that_fail_at_once_each_is_told_once() {
    let (world, server) = (World::new(), AuthorizationServer::start(AsConfig::default()).unwrap());
    let (hook, heard) = hook(&world);
    let shown = hook.display();
    world.configure(&format!("[hooks]\non_unauthenticated = [\"{shown}\", \"{{credential}}\"]\n"));
    let names: Vec<String> = (0..8).map(|n| format!("work{n}")).collect();
    for name in &names {
        let grant = server.mint_grant();
        world.import(name, &server.token_url(), &grant.refresh_token, &[]).expect(0, &[]);
    }
    server.set_fault(Fault::InvalidGrant);
    let _agent = world.agent(&[]);
    for name in &names {
        world.run(&["token", name]).expect(3, &[]);
    }
    until("each was told", || told(&heard).len() >= names.len());
    let mut all = told(&heard);
    all.sort();
    assert_eq!(all, names);
}

#[cfg(not(target_vendor = "apple"))]
mod desktop {
    use std::collections::HashMap;
    use std::sync::{Arc, Mutex};

    use renewd_keyring::testing::{Desktop, Provider};
    use zbus::zvariant::OwnedValue;

    use super::*;

    /// Shows nothing, and remembers what it was asked to show.
    #[derive(Clone, Default)]
    struct Notifications(Arc<Mutex<Vec<(String, String, String)>>>, Arc<Mutex<Vec<u32>>>);

    #[zbus::interface(name = "org.freedesktop.Notifications")]
    impl Notifications {
        #[expect(clippy::too_many_arguments, reason = "the interface has so many")]
        fn notify(
            &self,
            app: String,
            replaces: u32,
            _icon: String,
            summary: String,
            body: String,
            actions: Vec<String>,
            _hints: HashMap<String, OwnedValue>,
            _expires: i32,
        ) -> u32 {
            assert!(actions.is_empty(), "nothing in a notification logs in");
            self.0.lock().unwrap().push((app, summary, body));
            self.1.lock().unwrap().push(replaces);
            7
        }
    }

    #[test]
    fn the_desktop_is_told_with_the_command_to_run() {
        let Some(desktop) = Desktop::start_with(Provider::None) else { return };
        let shown = Notifications::default();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let _served = runtime
            .block_on(async {
                zbus::connection::Builder::address(desktop.address().as_str())?
                    .serve_at("/org/freedesktop/Notifications", shown.clone())?
                    .name("org.freedesktop.Notifications")?
                    .build()
                    .await
            })
            .unwrap();
        let (world, server) = (World::new(), AuthorizationServer::start(AsConfig::default()).unwrap());
        world.configure("[retry]\ninitial = \"50ms\"\nmax = \"100ms\"\ntries = 2\nbudget = 100000\nbudget_refill = \"1s\"\n[auth_retrying]\ninterval = \"300ms\"\n[notify]\ndesktop = true\n");
        let grant = server.mint_grant();
        world.import("work", &server.token_url(), &grant.refresh_token, &[]).expect(0, &[]);
        let address = desktop.address();
        let _agent = world.agent(&[("DBUS_SESSION_BUS_ADDRESS", &address)]);
        server.set_fault(Fault::InvalidGrant);
        world.run(&["token", "work"]).expect(3, &[]);
        until("the desktop was told", || !shown.0.lock().unwrap().is_empty());
        let all = shown.0.lock().unwrap().clone();
        let (app, summary, body) = &all[0];
        assert_eq!((app.as_str(), summary.as_str(), all.len()), ("renewd", "work needs a login", 1));
        assert!(body.contains("(grant refused)") && body.contains("Run: renewd login work"), "{body}");
        // The end is told in its place.
        server.set_fault(Fault::Ok);
        let grant = server.mint_grant();
        world.feed(&["import", "work", "--replace"], grant.refresh_token.as_bytes()).expect(0, &[]);
        world.run(&["token", "work"]).expect(0, &[]);
        server.set_fault(down());
        world.run(&["refresh", "work", "--timeout", "1s"]);
        let summaries = || -> Vec<String> { shown.0.lock().unwrap().iter().map(|s| s.1.clone()).collect() };
        until("the wait is told", || summaries().contains(&"work waits for its server".to_owned()));
        server.set_fault(Fault::Ok);
        until("its end is told", || summaries().contains(&"work works again".to_owned()));
        assert_eq!(summaries().len(), 3, "{:?}", summaries());
        assert_eq!(*shown.1.lock().unwrap(), [0, 7, 7]);
    }

    #[test]
    fn an_address_that_would_start_a_program_is_not_followed_and_harms_nothing() {
        let (world, server) = (World::new(), AuthorizationServer::start(AsConfig::default()).unwrap());
        world.configure("[notify]\ndesktop = true\n");
        let grant = server.mint_grant();
        world.import("work", &server.token_url(), &grant.refresh_token, &[]).expect(0, &[]);
        let trap = world.path("trap");
        let address = format!("unixexec:path=/usr/bin/touch,argv1={}", trap.display());
        let _agent = world.agent(&[("DBUS_SESSION_BUS_ADDRESS", &address)]);
        server.set_fault(Fault::InvalidGrant);
        world.run(&["token", "work"]).expect(3, &[]);
        let log = || std::fs::read_to_string(world.path("agent.log")).unwrap();
        until("it was said why", || log().contains("the desktop could not be notified"));
        assert!(log().contains("no socket of this machine") && !trap.exists(), "{}", log());
    }
}

#[test]
fn the_doctor_tells_which_hooks_would_not_be_run() {
    let world = World::new();
    let (hook, _) = hook(&world);
    let shown = hook.display();
    world.configure(&format!(
        "[hooks]\non_unauthenticated = [\"{shown}\"]\non_recovered = [\"/nowhere/hook\"]\n"
    ));
    let report = world.run(&["doctor"]).out;
    assert!(report.contains(&format!("✓ hooks.on_unauthenticated: {shown}")), "{report}");
    assert!(report.contains("! hooks.on_recovered: /nowhere/hook"), "{report}");
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o777)).unwrap();
    let report = world.run(&["doctor"]).out;
    assert!(report.contains("can be changed by other users"), "{report}");
}

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

#[cfg(not(target_vendor = "apple"))]
mod desktop {
    use std::collections::HashMap;
    use std::sync::{Arc, Mutex};

    use renewd_keyring::testing::{Desktop, Provider};
    use zbus::zvariant::OwnedValue;

    use super::*;

    /// Shows nothing, and remembers what it was asked to show.
    #[derive(Clone, Default)]
    struct Notifications(Arc<Mutex<Vec<(String, String, String)>>>);

    #[zbus::interface(name = "org.freedesktop.Notifications")]
    impl Notifications {
        #[expect(clippy::too_many_arguments, reason = "the interface has so many")]
        fn notify(
            &self,
            app: String,
            _replaces: u32,
            _icon: String,
            summary: String,
            body: String,
            actions: Vec<String>,
            _hints: HashMap<String, OwnedValue>,
            _expires: i32,
        ) -> u32 {
            assert!(actions.is_empty(), "nothing in a notification logs in");
            self.0.lock().unwrap().push((app, summary, body));
            1
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
        world.configure("[notify]\ndesktop = true\n");
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

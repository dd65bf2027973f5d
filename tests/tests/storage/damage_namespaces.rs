//! Processes that share a folder and nothing else: other pid, mount, user and host namespaces, as containers have
//! them. Process numbers collide there, so the kernel's locks alone decide who lives.

#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;

use renewd_e2e::disk::login::{Login, NAME};
use renewd_e2e::disk::{Namespaces, kill_inside};
use renewd_e2e::testkit::AsClass;
use renewd_e2e::{CLASSES, Running, at_point, wait_for};
use serde_json::{Value, json};

/// Everything that a container has of its own, and a host name.
fn container(host: &str, more: &str) -> Option<Namespaces> {
    Namespaces::make_or_say(&["--pid", "--uts"], &format!("hostname {host} && {more}"))
}

fn status_in(login: &Login, namespaces: &Namespaces) -> Value {
    let mut document = login.run_in(namespaces, &["status", NAME, "--json"]).succeeded().json();
    document["credentials"][0].take()
}

/// A refresh in those namespaces whose answer the server holds.
fn held_refresh(login: &Login, namespaces: &Namespaces) -> Running {
    let refresh = Running::start(login.command_in(namespaces, &["refresh", NAME]), b"");
    login.wait_held();
    refresh
}

#[test]
fn two_pid_namespaces_cost_one_request_and_the_loser_takes_the_winners_token() {
    for class in CLASSES {
        let login = Login::at(class);
        let (Some(one), Some(two)) = (container("one", "true"), container("two", "true")) else { return };
        login.server.hold_answers();
        let command = |namespaces| Running::start(login.command_in(namespaces, &["token", NAME]), b"");
        let both = [command(&one), command(&two)];
        login.wait_held();
        let seen = status_in(&login, &two);
        assert_eq!((&seen["announced"]["lives"], &seen["in_doubt"]), (&true.into(), &false.into()), "{seen}");
        login.server.release();
        let tokens = both.map(|command| {
            let ran = login.heard(command.finish()).succeeded();
            login.given(&ran);
            ran.line().to_owned()
        });
        assert_eq!(tokens[0], tokens[1], "{class}: the same token");
        login.healed();
        let row = login.numbers("pid-namespaces", "race", 2, 1);
        assert_eq!((row.token_requests, row.reuse_trips, row.forced_logins), (1, 0, 0), "{row}");
    }
}

/// The process numbers of both are the same, and both are alive: whoever decided by them would spend twice.
#[test]
fn a_living_owner_elsewhere_is_waited_for_although_its_number_is_somebody_elses_here() {
    let login = Login::at(AsClass::P2);
    let (Some(one), Some(two)) = (container("one", "true"), container("two", "true")) else { return };
    login.server.hold_answers();
    let refresh = held_refresh(&login, &one);
    let seen = status_in(&login, &two);
    assert_eq!(seen["announced"]["host"], "one", "{seen}");
    let pid = seen["announced"]["pid"].as_u64().expect("a number");
    assert!(pid < 100, "{pid} is the number inside the namespace");
    // Nobody of that number lives in the other one, but for this waiter perhaps.
    let waiter = login.run_in(&two, &["refresh", NAME, "--timeout", "1s"]).failed(124);
    assert!(!waiter.stderr.contains("so that it is not lost"), "{waiter:?}");
    assert_eq!(login.server.totals().token_requests, 1);
    login.server.release();
    login.heard(refresh.finish()).succeeded();
    login.mended();
    login.run_in(&two, &["refresh", NAME]).succeeded();
    login.healed();
    let row = login.numbers("pid-namespaces", "waited for", 2, 1);
    assert_eq!((row.token_requests, row.reuse_trips, row.forced_logins), (2, 0, 0), "{row}");
}

/// Killed before it sent: whoever comes next waits, although a process of that number lives where it looks.
#[test]
fn a_dead_owner_elsewhere_is_waited_out_and_the_login_goes_on() {
    for class in CLASSES {
        let login = Login::at(class);
        let (Some(one), Some(two)) = (container("one", "true"), container("two", "true")) else { return };
        login.token().succeeded();
        let command = at_point(login.command_in(&one, &["refresh", NAME]), "send.before=kill");
        let ran = login.heard(Running::start(command, b"").finish());
        assert_ne!(ran.code, Some(0), "it was killed before it sent");
        let seen = status_in(&login, &two);
        assert_eq!(
            (&seen["announced"]["host"], &seen["announced"]["lives"]),
            (&"one".into(), &false.into()),
            "{seen}"
        );
        assert_eq!((&seen["in_doubt"], &seen["health"]), (&true.into(), &"degraded".into()), "{seen}");
        login.mended();
        login.run_in(&two, &["refresh", NAME]).succeeded();
        login.healed();
        let seen = status_in(&login, &two);
        assert_eq!((&seen["announced"], &seen["in_doubt"]), (&Value::Null, &false.into()), "{seen}");
        let row = login.numbers("pid-namespaces", "dead before it sent", 2, 1);
        assert_eq!((row.token_requests, row.reuse_trips, row.forced_logins), (2, 0, 0), "{row}");
    }
}

/// Killed with the rotated token in nobody's hands: lost at a strict server, and called by its name.
#[test]
fn an_owner_killed_elsewhere_after_the_rotation_costs_what_it_costs_anywhere() {
    for class in CLASSES {
        let login = Login::at(class);
        let (Some(one), Some(two)) = (container("one", "true"), container("two", "true")) else { return };
        login.token().succeeded();
        login.server.hold_answers();
        let refresh = held_refresh(&login, &one);
        kill_inside(refresh.pid());
        assert_ne!(login.heard(refresh.finish()).code, Some(0));
        login.server.release();
        login.mended();
        let ran = login.run_in(&two, &["refresh", NAME]);
        let lost = class == AsClass::P2;
        if lost {
            let ran = ran.failed(3);
            assert!(ran.stderr.contains("rotation_lost"), "{ran:?}");
        } else {
            ran.succeeded();
            login.healed();
        }
        let row = login.numbers("pid-namespaces", "dead after the rotation", 2, 1);
        let lost = u64::from(lost);
        assert_eq!((row.token_requests, row.reuse_trips), (3, lost), "{row}");
        assert_eq!((row.forced_logins, row.told_lost), (lost, lost), "{row}");
    }
}

/// A boot id of its own, as another kernel has it: nobody here can tell whether its process lives.
fn other_machine(login: &Login) -> Option<Namespaces> {
    let file = login.home.private_file("boot-id", "01234567-89ab-4cde-8f01-23456789abcd\n");
    let boot_id = Path::new("/proc/sys/kernel/random/boot_id");
    let bind = format!("mount --bind '{}' '{}'", file.display(), boot_id.display());
    container("elsewhere", &bind)
}

#[test]
fn an_attempt_left_by_another_machine_is_not_spent_upon_unless_one_says_so() {
    for class in [AsClass::P1, AsClass::P2] {
        let login = Login::at(class);
        let Some(elsewhere) = other_machine(&login) else { return };
        login.token().succeeded();
        let command = at_point(login.command_in(&elsewhere, &["refresh", NAME]), "send.before=kill");
        assert_ne!(login.heard(Running::start(command, b"").finish()).code, Some(0));
        let ran = login.run(&["refresh", NAME]).failed(5);
        assert!(ran.stderr.contains("machine elsewhere has announced"), "{ran:?}");
        assert!(ran.stderr.contains("refresh.accept_foreign_intents"), "{ran:?}");
        let agent = login.agent();
        login.run(&["refresh", NAME]).failed(5);
        assert_eq!(agent.credential(NAME)["status"], "running");
        login.token().succeeded();
        login.heard(agent.stop().succeeded());
        assert_eq!(login.server.totals().token_requests, 1, "nothing was spent");
        login.mended();
        let mut command = login.command(&["refresh", NAME]);
        command.env("RENEWD_REFRESH_ACCEPT_FOREIGN_INTENTS", "true");
        login.heard(Running::start(command, b"").finish()).succeeded();
        login.healed();
        let row = login.numbers("pid-namespaces", "another machine's attempt", 2, 1);
        assert_eq!((row.token_requests, row.reuse_trips, row.forced_logins), (2, 0, 0), "{row}");
    }
}

/// The same machine after a reboot, with the same name: its own intent of before, waited out again.
#[test]
fn an_attempt_of_the_boot_before_is_waited_out_on_this_boots_clock() {
    for class in [AsClass::P1, AsClass::P2] {
        let login = Login::at(class);
        let Some(before) = other_machine(&login) else { return };
        let Some(now) = container("elsewhere", "true") else { return };
        login.token().succeeded();
        let command = at_point(login.command_in(&before, &["refresh", NAME]), "send.before=kill");
        assert_ne!(login.heard(Running::start(command, b"").finish()).code, Some(0));
        login.mended();
        login.run_in(&now, &["refresh", NAME]).succeeded();
        login.healed();
        let row = login.numbers("pid-namespaces", "the boot before", 2, 1);
        assert_eq!((row.token_requests, row.reuse_trips, row.forced_logins), (2, 0, 0), "{row}");
    }
}

/// A file system in user space, whose locks may stay in the kernel of whoever takes them.
fn over_fuse(login: &Login) -> Option<Namespaces> {
    let (state, below) = (login.home.path().join("state"), login.home.path().join("below"));
    let script = format!(
        "mv '{0}' '{1}' && mkdir -m 700 '{0}' && bindfs '{1}' '{0}' && test -d '{0}/renewd'",
        state.display(),
        below.display()
    );
    Namespaces::make_or_say(&[], &script)
}

#[test]
fn nothing_is_spent_where_locks_may_not_be_shared_unless_one_says_so() {
    for class in [AsClass::P1, AsClass::P2] {
        let login = Login::at(class);
        let first = login.token().succeeded();
        let Some(fuse) = over_fuse(&login) else { return };
        // What is valid is served: no lock is needed for that.
        assert_eq!(login.run_in(&fuse, &["token", NAME]).succeeded().line(), first.line());
        let ran = login.run_in(&fuse, &["refresh", NAME]).failed(5);
        for said in ["lies on FUSE", "store.path", "store.accept_unshared_locks"] {
            assert!(ran.stderr.contains(said), "{said:?} in {ran:?}");
        }
        login.run_in(&fuse, &["doctor"]).failed(5);
        assert_eq!(login.server.totals().token_requests, 1, "nothing was spent");
        login.mended();
        let mut command = login.command_in(&fuse, &["refresh", NAME]);
        command.env("RENEWD_STORE_ACCEPT_UNSHARED_LOCKS", "true");
        login.heard(Running::start(command, b"").finish()).succeeded();
        login.healed();
        let seen = status_in(&login, &fuse);
        assert_eq!((&seen["generation"], &seen["in_doubt"]), (&2.into(), &json!(false)), "{seen}");
        drop(fuse);
        let (state, below) = (login.home.path().join("state"), login.home.path().join("below"));
        fs::remove_dir(&state)
            .and_then(|()| fs::rename(&below, &state))
            .expect("nothing is mounted there now");
        let row = login.numbers("unshared-locks", "FUSE", 1, 1);
        assert_eq!((row.token_requests, row.reuse_trips, row.forced_logins), (2, 0, 0), "{row}");
    }
}

/// Nothing of what a test mounts reaches the machine.
#[test]
fn namespaces_of_a_test_end_with_it() {
    let Some(made) = Namespaces::make_or_say(&["--pid"], "true") else { return };
    let inside = made.outside(Path::new("/"));
    assert!(inside.exists());
    drop(made);
    wait_for("the namespaces to end", || (!inside.exists()).then_some(()));
}

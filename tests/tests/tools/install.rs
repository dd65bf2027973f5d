//! `renewd agent install`: what is written for the service manager, and what is left alone.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use renewd_e2e::testkit::{AsConfig, AuthorizationServer};
use renewd_e2e::{Home, Running, renewd};

use crate::systemd::{Manager, beside};
use crate::validators::{printed, program, validator};

const UNITS: [&str; 2] = ["renewd.service", "renewd.socket"];

fn units(home: &Home) -> PathBuf {
    home.path().join("config/systemd/user")
}

/// Without what the tests set for the store, which a service would not have.
fn install(home: &Home, args: &[&str]) -> std::process::Command {
    let mut command = home.command(["agent", "install"].iter().chain(args));
    command.env_remove("RENEWD_STORE_KEY");
    command
}

fn run(home: &Home, args: &[&str]) -> renewd_e2e::Ran {
    Running::start(install(home, args), b"").finish()
}

/// A `systemctl` that writes down what it is told.
fn recording_systemctl(home: &Home, exit: u8) -> (PathBuf, PathBuf) {
    let (folder, log) = (home.path().join("bin"), home.path().join("told"));
    fs::create_dir(&folder).unwrap();
    let file = folder.join("systemctl");
    fs::write(&file, format!("#!/bin/sh\necho \"$*\" >> '{}'\nexit {exit}\n", log.display())).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    (folder, log)
}

#[test]
fn units_are_written_once_and_say_how_to_start_them() {
    let home = Home::new();
    let said = run(&home, &[]).succeeded().stderr;
    assert!(said.contains("systemctl --user enable --now renewd.socket renewd.service"), "{said}");
    let read = |name: &str| fs::read_to_string(units(&home).join(name)).unwrap();
    let before = UNITS.map(read);
    assert!(
        before[0].contains(&format!("ExecStart=:{} agent\n", renewd().canonicalize().unwrap().display())),
        "{}",
        before[0]
    );
    let again = run(&home, &[]).succeeded().stderr;
    assert_eq!(again.matches("stands as it should").count(), 2, "{again}");
    assert_eq!(UNITS.map(read), before);
}

/// What stands in a unit is started as this user.
#[test]
fn units_and_their_folders_are_nobody_elses_to_change_whatever_the_umask_is() {
    let home = Home::new();
    let install = install(&home, &[]);
    let mut under_umask = std::process::Command::new("sh");
    under_umask
        .args(["-c", "umask 0; exec \"$0\" \"$@\""])
        .arg(install.get_program())
        .args(install.get_args());
    under_umask.env_clear().envs(install.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Running::start(under_umask, b"").finish().succeeded();
    for made in UNITS.map(|name| units(&home).join(name)).iter().flat_map(|unit| unit.ancestors().take(3)) {
        let mode = fs::metadata(made).unwrap().permissions().mode();
        assert_eq!(mode & 0o022, 0, "{}: {mode:o}", made.display());
    }
}

#[test]
fn a_unit_that_somebody_changed_is_neither_written_over_nor_removed_without_being_told_to() {
    let home = Home::new();
    run(&home, &[]).succeeded();
    let unit = units(&home).join("renewd.service");
    let own = fs::read_to_string(&unit).unwrap().replace("RestartSec=5", "RestartSec=50");
    fs::write(&unit, &own).unwrap();
    for args in [&[][..], &["--uninstall"]] {
        let said = run(&home, args).failed(2).stderr;
        assert!(said.contains("renewd.service was changed") && said.contains("--replace"), "{said}");
        assert_eq!(fs::read_to_string(&unit).unwrap(), own);
        assert!(units(&home).join("renewd.socket").is_file(), "all or nothing");
    }
    run(&home, &["--replace"]).succeeded();
    assert_ne!(fs::read_to_string(&unit).unwrap(), own);
    run(&home, &["--uninstall"]).succeeded();
    assert_eq!(fs::read_dir(units(&home)).unwrap().count(), 0);
    let said = run(&home, &["--uninstall"]).succeeded().stderr;
    assert_eq!(said.matches("is not there").count(), 2, "{said}");
}

#[test]
fn only_what_it_wrote_goes_away_with_it() {
    let home = Home::new();
    run(&home, &[]).succeeded();
    let other = units(&home).join("other.service");
    fs::write(&other, "[Service]\n").unwrap();
    run(&home, &["--uninstall"]).succeeded();
    let left: Vec<_> = fs::read_dir(units(&home)).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(left, [other]);
}

#[test]
fn printing_writes_nothing_and_the_service_manager_is_told_only_where_that_is_asked_for() {
    let home = Home::new();
    let (folder, log) = recording_systemctl(&home, 0);
    let told = |args: &[&str]| {
        let mut command = install(&home, args);
        command.env("PATH", format!("{}:/usr/bin:/bin", folder.display()));
        Running::start(command, b"").finish()
    };
    let printed = told(&["--print"]).succeeded();
    assert!(printed.stdout.contains("\nListenStream=%t/renewd/agent.sock\n"), "{}", printed.stdout);
    assert!(!units(&home).exists());
    told(&[]).succeeded();
    assert!(!log.exists());
    told(&["--now"]).succeeded();
    told(&["--uninstall", "--now"]).succeeded();
    let lines = fs::read_to_string(&log).unwrap();
    assert_eq!(
        lines.lines().collect::<Vec<_>>(),
        [
            "--user daemon-reload",
            "--user enable --now renewd.socket renewd.service",
            "--user disable --now renewd.socket renewd.service",
            "--user daemon-reload",
        ]
    );
}

#[test]
fn a_service_manager_that_refuses_is_told_of() {
    let home = Home::new();
    let (folder, _) = recording_systemctl(&home, 1);
    let mut command = install(&home, &["--now"]);
    command.env("PATH", format!("{}:/usr/bin:/bin", folder.display()));
    let said = Running::start(command, b"").finish().failed(6).stderr;
    assert!(said.contains("systemctl --user daemon-reload: exit status: 1"), "{said}");
}

#[test]
fn variables_that_the_service_will_not_have_are_named() {
    let home = Home::new();
    let mut command = install(&home, &[]);
    command.env("RENEWD_REFRESH_WINDOW", "5m");
    let said = Running::start(command, b"").finish().succeeded().stderr;
    assert!(said.contains("RENEWD_REFRESH_WINDOW is set here and unknown to the service"), "{said}");
    let unit = fs::read_to_string(units(&home).join("renewd.service")).unwrap();
    assert!(!unit.contains("RENEWD_"), "{unit}");
    let state = home.path().join("state");
    assert!(unit.contains(&format!("Environment=XDG_STATE_HOME={}\n", state.display())), "{unit}");
}

/// A home in which paths are as awkward as they can be.
fn awkward() -> (Home, PathBuf, PathBuf) {
    let home = Home::new();
    let folder = home.path().join("my %h $HOME tools");
    fs::create_dir(&folder).unwrap();
    let (program, config) = (folder.join("renewd"), folder.join("\"c\" & d\\.toml"));
    if fs::hard_link(renewd(), &program).is_err() {
        fs::copy(renewd(), &program).unwrap();
    }
    fs::write(&config, "").unwrap();
    (home, program, config)
}

fn run_program(home: &Home, program: &Path, config: &Path, args: &[&str]) -> renewd_e2e::Ran {
    let template = install(home, args);
    let mut command = std::process::Command::new(program);
    command.arg("--config").arg(config).args(template.get_args()).env_clear();
    for (key, value) in template.get_envs() {
        if let Some(value) = value {
            command.env(key, value);
        }
    }
    Running::start(command, b"").finish()
}

#[test]
fn systemd_reads_the_units_whatever_the_paths_hold() {
    let Some(mut analyze) = program("systemd-analyze") else { return };
    let (home, program, config) = awkward();
    run_program(&home, &program, &config, &[]).succeeded();
    analyze.args(["verify", "--user", "--man=no"]).args(UNITS.map(|name| units(&home).join(name)));
    analyze.env("XDG_RUNTIME_DIR", home.path().join("runtime"));
    // It looks whether the program is there, so that a path that it reads otherwise is seen.
    let said = printed(&mut analyze);
    assert_eq!(said, "", "no warning");
}

#[test]
fn macos_reads_the_property_list_whatever_the_paths_hold() {
    let Some(mut validator) = validator() else { return };
    let (home, program, config) = awkward();
    let list = run_program(&home, &program, &config, &["--print", "--manager", "launchd"]).succeeded().stdout;
    let file = home.private_file("renewd.agent.plist", &list);
    let list = renewd_e2e::json(&printed(validator.arg("plist").arg(file)));
    let program = program.canonicalize().unwrap();
    let words = [program.to_str().unwrap(), "--config", config.to_str().unwrap(), "agent"];
    assert_eq!(list["ProgramArguments"], serde_json::json!(words));
    assert_eq!(list["Label"], "renewd.agent");
    assert_eq!(list["KeepAlive"], serde_json::json!({"SuccessfulExit": false}));
    assert_eq!(list["Umask"], 0o077);
    assert_eq!(list["ExitTimeOut"], 90, "launchd's own 20 s would cut a shutdown short");
    assert_eq!(list["EnvironmentVariables"]["XDG_STATE_HOME"], home.path().join("state").to_str().unwrap());
}

/// What a person does on a new machine, and what becomes of it; each line is one answer.
const LOOK: &str = r#"
pid() { systemctl --user show -P MainPID renewd.service; }
cd "$XDG_CONFIG_HOME"
"$RENEWD" agent install --now >/dev/null 2>&1; echo "install=$?"
echo "active=$(systemctl --user is-active renewd.service renewd.socket | tr '\n' ' ')enabled=$(systemctl --user is-enabled renewd.service renewd.socket | tr '\n' ' ')"
echo "token-bytes=$("$RENEWD" token work 2>/dev/null | wc -c)"
grep -q '"pid":'"$(pid)"'[,}]' "$XDG_RUNTIME_DIR/renewd/agent.json" && echo "described=yes"
systemctl --user reload renewd.service; echo "reload=$?"
before=$(pid); kill -9 "$before"
"$RENEWD" status work --json >/dev/null 2>&1; echo "asked-while-away=$?"
for attempt in $(seq 300); do
    now=$(pid); [ "$now" != "$before" ] && [ "$now" != 0 ] && [ "$(systemctl --user is-active renewd.service)" = active ] && break
    sleep 0.1
done
echo "restarted=$(systemctl --user is-active renewd.service)"
systemctl --user stop renewd.service
echo "held=$(systemctl --user is-active renewd.socket)"
printf 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' | timeout 20 python3 -c '
import os, socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(os.environ["XDG_RUNTIME_DIR"] + "/renewd/agent.sock")
s.sendall(sys.stdin.buffer.read()); print("activated=" + s.makefile("rb").readline().decode().strip())'
"$RENEWD" agent install --uninstall --now >/dev/null 2>&1; echo "uninstall=$?"
echo "left=$(ls "$XDG_CONFIG_HOME/systemd/user" | grep -c renewd) $(systemctl --user is-active renewd.service renewd.socket | tr '\n' ' ')"
"#;

#[test]
fn a_real_systemd_starts_it_holds_its_socket_and_forgets_it() {
    let server = AuthorizationServer::start(AsConfig::default()).unwrap();
    let home = Home::new();
    home.import("work", &server);
    let path = |name: &str| home.path().join(name).display().to_string();
    let prepare = format!(
        "export RENEWD='{}' HOME='{}' XDG_CONFIG_HOME='{}' XDG_STATE_HOME='{}'\n",
        renewd().display(),
        path("home"),
        path("config"),
        path("state"),
    );
    let Some(said) = beside(Manager::User, home.path(), &prepare, LOOK) else { return };
    let is = |line: &str| assert!(said.lines().any(|l| l == line), "{line:?} is not in\n{said}");
    is("install=0");
    is("active=active active enabled=enabled enabled ");
    assert!(!said.contains("token-bytes=0"), "{said}");
    is("described=yes");
    is("reload=0");
    is("asked-while-away=0");
    is("restarted=active");
    is("held=active");
    is("activated=HTTP/1.1 200 OK");
    is("uninstall=0");
    is("left=0 inactive inactive ");
    assert_eq!(server.totals().reuse_trips, 0, "no refresh token was spent twice");
}

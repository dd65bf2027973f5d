//! The interval and the ceiling of `auth_retrying` by environment: change B's two variables, and what they stand over
//! and under.

#![cfg(unix)]

use renewd_e2e::testkit::{AsConfig, AuthorizationServer, Fault};
use renewd_e2e::{Agent, Home, PATIENCE, QUICK_RETRY, Ran, Running};

const INTERVAL: &str = "RENEWD_AUTH_RETRYING_INTERVAL";
const CEILING: &str = "RENEWD_AUTH_RETRYING_CEILING";

/// A configuration with one value for all credentials and another for `own`.
const CONFIGURED: &str = "[auth_retrying]\ninterval = \"7m\"\n[credential.plain]\nrequired = false\n\
    [credential.own.auth_retrying]\ninterval = \"3m\"\n";

fn show(home: &Home, name: &str, environment: &[(&str, &str)]) -> Ran {
    let mut command = home.command(["config", "show", name]);
    command.envs(environment.iter().copied());
    Running::start(command, b"").finish()
}

/// Value and origin of a key in `config show`.
fn effective(shown: &Ran, key: &str) -> (String, String) {
    let line = shown.stdout.lines().find(|line| line.split(' ').next() == Some(key));
    let line = line.unwrap_or_else(|| panic!("{key} is not shown:\n{}", shown.stdout));
    let (_, rest) = line.split_once(" = ").expect("KEY = VALUE");
    let (value, origin) = rest.split_once('#').expect("VALUE # ORIGIN");
    (value.trim().to_owned(), origin.trim().to_owned())
}

fn warnings(ran: &Ran, variable: &str) -> usize {
    ran.stderr.lines().filter(|line| line.contains(variable)).count()
}

#[test]
fn a_valid_variable_stands_over_every_table_of_the_configuration() {
    let home = Home::with(CONFIGURED);
    for name in ["plain", "own"] {
        let shown = show(&home, name, &[(INTERVAL, "90s"), (CEILING, "1h30m")]).succeeded();
        assert_eq!(shown.stderr, "");
        assert_eq!(
            effective(&shown, "auth_retrying.interval"),
            ("1m30s".into(), format!("environment {INTERVAL}"))
        );
        assert_eq!(
            effective(&shown, "auth_retrying.ceiling"),
            ("1h30m".into(), format!("environment {CEILING}"))
        );
    }
}

#[test]
fn without_variables_the_credentials_table_stands_over_the_top_level_one_and_that_over_the_default() {
    let home = Home::with(CONFIGURED);
    for (name, value, line) in [("plain", "7m", 2), ("own", "3m", 6)] {
        let shown = show(&home, name, &[]).succeeded();
        let (found, origin) = effective(&shown, "auth_retrying.interval");
        assert_eq!(found, value);
        assert!(origin.ends_with(&format!("config.toml:{line}")), "{origin}");
        assert_eq!(effective(&shown, "auth_retrying.ceiling"), ("1d".into(), "default".into()));
    }
}

#[test]
fn an_invalid_variable_is_warned_of_once_and_falls_through() {
    let home = Home::with(CONFIGURED);
    for bad in ["soon", "10", "0s", "-5m", "1h 30m", "1.5h", "10m;", "99999999999999999999d"] {
        let shown = show(&home, "own", &[(INTERVAL, bad)]).succeeded();
        assert_eq!(warnings(&shown, INTERVAL), 1, "{bad}: {shown:?}");
        assert_eq!(effective(&shown, "auth_retrying.interval").0, "3m", "{bad}");
        let shown = show(&home, "plain", &[(CEILING, bad)]).succeeded();
        assert_eq!(warnings(&shown, CEILING), 1, "{bad}: {shown:?}");
        assert_eq!(effective(&shown, "auth_retrying.ceiling"), ("1d".into(), "default".into()), "{bad}");
    }
    // An empty variable is an unset one.
    let shown = show(&home, "own", &[(INTERVAL, "")]).succeeded();
    assert_eq!((shown.stderr.as_str(), effective(&shown, "auth_retrying.interval").0.as_str()), ("", "3m"));
}

#[test]
fn an_interval_over_its_ceiling_is_invalid_wherever_the_other_stands() {
    let home = Home::with(CONFIGURED);
    for environment in
        [vec![(INTERVAL, "25h")], vec![(INTERVAL, "2h"), (CEILING, "1h")], vec![(CEILING, "1m")]]
    {
        let shown = show(&home, "own", &environment).succeeded();
        let said: usize =
            environment.iter().map(|(variable, _)| warnings(&shown, &format!("{variable}="))).sum();
        assert_eq!(said, environment.len(), "{environment:?}: {shown:?}");
        assert_eq!(effective(&shown, "auth_retrying.interval").0, "3m", "{environment:?}");
        assert_eq!(effective(&shown, "auth_retrying.ceiling").0, "1d", "{environment:?}");
    }
}

#[test]
fn an_invalid_value_of_the_configuration_is_an_error_that_no_variable_covers() {
    let home = Home::with("[auth_retrying]\ninterval = \"soon\"\n");
    let said = show(&home, "own", &[(INTERVAL, "90s")]).failed(6).stderr;
    assert!(said.contains("config.toml:2") && said.contains("auth_retrying.interval"), "{said}");
}

/// A running agent whose server is in an outage, under that configuration and environment.
fn outage(configuration: &str, environment: &[(&str, &str)]) -> (AuthorizationServer, Home, Agent) {
    let server = AuthorizationServer::start(AsConfig::default()).expect("a server can be started");
    server.set_fault(Fault::WafBlock);
    let home = Home::with(&format!("{QUICK_RETRY}{configuration}"));
    home.import("work", &server);
    let mut command = home.command(["agent"]);
    command.envs(environment.iter().copied());
    let agent = Agent::start_at(command, &home.socket());
    (server, home, agent)
}

#[test]
fn the_interval_of_the_environment_is_the_one_that_is_lived_by() {
    let (server, _home, agent) = outage("[auth_retrying]\ninterval = \"6h\"\n", &[(INTERVAL, "100ms")]);
    agent.wait_status("work", "auth_retrying");
    server.set_fault(Fault::Ok);
    agent.wait_status("work", "running");
}

#[test]
fn the_ceiling_of_the_environment_is_the_one_that_is_lived_by() {
    let (server, _home, agent) = outage("", &[(INTERVAL, "100ms"), (CEILING, "500ms")]);
    let seen = agent.wait_status("work", "unauthenticated");
    assert_eq!(seen["cause"], "ceiling");
    assert_eq!(server.totals().invalid_grants, 0);
}

#[test]
fn an_agent_warns_once_of_an_invalid_variable_and_lives_by_the_configuration() {
    let (server, _home, agent) = outage("[auth_retrying]\ninterval = \"100ms\"\n", &[(INTERVAL, "soon")]);
    agent.wait_status("work", "auth_retrying");
    let attempts = server.totals().token_requests;
    server.wait_for(|totals| totals.token_requests >= attempts + 3, PATIENCE).unwrap();
    let warned = agent.said().lines().filter(|line| line.contains(INTERVAL)).count();
    assert_eq!(warned, 1, "{}", agent.said());
}

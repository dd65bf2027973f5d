//! The examples of this crate run, end, and show what they say.

#[path = "../examples/core_alone.rs"]
mod core_alone;
#[path = "../examples/virtual_replay.rs"]
mod virtual_replay;

#[test]
fn a_loop_of_sixty_lines_hosts_the_core_alone() {
    // `main` is `tokens`, printed.
    assert_eq!(core_alone::tokens(), ["at-1", "at-2", "at-3"]);
    core_alone::main();
    let source = include_str!("../examples/core_alone.rs");
    let body = source.split("fn run(").nth(1).and_then(|rest| rest.split("\n}\n").next()).unwrap();
    assert!(body.lines().count() <= 60, "{} lines", body.lines().count());
    assert!(
        source
            .lines()
            .filter(|l| l.starts_with("use "))
            .all(|l| l.contains("std::") || l.contains("renewd_core"))
    );
}

#[test]
fn a_night_is_replayed_in_virtual_time_and_always_alike() {
    let night = virtual_replay::timeline();
    virtual_replay::main();
    assert_eq!(night, virtual_replay::timeline());
    let at = |what: &str| {
        night.iter().position(|line| line.contains(what)).unwrap_or_else(|| panic!("{what}: {night:#?}"))
    };
    assert!(at("refreshed to generation 1") < at("HTTP 403"));
    assert!(at("HTTP 403") < at("running → auth_retrying"));
    assert!(at("the laptop wakes") < at("recovered after"));
    assert!(night.last().is_some_and(|line| line.contains("auth_retrying → running")), "{night:#?}");
    assert_eq!(night.iter().filter(|line| line.contains("running → auth_retrying")).count(), 1);
}

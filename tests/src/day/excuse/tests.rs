//! The judge is shown forgeries: each must be seen.

use serde_json::json;

use super::*;
use crate::day::clients::Served;
use crate::day::judge::verdict;
use crate::day::{Day, Report};

const LIFE_MS: u64 = 6000;

/// A minute: tokens from 0 to 12 s without a gap, nothing from there to 30 s because the server failed, then another.
fn facts() -> Facts {
    let facts = Facts {
        tokens: vec![(0, LIFE_MS), (4000, 4000 + LIFE_MS), (6000, 12_000), (30_000, 36_000)],
        api_down: vec![(40_000, 41_000)],
        away: Vec::new(),
        costly: Vec::new(),
        history: Vec::new(),
        mandatory: 100,
    };
    facts.with_history(
        vec![
            json!({"at": "1970-01-01T00:00:06Z", "event": "refreshed"}),
            json!({"at": "1970-01-01T00:00:10Z", "event": "attempt_failed", "verdict": "transient"}),
            json!({"at": "1970-01-01T00:00:10Z", "event": "status", "from": "running", "to": "retrying"}),
            json!({"at": "1970-01-01T00:00:30Z", "event": "status", "from": "retrying", "to": "running"}),
            json!({"at": "1970-01-01T00:00:30Z", "event": "refreshed"}),
        ],
        0.0,
    )
}

fn asked(means: Means, begun: u64, ended: u64) -> Asked {
    Asked { means, login: 0, begun, ended, failed: Some("exit Some(75)".into()) }
}

const EACH: [Means; 3] = [Means::Proxy, Means::File, Means::Command];

#[test]
fn a_failure_while_a_valid_token_existed_is_never_excused() {
    for means in EACH {
        for (begun, ended) in [(2000, 2100), (8000, 8050), (8000, 10_500), (32_000, 32_001)] {
            let seen = facts().excuse(&asked(means, begun, ended), "HTTP 503: no token");
            assert_eq!(seen, Err("a valid token existed"), "{means:?} {begun} to {ended}");
        }
    }
}

#[test]
fn a_failure_without_any_token_is_excused_where_history_tells_of_it() {
    for means in EACH {
        let failed = asked(means, 20_000, 20_500);
        assert_eq!(facts().excuse(&failed, "HTTP 503"), Ok(Excuse::NoToken), "{means:?}");
    }
}

#[test]
fn the_same_is_broken_when_the_entries_are_taken_out_of_history() {
    let mut facts = facts();
    facts.history.retain(|(_, event)| event["event"] == "refreshed");
    for means in EACH {
        let failed = asked(means, 20_000, 20_500);
        assert_eq!(facts.excuse(&failed, "HTTP 503"), Err("history does not explain"), "{means:?}");
    }
}

#[test]
fn a_failure_of_long_ago_explains_nothing_after_a_success() {
    let failed = asked(Means::Proxy, 38_000, 38_200);
    assert_eq!(facts().excuse(&failed, "HTTP 503"), Err("history does not explain"));
}

#[test]
fn an_attempt_that_was_under_way_explains_when_it_fails_in_time() {
    let mut facts = facts();
    let late = json!({"event": "attempt_failed", "verdict": "transient"});
    facts.history.push((38_200 + ATTEMPT_MS as i64, late));
    let failed = asked(Means::Proxy, 38_000, 38_200);
    assert_eq!(facts.excuse(&failed, "HTTP 503"), Ok(Excuse::NoToken));
    let earlier = asked(Means::Proxy, 37_000, 37_800);
    assert_eq!(facts.excuse(&earlier, "HTTP 503"), Err("history does not explain"));
}

#[test]
fn the_last_moments_of_a_token_are_those_of_the_policy() {
    let margin = HANDLING_MS + 100;
    let just = asked(Means::Proxy, 12_000 - margin, 13_000);
    assert_eq!(facts().excuse(&just, "HTTP 503"), Err("a valid token existed"));
    let later = asked(Means::Proxy, 12_000 - margin + 1, 12_000);
    assert_eq!(facts().excuse(&later, "HTTP 503"), Ok(Excuse::LastMoments));
}

#[test]
fn only_a_kill_excuses_what_was_under_way_and_only_with_a_proxy() {
    for (killed, means, excused) in [
        (true, Means::Proxy, true),
        (false, Means::Proxy, false),
        (true, Means::File, false),
        (true, Means::Command, false),
    ] {
        let mut facts = facts();
        facts.away.push(Away { from: 2000, gone: 2010, to: 3000, killed });
        let seen = facts.excuse(&asked(means, 1990, 2005), "no answer: reset");
        let expected = if excused { Ok(Excuse::Killed) } else { Err("a valid token existed") };
        assert_eq!(seen, expected, "{means:?}, killed: {killed}");
        // Whoever came after it waits for the next agent.
        let seen = facts.excuse(&asked(means, 2011, 3100), "no answer: reset");
        assert_eq!(seen, Err("a valid token existed"), "{means:?}, killed: {killed}");
    }
}

#[test]
fn an_agent_that_is_away_excuses_a_file_and_nothing_else() {
    for means in EACH {
        let mut facts = facts();
        facts.history = vec![
            (6000, json!({"event": "refreshed"})),
            (11_500, json!({"event": "agent_stopped"})),
            (13_000, json!({"event": "agent_started"})),
        ];
        facts.away.push(Away { from: 11_500, gone: 11_600, to: 13_000, killed: false });
        let expected =
            if means == Means::File { Ok(Excuse::WriterAway) } else { Err("history does not explain") };
        assert_eq!(facts.excuse(&asked(means, 12_500, 12_600), "HTTP 401"), expected, "{means:?}");
        let told = std::mem::take(&mut facts.history);
        let seen = facts.excuse(&asked(means, 12_500, 12_600), "HTTP 401");
        assert_eq!(seen, Err("history does not explain"), "nobody tells that it was away");
        facts.history = told;
        // Not one that is back for long.
        let late = 13_000 + ARRIVAL_MS + 1;
        let seen = facts.excuse(&asked(means, late, late + 10), "HTTP 401");
        assert_eq!(seen, Err("history does not explain"), "{means:?}");
    }
}

#[test]
fn an_api_that_is_down_excuses_only_while_it_is() {
    let mut facts = facts();
    facts.tokens.push((39_000, 45_000));
    for (means, begun, excused) in [
        (Means::Proxy, 40_500, true),
        (Means::File, 40_500, true),
        (Means::Command, 40_500, false),
        (Means::Proxy, 41_001, false),
    ] {
        let seen = facts.excuse(&asked(means, begun, begun + 5), "no answer: refused");
        assert_eq!(seen == Ok(Excuse::ApiDown), excused, "{means:?} at {begun}: {seen:?}");
        assert!(excused || seen == Err("a valid token existed"), "{means:?} at {begun}: {seen:?}");
    }
}

#[test]
fn one_forged_failure_among_good_ones_breaks_the_day() {
    let day = Day { speed: 600, hours: 1, seed: 1 };
    let mut good: Vec<Asked> =
        (1..100).map(|n| Asked { failed: None, ..asked(Means::Proxy, n * 100, n * 100 + 5) }).collect();
    good.push(asked(Means::Proxy, 20_000, 20_010));
    let mut served = [Served { who: "proxy 0".into(), asked: good }];
    let report = verdict(&[facts()], &served, Report::new(day));
    assert_eq!(report.broken, [""; 0]);
    assert_eq!(report.explained, [("no valid token existed", "proxies", 1)]);
    served[0].asked[50].failed = Some("HTTP 503: forged".into());
    let report = verdict(&[facts()], &served, Report::new(day));
    assert_eq!(report.broken.len(), 1, "{report}");
    assert!(report.broken[0].contains("a valid token existed: HTTP 503: forged"), "{report}");
}

#[test]
fn a_client_that_was_never_served_breaks_the_day() {
    let day = Day { speed: 600, hours: 1, seed: 1 };
    let served = [Served { who: "proxy 0".into(), asked: vec![asked(Means::Proxy, 20_000, 20_010)] }];
    let report = verdict(&[facts()], &served, Report::new(day));
    assert_eq!(report.broken, ["proxy 0: nothing was ever served"]);
}

#[test]
fn a_token_that_died_with_the_agent_is_no_valid_token_unless_history_says_it_came() {
    let failed = asked(Means::File, 20_500, 20_501);
    let kill = Away { from: 18_003, gone: 18_020, to: 18_100, killed: true };
    let given = |history: Vec<(i64, Value)>, kill: Away| {
        let tokens = vec![(12_000, 18_500), (18_000, 24_000)];
        Facts { tokens, away: vec![kill], history, ..facts() }.without_lost()
    };
    let started = || (18_000, json!({"event": "agent_started"}));
    let seen = given(vec![started()], kill).excuse(&failed, "HTTP 401");
    assert_eq!(seen, Ok(Excuse::Settling));
    let came = (18_000, json!({"event": "refreshed"}));
    let seen = given(vec![came, started()], kill).excuse(&failed, "HTTP 401");
    assert_eq!(seen, Err("a valid token existed"));
    let seen = given(vec![started()], Away { killed: false, ..kill }).excuse(&failed, "HTTP 401");
    assert_eq!(seen, Err("a valid token existed"));
    assert_eq!(given(vec![], kill).excuse(&failed, "HTTP 401"), Err("history does not explain"));
    let late = asked(Means::File, 18_101 + SETTLE_MS + ARRIVAL_MS, 22_000);
    assert_eq!(given(vec![], kill).excuse(&late, "HTTP 401"), Err("history does not explain"));
}

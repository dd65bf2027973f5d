//! From what is written to what is meant, one key at a time.

use renewd_core::{Health, Policy, Span, Status};
use renewd_testkit::{AsConfig, ExpiresIn, Fault, LoginConfig};

use super::action::{
    Action, ApiMode, ClockChange, Entry, Flaw, Network, On, PointRule, ProcessAction, StoreMode, WireFault,
};
use super::raw::{RawAt, RawExpect, RawOn, RawPolicy, RawServer, RawWire};
use super::{Expectation, LoginGrant, ScenarioError, When, bad};
use crate::duration::{parse, parse_signed};

pub(super) fn optional(text: Option<&str>, key: &str) -> Result<Option<Span>, ScenarioError> {
    text.map(|t| parse(t).map_err(|e| bad(format!("{key}: {e}")))).transpose()
}

pub(super) fn server(raw: &RawServer, seed: u64) -> Result<AsConfig, ScenarioError> {
    let mut config = AsConfig { seed, ..AsConfig::default() };
    config.lifetime_ms = Span::from_hours(1).as_millis();
    config.cap = raw.cap.unwrap_or(config.cap);
    if let Some(span) = optional(raw.lifetime.as_deref(), "as.lifetime")? {
        config.lifetime_ms = span.as_millis();
    }
    if let Some(span) = optional(raw.grace.as_deref(), "as.grace")? {
        config.grace_ms = span.as_millis();
    }
    config.rt_lifetime_ms =
        optional(raw.refresh_token_lifetime.as_deref(), "as.refresh_token_lifetime")?.map(Span::as_millis);
    if let Some(shape) = &raw.expires_in {
        config.expires_in = match shape.as_str() {
            "number" => ExpiresIn::Number,
            "text" => ExpiresIn::Text,
            "absent" => ExpiresIn::Absent,
            "zero" => ExpiresIn::Zero,
            "negative" => ExpiresIn::Negative,
            "huge" => ExpiresIn::Huge,
            "float" => ExpiresIn::Float,
            other => {
                return Err(bad(format!(
                    "as.expires_in: {other:?} is not one of number, text, absent, zero, negative, huge, float"
                )));
            }
        };
    }
    Ok(config)
}

pub(super) fn grant(text: Option<&str>) -> Result<LoginGrant, ScenarioError> {
    match text {
        None | Some("refresh-token") => Ok(LoginGrant::RefreshToken),
        Some("client-credentials") => Ok(LoginGrant::ClientCredentials),
        Some(other) => {
            Err(bad(format!("login.grant: {other:?} is not one of refresh-token, client-credentials")))
        }
    }
}

/// The server as this grant wants it.
pub(super) fn serving(grant: LoginGrant, config: AsConfig) -> AsConfig {
    match grant {
        LoginGrant::RefreshToken => config,
        LoginGrant::ClientCredentials => AsConfig {
            client_secret: Some(String::from("the client's own secret")),
            login: LoginConfig { needless_refresh_token: true, ..config.login },
            ..config
        },
    }
}

pub(super) fn policy(raw: &RawPolicy) -> Result<Policy, ScenarioError> {
    let mut p = Policy::default();
    let set = |into: &mut Span, text: &Option<String>, key: &str| -> Result<(), ScenarioError> {
        if let Some(span) = optional(text.as_deref(), key)? {
            *into = span;
        }
        Ok(())
    };
    p.refresh.window = optional(raw.refresh.window.as_deref(), "policy.refresh.window")?;
    p.refresh.mandatory = optional(raw.refresh.mandatory.as_deref(), "policy.refresh.mandatory")?;
    p.refresh.min_interval = optional(raw.refresh.min_interval.as_deref(), "policy.refresh.min_interval")?;
    p.refresh.settle = optional(raw.refresh.settle.as_deref(), "policy.refresh.settle")?;
    set(&mut p.retry.initial, &raw.retry.initial, "policy.retry.initial")?;
    set(&mut p.retry.max, &raw.retry.max, "policy.retry.max")?;
    set(&mut p.retry.elapsed, &raw.retry.elapsed, "policy.retry.elapsed")?;
    p.retry.tries = raw.retry.tries.unwrap_or(p.retry.tries);
    p.retry.budget = raw.retry.budget.unwrap_or(p.retry.budget);
    set(&mut p.auth_retrying.interval, &raw.auth_retrying.interval, "policy.auth_retrying.interval")?;
    set(&mut p.auth_retrying.ceiling, &raw.auth_retrying.ceiling, "policy.auth_retrying.ceiling")?;
    set(&mut p.request.timeout, &raw.request.timeout, "policy.request.timeout")?;
    set(&mut p.request.connect_timeout, &raw.request.connect_timeout, "policy.request.connect_timeout")?;
    for (span, key) in [
        (p.retry.initial, "policy.retry.initial"),
        (p.retry.max, "policy.retry.max"),
        (p.auth_retrying.interval, "policy.auth_retrying.interval"),
        (p.auth_retrying.ceiling, "policy.auth_retrying.ceiling"),
        (p.request.timeout, "policy.request.timeout"),
        (p.request.connect_timeout, "policy.request.connect_timeout"),
    ] {
        if span.is_zero() {
            return Err(bad(format!("{key}: must be longer than nothing")));
        }
    }
    Ok(p)
}

pub(super) fn sockets(text: Option<&str>) -> Result<bool, ScenarioError> {
    match text {
        None | Some("reset") => Ok(false),
        Some("linger") => Ok(true),
        Some(other) => Err(bad(one_of(other, "sockets", "reset, linger"))),
    }
}

pub(super) fn flaw(text: Option<&str>) -> Result<Option<Flaw>, ScenarioError> {
    text.map(|text| named(text, "flaw", Flaw::NAMES).map_err(bad)).transpose()
}

fn one_of(value: &str, key: &str, names: &str) -> String {
    format!("{key} = {value:?} is not one of {names}")
}

fn duration(text: &str, key: &str) -> Result<Span, String> {
    parse(text).map_err(|e| format!("{key}: {e}"))
}

/// The value of that name, or an error that lists the names.
fn named<T: Copy>(
    text: &str,
    key: &str,
    all: impl IntoIterator<Item = (&'static str, T)>,
) -> Result<T, String> {
    let all: Vec<_> = all.into_iter().collect();
    let found = all.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
    let names = || all.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    found.ok_or_else(|| one_of(text, key, &names()))
}

/// What one `[[at]]` says, once for each action and repetition.
pub(super) fn entries(raw: &RawAt, processes: u32) -> Result<Vec<Entry>, String> {
    let t = duration(&raw.t, "t")?;
    let actions = actions(raw)?;
    if actions.is_empty() {
        return Err(format!("(t = {t}) does nothing; give it server, clock, network, …"));
    }
    let point = point(raw, &actions)?;
    let on = on(raw, point.is_some(), processes, &actions)?;
    let times = match (raw.repeat, &raw.every) {
        (None, None) => vec![t],
        (Some(n), Some(every)) if n > 0 => {
            let every = duration(every, "every")?;
            (0..u64::from(n)).map(|n| t + every.times(n)).collect()
        }
        _ => return Err("repeat and every go together, and repeat is at least 1".into()),
    };
    let entry = |t: Span, action: &Action| Entry { t, on, point: point.clone(), action: action.clone() };
    Ok(times
        .into_iter()
        .flat_map(|t| actions.iter().map(move |a| (t, a)))
        .map(|(t, a)| entry(t, a))
        .collect())
}

fn on(raw: &RawAt, at_point: bool, processes: u32, actions: &[Action]) -> Result<On, String> {
    let about_a_process =
        |a: &Action| matches!(a, Action::Process(_) | Action::Refresh | Action::Burst { .. });
    match &raw.on {
        None => Ok(if at_point { On::Any } else { On::All }),
        Some(_) if !at_point && !actions.iter().any(about_a_process) => {
            Err("on goes with process, point, burst or person = \"refresh\"".into())
        }
        Some(RawOn::Number(n)) if (1..=processes).contains(n) => Ok(On::One(*n)),
        Some(RawOn::Number(n)) => Err(format!("on = {n}: there are {processes} processes, numbered from 1")),
        Some(RawOn::Name(name)) => named(name, "on", [("any", On::Any), ("all", On::All)]),
    }
}

fn point(raw: &RawAt, actions: &[Action]) -> Result<Option<PointRule>, String> {
    let Some(name) = &raw.point else {
        return match raw.skip {
            Some(_) => Err("skip goes with point".into()),
            None => Ok(None),
        };
    };
    if !crate::points::is_point(name) {
        return Err(format!("point = {name:?} is not one of {}", crate::points::NAMES));
    }
    let stops = |a: &Action| matches!(a, Action::Process(ProcessAction::Pause));
    if crate::points::is_store_step(name) && actions.iter().any(stops) {
        return Err(format!(
            "point = {name:?}: the world cannot stop a process in the middle of a store call; pause it at \
             claim.taken, mark.done, send.before, send.after or commit.done, or kill it here"
        ));
    }
    Ok(Some(PointRule { name: name.clone(), skip: raw.skip.unwrap_or(0) }))
}

fn actions(raw: &RawAt) -> Result<Vec<Action>, String> {
    let mut out = Vec::new();
    if let Some(text) = &raw.server {
        out.push(Action::Server(Fault::parse(text).map_err(|e| format!("server: {e}"))?));
    }
    if let Some(text) = &raw.next {
        out.push(Action::Next(Fault::parse(text).map_err(|e| format!("next: {e}"))?));
    }
    if let Some(text) = &raw.latency {
        out.push(Action::Latency(duration(text, "latency")?));
    }
    if let Some(clock) = &raw.clock {
        if let Some(text) = &clock.suspend {
            out.push(Action::Clock(ClockChange::Suspend(duration(text, "clock.suspend")?)));
        }
        if let Some(text) = &clock.wall {
            let millis = parse_signed(text).map_err(|e| format!("clock.wall: {e}"))?;
            out.push(Action::Clock(ClockChange::Wall(millis)));
        }
    }
    if let Some(text) = &raw.network {
        out.push(Action::Network(named(text, "network", Network::NAMES)?));
    }
    if let Some(wire) = &raw.wire {
        wire_faults(wire, &mut out)?;
    }
    if let Some(text) = &raw.store {
        out.push(Action::Store(named(text, "store", StoreMode::NAMES)?));
    }
    if let Some(text) = &raw.process {
        let of_one = ProcessAction::ALL.map(|a| (a.name(), Action::Process(a)));
        let all =
            of_one.iter().map(|(name, a)| (*name, Some(a))).chain([("reboot", None), ("power-cut", None)]);
        out.push(match named(text, "process", all)? {
            Some(action) => action.clone(),
            None if text == "reboot" => Action::Reboot,
            None => Action::PowerCut,
        });
    }
    if let Some(text) = &raw.api {
        let all = [("ok", ApiMode::Ok), ("revoke", ApiMode::Revoke), ("reject-all", ApiMode::RejectAll)];
        out.push(Action::Api(named(text, "api", all)?));
    }
    if let Some(text) = &raw.person {
        out.push(match text.as_str() {
            "login" => Action::Login,
            "logout" => Action::Logout,
            "refresh" => Action::Refresh,
            other => return Err(one_of(other, "person", "login, logout, refresh")),
        });
    }
    let give_up = raw.give_up.as_deref().map(|text| duration(text, "give_up")).transpose()?;
    match raw.burst {
        Some(callers) => out.push(Action::Burst { callers, give_up }),
        None if give_up.is_some() => return Err("give_up goes with burst".into()),
        None => {}
    }
    Ok(out)
}

fn wire_faults(raw: &RawWire, out: &mut Vec<Action>) -> Result<(), String> {
    let before = out.len();
    if let Some(text) = &raw.late {
        out.push(Action::Wire(WireFault::Late(duration(text, "wire.late")?)));
    }
    if let Some(text) = &raw.duplicate {
        out.push(Action::Wire(WireFault::Duplicate(duration(text, "wire.duplicate")?)));
    }
    if let Some(text) = &raw.lose {
        let all = [("request", WireFault::LoseRequest), ("answer", WireFault::LoseAnswer)];
        out.push(Action::Wire(named(text, "wire.lose", all)?));
    }
    if out.len() == before { Err("wire is empty; give it late, duplicate or lose".into()) } else { Ok(()) }
}

pub(super) fn expectation(raw: &RawExpect, processes: u32) -> Result<Expectation, String> {
    if let Some(n) = raw.on.filter(|n| !(1..=processes).contains(n)) {
        return Err(format!("on = {n}: there are {processes} processes, numbered from 1"));
    }
    let when = match (&raw.t, &raw.by) {
        (Some(t), None) => When::At(parse(t).map_err(|e| format!("t: {e}"))?),
        (None, Some(by)) => When::By(parse(by).map_err(|e| format!("by: {e}"))?),
        _ => return Err("needs either t (at that time) or by (at the latest by then)".into()),
    };
    let status = raw
        .status
        .as_deref()
        .map(|name| {
            Status::ALL.into_iter().find(|s| s.name() == name).ok_or_else(|| {
                format!("status = {name:?} is not one of running, auth_retrying, unauthenticated, stopped")
            })
        })
        .transpose()?;
    let health = raw
        .health
        .as_deref()
        .map(|name| {
            [Health::Healthy, Health::Degraded, Health::Unhealthy]
                .into_iter()
                .find(|h| h.name() == name)
                .ok_or_else(|| format!("health = {name:?} is not one of healthy, degraded, unhealthy"))
        })
        .transpose()?;
    let e = Expectation {
        when,
        on: raw.on,
        status,
        health,
        cause: raw.cause.clone(),
        phase: raw.phase.clone(),
        token: raw.token,
        generation: raw.generation,
        token_requests_max: raw.token_requests_max,
        token_requests_min: raw.token_requests_min,
    };
    let empty = e.status.is_none()
        && e.health.is_none()
        && e.cause.is_none()
        && e.phase.is_none()
        && e.token.is_none()
        && e.generation.is_none()
        && e.token_requests_max.is_none()
        && e.token_requests_min.is_none();
    if empty { Err("expects nothing; give it status, health, cause, token, …".into()) } else { Ok(e) }
}

//! From what is written to what is meant, one key at a time.

use renewd_core::{Health, Policy, Span, Status};
use renewd_testkit::{AsClass, AsConfig, ExpiresIn, Fault};

use super::raw::{RawAt, RawExpect, RawPolicy, RawServer};
use super::{Action, ApiMode, ClockChange, Expectation, Network, ScenarioError, StoreMode, When, bad};
use crate::duration::{parse, parse_signed};

pub(super) fn optional(text: Option<&str>, key: &str) -> Result<Option<Span>, ScenarioError> {
    text.map(|t| parse(t).map_err(|e| bad(format!("{key}: {e}")))).transpose()
}

pub(super) fn server(raw: &RawServer, seed: u64) -> Result<AsConfig, ScenarioError> {
    let mut config = AsConfig { seed, ..AsConfig::default() };
    config.lifetime_ms = Span::from_hours(1).as_millis();
    if let Some(class) = &raw.class {
        config.class = class
            .parse::<AsClass>()
            .map_err(|_| bad(format!("as.class: {class:?} is not one of P0 to P6")))?;
    }
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
    Ok(p)
}

pub(super) fn actions(raw: &RawAt) -> Result<Vec<Action>, String> {
    let mut out = Vec::new();
    let one_of = |value: &str, key: &str, names: &str| format!("{key} = {value:?} is not one of {names}");
    if let Some(text) = &raw.server {
        out.push(Action::Server(Fault::parse(text).map_err(|e| format!("server: {e}"))?));
    }
    if let Some(text) = &raw.next {
        out.push(Action::Next(Fault::parse(text).map_err(|e| format!("next: {e}"))?));
    }
    if let Some(text) = &raw.latency {
        out.push(Action::Latency(parse(text).map_err(|e| format!("latency: {e}"))?));
    }
    if let Some(clock) = &raw.clock {
        if let Some(text) = &clock.suspend {
            out.push(Action::Clock(ClockChange::Suspend(
                parse(text).map_err(|e| format!("clock.suspend: {e}"))?,
            )));
        }
        if let Some(text) = &clock.wall {
            out.push(Action::Clock(ClockChange::Wall(
                parse_signed(text).map_err(|e| format!("clock.wall: {e}"))?,
            )));
        }
    }
    if let Some(text) = &raw.network {
        out.push(Action::Network(match text.as_str() {
            "down" => Network::Down,
            "up" => Network::Up,
            "changed" => Network::Changed,
            other => return Err(one_of(other, "network", "down, up, changed")),
        }));
    }
    if let Some(text) = &raw.process {
        out.push(match text.as_str() {
            "restart" => Action::Restart,
            "reboot" => Action::Reboot,
            "kill" | "pause" | "resume" => {
                return Err(format!("process = {text:?} cannot be simulated so far; use restart or reboot"));
            }
            other => return Err(one_of(other, "process", "restart, reboot")),
        });
    }
    if let Some(text) = &raw.store {
        out.push(Action::Store(match text.as_str() {
            "ok" => StoreMode::Ok,
            "full" => StoreMode::Full,
            "read-only" => StoreMode::ReadOnly,
            "io" => StoreMode::Io,
            other => return Err(one_of(other, "store", "ok, full, read-only, io")),
        }));
    }
    if let Some(text) = &raw.api {
        out.push(Action::Api(match text.as_str() {
            "ok" => ApiMode::Ok,
            "revoke" => ApiMode::Revoke,
            "reject-all" => ApiMode::RejectAll,
            other => return Err(one_of(other, "api", "ok, revoke, reject-all")),
        }));
    }
    if let Some(text) = &raw.person {
        out.push(match text.as_str() {
            "login" => Action::Login,
            "logout" => Action::Logout,
            "refresh" => Action::Refresh,
            other => return Err(one_of(other, "person", "login, logout, refresh")),
        });
    }
    if let Some(n) = raw.burst {
        out.push(Action::Burst(n));
    }
    Ok(out)
}

pub(super) fn expectation(raw: &RawExpect) -> Result<Expectation, String> {
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

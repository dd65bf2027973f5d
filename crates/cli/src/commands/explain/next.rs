//! What renewd would do next, and when: by the policy that holds here, not by rote.

use renewd_core::{Grant, Judgement, Policy, Profile, RETRY_AFTER_MAX, Span, Verdict, Wall};

use crate::output::time::{brief, local, relative};

/// What goes into it besides the judgement.
pub(super) struct Circumstances<'a> {
    pub(super) policy: &'a Policy,
    pub(super) profile: &'a Profile,
    pub(super) now: Wall,
    /// Bytes of the request may still be on their way.
    pub(super) unsettled: bool,
}

/// What renewd would do, and when.
pub(super) struct Next {
    pub(super) what: String,
    pub(super) when: String,
}

/// The next step after an answer that came to a login in good order.
pub(super) fn step(judgement: &Judgement, at: &Circumstances<'_>) -> Next {
    let salvaged = judgement.refresh_token.is_some() && judgement.verdict != Verdict::Success;
    let (what, when) = match judgement.verdict {
        Verdict::Success => success(judgement, at),
        // A server that hands out a refresh token does not refuse the grant, whatever else it says.
        Verdict::PermanentGrant if !salvaged => (
            "reads its store once more, in case another process was faster; then gives the login up (unauthenticated)".into(),
            "never by itself: only a new login helps".into(),
        ),
        Verdict::PermanentClient => (
            "keeps the login, says so once, and tries again slowly (auth_retrying, client_refused)".into(),
            format!("{}; while the client is refused no time runs against the login", slowly(judgement, at)),
        ),
        Verdict::RetryImmediately if asked(judgement).is_zero() && !salvaged => (
            "sends the request once more, at once and on another connection, with the nonce that came if one did".into(),
            format!("now; when the same comes back: {}", retries(judgement, at)),
        ),
        Verdict::Transient
        | Verdict::RateLimited
        | Verdict::ProtocolErrorTransient
        | Verdict::PermanentGrant
        | Verdict::RetryImmediately => {
            let what = if judgement.may_have_rotated {
                "keeps the login, remembers that the refresh token may be spent, and tries again with it"
            } else {
                "keeps the login and tries again; a token that is still valid is used meanwhile"
            };
            (what.into(), retries(judgement, at))
        }
    };
    let what = if salvaged { format!("saves the new refresh token that came; {what}") } else { what };
    Next { what, when }
}

fn success(judgement: &Judgement, at: &Circumstances<'_>) -> (String, String) {
    let given = judgement.grant.as_ref().and_then(Grant::lifetime);
    let lifetime = given.unwrap_or(at.policy.lifetime_default);
    let window = at.policy.refresh.window_for(lifetime);
    let provider = at.profile.min_interval.filter(|_| at.policy.refresh.min_interval.is_none());
    let least = provider.unwrap_or_else(|| at.policy.refresh.min_interval_for(lifetime));
    let wait = lifetime.saturating_sub(window).max(least);
    let assumed = if given.is_none() {
        format!(" (taken to live {}, for the answer does not say)", brief(lifetime))
    } else {
        String::new()
    };
    (
        "saves the tokens, and is done until the next refresh is due".into(),
        format!(
            "{}, {} before the access token ends{assumed}",
            moment(wait, at.now),
            brief(lifetime.saturating_sub(wait))
        ),
    )
}

/// The short retry and what follows it.
fn retries(judgement: &Judgement, at: &Circumstances<'_>) -> String {
    let retry = &at.policy.retry;
    let pause =
        asked(judgement).max(held(judgement, at)).max(if at.unsettled { settle(at) } else { Span::ZERO });
    let (least, most) = (retry.delay_min().max(pause), retry.delay_max(0).max(pause));
    // What the server asks for and the provider's own pace count in the short retry; waiting for a request on its way does not.
    let counted = asked(judgement).max(held(judgement, at)).max(retry.delay_min());
    if retry.tries == 0 || counted > retry.elapsed {
        return format!("{}{}", slowly(judgement, at), ceiling(at.policy));
    }
    let first = if brief(least) == brief(most) {
        moment(least, at.now)
    } else {
        format!("in {} to {}", brief(least), brief(most))
    };
    let tries = if retry.tries == 1 { "once".to_owned() } else { format!("{} times at most", retry.tries) };
    format!(
        "{first}{}, {tries} within {}; after that every {}{}",
        reasons(judgement, at),
        brief(retry.elapsed),
        brief(at.policy.auth_retrying.interval.max(held(judgement, at))),
        ceiling(at.policy)
    )
}

/// The long cadence, from now on.
fn slowly(judgement: &Judgement, at: &Circumstances<'_>) -> String {
    let interval = at.policy.auth_retrying.interval.max(held(judgement, at));
    let first = interval.max(asked(judgement));
    let then = format!("every {}", brief(interval));
    if first > interval {
        format!("{}{}, then {then}", moment(first, at.now), reasons(judgement, at))
    } else {
        format!("{}, then {then} (auth_retrying)", moment(first, at.now))
    }
}

fn ceiling(policy: &Policy) -> String {
    format!(" (auth_retrying); after {} of that the login is given up", brief(policy.auth_retrying.ceiling))
}

/// Why it is not sooner.
fn reasons(judgement: &Judgement, at: &Circumstances<'_>) -> String {
    let mut reasons = Vec::new();
    match judgement.retry_after {
        Some(wish) if wish > RETRY_AFTER_MAX => {
            reasons.push(format!(
                "the server asks for {}, and no more than {} is waited",
                brief(wish),
                brief(RETRY_AFTER_MAX)
            ));
        }
        Some(wish) if !wish.is_zero() => reasons.push("as the server asks".to_owned()),
        _ => {}
    }
    if at.unsettled && settle(at) > asked(judgement) {
        reasons.push("until then the request may still take effect".to_owned());
    }
    if held(judgement, at) > asked(judgement) {
        reasons.push(format!("{} is not to be asked more often", at.profile.name));
    }
    if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join("; ")) }
}

fn asked(judgement: &Judgement) -> Span {
    judgement.retry_after.unwrap_or(Span::ZERO).min(RETRY_AFTER_MAX)
}

/// The pace that the provider sets for attempts, failed ones included: it counts what it has seen.
fn held(judgement: &Judgement, at: &Circumstances<'_>) -> Span {
    if !at.unsettled && judgement.evidence.http_status.is_none() {
        return Span::ZERO;
    }
    let provider = at.profile.min_interval.unwrap_or(Span::ZERO);
    at.policy.refresh.min_interval.map_or(provider, |own| own.min(provider))
}

fn settle(at: &Circumstances<'_>) -> Span {
    at.profile.settle(at.policy.settle())
}

fn moment(wait: Span, now: Wall) -> String {
    format!("{}, at {}", relative(now + wait, now), local(now + wait, now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use renewd_core::{AuthRetryingPolicy, RetryPolicy};

    const NOW: Wall = Wall::from_unix_millis(1_795_338_000_000);

    fn of(verdict: Verdict, asked: Option<u64>, unsettled: bool, policy: &Policy, profile: &Profile) -> Next {
        let mut judgement =
            Judgement { verdict, retry_after: asked.map(Span::from_secs), ..Judgement::default() };
        judgement.evidence.http_status = Some(500);
        step(&judgement, &Circumstances { policy, profile, now: NOW, unsettled })
    }

    fn when(verdict: Verdict, asked: Option<u64>) -> String {
        of(verdict, asked, false, &Policy::default(), &Profile::GENERIC).when
    }

    #[test]
    fn a_failure_that_passes_is_tried_again_soon_and_then_slowly() {
        let text = when(Verdict::Transient, None);
        for part in ["in 1s to 10s", "5 times at most within 5m", "every 10m (auth_retrying)", "after 1d"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn the_servers_wish_counts_up_to_its_limit_and_ends_the_short_retry_where_it_does_not_fit() {
        assert!(when(Verdict::RateLimited, Some(120)).starts_with("in 2m, at "), "it fits into five minutes");
        let long = when(Verdict::RateLimited, Some(900));
        assert!(long.starts_with("in 15m, at ") && !long.contains("5 times"), "{long}");
        let years = when(Verdict::RateLimited, Some(100_000_000));
        assert!(years.starts_with("in 1h, at ") && years.contains("no more than 1h is waited"), "{years}");
        let short = when(Verdict::RateLimited, Some(301));
        assert!(short.starts_with("in 10m, at "), "no sooner than the long cadence: {short}");
    }

    #[test]
    fn the_configuration_decides_the_numbers() {
        let policy = Policy {
            retry: RetryPolicy { tries: 0, ..RetryPolicy::default() },
            auth_retrying: AuthRetryingPolicy { interval: Span::from_mins(7), ceiling: Span::from_hours(3) },
            ..Policy::default()
        };
        let text = of(Verdict::Transient, None, false, &policy, &Profile::GENERIC).when;
        assert!(text.starts_with("in 7m, at ") && text.contains("after 3h"), "{text}");
    }

    #[test]
    fn a_request_that_may_take_effect_is_waited_out_and_a_providers_pace_is_kept() {
        let text = of(Verdict::Transient, None, true, &Policy::default(), &Profile::GENERIC).when;
        assert!(text.starts_with("in 35s, at ") && text.contains("may still take effect"), "{text}");
        let slow = Profile { min_interval: Some(Span::from_mins(1)), ..Profile::GENERIC };
        let text = of(Verdict::Transient, None, false, &Policy::default(), &slow).when;
        assert!(text.starts_with("in 1m, at ") && text.contains("not to be asked more often"), "{text}");
    }

    #[test]
    fn a_refused_client_is_probed_slowly_and_a_refused_grant_not_at_all() {
        let text = when(Verdict::PermanentClient, None);
        assert!(text.starts_with("in 10m, at ") && text.contains("no time runs"), "{text}");
        assert!(when(Verdict::PermanentGrant, None).starts_with("never by itself"));
        let judgement = Judgement {
            verdict: Verdict::PermanentGrant,
            refresh_token: Some(renewd_core::Secret::from("new")),
            ..Judgement::default()
        };
        let policy = Policy::default();
        let at = Circumstances { policy: &policy, profile: &Profile::GENERIC, now: NOW, unsettled: false };
        let next = step(&judgement, &at);
        assert!(
            next.what.starts_with("saves the new refresh token") && next.when.starts_with("in 1s"),
            "{}",
            next.when
        );
    }
}

//! The table a person reads: a sign and a word for each status, near times, and below it what is wrong and what to do.

use renewd_core::{Status, Verdict, Wall};

use super::UNKNOWN;
use crate::json::{AnnouncedStatus, AttemptStatus, CredentialStatus};
use crate::output::Painter;
use crate::output::evidence::answer;
use crate::output::time::{local, parse_rfc3339, relative};
use crate::output::without_controls;

/// Between columns.
const GAP: &str = "  ";

/// One cell: its text, and how it is painted.
struct Cell {
    text: String,
    paint: fn(Painter, &str) -> String,
}

fn plain(text: impl Into<String>) -> Cell {
    Cell { text: text.into(), paint: |_, t| t.into() }
}

/// All credentials, one a line.
pub(super) fn all(credentials: &[CredentialStatus], agent: bool, now: Wall, paint: Painter) -> String {
    if credentials.is_empty() {
        return String::new();
    }
    let mut rows = vec![
        ["NAME", "STATUS", "TOKEN", "NEXT ATTEMPT", "LAST ATTEMPT"]
            .map(|t| Cell { text: t.into(), paint: |p, t| p.dim(t) }),
    ];
    for c in credentials {
        rows.push([
            Cell { text: c.name.clone(), paint: |p, t| p.bold(t) },
            status(c),
            plain(token(c, now)),
            plain(next(c, agent, now)),
            plain(c.last_attempt.as_ref().map_or("–".into(), |a| attempt(a, now))),
        ]);
    }
    let mut text = laid_out(&rows, paint);
    for c in credentials {
        for line in troubles(c, now, paint) {
            text.push_str(&format!("\n  {line}"));
        }
    }
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// One credential, with everything that is known.
pub(super) fn one(c: &CredentialStatus, agent: bool, now: Wall, paint: Painter) -> String {
    let status = status(c);
    let mut rows = vec![
        ("name", paint.bold(&c.name)),
        ("status", (status.paint)(paint, &status.text)),
        ("health", c.health.clone()),
        ("token", token(c, now)),
    ];
    rows.extend(c.other_tokens.iter().map(|other| {
        let until = valid_until(Some(&other.expires_at), other.valid, now);
        ("another token", without_controls(&format!("{until}, for {}", other.key())))
    }));
    if c.status != UNKNOWN {
        rows.extend([
            ("login", format!("epoch {}, generation {}", c.epoch, c.generation)),
            ("refreshes", c.refreshes.to_string()),
            ("rejections", c.rejections.to_string()),
            ("phase", c.phase.clone()),
        ]);
    }
    rows.push(("next attempt", next(c, agent, now)));
    let mut time = |name, at: &Option<String>| {
        if let Some(at) = at {
            rows.push((name, when(at, now)));
        }
    };
    time("since", &c.since);
    time("retrying since", &c.auth_retrying_since);
    time("gives up", &c.ceiling_at);
    if let Some(last) = &c.last_attempt {
        rows.push(("last attempt", attempt(last, now)));
        if let Some(message) = &last.message {
            rows.push(("", without_controls(message)));
        }
        // `renewd explain --rule` tells of it; of a success there is nothing to tell.
        let rule = last.rule.as_ref().filter(|_| last.verdict != Verdict::Success.name());
        rows.extend(rule.map(|rule| ("rule", without_controls(rule))));
    }
    let mut text: String =
        rows.iter().map(|(k, v)| format!("{} {v}\n", paint.dim(format!("{k:<14}")))).collect();
    for line in troubles(c, now, paint) {
        text.push_str(&format!("\n  {line}"));
    }
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

fn laid_out<const N: usize>(rows: &[[Cell; N]], paint: Painter) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.text.chars().count());
        }
    }
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (i, (width, cell)) in widths.iter().zip(row).enumerate() {
            line.push_str(&(cell.paint)(paint, &cell.text));
            if i + 1 < N {
                line.push_str(&" ".repeat(width - cell.text.chars().count()));
                line.push_str(GAP);
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The sign never stands without the word.
fn status(c: &CredentialStatus) -> Cell {
    let known = Status::ALL.into_iter().find(|s| s.name() == c.status);
    let sign = known.map_or('?', Status::sign);
    let paint: fn(Painter, &str) -> String = match c.health.as_str() {
        "healthy" => |p, t| p.green(t),
        "degraded" => |p, t| p.yellow(t),
        _ => |p, t| p.red(t),
    };
    Cell { text: format!("{sign} {}", c.status), paint }
}

fn token(c: &CredentialStatus, now: Wall) -> String {
    if c.token_expires_at.is_none() && !c.token_valid && c.status == UNKNOWN {
        return UNKNOWN.into();
    }
    valid_until(c.token_expires_at.as_deref(), c.token_valid, now)
}

fn valid_until(expires_at: Option<&str>, valid: bool, now: Wall) -> String {
    match (expires_at, valid) {
        (Some(at), true) => format!("valid until {}", when(at, now)),
        (Some(at), false) => match parse_rfc3339(at) {
            Some(wall) if wall > now => "not valid".into(),
            _ => format!("expired {}", when(at, now)),
        },
        (None, true) => "valid".into(),
        (None, false) => "none".into(),
    }
}

/// Without an agent nobody acts by himself; what is due is done for the next who asks.
fn next(c: &CredentialStatus, agent: bool, now: Wall) -> String {
    match c.next_attempt_at.as_deref() {
        None => "–".into(),
        Some(_) if !agent && c.status == Status::Running.name() => "when asked for".into(),
        Some(at) => when(at, now),
    }
}

/// `10:00 (in 45m)`.
fn when(at: &str, now: Wall) -> String {
    match parse_rfc3339(at) {
        Some(wall) => format!("{} ({})", local(wall, now), relative(wall, now)),
        None => at.into(),
    }
}

/// `HTTP 403 text/html, 2m ago`.
pub(super) fn attempt(a: &AttemptStatus, now: Wall) -> String {
    let ago = parse_rfc3339(&a.at).map_or(a.at.clone(), |at| relative(at, now));
    let what = if a.verdict == Verdict::Success.name() {
        a.verdict.clone()
    } else {
        answer(a.http_status, a.oauth_error.as_deref(), a.content_type.as_deref())
            .or_else(|| a.message.clone())
            .unwrap_or_else(|| a.verdict.clone())
    };
    without_controls(&format!("{what}, {ago}"))
}

/// What is wrong and what to do about it.
fn troubles(c: &CredentialStatus, now: Wall, paint: Painter) -> Vec<String> {
    let mut lines = Vec::new();
    let cause = c.cause.as_deref().map(|cause| format!(" ({cause})")).unwrap_or_default();
    if let Some(command) = &c.login_command {
        lines.push(format!("{} {}: login needed{cause}: {command}", paint.red("✗"), c.name));
    } else if let Some(since) = &c.auth_retrying_since {
        let next = c.next_attempt_at.as_deref().map(|at| format!(", next attempt {}", when(at, now)));
        let seen = c.last_attempt.as_ref().map(|a| format!(": {}", attempt(a, now))).unwrap_or_default();
        lines.push(format!(
            "{} {}: {}{cause} since {}{}{seen}",
            paint.yellow("!"),
            c.name,
            c.status,
            when(since, now),
            next.unwrap_or_default()
        ));
    } else if c.cause.is_some() {
        lines.push(format!("{} {}: {}{cause}", paint.yellow("!"), c.name, c.status));
    }
    if !c.saved {
        lines.push(format!(
            "{} {}: new tokens are in memory only; the store fails",
            paint.yellow("!"),
            c.name
        ));
    }
    if c.in_doubt {
        lines.push(format!(
            "{} {}: an attempt of unknown outcome stands: the refresh token may be spent",
            paint.yellow("!"),
            c.name
        ));
    }
    if let Some(announced) = &c.announced {
        lines.push(format!("{} {}: {}", paint.yellow("!"), c.name, under_way(announced, now)));
    }
    if let Some(advice) = &c.advice {
        lines.push(format!("{} {}: {}", paint.yellow("!"), c.name, without_controls(advice)));
    }
    lines
}

/// Whose attempt it is, and what becomes of it.
fn under_way(a: &AnnouncedStatus, now: Wall) -> String {
    let whose = format!("process {} on {} announced a refresh at {}", a.pid, a.host, when(&a.at, now));
    match a.lives {
        Some(true) => format!("{whose}, and is at it"),
        Some(false) => {
            format!("{whose} and is gone: the next one waits until that request can no longer take effect")
        }
        None => format!("{whose}; whether it lives cannot be told"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Environment;
    use crate::output::{ColourChoice, Painter};
    use renewd_core::Span;

    const NOW: Wall = Wall::from_unix_millis(1_795_338_000_000);

    fn credential(name: &str) -> CredentialStatus {
        let at = |s: u64| Some(crate::output::time::rfc3339(NOW + Span::from_secs(s)));
        CredentialStatus {
            name: name.into(),
            status: "running".into(),
            health: "healthy".into(),
            cause: None,
            phase: "fresh".into(),
            epoch: 1,
            generation: 42,
            token_expires_at: at(3600),
            token_valid: true,
            other_tokens: Vec::new(),
            next_attempt_at: at(2700),
            retry_after_s: None,
            since: None,
            auth_retrying_since: None,
            ceiling_at: None,
            saved: true,
            in_doubt: false,
            last_attempt: None,
            refreshes: 42,
            rejections: 0,
            advice: None,
            login_command: None,
            login_request: None,
            announced: None,
        }
    }

    fn plain() -> Painter {
        Painter::new(ColourChoice::Never, false, &Environment::default())
    }

    #[test]
    fn columns_stand_under_each_other_with_and_without_colour() {
        let mut down = credential("a-long-name");
        down.status = "auth_retrying".into();
        down.health = "degraded".into();
        down.cause = Some("outage".into());
        down.auth_retrying_since = Some(crate::output::time::rfc3339(NOW - Span::from_mins(48)));
        let table = all(&[credential("a"), down.clone()], true, NOW, plain());
        let lines: Vec<&str> = table.lines().collect();
        let column = |line: &str, word: &str| line.find(word).map(|at| line[..at].chars().count());
        assert_eq!(column(lines[0], "STATUS"), column(lines[1], "● running"));
        assert_eq!(column(lines[0], "STATUS"), column(lines[2], "◐ auth_retrying"));
        assert_eq!(column(lines[0], "TOKEN"), column(lines[1], "valid until"));
        assert!(table.contains("! a-long-name: auth_retrying (outage) since"), "{table}");
        let painted =
            all(&[down], true, NOW, Painter::new(ColourChoice::Always, false, &Environment::default()));
        assert!(painted.contains("\x1b[33m◐ auth_retrying\x1b[0m"), "{painted:?}");
    }

    #[test]
    fn a_status_of_tomorrow_is_shown_by_its_word() {
        let mut c = credential("a");
        c.status = "dreaming".into();
        c.health = "of tomorrow".into();
        assert!(all(&[c], true, NOW, plain()).contains("? dreaming"));
    }

    #[test]
    fn of_a_record_that_nobody_could_read_nothing_is_made_up() {
        let seen = CredentialStatus {
            token_expires_at: None,
            token_valid: false,
            health: "degraded".into(),
            status: "auth_retrying".into(),
            cause: Some("store_unavailable".into()),
            ..credential("a")
        };
        let closed = super::super::unread(seen);
        assert_eq!((closed.next_attempt_at.as_ref(), closed.retry_after_s), (None, None));
        let table = all(std::slice::from_ref(&closed), false, NOW, plain());
        let row: Vec<&str> = table.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(row, ["a", "?", "unknown", "unknown", "–", "–"]);
        assert!(table.contains("! a: unknown (store_unavailable)"), "{table}");
        let alone = one(&closed, false, NOW, plain());
        assert!(!alone.contains("generation") && !alone.contains("refreshes"), "{alone}");
    }

    #[test]
    fn an_announced_attempt_says_whose_it_is_and_whether_he_lives() {
        let mut c = credential("a");
        let mut line = |lives| {
            let at = crate::output::time::rfc3339(NOW - Span::from_secs(5));
            c.announced = Some(AnnouncedStatus { at, host: "box".into(), pid: 7, lives });
            one(&c, false, NOW, plain())
        };
        assert!(line(Some(true)).contains("! a: process 7 on box announced a refresh at "));
        assert!(line(Some(true)).contains(", and is at it"));
        assert!(line(Some(false)).contains("and is gone: the next one waits"));
        assert!(line(None).contains("whether it lives cannot be told"));
    }

    #[test]
    fn one_credential_shows_the_rule_by_which_its_last_attempt_failed() {
        let mut c = credential("a");
        let mut shown = |verdict: &str, rule: Option<&str>| {
            c.last_attempt = Some(AttemptStatus {
                at: crate::output::time::rfc3339(NOW),
                verdict: verdict.into(),
                http_status: Some(403),
                content_type: None,
                oauth_error: None,
                message: None,
                rule: rule.map(String::from),
            });
            one(&c, true, NOW, plain())
        };
        let text = shown("transient", Some("acme/waf"));
        assert!(text.lines().any(|line| line == format!("{:<14} acme/waf", "rule")), "{text}");
        for (verdict, rule) in [("success", Some("token-granted")), ("transient", None)] {
            let text = shown(verdict, rule);
            assert!(!text.contains("rule"), "{text}");
        }
    }

    #[test]
    fn a_login_that_is_needed_says_how() {
        let mut c = credential("a");
        c.status = "unauthenticated".into();
        c.health = "unhealthy".into();
        c.cause = Some("grant_refused".into());
        c.login_command = Some("renewd login a".into());
        let text = one(&c, true, NOW, plain());
        assert!(text.contains("✗ unauthenticated"), "{text}");
        assert!(text.contains("✗ a: login needed (grant_refused): renewd login a"), "{text}");
    }
}

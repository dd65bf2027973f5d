//! Everything that is known of one credential: how it stands, when it is tried again, what the last failure was, the last
//! 24 hours, what to do.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span as Piece};
use ratatui::widgets::{Paragraph, Wrap};
use renewd_core::{Verdict, Wall};

use super::scene::{Look, Scene, Source};
use super::view::{Hand, bold, dim, framed, next, status, token};
use crate::commands::status::table::attempt;
use crate::journal::Tone;
use crate::json::CredentialStatus;
use crate::output::time::{brief, parse_rfc3339};
use crate::output::without_controls;

/// A label, with its gap.
const LABEL: usize = 10;

/// The frame's two lines, or columns.
const FRAME: u16 = 2;

/// How high it would like to be.
pub(super) fn height(scene: &Scene, c: &CredentialStatus, hand: &Hand, now: Wall, width: u16) -> u16 {
    let wide = usize::from(width.saturating_sub(FRAME)).max(1);
    // Words are wrapped, so that a line may take one more than its length says.
    let lines: usize = lines(scene, c, hand, now, width, false)
        .iter()
        .map(|line| match line.width() {
            0 => 1,
            w if w <= wide => 1,
            w => w.div_ceil(wide) + 1,
        })
        .sum();
    u16::try_from(lines).unwrap_or(u16::MAX).saturating_add(FRAME)
}

/// The selected credential.
pub(super) fn render(frame: &mut Frame<'_>, area: Rect, scene: &Scene, look: &Look, hand: &Hand, now: Wall) {
    let Some(c) = look.of(scene) else { return };
    let lines = lines(scene, c, hand, now, area.width, look.details);
    // Scrolled no further than to the last line.
    let most = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_sub(1);
    let paragraph = Paragraph::new(lines)
        .wrap(Wrap { trim: false })
        .scroll((if look.details { look.scroll.min(most) } else { 0 }, 0))
        .block(framed(&c.name));
    frame.render_widget(paragraph, area);
}

fn labelled(label: &str, pieces: Vec<Piece<'static>>) -> Line<'static> {
    let mut line = vec![dim(format!("{label:<LABEL$}"))];
    line.extend(pieces);
    Line::from(line)
}

fn text(label: &str, text: impl AsRef<str>) -> Line<'static> {
    labelled(label, vec![Piece::raw(without_controls(text.as_ref()).replace('\n', " "))])
}

fn lines(
    scene: &Scene,
    c: &CredentialStatus,
    hand: &Hand,
    now: Wall,
    width: u16,
    all: bool,
) -> Vec<Line<'static>> {
    let mut lines = vec![standing(c, hand, now)];
    lines
        .push(text("token", format!("{}{}", token(c, now), until(c.token_expires_at.as_deref(), hand, now))));
    lines.push(text(
        "next",
        format!("{}{}", next(c, scene, now), until(c.next_attempt_at.as_deref(), hand, now)),
    ));
    if let Some(at) = c.ceiling_at.as_deref().and_then(parse_rfc3339) {
        lines.push(text("gives up", format!("in {} ({})", brief(at.since(now)), hand.clock.time(at, now))));
    }
    lines.extend(last(c, now));
    lines.push(day(scene, c, hand, now, width));
    lines.extend(what_to_do(scene, c, hand));
    if all {
        lines.push(text("login", format!("epoch {}, generation {}", c.epoch, c.generation)));
        lines.push(text(
            "counted",
            format!(
                "{}, {}; phase {}",
                counted(c.refreshes, "refresh", "refreshes"),
                counted(c.rejections, "rejection", "rejections"),
                c.phase
            ),
        ));
        lines.extend(lately(scene, c, hand));
    }
    lines
}

fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// ` (10:00)`, behind a countdown.
fn until(at: Option<&str>, hand: &Hand, now: Wall) -> String {
    at.and_then(parse_rfc3339).map_or(String::new(), |at| format!(" ({})", hand.clock.time(at, now)))
}

fn standing(c: &CredentialStatus, hand: &Hand, now: Wall) -> Line<'static> {
    let mut pieces = vec![status(c, hand)];
    let cause = c.cause.as_deref().map(|cause| format!(" ({cause})")).unwrap_or_default();
    pieces.push(Piece::raw(without_controls(&format!("{cause}, {}", c.health))));
    let since = c.auth_retrying_since.as_ref().or(c.since.as_ref());
    if let Some(at) = since.map(String::as_str).and_then(parse_rfc3339) {
        pieces.push(dim(format!(", since {} ({})", hand.clock.time(at, now), brief(now.since(at)))));
    }
    labelled("status", pieces)
}

/// What came at the last attempt: of a failure with its evidence and the rule that decided.
fn last(c: &CredentialStatus, now: Wall) -> Vec<Line<'static>> {
    let Some(last) = &c.last_attempt else { return vec![text("last", "no attempt yet")] };
    let mut lines = vec![text("last", attempt(last, now))];
    if last.verdict != Verdict::Success.name() {
        lines.extend(last.message.as_ref().map(|message| text("", message)));
        lines.extend(last.rule.as_ref().map(|rule| text("rule", rule)));
    }
    lines
}

fn day(scene: &Scene, c: &CredentialStatus, hand: &Hand, now: Wall, width: u16) -> Line<'static> {
    let room = usize::from(width.saturating_sub(FRAME)).saturating_sub(LABEL);
    let timeline = scene.days.get(&c.name).map(|day| &day.timeline).cloned().unwrap_or_default();
    // A cell for half an hour where there is room: the bar is as long for everybody.
    let cells = timeline.cells(now, &c.status, room.min(48));
    labelled("24 h", cells.into_iter().map(|stand| Piece::styled(stand.glyph(), hand.stand(stand))).collect())
}

fn what_to_do(scene: &Scene, c: &CredentialStatus, hand: &Hand) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    if !c.saved {
        lines.push(text("!", "new tokens are in memory only; the store fails"));
    }
    if c.in_doubt {
        lines.push(text("!", "an attempt of unknown outcome stands: the refresh token may be spent"));
    }
    lines.extend(c.advice.as_ref().map(|advice| text("advice", advice)));
    if let Some(command) = &c.login_command {
        lines.push(labelled("to do", vec![Piece::styled(without_controls(command), hand.tone(Tone::Bad))]));
    }
    if scene.source == Source::Store {
        lines.push(text("", "no agent is running: tokens are refreshed when they are asked for"));
    }
    lines.extend(scene.trouble.as_ref().map(|trouble| text("!", trouble)));
    lines
}

fn lately(scene: &Scene, c: &CredentialStatus, hand: &Hand) -> Vec<Line<'static>> {
    let told = scene.days.get(&c.name).map(|day| day.told.as_slice()).unwrap_or_default();
    let mut lines = vec![Line::default()];
    let mut day = String::new();
    for one in told {
        let today = hand.clock.day(one.from);
        if today != day {
            lines.push(Line::from(bold(today.clone())));
            day = today;
        }
        let when = crate::journal::span(one, &hand.clock);
        lines.push(Line::from(vec![
            dim(format!("{when}  ")),
            Piece::styled(one.tone.sign(), hand.tone(one.tone)),
            Piece::raw(format!(" {}", without_controls(&one.text).replace('\n', " "))),
        ]));
    }
    lines
}

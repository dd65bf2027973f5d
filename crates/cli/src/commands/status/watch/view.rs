//! Draws: a line for each credential, and under them everything that is known of the one that is selected. What does not
//! fit the terminal is left out from the right and from below, never the sign and the word.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span as Piece};
use ratatui::widgets::{Block, Paragraph, Wrap};
use renewd_core::{Status, Wall};

use super::panel;
use super::scene::{Look, Scene, Source};
use super::timeline::Stand;
use crate::commands::status::table::attempt;
use crate::journal::{Clock, Tone};
use crate::json::CredentialStatus;
use crate::output::time::{brief, parse_rfc3339};
use crate::output::without_controls;

/// Fewer lines than this under the list are not worth a frame.
const PANEL_MIN: u16 = 5;

/// The list is not cut shorter than this for the panel's sake.
const LIST_MIN: u16 = 4;

/// The narrowest terminals that show these columns.
const TOKEN_FROM: u16 = 52;
const NEXT_FROM: u16 = 70;
const LAST_FROM: u16 = 96;

/// The longest name is 64 characters: of one that long the begin is shown.
const NAME_MAX: usize = 20;

/// How things are drawn here.
pub(super) struct Hand {
    pub(super) colours: bool,
    pub(super) clock: Clock,
}

impl Hand {
    pub(super) fn tone(&self, tone: Tone) -> Style {
        match tone {
            Tone::Good => self.colour(Color::Green),
            Tone::Trouble => self.colour(Color::Yellow),
            Tone::Bad => self.colour(Color::Red),
            Tone::Plain => Style::new().add_modifier(Modifier::DIM),
        }
    }

    pub(super) fn stand(&self, stand: Stand) -> Style {
        match stand {
            Stand::Well => self.colour(Color::Green),
            Stand::Blip | Stand::Waiting => self.colour(Color::Yellow),
            Stand::LoginNeeded => self.colour(Color::Red),
            Stand::Stopped | Stand::Unknown => Style::new().add_modifier(Modifier::DIM),
        }
    }

    fn health(&self, health: &str) -> Style {
        self.tone(match health {
            "healthy" => Tone::Good,
            "degraded" => Tone::Trouble,
            _ => Tone::Bad,
        })
    }

    fn colour(&self, colour: Color) -> Style {
        if self.colours { Style::new().fg(colour) } else { Style::new() }
    }
}

pub(super) fn bold(text: impl Into<String>) -> Piece<'static> {
    Piece::styled(text.into(), Style::new().add_modifier(Modifier::BOLD))
}

pub(super) fn dim(text: impl Into<String>) -> Piece<'static> {
    Piece::styled(text.into(), Style::new().add_modifier(Modifier::DIM))
}

/// All of it.
pub(super) fn draw(frame: &mut Frame<'_>, scene: &Scene, look: &Look, hand: &Hand, now: Wall) {
    let [head, body, foot] =
        Layout::vertical([Constraint::Length(1), Constraint::Min(0), Constraint::Length(1)])
            .areas(frame.area());
    frame.render_widget(heading(scene, hand, now, head.width), head);
    frame.render_widget(keys(look, foot.width), foot);
    if look.help {
        frame.render_widget(Paragraph::new(help(hand)).wrap(Wrap { trim: false }), body);
    } else if scene.credentials.is_empty() {
        frame.render_widget(empty(scene), body);
    } else if look.details {
        panel::render(frame, body, scene, look, hand, now);
    } else {
        both(frame, body, scene, look, hand, now);
    }
}

/// The list, and the panel where there is room for it.
fn both(frame: &mut Frame<'_>, area: Rect, scene: &Scene, look: &Look, hand: &Hand, now: Wall) {
    let all = u16::try_from(scene.credentials.len()).unwrap_or(u16::MAX).saturating_add(1);
    let wanted = look.of(scene).map_or(0, |c| panel::height(scene, c, hand, now, area.width));
    // The list first; the panel takes what is left, and the list gives way to it where both are long.
    let list = all.min(area.height.saturating_sub(wanted).max(LIST_MIN)).min(area.height);
    let room = area.height - list;
    let list = if room < PANEL_MIN { area.height } else { list };
    let [above, below] = Layout::vertical([Constraint::Length(list), Constraint::Min(0)]).areas(area);
    frame.render_widget(Paragraph::new(rows(scene, look, hand, now, above)), above);
    if below.height >= PANEL_MIN {
        panel::render(frame, below, scene, look, hand, now);
    }
}

/// `renewd  degraded  4 credentials        agent 4711, live  10:12`.
fn heading(scene: &Scene, hand: &Hand, now: Wall, width: u16) -> Line<'static> {
    let n = scene.credentials.len();
    let count = if n == 1 { "1 credential".into() } else { format!("{n} credentials") };
    let mut left = vec![
        bold("renewd"),
        Piece::raw("  "),
        Piece::styled(scene.health.clone(), hand.health(&scene.health)),
    ];
    let source = match &scene.source {
        Source::Agent { .. } if width < TOKEN_FROM => "agent".into(),
        Source::Agent { pid, live: true } => format!("agent {pid}, live"),
        Source::Agent { pid, live: false } => format!("agent {pid}, looked at"),
        Source::Store if width < TOKEN_FROM => "no agent".into(),
        Source::Store => "no agent: the records".into(),
    };
    let right = format!("{source}  {}", hand.clock.time(now, now));
    let used: usize = left.iter().map(Piece::width).sum();
    let room = usize::from(width).saturating_sub(used + right.chars().count());
    if room > count.len() + 3 {
        left.push(Piece::raw(format!("  {count}")));
        left.push(Piece::raw(" ".repeat(room - count.len() - 2)));
    } else {
        left.push(Piece::raw(" ".repeat(room.max(1))));
    }
    left.push(dim(right));
    Line::from(left)
}

fn keys(look: &Look, width: u16) -> Line<'static> {
    let text = match (look.help, look.details) {
        (true, _) => "Esc back   q quit",
        (_, true) => "Esc back   ↑↓ scroll   ? help   q quit",
        _ if width < TOKEN_FROM => "↑↓ Enter ? q",
        _ => "↑↓ select   Enter details   ? help   q quit",
    };
    Line::from(dim(text))
}

fn empty(scene: &Scene) -> Paragraph<'static> {
    let text = scene
        .trouble
        .clone()
        .unwrap_or_else(|| "no credentials yet; begin with: renewd login NAME --profile P".into());
    Paragraph::new(vec![Line::default(), Line::from(without_controls(&text))]).wrap(Wrap { trim: false })
}

/// The sign, never without the word.
pub(super) fn status(c: &CredentialStatus, hand: &Hand) -> Piece<'static> {
    let known = Status::ALL.into_iter().find(|s| s.name() == c.status);
    let sign = known.map_or('?', Status::sign);
    Piece::styled(without_controls(&format!("{sign} {}", c.status)), hand.health(&c.health))
}

/// `valid 47m`, `expired 12m ago`.
pub(super) fn token(c: &CredentialStatus, now: Wall) -> String {
    let at = c.token_expires_at.as_deref().and_then(parse_rfc3339);
    match at {
        Some(at) if c.token_valid && at > now => format!("valid {}", brief(at.since(now))),
        Some(at) if at <= now => format!("expired {} ago", brief(now.since(at))),
        Some(_) => "not valid".into(),
        None if c.token_valid => "valid".into(),
        None => "none".into(),
    }
}

/// `in 4m10s`. Without an agent nobody acts by himself.
pub(super) fn next(c: &CredentialStatus, scene: &Scene, now: Wall) -> String {
    let at = c.next_attempt_at.as_deref().and_then(parse_rfc3339);
    match (at, &scene.source) {
        (None, _) => "–".into(),
        (Some(_), Source::Store) if c.status == Status::Running.name() => "when asked for".into(),
        (Some(at), _) if at > now => format!("in {}", brief(at.since(now))),
        (Some(_), _) => "now".into(),
    }
}

/// The heading of the columns, and the credentials around the selected one.
fn rows(scene: &Scene, look: &Look, hand: &Hand, now: Wall, area: Rect) -> Vec<Line<'static>> {
    let name = scene.credentials.iter().map(|c| c.name.chars().count()).max().unwrap_or(0).clamp(4, NAME_MAX);
    let mut lines = vec![Line::from(dim(titles(name, area.width)))];
    let selected = look.index(scene).unwrap_or(0);
    let room = usize::from(area.height.saturating_sub(1)).max(1);
    let first = (selected + 1).saturating_sub(room);
    for (i, c) in scene.credentials.iter().enumerate().skip(first).take(room) {
        lines.push(row(c, i == selected, name, scene, hand, now, area.width));
    }
    lines
}

fn titles(name: usize, width: u16) -> String {
    let mut text = format!("  {:<name$}  {:<17}", "NAME", "STATUS");
    for (from, title, wide) in
        [(TOKEN_FROM, "TOKEN", 16), (NEXT_FROM, "NEXT", 14), (LAST_FROM, "LAST ATTEMPT", 0)]
    {
        if width >= from {
            text += &format!("  {title:<wide$}");
        }
    }
    text
}

fn row(
    c: &CredentialStatus,
    selected: bool,
    name: usize,
    scene: &Scene,
    hand: &Hand,
    now: Wall,
    width: u16,
) -> Line<'static> {
    let shown: String = c.name.chars().take(name).collect();
    let status = status(c, hand);
    let gap = 17usize.saturating_sub(status.width());
    let mut pieces = vec![
        Piece::raw(if selected { "▸ " } else { "  " }),
        bold(format!("{shown:<name$}  ")),
        status,
        Piece::raw(" ".repeat(gap)),
    ];
    if width >= TOKEN_FROM {
        pieces.push(Piece::raw(format!("  {:<16}", token(c, now))));
    }
    if width >= NEXT_FROM {
        pieces.push(Piece::raw(format!("  {:<14}", next(c, scene, now))));
    }
    if width >= LAST_FROM {
        let last = c.last_attempt.as_ref().map_or("–".into(), |a| attempt(a, now));
        pieces.push(Piece::raw(format!("  {last}")));
    }
    let used: usize = pieces.iter().map(Piece::width).sum();
    pieces.push(Piece::raw(" ".repeat(usize::from(width).saturating_sub(used))));
    let line = Line::from(pieces);
    // Reversed rather than coloured: it is seen without colours too.
    if selected { line.style(Style::new().add_modifier(Modifier::REVERSED)) } else { line }
}

fn help(hand: &Hand) -> Vec<Line<'static>> {
    let key =
        |key: &str, what: &str| Line::from(vec![bold(format!("  {key:<12}")), Piece::raw(what.to_owned())]);
    let sign = |c: Stand, what: &str| {
        Line::from(vec![
            Piece::raw("  "),
            Piece::styled(format!("{:<4}", c.glyph().repeat(3)), hand.stand(c)),
            Piece::raw(format!("        {what}")),
        ])
    };
    vec![
        Line::default(),
        key("↑ ↓  k j", "select a credential; in its details, scroll"),
        key("Enter", "its details, with what happened lately; and back"),
        key("Esc", "one step back, at last out of here"),
        key("q  Ctrl-C", "quit"),
        key("Ctrl-Z", "suspend; fg comes back"),
        Line::default(),
        Line::from(bold("  The bar of the last 24 hours")),
        sign(Stand::Well, "a token could be had"),
        sign(Stand::Blip, "an attempt failed, and nobody had to wait"),
        sign(Stand::Waiting, "auth_retrying: the server gives none; tried again by itself"),
        sign(Stand::LoginNeeded, "a login is needed"),
        sign(Stand::Unknown, "before the journal begins"),
    ]
}

/// A frame with a title.
pub(super) fn framed(title: &str) -> Block<'static> {
    Block::bordered()
        .border_type(ratatui::widgets::BorderType::Rounded)
        .border_style(Style::new().add_modifier(Modifier::DIM))
        .title(bold(format!(" {} ", without_controls(title))))
}

//! `status --watch`: how things stand, for as long as somebody watches.
//!
//! At a terminal it is a screen with keys. Where the output goes elsewhere, or the terminal cannot be drawn on, the table
//! is printed anew at each change, and with `--json` a document, one a line.

mod feed;
mod panel;
mod scene;
mod screen;
#[cfg(unix)]
mod signals;
mod timeline;
mod view;

use std::io::IsTerminal as _;
use std::sync::mpsc::{RecvTimeoutError, TryRecvError};
use std::time::Duration;

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use renewd_driver::Clock as _;
use renewd_driver::system::SystemClock;

use super::{Status, print};
use crate::app::App;
use crate::exit::Failure;
use crate::journal::Clock;
use feed::Feed;
use scene::{Look, Scene};
use screen::Screen;
use view::Hand;

/// Between two looks at keys, signals and news. A countdown is never seen to lag.
const FRAME: Duration = Duration::from_millis(100);

/// Watches until told to stop.
///
/// # Errors
/// Why nothing can be seen, at the begin; afterwards what the terminal says.
pub(super) fn run(args: &Status, app: &App) -> Result<(), Failure> {
    let stdout = std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
    let drawn = stdout && !args.json && app.env.text("TERM").is_some_and(|term| term != "dumb");
    let clock = Clock::here();
    let feed = feed::begin(app.config()?, args.name.clone(), clock.clone(), drawn)
        .map_err(|e| Failure::internal(format!("no thread can be started: {e}")))?;
    if !drawn {
        return printed(&feed, args, app);
    }
    // What is wrong from the begin is said as every command says it, on the terminal as it was.
    let (first, _) = feed.news.recv().map_err(|_| gone())??;
    let hand = Hand { colours: app.output.out.is_on(), clock };
    watch(&feed, first, &hand).map_err(|e| Failure::internal(format!("the terminal: {e}")))
}

fn gone() -> Failure {
    Failure::internal("nothing looks any more")
}

/// A table or a document at each change.
fn printed(feed: &Feed, args: &Status, app: &App) -> Result<(), Failure> {
    let mut before = None;
    loop {
        let seen = match feed.news.recv_timeout(Duration::from_secs(3600)) {
            Ok(Ok((_, seen))) => seen,
            Ok(Err(failure)) if before.is_none() => return Err(failure),
            // It is told once, and looked for on.
            Ok(Err(failure)) => {
                if before.take().is_some() {
                    app.output.failure(&failure);
                }
                continue;
            }
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return Err(gone()),
        };
        if before.as_ref() != Some(&seen.document.credentials) {
            print(&seen, args, app)?;
        }
        before = Some(seen.document.credentials);
    }
}

/// What goes on after a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    GoOn,
    Quit,
    Suspend,
}

fn watch(feed: &Feed, mut scene: Scene, hand: &Hand) -> std::io::Result<()> {
    #[cfg(unix)]
    let signals = signals::Signals::begin()?;
    let mut screen = Screen::take()?;
    let mut look = Look::default();
    loop {
        match feed.news.try_recv() {
            Ok(Ok((new, _))) => scene = new,
            // What was seen last stays, and what is wrong stands beside it.
            Ok(Err(failure)) => scene.trouble = Some(failure.to_string()),
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => scene.trouble = Some(gone().to_string()),
        }
        let now = SystemClock.now().wall;
        screen.terminal.draw(|frame| view::draw(frame, &scene, &look, hand, now))?;
        let mut then = Then::GoOn;
        if event::poll(FRAME)?
            && let Event::Key(key) = event::read()?
        {
            then = pressed(key, &mut look, &scene);
        }
        #[cfg(unix)]
        match signals.asked() {
            Some(signals::Asked::End(number)) => {
                drop(screen);
                return signals::Signals::end(number);
            }
            Some(signals::Asked::Suspend) => then = Then::Suspend,
            Some(signals::Asked::Resumed) => screen.take_again()?,
            None => {}
        }
        match then {
            Then::GoOn => {}
            Then::Quit => return Ok(()),
            Then::Suspend => {
                screen::give_back();
                #[cfg(unix)]
                signals.suspend()?;
                screen.take_again()?;
            }
        }
    }
}

fn pressed(key: KeyEvent, look: &mut Look, scene: &Scene) -> Then {
    if key.kind == KeyEventKind::Release {
        return Then::GoOn;
    }
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Char('c' | 'd') if control => return Then::Quit,
        KeyCode::Char('z') if control => return Then::Suspend,
        KeyCode::Char('q') => return Then::Quit,
        KeyCode::Esc if !look.back() => return Then::Quit,
        KeyCode::Down | KeyCode::Char('j') => look.go(scene, true),
        KeyCode::Up | KeyCode::Char('k') => look.go(scene, false),
        KeyCode::Enter => look.toggle(),
        KeyCode::Char('?' | 'h') => look.help = !look.help,
        _ => {}
    }
    Then::GoOn
}

#[cfg(test)]
mod tests;

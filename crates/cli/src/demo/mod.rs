//! `renewd demo`: an outage in fast motion, with everything real but the reason for it.
//!
//! An authorization server and a protected API (the testkit's) run in this process, `renewd agent` with a proxy in
//! another, and a client without a token asks the API through that proxy. [`pace`] divides every duration, [`story`]
//! does four things to this world and tells what comes of them, [`audit`] holds everybody's account against the
//! others'.

mod audit;
mod client;
mod events;
mod home;
mod news;
mod pace;
mod processes;
mod screen;
mod story;
mod tally;
mod world;

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::mpsc::channel;

use crate::app::App;
use crate::exit::{Exit, Failure};

use audit::Audit;
use client::{Client, ProxyUrl};
use events::{AgentEvents, ApiRefusals};
use pace::Pace;
use screen::{Screen, short};
use story::{End, Story};
use world::World;

/// The slowest and the fastest that is worth watching: below, an hour passes before the first outage ends; above, a
/// busy machine takes longer for a refresh than a token lives.
pub(crate) const SPEEDS: std::ops::RangeInclusive<i64> = 10..=600;

/// A refresh between two looks makes the accounts differ; then they are taken again.
const LOOKS_MAX: usize = 20;

/// How it ended.
pub(crate) enum Ended {
    /// As it should.
    Well,
    /// Somebody wanted it to end before it had told everything.
    Interrupted,
}

/// Plays it.
///
/// # Errors
/// What did not happen, or what the accounts disagree about.
pub(crate) fn play(speed: u16, once: bool, app: &App) -> Result<Ended, Failure> {
    let pace = Pace::new(speed);
    let (tell, news) = channel();
    news::hear_signals(tell.clone())?;
    let mut screen = Screen::new(app);
    let once = once || !screen.is_live();
    let world = World::build(pace)?;
    screen.text(&opening(&world, pace, &screen))?;
    let events = AgentEvents::listen(&world.socket, tell.clone())?;
    let refusals = ApiRefusals::watch(Arc::clone(&world.api), tell.clone())?;
    let proxy = ProxyUrl::parse(&world.agent.proxy)
        .ok_or_else(|| world.agent.failure("its proxy is at no address that can be used"))?;
    let begin = |number| Client::begin(proxy.clone(), number, pace.request_every(), tell.clone());
    let client = begin(1)?;
    let mut story = Story::new(&world, pace, news, screen);
    let told = story.play().and_then(|()| compare(&mut story, client, &world, pace));
    // What is said next begins a line of its own.
    story.screen().text("")?;
    match told {
        Ok(()) => {}
        Err(End::Interrupted) => return Ok(Ended::Interrupted),
        Err(End::Failed(failure)) => return Err(failure),
    }
    if !once {
        story.screen().text(&encore(&world))?;
        let client = begin(story.tally().answers + 1)?;
        story.go_on()?;
        client.end();
    }
    drop((events, refusals));
    let mut screen = story.into_screen();
    world.end()?;
    if !once {
        screen.text("Ended; nothing is left behind.\n")?;
    }
    Ok(Ended::Well)
}

/// Holds the accounts against each other, and tells what came of it.
fn compare(story: &mut Story<'_, '_>, client: Client, world: &World, pace: Pace) -> Result<(), End> {
    if !client.end() {
        return Err(world.agent.failure("the client's last request was never answered").into());
    }
    let audit = account(story, world)?;
    let paint = story.screen().paint();
    let table = audit.table(story.tally(), paint);
    story.screen().text(&format!("\n{table}\n"))?;
    let wrong = audit.disagreements(story.tally(), pace);
    if wrong.is_empty() {
        let text = "The server's log, the API's log, the agent's status and the client agree.";
        let next = "Now with a login of yours: renewd login --help";
        let end = format!("{} {text}\n  {}\n", paint.green("✓"), paint.dim(next));
        return Ok(story.screen().text(&end)?);
    }
    let mut message = "the accounts disagree:".to_owned();
    for line in wrong {
        let _ = write!(message, "\n  {line}");
    }
    Err(Failure::new(Exit::Internal, message).into())
}

/// The accounts of one moment. The agent goes on meanwhile, and its events come a little after what they tell of.
fn account(story: &mut Story<'_, '_>, world: &World) -> Result<Audit, End> {
    for _ in 0..LOOKS_MAX {
        let audit = Audit::take(world)?;
        story.hear_of(audit.refreshes())?;
        if story.tally().generation <= audit.refreshes() {
            return Ok(audit);
        }
    }
    Err(world.agent.failure("it refreshes so often that its accounts never stand still").into())
}

fn opening(world: &World, pace: Pace, screen: &Screen<'_>) -> String {
    let p = screen.paint();
    let both = |here| format!("{} ({})", short(here), short(pace.story(here)));
    let second = short(pace.story(renewd_core::Span::from_secs(1)));
    let row = |who: &str, place: &str, text: String| {
        format!("   {}  {}  {text}\n", p.bold(format!("{who:<6}")), p.dim(format!("{place:<22}")))
    };
    [
        format!(
            "{}: an outage {} times faster than life, where 1s stands for ({second}).\n\n",
            p.bold("renewd demo"),
            pace.speed()
        ),
        row(
            "server",
            &world.server.issuer(),
            format!("tokens live {}, refresh tokens rotate", both(pace.lifetime())),
        ),
        row("api", &world.api.url(), "401 without a valid token".into()),
        row(
            "agent",
            &format!("process {}", world.agent.pid()),
            "renewd agent, with a proxy to the api".into(),
        ),
        row(
            "client",
            "this process",
            format!("a POST every {} through the proxy", both(pace.request_every())),
        ),
    ]
    .concat()
}

fn encore(world: &World) -> String {
    format!(
        "\nIt goes on: the agent keeps the token fresh, the client keeps asking. So can you:\n\n   curl {}/hello\n\n\
         Ctrl-C ends it and leaves nothing behind.\n\n",
        world.agent.proxy
    )
}

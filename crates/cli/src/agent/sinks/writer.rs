//! One token file: written before the token in it expires, taken away (or kept, as the entry says) once no valid one is
//! left, and tried again where the disk refuses.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use renewd_core::{Publication, Span, Status, Wall};
use renewd_driver::system::SystemClock;
use renewd_driver::{Clock as _, Event, Events, Keeper, TokenError, TokenRequestOptions};
use tokio::sync::watch;

use super::Ending;
use super::board::{Board, State};
use crate::agent::events::Hub;
use crate::agent::keepers::Keepers;
use crate::config::SinkEntry;
use crate::input::file::plain;
use crate::journal::What;
use crate::token_file::{Standing, Step, WholeFile, content, step};

/// An expiry, a keeper that was exchanged or an event that was missed is noticed so late at most.
const LOOK: Duration = Duration::from_secs(15);

/// Where there is nothing to wait for but a credential that is not kept yet.
const LOOK_FOR_KEEPER: Duration = Duration::from_millis(500);

/// After a failed write; doubled each time.
const PAUSE: Duration = Duration::from_millis(500);

/// And never longer.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// A token for another audience is asked for when so much of the old one's life is left to go, and no more often than
/// each quarter of a second.
const OF_LIFE: u64 = 8;
const ASK_MIN: Duration = Duration::from_millis(250);

/// How long a question for such a token waits.
const PATIENCE: Span = Span::from_secs(30);

/// Keeps one file.
pub(super) struct Writer {
    entry: SinkEntry,
    keepers: Arc<Keepers>,
    hub: Hub,
    board: Arc<Board>,
    held: Option<Standing>,
    /// What an agent before this one left is looked at once.
    inherited: bool,
    pause: Option<Duration>,
}

/// What is known of the token.
enum Newest {
    /// The last thing that was published.
    Published(Box<Publication>),
    /// A token that was asked for.
    Asked(Box<Standing>),
    /// Nothing new.
    Nothing,
    /// There is none, and the file's is over with it.
    None,
}

impl Writer {
    pub(super) fn new(entry: SinkEntry, keepers: Arc<Keepers>, hub: Hub, board: Arc<Board>) -> Self {
        Self { entry, keepers, hub, board, held: None, inherited: true, pause: None }
    }

    /// Until told to end. Gives when the token expires that the file goes on holding.
    pub(super) async fn keep(mut self, mut told: watch::Receiver<Ending>) -> Option<Wall> {
        self.board.stands(&self.entry.path, &self.entry.credential, now(), State::Waiting);
        let file = self.file();
        let _ = tokio::task::spawn_blocking(move || file.sweep()).await;
        let ended = told.clone();
        let mut ended = std::pin::pin!(over(ended));
        loop {
            let Some(keeper) = self.keepers.keeper(&self.entry.credential) else {
                // A login may bring it; what an earlier agent left is of no use meanwhile.
                self.take(Newest::None).await;
                tokio::select! {
                    () = &mut ended => break,
                    () = tokio::time::sleep(LOOK_FOR_KEEPER) => continue,
                }
            };
            tokio::select! {
                () = &mut ended => break,
                () = self.follow(&keeper) => {}
            }
        }
        let how = *told.borrow_and_update();
        self.end(how).await
    }

    async fn end(mut self, how: Ending) -> Option<Wall> {
        let clears = how == Ending::Clear && !self.entry.keeps;
        let over = self.held.as_ref().is_some_and(|held| held.left(SystemClock.now()).is_zero());
        if clears || (over && !self.entry.keeps) {
            self.take(Newest::None).await;
        }
        self.held.as_ref().map(Standing::expires)
    }

    /// Until this keeper is no longer the credential's.
    async fn follow(&mut self, keeper: &Keeper) {
        let own = self.entry.target.key().is_own();
        let mut events = keeper.subscribe();
        let mut newest = self.first(keeper, own).await;
        loop {
            self.take(newest).await;
            newest = match self.pause {
                Some(pause) => {
                    // The disk is given time; then the newest token is written, whichever it is.
                    tokio::time::sleep(pause).await;
                    self.first(keeper, own).await
                }
                None => match self.wait(&mut events, own).await {
                    Some(Newest::Nothing) => self.first(keeper, own).await,
                    Some(news) => news,
                    None => return,
                },
            };
            if !self.keepers.keeper(&self.entry.credential).is_some_and(|now| now.is_same(keeper)) {
                return;
            }
        }
    }

    /// What is to be had now.
    async fn first(&self, keeper: &Keeper, own: bool) -> Newest {
        if !own {
            return self.ask(keeper).await;
        }
        let standing = || keeper.try_token().map(|token| Box::new(Standing::from(&token.to_owned())));
        match at_hand(standing, keeper.view()).await {
            Ok(standing) => Newest::Asked(standing),
            // It is as good as the clocks say until something else is published.
            Err(_) if self.held.is_some() => Newest::Nothing,
            Err(Ok(seen)) if seen.view.status != Status::Stopped => Newest::None,
            Err(_) => Newest::Nothing,
        }
    }

    /// A token for another scope, resource or audience: one that is asked for is kept fresh by being asked for.
    async fn ask(&self, keeper: &Keeper) -> Newest {
        let options = TokenRequestOptions { timeout: Some(PATIENCE), ..TokenRequestOptions::default() };
        match keeper.token_for(&self.entry.target.key(), options).await {
            Ok(lease) => Newest::Asked(Box::new(Standing::from(&lease))),
            Err(TokenError::Unavailable(state)) if state.status == Status::Unauthenticated => Newest::None,
            Err(_) if self.held.is_none() => Newest::None,
            Err(_) => Newest::Nothing,
        }
    }

    /// Until something happens that may concern the file. Nothing where the keeper's events have ended.
    async fn wait(&self, events: &mut Events, own: bool) -> Option<Newest> {
        let now = SystemClock.now();
        let left = self.held.as_ref().map(|held| Duration::from(held.left(now)));
        let look = match left {
            // A little after its end, so that the clock says so too.
            Some(left) if own => LOOK.min(left + Duration::from_millis(2)),
            Some(left) => LOOK.min((left / OF_LIFE as u32).max(ASK_MIN)),
            None => LOOK,
        };
        let deadline = tokio::time::sleep(look);
        tokio::pin!(deadline);
        loop {
            tokio::select! {
                event = events.next() => match event {
                    None => return None,
                    Some(Event::Published(publication)) if own => {
                        return Some(Newest::Published(Box::new(publication)));
                    }
                    // The login is another, or none: so are all tokens of it.
                    Some(Event::Changed { .. }) if !own => return Some(Newest::Nothing),
                    Some(_) => {}
                },
                () = &mut deadline => return Some(Newest::Nothing),
            }
        }
    }

    /// Does what is to be done.
    async fn take(&mut self, newest: Newest) {
        let now = SystemClock.now();
        let step = match newest {
            Newest::Published(publication) => match step(self.held.as_ref(), Some(&publication), now) {
                Step::Keep if self.held.is_none() && matches!(*publication, Publication::Unavailable(_)) => {
                    Step::Remove
                }
                step => step,
            },
            Newest::Asked(standing) if self.is_new(&standing) => Step::Write(standing),
            Newest::None => Step::Remove,
            Newest::Asked(_) | Newest::Nothing => step(self.held.as_ref(), None, now),
        };
        match step {
            Step::Write(standing) => self.write(*standing).await,
            Step::Remove => self.remove().await,
            Step::Keep => {}
        }
    }

    fn is_new(&self, standing: &Standing) -> bool {
        let same = |held: &Standing| held.token.access_token.same_as(standing.token.access_token.expose());
        self.pause.is_some() || self.held.as_ref().is_none_or(|held| !same(held))
    }

    async fn write(&mut self, standing: Standing) {
        let until = standing.expires();
        let written = match content(&self.entry.credential, &standing.token, self.entry.format) {
            Err(failure) => Err(failure.message),
            Ok(bytes) => {
                let file = self.file();
                self.on_disk(move || file.write(&bytes)).await
            }
        };
        match written {
            Ok(()) => {
                // One that could not be written, or was never there, did not become the file's.
                self.held = Some(standing);
                self.inherited = false;
                self.healed();
                self.board.written(&self.entry.path, &self.entry.credential, now(), until);
            }
            Err(why) => self.failed(&why),
        }
    }

    /// No valid token is left.
    async fn remove(&mut self) {
        if self.held.is_none() && !self.inherited && self.pause.is_none() {
            return;
        }
        let file = self.file();
        if self.entry.keeps {
            let stands = self.on_disk(move || Ok(file.exists())).await == Ok(true);
            self.over(if stands { State::Stale } else { State::Waiting });
            return;
        }
        match self.on_disk(move || file.remove()).await {
            Ok(true) => {
                self.over(State::Removed);
                let path = self.shown();
                self.hub.note(Some(&self.entry.credential), What::SinkRemoved { path });
            }
            Ok(false) => self.over(if self.held.is_some() { State::Removed } else { State::Waiting }),
            Err(why) => self.failed(&why),
        }
    }

    fn over(&mut self, state: State) {
        self.healed();
        (self.held, self.inherited) = (None, false);
        self.board.stands(&self.entry.path, &self.entry.credential, now(), state);
    }

    /// Told once, however often it is tried.
    fn failed(&mut self, why: &str) {
        if self.pause.is_none() {
            let what = What::SinkFailed { path: self.shown(), message: why.to_owned() };
            self.hub.note(Some(&self.entry.credential), what);
        }
        self.pause = Some(self.pause.map_or(PAUSE, |pause| (pause * 2).min(PAUSE_MAX)));
        self.board.failed(&self.entry.path, &self.entry.credential, now(), why);
    }

    fn healed(&mut self) {
        if self.pause.take().is_some() {
            self.hub.note(Some(&self.entry.credential), What::SinkHealed { path: self.shown() });
        }
    }

    /// On a thread that may wait for a disk. Anything but done is half a sentence for people.
    async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
    ) -> Result<T, String> {
        let loose = self.entry.loose().filter(|_| !self.entry.any_folder);
        if let Some(why) = loose {
            return Err(format!("is in no safe place: {why}"));
        }
        match tokio::task::spawn_blocking(work).await {
            Ok(done) => done.map_err(|error| plain(&error)),
            Err(_) => Err("the write was given up".into()),
        }
    }

    fn file(&self) -> WholeFile {
        WholeFile::new(self.entry.path.clone(), self.entry.mode)
    }

    fn shown(&self) -> String {
        Path::display(&self.entry.path).to_string()
    }
}

fn now() -> Wall {
    SystemClock.now().wall
}

/// Ends when the writer is to end; an error means that the agent is gone altogether.
async fn over(mut told: watch::Receiver<Ending>) {
    let _ = told.wait_for(|ending| *ending != Ending::No).await;
}

/// The token of the moment, else how the credential stands. A subscription begins when the keeper comes to it, so a token
/// that it publishes just before is in no event: once it has answered, the subscription stands, and that token is seen.
async fn at_hand<T, V>(token: impl Fn() -> Option<T>, view: impl Future<Output = V>) -> Result<T, V> {
    if let Some(token) = token() {
        return Ok(token);
    }
    let seen = view.await;
    token().ok_or(seen)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::at_hand;

    #[tokio::test]
    async fn a_token_that_is_published_before_the_subscription_stands_is_seen() {
        let published = Cell::new(None);
        let view = async { published.set(Some("token")) };
        assert_eq!(at_hand(|| published.get(), view).await, Ok("token"));
    }

    #[tokio::test]
    async fn without_any_the_view_tells() {
        assert_eq!(at_hand(|| None::<()>, async { "no login" }).await, Err("no login"));
    }
}

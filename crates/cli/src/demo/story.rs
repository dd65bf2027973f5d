//! The story: four things that are done to the world, and what comes of them.
//!
//! A part does one thing, then waits until what must follow has been *heard of*. Nothing waits for a fixed time, and
//! nothing is told that did not happen: when it does not happen within a generous deadline, the demonstration fails and
//! says what was missing.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError};

use renewd_core::{Boot, Now, Span, Status, Wall};
use renewd_driver::Clock as _;
use renewd_driver::system::SystemClock;
use renewd_testkit::{ApiEntry, Fault};

use super::client::{Answer, Answered, target};
use super::news::News;
use super::pace::Pace;
use super::screen::{Dot, Mood, Screen, Who, short};
use super::tally::Tally;
use super::world::World;
use crate::exit::Failure;
use crate::journal::{Entry, What};
use crate::output::time::parse_rfc3339;

/// What a busy machine may take longer than it should.
const SLACK: Span = Span::from_secs(30);

/// Answers between two parts: enough to be seen.
const BREATH: u64 = 4;

/// Answers that are remembered, in case the API's log comes after them.
const REMEMBERED: usize = 64;

/// Why the story ended early.
pub(super) enum End {
    /// Something went wrong.
    Failed(Failure),
    /// Somebody wanted it to end.
    Interrupted,
}

impl From<Failure> for End {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// The story as far as it has come.
pub(super) struct Story<'w, 's> {
    world: &'w World,
    pace: Pace,
    news: Receiver<News>,
    screen: Screen<'s>,
    tally: Tally,
    /// When the newest token expires.
    expires: Option<Wall>,
    /// Attempts that failed since the last success.
    attempts: u64,
    /// The kind of the client's last answer.
    last: Option<Answer>,
    /// The last answers.
    answers: VecDeque<Answered>,
    /// Refused requests whose answer the client has not had yet.
    refused: Vec<ApiEntry>,
}

impl<'w, 's> Story<'w, 's> {
    pub(super) fn new(world: &'w World, pace: Pace, news: Receiver<News>, screen: Screen<'s>) -> Self {
        Self {
            world,
            pace,
            news,
            screen,
            tally: Tally::default(),
            expires: None,
            attempts: 0,
            last: None,
            answers: VecDeque::new(),
            refused: Vec::new(),
        }
    }

    /// The account so far.
    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The screen.
    pub(super) fn screen(&mut self) -> &mut Screen<'s> {
        &mut self.screen
    }

    /// The screen, when the story is over.
    pub(super) fn into_screen(self) -> Screen<'s> {
        self.screen
    }

    /// All four parts.
    ///
    /// # Errors
    /// What did not happen, or that somebody wanted it to end.
    pub(super) fn play(&mut self) -> Result<(), End> {
        self.renewal()?;
        self.revocation()?;
        self.outage()?;
        self.recovery()
    }

    fn renewal(&mut self) -> Result<(), End> {
        self.screen.title(1, "A token is renewed before it expires")?;
        self.until("a first answer", SLACK, |tally| tally.good > 0)?;
        self.expires = self.world.agent_status()?.token_expires_at.as_deref().and_then(parse_rfc3339);
        let patience = self.pace.lifetime().times(2) + SLACK;
        self.until("a refresh ahead of time", patience, |tally| tally.proactive > 0)?;
        self.breathe()
    }

    fn revocation(&mut self) -> Result<(), End> {
        self.screen.title(2, "The token is revoked, and the client does not notice")?;
        if self.world.api.revoke_current().is_none() {
            return Err(Failure::internal("the server has no access token to revoke").into());
        }
        self.screen.line(Who::Server, Mood::Bad, "revoked the access token, long before its time")?;
        self.until("a request that was refused and sent again", SLACK, |tally| {
            tally.replayed > 0 && tally.rejected > 0
        })?;
        self.breathe()
    }

    fn outage(&mut self) -> Result<(), End> {
        self.screen.title(3, "A firewall blocks the token endpoint")?;
        self.world.server.set_fault(Fault::WafBlock);
        self.screen.line(Who::Server, Mood::Bad, "every token request now gets 403 and a page of HTML")?;
        let patience = self.pace.lifetime() + self.pace.short_retry() + self.pace.interval() + SLACK;
        self.until("auth_retrying", patience, |tally| {
            tally.status.as_deref() == Some(Status::AuthRetrying.name())
        })?;
        self.until("requests that fail fast", patience, |tally| tally.failed_fast >= BREATH)?;
        let so_far = self.tally.failed_attempts;
        let patience = self.pace.interval().times(2) + SLACK;
        self.until("an attempt on the long cadence", patience, |tally| tally.failed_attempts > so_far)
    }

    fn recovery(&mut self) -> Result<(), End> {
        self.screen.title(4, "The firewall lets it through again")?;
        self.world.server.set_fault(Fault::Ok);
        self.screen.line(Who::Server, Mood::Good, "answers token requests again")?;
        let patience = self.pace.interval().times(2) + SLACK;
        self.until("the recovery", patience, |tally| {
            tally.recovered > 0 && tally.status.as_deref() == Some(Status::Running.name())
        })?;
        self.breathe()
    }

    /// A few answers in peace.
    fn breathe(&mut self) -> Result<(), End> {
        let enough = self.tally.good + BREATH;
        self.until("answers", self.pace.request_every().times(BREATH) + SLACK, |tally| tally.good >= enough)
    }

    /// Goes on until somebody wants it to end.
    ///
    /// # Errors
    /// When the agent ends, or nothing can be shown any more.
    pub(super) fn go_on(&mut self) -> Result<(), Failure> {
        loop {
            match self.until("anything", Span::from_hours(24), |_| false) {
                Err(End::Interrupted) => return self.screen.text(""),
                Err(End::Failed(failure)) => return Err(failure),
                Ok(()) => {}
            }
        }
    }

    /// Tells what comes in until the agent has told of this generation, and of everything that is there already.
    ///
    /// # Errors
    /// When it does not, or nothing can be shown any more.
    pub(super) fn hear_of(&mut self, generation: u64) -> Result<(), End> {
        while let Ok(news) = self.news.try_recv() {
            let news = self.unless_over(news)?;
            self.take(&news)?;
        }
        if self.tally.generation >= generation {
            return Ok(());
        }
        self.until("the agent's own word of its last refresh", SLACK, |tally| tally.generation >= generation)
    }

    /// Tells what comes in until `heard` says that it is enough.
    fn until(&mut self, what: &str, patience: Span, heard: impl Fn(&Tally) -> bool) -> Result<(), End> {
        let deadline = SystemClock.now().boot + patience;
        loop {
            let news = self.next(what, deadline, patience)?;
            self.take(&news)?;
            if heard(&self.tally) {
                return Ok(());
            }
        }
    }

    fn next(&mut self, what: &str, deadline: Boot, patience: Span) -> Result<News, End> {
        let left = deadline.since(SystemClock.now().boot);
        match self.news.recv_timeout(left.into()) {
            Ok(news) => self.unless_over(news),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                let why = format!("waited {} for {what}, and it did not come", short(patience));
                Err(self.world.agent.failure(&why).into())
            }
        }
    }

    fn unless_over(&self, news: News) -> Result<News, End> {
        match news {
            News::Interrupted => Err(End::Interrupted),
            News::AgentGone => Err(self.world.agent.failure("it ended").into()),
            news => Ok(news),
        }
    }

    fn take(&mut self, news: &News) -> Result<(), Failure> {
        self.tally.count(news);
        match news {
            News::Agent(entry) => self.agent(entry),
            News::Client(answered) => self.client(answered),
            News::Refused(entry) => self.refusal(entry),
            News::AgentGone | News::Interrupted => Ok(()),
        }
    }

    fn agent(&mut self, entry: &Entry) -> Result<(), Failure> {
        let now = SystemClock.now();
        let (mood, text) = match &entry.what {
            What::Refreshed { reason, expires_at, .. } => {
                self.attempts = 0;
                let before = self.expires.map_or(Span::ZERO, |at| at.since(now.wall));
                self.expires = parse_rfc3339(expires_at);
                let ahead = reason == "proactive" && before.as_secs() > 0;
                let ahead = if ahead {
                    // The event's time is cut to whole seconds.
                    let about = Span::from_secs(before.as_secs_ceil());
                    format!(", {} before the old one ends", self.both(about))
                } else {
                    String::new()
                };
                (Mood::Good, format!("token refreshed ({reason}){ahead}"))
            }
            What::AttemptFailed { evidence, .. } => {
                self.attempts += 1;
                let retrying = self.tally.status.as_deref() == Some(Status::AuthRetrying.name());
                if self.attempts > 1 && !retrying {
                    // The short retry's are counted, and told with what comes of them.
                    return Ok(());
                }
                // Its first words: the rest is for `renewd history`.
                let evidence = evidence.split(" (").next().unwrap_or_default();
                (Mood::Warn, format!("refresh failed: {evidence} (attempt {})", self.attempts))
            }
            What::Status { to, cause, .. } => self.status(to, cause.as_deref()),
            What::Recovered { after_s, attempts } => {
                let after = Span::from_secs(*after_s);
                (Mood::Good, format!("recovered after {}, {attempts} attempts", self.both(after)))
            }
            other => (Mood::Warn, other.sentence_at(now.wall)),
        };
        self.screen.line(Who::Agent, mood, &text)
    }

    fn status(&self, to: &str, cause: Option<&str>) -> (Mood, String) {
        let because = cause.map_or(String::new(), |c| format!(" ({c})"));
        if to != Status::AuthRetrying.name() {
            let mood = if to == Status::Running.name() { Mood::Running } else { Mood::Bad };
            return (mood, format!("{to}{because}"));
        }
        let wait = self.world.agent_status().ok().and_then(|s| s.retry_after_s);
        let next = wait.map_or(String::new(), |s| format!(", next in {}", self.both(Span::from_secs(s))));
        (Mood::Retrying, format!("{to}{because} after {} attempts{next}", self.attempts))
    }

    fn client(&mut self, answered: &Answered) -> Result<(), Failure> {
        if self.answers.len() == REMEMBERED {
            self.answers.pop_front();
        }
        self.answers.push_back(answered.clone());
        let before = self.last.replace(answered.answer.clone());
        if self.replayed(answered)? {
            return Ok(());
        }
        let took = short(answered.took);
        match (&answered.answer, before) {
            (Answer::Good, Some(Answer::Good)) => self.screen.dot(Dot::Good, &self.token_left()),
            (Answer::Good, None) => self.screen.line(
                Who::Client,
                Mood::Good,
                "200: the proxy adds a token that the client never sees",
            ),
            (Answer::Good, Some(_)) => {
                let text = "200 again: nobody logged in, nothing was restarted";
                self.screen.line(Who::Client, Mood::Good, text)
            }
            (Answer::FailedFast { .. }, Some(Answer::FailedFast { .. })) => {
                self.screen.dot(Dot::FailedFast, "no valid token is left")
            }
            (Answer::FailedFast { retry_after_s }, _) => {
                let text = format!("503 after {took}, Retry-After: {retry_after_s}");
                self.screen.line(Who::Client, Mood::Warn, &text)
            }
            (Answer::Bad(words), _) => {
                self.screen.line(Who::Client, Mood::Bad, &format!("{words} after {took}"))
            }
        }
    }

    fn refusal(&mut self, entry: &ApiEntry) -> Result<(), Failure> {
        let why = entry.token.map_or("there is none", |t| t.name());
        let text = format!("{} {}: 401, the token is {why}", entry.method, entry.target);
        self.screen.line(Who::Api, Mood::Bad, &text)?;
        self.refused.push(entry.clone());
        // Its answer may have come in before this did.
        let known = self.answers.iter().find(|a| target(a.number) == entry.target).cloned();
        known.map_or(Ok(()), |answered| self.replayed(&answered).map(drop))
    }

    /// Tells of a request that the API refused and then accepted, once both sides are known.
    fn replayed(&mut self, answered: &Answered) -> Result<bool, Failure> {
        let target = target(answered.number);
        let Some(at) = self.refused.iter().position(|r| r.target == target) else { return Ok(false) };
        let refused = self.refused.swap_remove(at);
        let log = self.world.api.log();
        let again = log.iter().rev().find(|e| e.target == target && e.number > refused.number);
        let Some(again) = again.filter(|e| e.status == 200) else { return Ok(false) };
        let whole = (again.body_bytes, again.checksum) == (refused.body_bytes, refused.checksum);
        let body = if whole { "the same" } else { "NOT the same" };
        let text =
            format!("{} {target}: 200, sent again with {body} {} bytes", again.method, again.body_bytes);
        self.screen.line(Who::Api, if whole { Mood::Good } else { Mood::Bad }, &text)?;
        if answered.answer == Answer::Good && whole {
            self.tally.replayed += 1;
            let text = format!("200 after {}: it saw no 401", short(answered.took));
            self.screen.line(Who::Client, Mood::Good, &text)?;
        }
        Ok(true)
    }

    fn token_left(&self) -> String {
        let Now { wall, .. } = SystemClock.now();
        match self.expires.map(|at| at.since(wall)) {
            Some(left) if !left.is_zero() => {
                format!("token: {} left", short(Span::from_secs(left.as_secs_ceil())))
            }
            _ => String::new(),
        }
    }

    /// A span here, and in the story.
    fn both(&self, here: Span) -> String {
        format!("{} ({})", short(here), short(self.pace.story(here)))
    }
}

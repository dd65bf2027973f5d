//! What one process has open: the configuration, and the credentials that it keeps itself.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use renewd_blocking::{BlockingKeeper, Renewd, block_on};
use renewd_core::{Record, Span};
use renewd_driver::{CredentialName, CredentialStore, Lease, Rejection, TokenError, TokenRequestOptions};
use renewd_signer::KeySigner;
use renewd_ureq::UreqOptions;

use super::Options;
use super::token::{Asked, Renewal, Token};
use crate::agent_client::Asked as Answered;
use crate::app::App;
use crate::cli::Global;
use crate::config::Config;
use crate::credential::{
    Access, OpenStore, Secrets, check_transport, endpoint, glance, refuse_unrenewable, seed, setup, transport,
};
use crate::environment::Environment;
use crate::exit::{Exit, Failure};
use crate::journal::{JournalFolder, Scribe};
use crate::logging::LogFormat;
use crate::obtain::{Obtained, TIMEOUT, agent, open_for, refuse_unknown};
use crate::output::ColourChoice;
use crate::transact::{Heard, all_saved, explained};

/// What is open.
pub(super) struct Here {
    config: Arc<Config>,
    env: Environment,
    kept: RwLock<BTreeMap<CredentialName, Kept>>,
    /// What keeping takes; made when the first credential is kept.
    means: Mutex<Means>,
    ended: AtomicBool,
}

#[derive(Clone)]
struct Kept {
    keeper: BlockingKeeper,
    /// The login that the keeper was set up for.
    epoch: u64,
}

#[derive(Default)]
struct Means {
    store: Option<Arc<OpenStore>>,
    journal: Option<Scribe>,
    /// By the way their credentials reach their servers.
    loops: HashMap<UreqOptions, Renewd>,
}

impl Here {
    pub(super) fn open(options: &Options) -> Result<Self, Failure> {
        let env = Environment::capture();
        let config = app(options, &env).config()?;
        // Nobody sits before a library.
        let config = Arc::new((*config).clone().with_access(Arc::new(Access::new(false))));
        Ok(Self {
            config,
            env,
            kept: RwLock::default(),
            means: Mutex::default(),
            ended: AtomicBool::new(false),
        })
    }

    pub(super) fn keep(&self, name: &CredentialName) -> Result<(), Failure> {
        if self.kept(name).is_some() || agent(&self.config, name).is_some() {
            return Ok(());
        }
        self.local(name).map(drop)
    }

    pub(super) fn at_hand(&self, asked: &Asked) -> Option<Token> {
        let kept = self.kept(&asked.name).filter(|_| asked.key.is_own())?;
        let lease = kept.keeper.try_token()?.to_owned();
        let lives = |obtained: &Obtained| {
            let now = renewd_driver::Clock::now(&renewd_driver::system::SystemClock);
            obtained.remaining(now).is_none_or(|left| left >= asked.min_validity)
        };
        let obtained = Some(Obtained::from(&lease)).filter(lives)?;
        Token::of(&asked.name, obtained).ok()
    }

    pub(super) fn token(&self, asked: &Asked) -> Result<Token, Failure> {
        let begun = boot();
        let timeout = self.timeout(asked);
        if self.kept(&asked.name).is_none()
            && let Some(agent) = agent(&self.config, &asked.name)
        {
            match agent.token(&asked.name, &asked.target, asked.min_validity, timeout) {
                Answered::Answer(document) => return Token::of(&asked.name, Obtained::from(document)),
                Answered::Refused(failure) => return Err(failure),
                Answered::Silent(why) => tracing::debug!(name = %asked.name, why, "the agent fell silent"),
            }
        }
        let kept = self.local(&asked.name)?;
        self.follow(&asked.name, &kept)?;
        let options =
            TokenRequestOptions { min_validity: asked.min_validity, timeout: Some(left(timeout, begun)) };
        let lease = kept.keeper.token_for(&asked.key, options);
        let lease = lease.map_err(|error| self.failed(&asked.name, &kept, error))?;
        Token::of(&asked.name, Obtained::from(&lease))
    }

    pub(super) fn rejected(&self, asked: &Asked, epoch: u64, generation: u64) -> Result<Renewal, Failure> {
        let begun = boot();
        let timeout = self.timeout(asked);
        let renewed = |obtained| Token::of(&asked.name, obtained).map(Renewal::Renewed);
        if self.kept(&asked.name).is_none()
            && let Some(agent) = agent(&self.config, &asked.name)
        {
            match agent.rejected(&asked.name, &asked.target, (epoch, generation), timeout) {
                Answered::Answer(Some(document)) => return renewed(Obtained::from(document)),
                Answered::Answer(None) => return Ok(Renewal::Passed),
                Answered::Refused(failure) => return Err(failure),
                Answered::Silent(why) => tracing::debug!(name = %asked.name, why, "the agent fell silent"),
            }
        }
        let kept = self.local(&asked.name)?;
        match kept.keeper.rejected_for(&asked.key, epoch, generation, left(timeout, begun)) {
            Ok(Rejection::Renewed(lease)) => renewed(Obtained::from(&lease)),
            Ok(Rejection::Passed) => Ok(Renewal::Passed),
            Err(error) => Err(self.failed(&asked.name, &kept, error)),
        }
    }

    pub(super) fn refresh(&self, asked: &Asked) -> Result<(), Failure> {
        let begun = boot();
        let timeout = self.timeout(asked);
        if self.kept(&asked.name).is_none()
            && let Some(agent) = agent(&self.config, &asked.name)
        {
            match agent.refresh(&asked.name, timeout) {
                Answered::Answer(_) => return Ok(()),
                Answered::Refused(failure) => return Err(failure),
                Answered::Silent(why) => tracing::debug!(name = %asked.name, why, "the agent fell silent"),
            }
        }
        let kept = self.local(&asked.name)?;
        refuse_unrenewable(&asked.name, self.record(&asked.name)?.as_ref())?;
        self.follow(&asked.name, &kept)?;
        let refreshed: Result<Lease, TokenError> = kept.keeper.refresh(left(timeout, begun));
        refreshed.map(drop).map_err(|error| self.failed(&asked.name, &kept, error))
    }

    pub(super) fn status(&self, options: &Options, name: Option<CredentialName>) -> Result<String, Failure> {
        let document = crate::commands::status::document(name, &app(options, &self.env))?;
        Ok(super::text(&document))
    }

    /// Finishes what is under way. Whoever asks afterwards is told that it is over.
    pub(super) fn end(&self) -> Result<(), Failure> {
        let mut means = self.means.lock().unwrap_or_else(PoisonError::into_inner);
        self.ended.store(true, Ordering::Release);
        self.kept.write().unwrap_or_else(PoisonError::into_inner).clear();
        // All begin at once; then each is waited for.
        let begun: Vec<_> = means.loops.values().map(|renewd| renewd.handle().shutdown()).collect();
        let mut saved = Ok(());
        for end in begun {
            saved = all_saved(block_on(end)).and(saved);
        }
        means.loops.drain().for_each(|(_, renewd)| drop(renewd.shutdown()));
        if let Some(journal) = means.journal.take() {
            journal.end();
        }
        means.store = None;
        saved
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    fn timeout(&self, asked: &Asked) -> Span {
        let configured = || self.config.span("", "demand_timeout", Some(&asked.name));
        asked.timeout.or_else(configured).unwrap_or(TIMEOUT)
    }

    fn kept(&self, name: &CredentialName) -> Option<Kept> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// The credential, kept here.
    fn local(&self, name: &CredentialName) -> Result<Kept, Failure> {
        if let Some(kept) = self.kept(name) {
            return Ok(kept);
        }
        let mut means = self.means.lock().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have been here meanwhile.
        if let Some(kept) = self.kept(name) {
            return Ok(kept);
        }
        if self.has_ended() {
            return Err(closed());
        }
        let store = match &means.store {
            Some(store) => {
                seed(&self.config, store.port.as_ref(), name)?;
                Arc::clone(store)
            }
            None => Arc::clone(means.store.insert(Arc::new(open_for(&self.config, name)?))),
        };
        let glance = glance(&self.config, store.port.as_ref(), name)?;
        refuse_unknown(&self.config, &store, name, &glance)?;
        let record = glance.record.as_ref();
        let setup = setup(&self.config, name, record, Secrets::Read)?;
        check_transport(&self.config, name)?;
        let keeper = self.way(&mut means, &store.port, name)?.keep(name.clone(), setup);
        let kept = Kept { keeper, epoch: record.map_or(0, |record| record.epoch) };
        self.kept.write().unwrap_or_else(PoisonError::into_inner).insert(name.clone(), kept.clone());
        Ok(kept)
    }

    /// The loop of all credentials that reach their servers as this one does.
    fn way<'m>(
        &self,
        means: &'m mut Means,
        store: &Arc<dyn CredentialStore>,
        name: &CredentialName,
    ) -> Result<&'m Renewd, Failure> {
        let no_thread = |error| Failure::internal(format!("no thread can be started: {error}"));
        let way = transport(&self.config, name);
        if !means.loops.contains_key(&way) {
            let journal = match &means.journal {
                Some(journal) => journal.clone(),
                None => {
                    let folder = JournalFolder::new(self.config.places().state()?);
                    let journal = Scribe::begin(vec![Box::new(folder)]).map_err(no_thread)?;
                    means.journal.insert(journal).clone()
                }
            };
            let renewd = Renewd::builder(
                crate::test_points::endpoint(Arc::new(endpoint(&self.config, name))),
                Arc::clone(store),
            )
            .signer(Arc::new(KeySigner::new()))
            .observer(Arc::new(Heard(journal)))
            .spawn()
            .map_err(no_thread)?;
            means.loops.insert(way.clone(), renewd);
        }
        means.loops.get(&way).ok_or_else(|| Failure::internal("the loop is gone"))
    }

    /// Where no token is at hand somebody may have logged in anew, as another client: its secret holds from then on.
    fn follow(&self, name: &CredentialName, kept: &Kept) -> Result<(), Failure> {
        if kept.keeper.try_token().is_some() {
            return Ok(());
        }
        let Some(record) = self.record(name)? else { return Ok(()) };
        if record.epoch != kept.epoch {
            kept.keeper.policy_changed(setup(&self.config, name, Some(&record), Secrets::Read)?);
            if let Some(kept) = self.kept.write().unwrap_or_else(PoisonError::into_inner).get_mut(name) {
                kept.epoch = record.epoch;
            }
        }
        Ok(())
    }

    fn record(&self, name: &CredentialName) -> Result<Option<Record>, Failure> {
        let store = self.means.lock().unwrap_or_else(PoisonError::into_inner).store.clone();
        match store {
            Some(store) => Ok(glance(&self.config, store.port.as_ref(), name)?.record),
            None => Ok(None),
        }
    }

    /// Why there is no token. One that needs a login is let go: the next call begins with what stands then, and asks an
    /// agent that was started meanwhile.
    fn failed(&self, name: &CredentialName, kept: &Kept, error: TokenError) -> Failure {
        if self.has_ended() {
            return closed();
        }
        let failure = explained(kept.keeper.keeper(), error);
        if failure.exit == Exit::LoginNeeded {
            self.kept.write().unwrap_or_else(PoisonError::into_inner).remove(name);
            let means = self.means.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(renewd) = means.loops.get(&transport(&self.config, name)) {
                drop(renewd.handle().remove(name));
            }
        }
        failure
    }
}

/// What everybody is told once it is over.
pub(super) fn closed() -> Failure {
    Failure::usage("the session is closed")
}

fn app(options: &Options, env: &Environment) -> App {
    let global = Global {
        config: options.config.clone(),
        state_dir: options.state_dir.clone(),
        profile_file: Vec::new(),
        passphrase_fd: None,
        log: None,
        log_format: LogFormat::Text,
        color: ColourChoice::Never,
        quiet: true,
    };
    App::new(global, env.clone(), false)
}

fn boot() -> renewd_core::Boot {
    renewd_driver::Clock::now(&renewd_driver::system::SystemClock).boot
}

fn left(timeout: Span, begun: renewd_core::Boot) -> Span {
    timeout.saturating_sub(boot().since(begun))
}

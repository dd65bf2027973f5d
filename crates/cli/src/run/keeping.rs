//! The credential, kept for the life of the child: the driver with its journal and its lines on stderr, and what it
//! publishes.

use std::sync::Arc;
use std::time::Duration;

use renewd_core::{Now, Publication};
use renewd_driver::system::SystemClock;
use renewd_driver::{CredentialName, Event, Lease, Observer, TokenError, TokenRequestOptions};
use renewd_signer::KeySigner;
use renewd_tokio::{Keeper, Renewd};
use renewd_ureq::{UreqEndpoint, Workers};
use tokio::sync::watch;

use crate::app::App;
use crate::config::Config;
use crate::credential::{Secrets, glance, setup, transport};
use crate::exit::Failure;
use crate::hooks::Hooks;
use crate::journal::{JournalFolder, LineFormat, Lines, Scribe, Sink};
use crate::logging::LogFormat;
use crate::obtain::{TIMEOUT, open_for, refuse_unknown};
use crate::test_points;
use crate::transact::{all_saved, failure, in_the_middle};

/// An end that takes longer than this is explained: the child is gone and nobody would know what is waited for.
const UNEXPLAINED_MAX: Duration = Duration::from_secs(2);

/// A kept credential.
pub(super) struct Kept {
    renewd: Renewd,
    keeper: Keeper,
    scribe: Scribe,
    hooks: Hooks,
    published: watch::Receiver<Option<Publication>>,
}

/// Passes on what is published; the rest goes to the scribe.
struct Hearing {
    scribe: Scribe,
    published: watch::Sender<Option<Publication>>,
}

impl Observer for Hearing {
    fn observe(&self, name: &CredentialName, now: Now, event: &Event) {
        if let Event::Published(publication) = event {
            // Only the newest matters; a reader that is slow misses nothing but what is superseded.
            self.published.send_replace(Some(publication.clone()));
        }
        self.scribe.observe(name, now, event);
    }
}

impl Kept {
    /// Begins to keep.
    ///
    /// # Errors
    /// An unknown name, a configuration or a store failure.
    pub(super) fn begin(app: &App, config: &Config, name: &CredentialName) -> Result<Self, Failure> {
        let store = open_for(config, name)?;
        let glance = glance(config, store.port.as_ref(), name)?;
        refuse_unknown(config, &store, name, &glance)?;
        let setup = setup(config, name, glance.record.as_ref(), Secrets::Read)?;
        let endpoint = UreqEndpoint::new(transport(config, name), Workers::default(), Arc::new(SystemClock));
        endpoint.check().map_err(|e| Failure::configuration(e.to_string()).about(name))?;
        let no_thread = |e| Failure::internal(format!("no thread can be started: {e}"));
        let hooks = Hooks::begin(config, &app.env, config.places().state()?).map_err(no_thread)?;
        let scribe = Scribe::begin(sinks(app, config, &hooks)?).map_err(no_thread)?;
        let (sender, published) = watch::channel(None);
        let hearing = Hearing { scribe: scribe.clone(), published: sender };
        let renewd = Renewd::builder(test_points::endpoint(Arc::new(endpoint)), store.port)
            .signer(Arc::new(KeySigner::new()))
            .observer(Arc::new(hearing))
            .spawn_thread()
            .map_err(no_thread)?;
        let keeper = renewd.keep(name.clone(), setup);
        Ok(Self { renewd, keeper, scribe, hooks, published })
    }

    /// What callers get, from now on.
    pub(super) fn published(&self) -> watch::Receiver<Option<Publication>> {
        self.published.clone()
    }

    /// Which one.
    pub(super) fn name(&self) -> &CredentialName {
        self.keeper.name()
    }

    /// For a proxy.
    pub(super) fn keeper(&self) -> Keeper {
        self.keeper.clone()
    }

    /// A token to begin with.
    ///
    /// # Errors
    /// Why there is none: exit 3 or 4, or 124 when an answer did not come in time.
    pub(super) async fn first_token(&self, config: &Config) -> Result<Lease, Failure> {
        let name = self.keeper.name();
        let patience = config.span("", "demand_timeout", Some(name)).unwrap_or(TIMEOUT);
        let options = TokenRequestOptions { timeout: Some(patience), ..TokenRequestOptions::default() };
        match self.keeper.token_with(options).await {
            Ok(lease) => Ok(lease),
            Err(error) => Err(self.why(error).await),
        }
    }

    async fn why(&self, error: TokenError) -> Failure {
        let under_way = self.keeper.view().await.is_ok_and(|seen| in_the_middle(seen.view.phase));
        failure(error, under_way)
    }

    /// Finishes what is under way and saves it.
    ///
    /// # Errors
    /// Exit 5 when new tokens could not be saved; it names what is lost.
    pub(super) async fn end(self, app: &App) -> Result<(), Failure> {
        let name = self.keeper.name().clone();
        drop(self.keeper);
        let mut ending = std::pin::pin!(self.renewd.shutdown());
        let drained = tokio::select! {
            drained = ending.as_mut() => drained,
            () = tokio::time::sleep(UNEXPLAINED_MAX) => {
                app.output.note(&format!(
                    "renewd: {name}: waiting until a refresh that is under way has ended and is saved"
                ));
                ending.await
            }
        };
        self.scribe.end();
        self.hooks.end();
        all_saved(drained)
    }
}

fn sinks(app: &App, config: &Config, hooks: &Hooks) -> Result<Vec<Box<dyn Sink>>, Failure> {
    let mut sinks: Vec<Box<dyn Sink>> =
        vec![Box::new(JournalFolder::new(config.places().state()?)), hooks.sink()];
    if !app.output.is_quiet() {
        let format = match app.global.log_format {
            LogFormat::Text => LineFormat::Text,
            LogFormat::Json => LineFormat::Json,
        };
        sinks.push(Box::new(Lines::new(format, app.output.err)));
    }
    Ok(sinks)
}

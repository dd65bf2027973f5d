//! What every command works with: flags, environment, places, configuration, output. Each is made when it is first
//! needed, so that `completions` does not fail over a broken configuration.

use std::cell::OnceCell;
use std::sync::Arc;

use renewd_core::{Now, Profile};
use renewd_driver::Clock as _;
use renewd_driver::system::SystemClock;

use crate::cli::Global;
use crate::config::{Config, Places, Value};
use crate::credential::Access;
use crate::environment::Environment;
use crate::exit::Failure;
use crate::input::terminal::person_is_here;
use crate::logging;
use crate::output::Output;

/// What a command works with.
pub(crate) struct App {
    pub(crate) global: Global,
    pub(crate) env: Environment,
    pub(crate) output: Output,
    /// The command is one before which somebody may be asked for something.
    may_ask: bool,
    /// The command is a helper, which must answer soon.
    helper: bool,
    config: OnceCell<Arc<Config>>,
}

impl App {
    /// By the flags and the environment. Begins to log.
    pub(crate) fn new(global: Global, env: Environment, may_ask: bool) -> Self {
        let output = Output::new(global.color, global.quiet, &env);
        if let Some(level) = global.log {
            logging::begin(level, global.log_format, output.err.is_on());
        }
        Self { global, env, output, may_ask, helper: false, config: OnceCell::new() }
    }

    /// The same for a helper, or not.
    #[must_use]
    pub(crate) fn of_helper(self, helper: bool) -> Self {
        Self { helper, ..self }
    }

    /// Where things stand.
    ///
    /// # Errors
    /// When a relative flag cannot be resolved.
    pub(crate) fn places(&self) -> Result<Places, Failure> {
        Places::find(&self.env, self.global.config.as_deref(), self.global.state_dir.as_deref())?
            .with_profile_files(&self.global.profile_file)
    }

    /// The configuration. Read once; what is wrong in the environment is said once.
    ///
    /// # Errors
    /// A configuration failure.
    pub(crate) fn config(&self) -> Result<Arc<Config>, Failure> {
        if let Some(config) = self.config.get() {
            return Ok(Arc::clone(config));
        }
        let mut config = Config::load(&self.places()?, &self.env)?;
        if let Some(fd) = self.global.passphrase_fd {
            let fd = Value::Number(fd.into());
            config = config.with_flag("store", "passphrase_fd", fd, "--passphrase-fd");
        }
        let access = Access::new(self.may_ask && person_is_here()).of_helper(self.helper);
        let config = Arc::new(config.with_access(Arc::new(access)));
        for warning in &config.warnings {
            self.output.warn(warning);
        }
        Ok(Arc::clone(self.config.get_or_init(|| config)))
    }

    /// The provider profile that a flag of this call names: the user's own before a built-in.
    ///
    /// # Errors
    /// A usage failure where nobody has that name; a configuration failure.
    pub(crate) fn profile(&self, name: &str) -> Result<Profile, Failure> {
        let config = self.config()?;
        match config.profiles().named(name) {
            Some(known) => Ok(known.profile.clone()),
            None => {
                let (message, advice) = config.profiles().unknown(name);
                Err(Failure::usage(message).advise(advice))
            }
        }
    }

    /// Both clocks, now.
    pub(crate) fn now(&self) -> Now {
        SystemClock.now()
    }
}

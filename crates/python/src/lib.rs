//! The native part of the Python package `renewd`, over [`renewd_command::embed`].
//!
//! It is as small as it can be: what Python can say itself (names of exceptions, asyncio, HTTP clients) stands in
//! `python/renewd`. Whatever may wait does so without the interpreter's lock. No call panics into Python, where the
//! message of a panic would be shown: each is caught and becomes an `InternalError` that repeats nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use renewd_command::embed::{self, Renewal, Wanted};

/// Longest time that Python may name, in seconds: a century. More is a mistake, and would not fit.
const SECONDS_MAX: f64 = 3.2e9;

/// The native part of the package; not to be used directly.
#[pymodule]
mod _renewd {
    #[pymodule_export]
    use super::{Session, Token};

    #[pymodule_init]
    fn init(module: &pyo3::Bound<'_, pyo3::types::PyModule>) -> pyo3::PyResult<()> {
        use pyo3::types::PyModuleMethods as _;
        renewd_command::embed::quiet_panics();
        module.add("VERSION", renewd_command::embed::VERSION)
    }
}

/// A program's view of its user's credentials.
#[pyclass(frozen, module = "renewd._renewd")]
struct Session {
    session: embed::Session,
}

/// A valid token.
#[pyclass(frozen, module = "renewd")]
struct Token {
    credential: String,
    token: embed::Token,
}

/// What is asked for, as Python says it: name, scope, resource, audience, min_validity and timeout in seconds.
type Asked = (String, Option<String>, Option<String>, Option<String>, f64, Option<f64>);

fn wanted((name, scope, resource, audience, min_validity, timeout): Asked) -> PyResult<Wanted> {
    let mut wanted = Wanted::new(name);
    (wanted.scope, wanted.resource, wanted.audience) = (scope, resource, audience);
    wanted.min_validity = duration("min_validity", min_validity)?;
    wanted.timeout = timeout.map(|seconds| duration("timeout", seconds)).transpose()?;
    Ok(wanted)
}

fn duration(what: &str, seconds: f64) -> PyResult<Duration> {
    if !(0.0..=SECONDS_MAX).contains(&seconds) {
        return Err(PyValueError::new_err(format!("{what} is a number of seconds, 0 or more")));
    }
    // Rounded up: what is not zero stays so.
    Ok(Duration::from_millis((seconds * 1000.0).ceil() as u64))
}

#[pymethods]
impl Session {
    /// Opens a session.
    #[new]
    #[pyo3(signature = (config=None, state_dir=None))]
    fn new(py: Python<'_>, config: Option<PathBuf>, state_dir: Option<PathBuf>) -> PyResult<Self> {
        let mut options = embed::Options::default();
        (options.config, options.state_dir) = (config, state_dir);
        let session = py.detach(|| caught(|| embed::Session::open(options)));
        Ok(Self { session: session.map_err(|error| raised(py, &error))? })
    }

    /// Begins to keep a credential.
    fn keep(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        self.ask(py, |session| session.keep(name))
    }

    /// A valid token.
    fn token(&self, py: Python<'_>, asked: Asked) -> PyResult<Token> {
        let wanted = wanted(asked)?;
        let token = self.ask(py, |session| session.token(&wanted))?;
        Ok(Token { credential: wanted.name, token })
    }

    /// The token that this process has in its memory, if it is valid. Waits for nothing.
    fn at_hand(&self, asked: Asked) -> PyResult<Option<Token>> {
        let wanted = wanted(asked)?;
        let call = AssertUnwindSafe(|| self.session.at_hand(&wanted));
        let token = catch_unwind(call).unwrap_or_default();
        Ok(token.map(|token| Token { credential: wanted.name, token }))
    }

    /// A newer token than the one of this epoch and generation, or None where the 401 is to be passed on.
    fn rejected(&self, py: Python<'_>, asked: Asked, epoch: u64, generation: u64) -> PyResult<Option<Token>> {
        let wanted = wanted(asked)?;
        match self.ask(py, |session| session.rejected(&wanted, epoch, generation))? {
            Renewal::Renewed(token) => Ok(Some(Token { credential: wanted.name, token })),
            Renewal::Passed => Ok(None),
        }
    }

    /// One refresh now.
    fn refresh(&self, py: Python<'_>, asked: Asked) -> PyResult<()> {
        let wanted = wanted(asked)?;
        self.ask(py, |session| session.refresh(&wanted))
    }

    /// What `renewd status --json` prints.
    #[pyo3(signature = (name=None))]
    fn status(&self, py: Python<'_>, name: Option<&str>) -> PyResult<String> {
        self.ask(py, |session| session.status(name))
    }

    /// Finishes what is under way.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.ask(py, embed::Session::close)
    }
}

impl Session {
    /// Asks without the interpreter's lock.
    fn ask<T: Send>(
        &self,
        py: Python<'_>,
        question: impl FnOnce(&embed::Session) -> Result<T, embed::Error> + Send,
    ) -> PyResult<T> {
        let answer = py.detach(|| caught(|| question(&self.session)));
        answer.map_err(|error| raised(py, &error))
    }
}

#[pymethods]
impl Token {
    /// The credential's name.
    #[getter]
    fn credential(&self) -> &str {
        &self.credential
    }

    /// The token.
    #[getter]
    fn access_token(&self) -> &str {
        self.token.access_token()
    }

    /// The value of an Authorization header with it.
    #[getter]
    fn authorization(&self) -> &str {
        self.token.authorization()
    }

    /// Its type, as the server wrote it.
    #[getter]
    fn token_type(&self) -> &str {
        self.token.token_type()
    }

    /// Its scope, where the server said one.
    #[getter]
    fn scope(&self) -> Option<&str> {
        self.token.scope()
    }

    /// When it expires, in UTC, where known.
    #[getter]
    fn expires_at<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(at) = self.token.expires_at_ms() else { return Ok(None) };
        let datetime = py.import("datetime")?;
        let utc = datetime.getattr("timezone")?.getattr("utc")?;
        datetime.getattr("datetime")?.call_method1("fromtimestamp", (at as f64 / 1000.0, utc)).map(Some)
    }

    /// Which login it is of.
    #[getter]
    fn epoch(&self) -> u64 {
        self.token.version().0
    }

    /// Which of that login's tokens it is.
    #[getter]
    fn generation(&self) -> u64 {
        self.token.version().1
    }

    /// Whether it lives shorter than was asked for.
    #[getter]
    fn short(&self) -> bool {
        self.token.short()
    }

    /// Without the token.
    fn __repr__(&self) -> String {
        let (epoch, generation) = self.token.version();
        format!("<renewd.Token of {}, epoch {epoch}, generation {generation}>", self.credential)
    }
}

/// A panic as an error like another.
fn caught<T>(call: impl FnOnce() -> Result<T, embed::Error>) -> Result<T, Failed> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(answer) => answer.map_err(|error| Failed::Known(Box::new(error))),
        Err(_) => Err(Failed::Bug),
    }
}

/// Why a call was not answered.
enum Failed {
    Known(Box<embed::Error>),
    /// It panicked.
    Bug,
}

/// The package's own exception for it.
fn raised(py: Python<'_>, failed: &Failed) -> PyErr {
    let made = || -> PyResult<PyErr> {
        let make = py.import("renewd._errors")?.getattr("_of")?;
        let exception = match failed {
            Failed::Known(e) => make.call1((
                e.exit,
                &e.code,
                &e.message,
                e.advice.as_deref(),
                e.about.credential.as_deref(),
                e.about.cause.as_deref(),
                e.about.retry_after_s,
                e.about.next_attempt_at.as_deref(),
                e.about.login_command.as_deref(),
            )),
            Failed::Bug => {
                make.call1((1, "internal", "a bug in renewd; nothing was lost that was saved before"))
            }
        };
        Ok(PyErr::from_value(exception?))
    };
    made().unwrap_or_else(|error| error)
}

//! Where there are no Unix sockets there is no agent: everything is done here.

use std::path::Path;

use renewd_core::Span;
use zeroize::Zeroizing;

use super::NoAgent;

/// Status and body.
pub(super) type Answered = (u16, Zeroizing<Vec<u8>>);

/// None was started.
pub(super) fn check_owner(_socket: &Path) -> Result<(), NoAgent> {
    Err(NoAgent::Absent)
}

/// What came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(dead_code, reason = "nothing comes here")]
pub(crate) enum Heard {
    /// Something happened.
    News,
    /// Nothing within the time.
    Nothing,
    /// There is no agent.
    End,
}

/// There are no events.
pub(crate) struct Listening(());

impl Listening {
    /// None.
    ///
    /// # Errors
    /// Always.
    pub(super) fn begin(_socket: &Path) -> std::io::Result<Self> {
        Err(std::io::ErrorKind::Unsupported.into())
    }

    /// Nothing comes.
    pub(crate) fn hear(&mut self, _within: std::time::Duration) -> Heard {
        let Self(()) = self;
        Heard::End
    }
}

/// Nothing can be sent.
///
/// # Errors
/// Always; half a sentence for people.
pub(super) fn exchange(
    _socket: &Path,
    _method: &str,
    _path: &str,
    _body: &[u8],
    _within: Span,
) -> Result<Answered, String> {
    Err("there are no agent sockets on this system".into())
}

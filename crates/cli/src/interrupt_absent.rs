//! Where there are no Unix signals, Ctrl-C ends a command as the system does it.

use std::io;

/// Hears nothing.
pub(crate) struct Interrupts;

impl Interrupts {
    /// Listens to nothing.
    ///
    /// # Errors
    /// None; where there are signals there are some.
    pub(crate) fn begin() -> io::Result<Self> {
        Ok(Self)
    }

    /// Never ends.
    pub(crate) async fn first(&self) {
        std::future::pending().await
    }

    /// None came.
    pub(crate) fn came(&self) -> bool {
        false
    }

    /// There are none.
    pub(crate) fn have_their_way(&self) {}
}

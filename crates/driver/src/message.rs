//! What handles and keepers say to the loop.

use std::sync::Arc;

use futures_channel::{mpsc, oneshot};
use renewd_core::{AccessKey, Boot, Now, Record, Setup, Span, View};

use crate::cell::{Cell, Permit};
use crate::error::TokenError;
use crate::handle::Drained;
use crate::keeper::{Rejection, Seen};
use crate::ports::Event;

pub(crate) enum Message {
    Add {
        cell: Arc<Cell>,
        setup: Setup,
        seed: u64,
    },
    Remove {
        cell: Arc<Cell>,
        done: oneshot::Sender<Option<String>>,
    },
    Wait {
        cell: Arc<Cell>,
        waiter: Waiter,
    },
    /// The caller of that waiter went away.
    Forget {
        cell: Arc<Cell>,
        waiter: u64,
    },
    View {
        cell: Arc<Cell>,
        reply: oneshot::Sender<Seen>,
        permit: Permit,
    },
    PolicyChanged {
        cell: Arc<Cell>,
        setup: Box<Setup>,
    },
    LoggedIn {
        cell: Arc<Cell>,
        record: Box<Record>,
    },
    LoggedOut {
        cell: Arc<Cell>,
        record: Box<Record>,
    },
    StoreChanged {
        cell: Arc<Cell>,
    },
    Subscribe {
        cell: Arc<Cell>,
        events: mpsc::Sender<Event>,
    },
    NetworkChanged,
    Resumed,
    Shutdown {
        done: oneshot::Sender<Drained>,
    },
}

/// What a waiter waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    /// A token that lives at least so long.
    Token { min_validity: Span },
    /// A token newer than this one, which a resource server refused.
    Newer { epoch: u64, generation: u64 },
    /// The outcome of an attempt made now.
    Attempt,
}

/// A caller that waits.
pub(crate) struct Waiter {
    pub(crate) id: u64,
    pub(crate) want: Want,
    /// For which scope, resource or audience; none: the login's own.
    pub(crate) key: Option<AccessKey>,
    /// It complains of a token that is newer than what is known here: the store is asked first.
    pub(crate) unseen: bool,
    pub(crate) begun: Boot,
    pub(crate) deadline: Boot,
    pub(crate) reply: oneshot::Sender<Result<Rejection, TokenError>>,
    #[expect(dead_code, reason = "held for its Drop: it gives the place in the queue back")]
    pub(crate) permit: Permit,
}

impl Seen {
    pub(crate) fn new(view: View, now: Now) -> Self {
        Self { view, now }
    }
}

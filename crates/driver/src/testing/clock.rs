//! Clocks that move only when told, and sleeps that end by them.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use renewd_core::{Boot, BootId, Now, Span, Wall};

use super::lock;
use crate::ports::{Clock, Timer};

/// The boot of a virtual machine that has not been rebooted.
const FIRST_BOOT: BootId = BootId(0xb007);

/// Boot time, wall time and awake time of one virtual machine. Clones are the same clock.
#[derive(Clone)]
pub struct VirtualClock {
    state: Arc<Mutex<State>>,
}

struct State {
    now: Now,
    /// Time without suspend: what timers run by.
    awake: Span,
    boot_id: BootId,
    /// Sleeps by the awake time at which they end.
    sleeps: BTreeMap<(Span, u64), Waker>,
    next_sleep: u64,
}

impl VirtualClock {
    /// A machine that has been up since `now.boot`, without a suspend so far.
    pub fn new(now: Now) -> Self {
        let state = State {
            now,
            awake: Span::from_millis(now.boot.as_millis()),
            boot_id: FIRST_BOOT,
            sleeps: BTreeMap::new(),
            next_sleep: 0,
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Time passes; sleeps that end are woken.
    pub fn advance(&self, by: Span) {
        let mut state = lock(&self.state);
        state.now = Now { boot: state.now.boot + by, wall: state.now.wall + by };
        state.awake = state.awake + by;
        state.wake_due();
    }

    /// The machine is suspended for so long: both clocks go on, timers do not.
    pub fn suspend(&self, lasting: Span) {
        let mut state = lock(&self.state);
        state.now = Now { boot: state.now.boot + lasting, wall: state.now.wall + lasting };
    }

    /// Somebody sets the wall clock by so many milliseconds.
    pub fn step_wall(&self, millis: i64) {
        let mut state = lock(&self.state);
        let wall = state.now.wall.as_unix_millis().saturating_add(millis);
        state.now.wall = Wall::from_unix_millis(wall);
    }

    /// The machine is off for so long and boots anew. Sleeps of the old boot never end: drop what waits for them.
    pub fn reboot(&self, off: Span, boot_id: BootId) {
        let mut state = lock(&self.state);
        state.now = Now { boot: Boot::default(), wall: state.now.wall + off };
        state.awake = Span::ZERO;
        state.boot_id = boot_id;
        state.sleeps.clear();
    }

    /// Ends after so much awake time.
    pub fn sleep(&self, span: Span) -> VirtualSleep {
        let until = lock(&self.state).awake + span;
        VirtualSleep { clock: self.clone(), until, id: None }
    }

    /// Ends when the boot clock shows `at`, or later by every suspend in between.
    pub fn sleep_until(&self, at: Boot) -> VirtualSleep {
        let now = lock(&self.state).now.boot;
        self.sleep(at.since(now))
    }

    /// How long until the next sleep ends; none when nothing sleeps.
    pub fn next_due(&self) -> Option<Span> {
        let state = lock(&self.state);
        state.sleeps.first_key_value().map(|((at, _), _)| at.saturating_sub(state.awake))
    }
}

impl State {
    fn wake_due(&mut self) {
        while let Some(entry) = self.sleeps.first_entry() {
            if entry.key().0 > self.awake {
                break;
            }
            entry.remove().wake();
        }
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Now {
        lock(&self.state).now
    }

    fn boot_id(&self) -> BootId {
        lock(&self.state).boot_id
    }

    fn awake(&self) -> Option<Span> {
        Some(lock(&self.state).awake)
    }
}

/// A sleep on a [`VirtualClock`].
pub struct VirtualSleep {
    clock: VirtualClock,
    until: Span,
    id: Option<u64>,
}

impl Future for VirtualSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let mut state = lock(&this.clock.state);
        if state.awake >= this.until {
            return Poll::Ready(());
        }
        let id = match this.id {
            Some(id) => id,
            None => {
                state.next_sleep += 1;
                *this.id.insert(state.next_sleep)
            }
        };
        state.sleeps.insert((this.until, id), cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for VirtualSleep {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            lock(&self.clock.state).sleeps.remove(&(self.until, id));
        }
    }
}

/// The [`Timer`] port on a [`VirtualClock`].
#[derive(Clone)]
pub struct VirtualTimer {
    clock: VirtualClock,
}

impl VirtualTimer {
    /// A timer that runs by this clock.
    pub fn new(clock: &VirtualClock) -> Self {
        Self { clock: clock.clone() }
    }
}

#[async_trait]
impl Timer for VirtualTimer {
    async fn sleep_until(&self, at: Boot) {
        self.clock.sleep_until(at).await;
    }
}

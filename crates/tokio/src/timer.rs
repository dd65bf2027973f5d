//! The timer port on tokio's clock.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use renewd_core::{Boot, Span};
use renewd_driver::{Clock, Timer};

/// tokio's clock stops during suspend. So no sleep is longer than this, and after each the boot clock is asked: a
/// resume is noticed half a minute later at most.
const SLEEP_MAX: Span = Span::from_secs(30);

/// Sleeps on tokio until the boot clock shows a time. To be used inside a runtime with time enabled.
#[derive(Clone)]
pub struct TokioTimer {
    clock: Arc<dyn Clock>,
}

impl TokioTimer {
    /// A timer for this clock.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock }
    }
}

#[async_trait]
impl Timer for TokioTimer {
    async fn sleep_until(&self, at: Boot) {
        loop {
            let left = at.since(self.clock.now().boot);
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(Duration::from(left.min(SLEEP_MAX))).await;
        }
    }
}

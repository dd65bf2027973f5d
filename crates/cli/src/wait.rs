//! Waits for a future on this thread. The store's futures are ready at once and the driver's come from other threads,
//! so a command needs no runtime.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake};
use std::thread::Thread;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future to its end.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_future_that_another_thread_completes_wakes_this_one() {
        let (send, receive) = std::sync::mpsc::channel::<std::task::Waker>();
        let helper = std::thread::spawn(move || receive.recv().unwrap().wake());
        let mut polled = false;
        let value = block_on(std::future::poll_fn(move |cx| {
            if polled {
                return Poll::Ready(7);
            }
            polled = true;
            send.send(cx.waker().clone()).unwrap();
            Poll::Pending
        }));
        assert_eq!(value, 7);
        helper.join().unwrap();
    }
}

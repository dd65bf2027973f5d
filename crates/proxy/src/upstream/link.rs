//! One HTTP/1.1 connection to the upstream, which serves one request at a time.

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::task::JoinHandle;

use super::dial::Duplex;
use crate::exchange::RequestBody;

/// Most header lines of an answer.
const RESPONSE_HEADERS_MAX: usize = 256;
/// Longest head of an answer, in bytes: APIs with long link and cookie lists stay well below.
pub(super) const RESPONSE_HEAD_BYTES_MAX: usize = 256 * 1024;

/// One connection. Dropping it closes the socket at once, whatever is on it: that is how a client that goes away
/// cancels its request at the upstream.
pub(crate) struct Link {
    sender: SendRequest<RequestBody>,
    _driver: AbortOnDrop,
    has_served: bool,
}

pub(super) struct AbortOnDrop(pub(super) JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Link {
    pub(crate) async fn over(stream: Box<dyn Duplex>) -> hyper::Result<Self> {
        let (sender, connection) = Builder::new()
            .max_headers(RESPONSE_HEADERS_MAX)
            .max_header_size(RESPONSE_HEAD_BYTES_MAX)
            .handshake(TokioIo::new(stream))
            .await?;
        // Its error reaches the caller through the request it hits.
        let driver = tokio::spawn(async move {
            let _ = connection.with_upgrades().await;
        });
        Ok(Self { sender, _driver: AbortOnDrop(driver), has_served: false })
    }

    /// Sends one request and waits for the head of its answer. The error gives the request back where no byte of it
    /// was written.
    pub(crate) async fn send(
        &mut self,
        request: Request<RequestBody>,
    ) -> Result<Response<Incoming>, TrySendError<Request<RequestBody>>> {
        let response = self.sender.try_send_request(request).await?;
        self.has_served = true;
        Ok(response)
    }

    /// Whether it answered a request before.
    pub(crate) fn has_served(&self) -> bool {
        self.has_served
    }

    /// Whether another request can be sent right now.
    pub(crate) fn is_ready(&self) -> bool {
        self.sender.is_ready()
    }

    /// Waits until another request can be sent; false when none ever can.
    pub(crate) async fn becomes_ready(&mut self) -> bool {
        self.sender.ready().await.is_ok()
    }
}

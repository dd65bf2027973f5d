//! Short errands on a test's bus, on a thread of their own: a test may run on an event loop already.

use std::thread;
use std::time::Duration;

use futures_util::StreamExt as _;
use secret_service::{EncryptionType, SecretService};
use tokio::time::{sleep, timeout};
use zbus::{Connection, fdo};

/// A condition that does not hold by then will not.
const PATIENCE: Duration = Duration::from_secs(60);

const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Runs an errand with a connection to that bus.
pub(super) fn on_bus<T: Send>(address: &str, errand: impl AsyncFnOnce(Connection) -> T + Send) -> T {
    thread::scope(|scope| {
        let errand = scope.spawn(|| {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let connect = async {
                    loop {
                        let connecting = zbus::connection::Builder::address(address).expect("a bus address");
                        match connecting.build().await {
                            Ok(connection) => return connection,
                            Err(_) => sleep(LOOK_AGAIN).await,
                        }
                    }
                };
                let connection = timeout(PATIENCE, connect).await.expect("the test's bus answers");
                timeout(PATIENCE, errand(connection)).await.expect("the test's bus does as it is asked")
            })
        });
        errand.join().expect("an errand on the test's bus")
    })
}

/// Waits until a name is owned, or until it is not.
pub(super) async fn name_is_owned(connection: &Connection, name: &'static str, owned: bool) {
    let bus = fdo::DBusProxy::new(connection).await.expect("the bus itself");
    let name = zbus::names::BusName::try_from(name).expect("a bus name");
    while bus.name_has_owner(name.clone()).await.ok() != Some(owned) {
        sleep(LOOK_AGAIN).await;
    }
}

/// Waits until the default collection can be read: a provider may be on the bus before it has opened its files.
pub(super) async fn collection_is_open(connection: &Connection) {
    let plain = EncryptionType::Plain;
    let service = SecretService::connect_with_existing(plain, connection.clone()).await.expect("a provider");
    loop {
        let open = match service.get_default_collection().await {
            Ok(collection) => collection.is_locked().await.ok() == Some(false),
            Err(_) => false,
        };
        if open {
            return;
        }
        sleep(LOOK_AGAIN).await;
    }
}

/// Listens to the whole bus, says so, and waits until a method of that name is called.
pub(super) async fn heard(connection: &Connection, method: &str, listening: impl FnOnce()) {
    let mut messages = zbus::MessageStream::from(connection);
    let monitoring = fdo::MonitoringProxy::new(connection).await.expect("the bus itself");
    monitoring.become_monitor(&[], 0).await.expect("it lets its owner listen");
    listening();
    while let Some(message) = messages.next().await {
        let message = message.expect("a message");
        if message.header().member().is_some_and(|member| member.as_str() == method) {
            return;
        }
    }
    panic!("the bus ended before {method} was called");
}

//! A provider of the Secret Service that fails as it is told, as no real one can be made to.
//!
//! It speaks as much of the specification as renewd uses. Values it cannot read: it keeps them as they come, encrypted.
//! That they can be read in a later session as well rests on a key agreement that it spoils: its public key is 1, and
//! with that every session has the same key.

use std::collections::{BTreeMap, HashMap};
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use tokio::sync::{oneshot, watch};
use zbus::message::Header;
use zbus::object_server::{ObjectServer, SignalEmitter};
use zbus::zvariant::{OwnedObjectPath, OwnedValue, Value};
use zbus::{fdo, interface};

const NAME: &str = "org.freedesktop.secrets";
const SERVICE: &str = "/org/freedesktop/secrets";
const COLLECTION: &str = "/org/freedesktop/secrets/collection/fake";
const PROMPT: &str = "/org/freedesktop/secrets/prompt/fake";
const NONE: &str = "/";

/// Session, parameters, value, content type.
type Sealed = (OwnedObjectPath, Vec<u8>, Vec<u8>, String);

/// What it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Behaviour {
    /// All that it should.
    Sound,
    /// It never answers calls of this method, until it is told to behave otherwise: then it does what was asked.
    HangsAt(&'static str),
    /// It refuses calls of this method.
    DeniesAt(&'static str),
    /// Its collection is locked. A prompt to unlock it ends in this way.
    Locked(Prompted),
    /// It makes and removes items after a prompt only, which ends in this way.
    AsksToWrite(Prompted),
    /// What is written is read back so many times as it was before.
    AnswersOld(u32),
    /// It takes a value and keeps the old one.
    LosesWrites,
}

/// How a prompt of its ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Prompted {
    /// A person consents.
    Consents,
    /// A person dismisses it.
    Dismisses,
    /// Nobody is there.
    Never,
}

struct StoredItem {
    attributes: HashMap<String, String>,
    now: Sealed,
    before: Option<Sealed>,
    modified: u64,
}

struct State {
    items: BTreeMap<u32, StoredItem>,
    made: u32,
    clock: u64,
    locked: bool,
    old_reads: u32,
    prompts: u32,
    calls: Vec<String>,
    /// What is done once a person has consented.
    waiting: Option<Waiting>,
}

enum Waiting {
    Unlock,
    Make(HashMap<String, String>, Sealed),
    Remove(u32),
}

/// What all its objects share.
#[derive(Clone)]
struct Shared {
    state: Arc<Mutex<State>>,
    behaviour: watch::Receiver<Behaviour>,
}

/// The provider. It leaves the bus when it is dropped.
pub struct FakeService {
    shared: Shared,
    told: watch::Sender<Behaviour>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl FakeService {
    /// Takes the name of the Secret Service on that bus. It behaves until it is told otherwise.
    pub(super) fn start(address: &str) -> Self {
        let (told, behaviour) = watch::channel(Behaviour::Sound);
        let state = State {
            items: BTreeMap::new(),
            made: 0,
            clock: 0,
            locked: false,
            old_reads: 0,
            prompts: 0,
            calls: Vec::new(),
            waiting: None,
        };
        let shared = Shared { state: Arc::new(Mutex::new(state)), behaviour };
        let (stop, stopped) = oneshot::channel();
        let (ready, is_ready) = std::sync::mpsc::channel();
        let (address, objects) = (address.to_owned(), shared.clone());
        let thread = thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let serve = zbus::connection::Builder::address(address.as_str())
                    .and_then(|b| b.serve_at(SERVICE, Service(objects.clone())))
                    .and_then(|b| b.serve_at(COLLECTION, Collection(objects.clone())))
                    .and_then(|b| b.serve_at(PROMPT, Prompt(objects)))
                    .and_then(|b| b.name(NAME));
                let _connection = serve.expect("its objects").build().await.expect("it is on the bus");
                ready.send(()).expect("the test waits");
                // An end by the sender being dropped is an end too.
                let _ = stopped.await;
            });
        });
        is_ready.recv().expect("the fake starts");
        Self { shared, told, stop: Some(stop), thread: Some(thread) }
    }

    /// From now on it behaves so. Calls that hang come to their end.
    pub fn behave(&self, behaviour: Behaviour) {
        let mut state = self.shared.state();
        state.locked = matches!(behaviour, Behaviour::Locked(_));
        state.old_reads = if let Behaviour::AnswersOld(times) = behaviour { times } else { 0 };
        drop(state);
        self.told.send_replace(behaviour);
    }

    /// How many prompts it was told to open.
    pub fn prompts(&self) -> u32 {
        self.shared.state().prompts
    }

    /// How often a method was called so far.
    pub fn calls(&self, method: &str) -> usize {
        self.shared.state().calls.iter().filter(|called| *called == method).count()
    }

    /// How many items it holds.
    pub fn items(&self) -> usize {
        self.shared.state().items.len()
    }
}

impl Drop for FakeService {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of its own has been printed.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Meets the fate of a call of that method.
    async fn called(&self, method: &'static str) -> fdo::Result<Behaviour> {
        self.state().calls.push(method.into());
        let mut behaviour = self.behaviour.clone();
        let hangs = |behaviour: &Behaviour| *behaviour == Behaviour::HangsAt(method);
        // It fails when the fake ends: then nobody is to be answered.
        if behaviour.wait_for(|now| !hangs(now)).await.is_err() {
            return pending().await;
        }
        let now = *behaviour.borrow();
        if now == Behaviour::DeniesAt(method) {
            return Err(fdo::Error::AccessDenied("the fake was told to refuse".into()));
        }
        Ok(now)
    }

    /// Makes an item; its number.
    fn make(&self, attributes: HashMap<String, String>, value: Sealed) -> u32 {
        let mut state = self.state();
        state.made += 1;
        state.clock += 1;
        let (number, modified) = (state.made, state.clock);
        state.items.insert(number, StoredItem { attributes, now: value, before: None, modified });
        number
    }
}

fn path(text: &str) -> OwnedObjectPath {
    OwnedObjectPath::try_from(text).expect("a path")
}

fn item_path(number: u32) -> OwnedObjectPath {
    path(&format!("{COLLECTION}/{number}"))
}

async fn publish(shared: &Shared, number: u32, server: &ObjectServer) -> fdo::Result<()> {
    server.at(item_path(number), Item { shared: shared.clone(), number }).await?;
    Ok(())
}

struct Service(Shared);

#[interface(name = "org.freedesktop.Secret.Service")]
impl Service {
    async fn open_session(
        &self,
        _algorithm: &str,
        _input: Value<'_>,
    ) -> fdo::Result<(OwnedValue, OwnedObjectPath)> {
        self.0.called("OpenSession").await?;
        let public_key =
            Value::from(vec![1u8]).try_into_owned().map_err(|e| fdo::Error::Failed(e.to_string()))?;
        Ok((public_key, path("/org/freedesktop/secrets/session/fake")))
    }

    async fn read_alias(&self, name: &str) -> fdo::Result<OwnedObjectPath> {
        self.0.called("ReadAlias").await?;
        Ok(path(if name == "default" { COLLECTION } else { NONE }))
    }

    async fn unlock(
        &self,
        objects: Vec<OwnedObjectPath>,
    ) -> fdo::Result<(Vec<OwnedObjectPath>, OwnedObjectPath)> {
        let behaviour = self.0.called("Unlock").await?;
        let mut state = self.0.state();
        if matches!(behaviour, Behaviour::Locked(_)) && state.locked {
            state.waiting = Some(Waiting::Unlock);
            return Ok((Vec::new(), path(PROMPT)));
        }
        Ok((objects, path(NONE)))
    }
}

struct Collection(Shared);

#[interface(name = "org.freedesktop.Secret.Collection")]
impl Collection {
    async fn search_items(&self, attributes: HashMap<String, String>) -> fdo::Result<Vec<OwnedObjectPath>> {
        self.0.called("SearchItems").await?;
        let state = self.0.state();
        let matches = |item: &StoredItem| attributes.iter().all(|(k, v)| item.attributes.get(k) == Some(v));
        Ok(state
            .items
            .iter()
            .filter(|(_, item)| matches(item))
            .map(|(number, _)| item_path(*number))
            .collect())
    }

    async fn create_item(
        &self,
        properties: HashMap<String, OwnedValue>,
        value: Sealed,
        _replace: bool,
        #[zbus(object_server)] server: &ObjectServer,
    ) -> fdo::Result<(OwnedObjectPath, OwnedObjectPath)> {
        let behaviour = self.0.called("CreateItem").await?;
        let attributes = properties.get("org.freedesktop.Secret.Item.Attributes").cloned();
        let attributes =
            attributes.and_then(|a| HashMap::<String, String>::try_from(a).ok()).unwrap_or_default();
        match behaviour {
            Behaviour::AsksToWrite(_) => {
                self.0.state().waiting = Some(Waiting::Make(attributes, value));
                Ok((path(NONE), path(PROMPT)))
            }
            Behaviour::LosesWrites => Ok((item_path(u32::MAX), path(NONE))),
            _ => {
                let number = self.0.make(attributes, value);
                publish(&self.0, number, server).await?;
                Ok((item_path(number), path(NONE)))
            }
        }
    }

    #[zbus(property(emits_changed_signal = "false"))]
    async fn locked(&self) -> fdo::Result<bool> {
        self.0.called("Locked").await?;
        Ok(self.0.state().locked)
    }
}

struct Item {
    shared: Shared,
    number: u32,
}

#[interface(name = "org.freedesktop.Secret.Item")]
impl Item {
    async fn get_secret(&self, _session: OwnedObjectPath) -> fdo::Result<(Sealed,)> {
        self.shared.called("GetSecret").await?;
        let mut state = self.shared.state();
        let old = state.old_reads > 0;
        let item =
            state.items.get(&self.number).ok_or_else(|| fdo::Error::UnknownObject("it is gone".into()))?;
        let before = item.before.clone().filter(|_| old);
        let answer = before.clone().unwrap_or_else(|| item.now.clone());
        if before.is_some() {
            state.old_reads -= 1;
        }
        Ok((answer,))
    }

    async fn set_secret(&self, value: Sealed) -> fdo::Result<()> {
        let behaviour = self.shared.called("SetSecret").await?;
        let mut state = self.shared.state();
        state.clock += 1;
        let modified = state.clock;
        let item = state
            .items
            .get_mut(&self.number)
            .ok_or_else(|| fdo::Error::UnknownObject("it is gone".into()))?;
        if behaviour != Behaviour::LosesWrites {
            item.before = Some(std::mem::replace(&mut item.now, value));
            item.modified = modified;
        }
        Ok(())
    }

    async fn delete(&self, #[zbus(object_server)] server: &ObjectServer) -> fdo::Result<OwnedObjectPath> {
        let behaviour = self.shared.called("Delete").await?;
        if matches!(behaviour, Behaviour::AsksToWrite(_)) {
            self.shared.state().waiting = Some(Waiting::Remove(self.number));
            return Ok(path(PROMPT));
        }
        self.shared.state().items.remove(&self.number);
        server.remove::<Self, _>(item_path(self.number)).await?;
        Ok(path(NONE))
    }

    #[zbus(property(emits_changed_signal = "false"))]
    async fn locked(&self) -> bool {
        false
    }

    #[zbus(property(emits_changed_signal = "false"))]
    async fn modified(&self) -> u64 {
        self.shared.state().items.get(&self.number).map_or(0, |item| item.modified)
    }
}

struct Prompt(Shared);

#[interface(name = "org.freedesktop.Secret.Prompt")]
impl Prompt {
    async fn prompt(
        &self,
        _window: &str,
        #[zbus(object_server)] server: &ObjectServer,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
        #[zbus(header)] _header: Header<'_>,
    ) -> fdo::Result<()> {
        let behaviour = self.0.called("Prompt").await?;
        self.0.state().prompts += 1;
        let (Behaviour::Locked(end) | Behaviour::AsksToWrite(end)) = behaviour else {
            return Err(fdo::Error::Failed("nothing was to be asked".into()));
        };
        let waiting = self.0.state().waiting.take();
        let result = match (end, waiting) {
            (Prompted::Never, _) => return Ok(()),
            (Prompted::Dismisses, _) | (_, None) => None,
            (Prompted::Consents, Some(Waiting::Unlock)) => {
                self.0.state().locked = false;
                Some(Value::from(vec![path(COLLECTION)]))
            }
            (Prompted::Consents, Some(Waiting::Make(attributes, value))) => {
                let number = self.0.make(attributes, value);
                publish(&self.0, number, server).await?;
                Some(Value::from(item_path(number)))
            }
            (Prompted::Consents, Some(Waiting::Remove(number))) => {
                self.0.state().items.remove(&number);
                server.remove::<Item, _>(item_path(number)).await?;
                Some(Value::from(""))
            }
        };
        let dismissed = result.is_none();
        Self::completed(&emitter, dismissed, result.unwrap_or(Value::from(""))).await?;
        Ok(())
    }

    #[zbus(signal)]
    async fn completed(emitter: &SignalEmitter<'_>, dismissed: bool, result: Value<'_>) -> zbus::Result<()>;
}

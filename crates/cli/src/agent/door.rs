//! Where the agent listens, and who may come in: the socket for its own user, the status address for health and
//! metrics. Beside the socket, `agent.json` says where everything is.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use renewd_core::Secret;
use renewd_proxy::SocketGuard;
use serde::Serialize;
use tokio::net::{TcpListener, UnixListener};

use super::activation::Activation;
use super::page::Gate;
use crate::agent_client::AgentDescription;
use crate::exit::{Exit, Failure};

/// The agent's listeners. Dropping it removes the description and the socket, and then listens no more: until then the next
/// agent cannot begin, whose files they would be.
pub(crate) struct Door {
    _removed: Removed,
    /// None where the socket is a service manager's.
    _socket: Option<SocketGuard>,
    pub(crate) unix: UnixListener,
    pub(crate) status: Option<TcpListener>,
    description: Description,
}

/// `agent.json`.
#[derive(Clone)]
pub(crate) struct Description {
    path: PathBuf,
    agent: AgentDescription,
    status_url: Option<Arc<Secret>>,
    /// The file that was written last.
    written: Arc<Mutex<Option<FileId>>>,
}

/// Device and inode.
type FileId = (u64, u64);

/// A proxy in `agent.json`. The URL may hold a path secret, which is why it stands in this private file and in no log.
#[derive(Serialize)]
pub(crate) struct ProxyPlace {
    pub(crate) listen: String,
    #[serde(serialize_with = "crate::json::exposed::serialize")]
    pub(crate) url: Secret,
    /// What stands behind it, by the beginning of the path.
    pub(crate) routes: Vec<RoutePlace>,
}

/// One of a proxy's upstreams: its base URL is the proxy's with the prefix behind it.
#[derive(Serialize)]
pub(crate) struct RoutePlace {
    pub(crate) prefix: String,
    pub(crate) credential: String,
    pub(crate) upstream: String,
}

#[derive(Serialize)]
struct Whole<'d> {
    #[serde(flatten)]
    agent: &'d AgentDescription,
    #[serde(flatten)]
    page: Option<PageUrl<'d>>,
    proxies: &'d [ProxyPlace],
}

/// Where the status page is. As a proxy's URL, it may hold a path secret.
#[derive(Serialize)]
struct PageUrl<'d> {
    #[serde(serialize_with = "crate::json::exposed::serialize")]
    status_url: &'d Secret,
}

impl Description {
    /// Where it stands.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes it anew, with these proxies.
    ///
    /// # Errors
    /// When the place cannot be written.
    pub(crate) fn write(&self, proxies: &[ProxyPlace]) -> Result<(), Failure> {
        let page = self.status_url.as_ref().map(|status_url| PageUrl { status_url });
        let bytes = crate::json::line(&Whole { agent: &self.agent, page, proxies })?;
        let written = write_private(&self.path, &bytes)?;
        *self.written.lock().unwrap_or_else(PoisonError::into_inner) = Some(written);
        Ok(())
    }
}

/// Removes the description at the end, where it is not another agent's by then.
struct Removed(Description);

impl Drop for Removed {
    fn drop(&mut self) {
        let written = *self.0.written.lock().unwrap_or_else(PoisonError::into_inner);
        if written.is_some()
            && std::fs::symlink_metadata(&self.0.path).ok().map(|meta| file_id(&meta)) == written
        {
            // One that stays behind names a socket that nobody answers on: it is passed over.
            let _ = std::fs::remove_file(&self.0.path);
        }
    }
}

impl Door {
    /// Listens, on what was handed over where it was.
    ///
    /// # Errors
    /// When another agent listens there already, or the place cannot be used.
    pub(crate) async fn open(
        socket: &Path,
        status: Option<SocketAddr>,
        activation: &Activation,
        gate: &Gate,
        state: &Path,
        store: Option<String>,
    ) -> Result<Self, Failure> {
        let (unix, guard) = match activation.agent(socket)? {
            Some(handed) => (adopted(handed, UnixListener::from_std, |l| l.set_nonblocking(true))?, None),
            None => bind(socket).await.map(|(unix, guard)| (unix, Some(guard)))?,
        };
        let status = match status {
            None => None,
            Some(address) => Some(match activation.status(address)? {
                Some(handed) => adopted(handed, TcpListener::from_std, |l| l.set_nonblocking(true))?,
                None => TcpListener::bind(address).await.map_err(|error| {
                    Failure::configuration(format!(
                        "agent.status {address}: {}",
                        crate::input::file::plain(&error)
                    ))
                })?,
            }),
        };
        let bound = status.as_ref().and_then(|s| s.local_addr().ok());
        let agent = AgentDescription {
            schema: crate::json::SCHEMA,
            pid: std::process::id(),
            state_dir: state.to_owned(),
            socket: socket.to_owned(),
            status_addr: bound.map(|a| a.to_string()),
            version: env!("CARGO_PKG_VERSION").into(),
            store,
        };
        let page = bound.filter(|address| address.ip().is_loopback());
        let status_url = page.map(|address| Arc::new(gate.url(&address.to_string())));
        let path = AgentDescription::path_beside(socket);
        let description = Description { path, agent, status_url, written: Arc::default() };
        description.write(&[])?;
        let removed = Removed(description.clone());
        Ok(Self { _removed: removed, _socket: guard, unix, status, description })
    }

    /// The description.
    pub(crate) fn description(&self) -> &Description {
        &self.description
    }
}

/// The agent's own socket.
async fn bind(socket: &Path) -> Result<(UnixListener, SocketGuard), Failure> {
    if let Some(folder) = socket.parent() {
        make_private(folder)?;
    }
    renewd_proxy::bind_unix(socket, false).await.map_err(|error| {
        // Asked rather than guessed from the error: a file or a loose folder is refused as an address in use too.
        // Another user's is no agent to use.
        if is_own(socket) && std::os::unix::net::UnixStream::connect(socket).is_ok() {
            return Failure::new(Exit::Usage, format!("an agent listens on {} already", socket.display()))
                .advise("use it, stop it, or name another agent.socket");
        }
        Failure::configuration(format!("agent.socket {}: {}", socket.display(), error))
    })
}

/// A listener that was handed over, in this runtime.
fn adopted<L, T>(
    handed: L,
    take: impl FnOnce(L) -> std::io::Result<T>,
    ready: impl FnOnce(&L) -> std::io::Result<()>,
) -> Result<T, Failure> {
    let taken = ready(&handed).and_then(|()| take(handed));
    taken.map_err(|error| {
        let why = crate::input::file::plain(&error);
        Failure::internal(format!("a socket that was handed over cannot be served: {why}"))
    })
}

fn failed(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Exit::Store, format!("{}: {}", path.display(), crate::input::file::plain(error)))
        .advise("name another place with agent.socket, or mend the folder")
}

fn is_own(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::symlink_metadata(path).is_ok_and(|meta| meta.uid() == rustix::process::geteuid().as_raw())
}

/// A folder like /tmp will do: the socket is looked at by itself, and nobody else can move it there.
fn make_private(folder: &Path) -> Result<(), Failure> {
    renewd_store::make_shared_folder(folder).map_err(|fault| {
        Failure::configuration(format!("agent.socket: {}", fault.message))
            .advise("mend the folder, or name another agent.socket")
    })
}

fn file_id(meta: &std::fs::Metadata) -> FileId {
    use std::os::unix::fs::MetadataExt as _;
    (meta.dev(), meta.ino())
}

/// Written beside and renamed over: a reader sees the old one or the new one, whole. Gives what was written.
fn write_private(path: &Path, bytes: &[u8]) -> Result<FileId, Failure> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let beside = path.with_extension(format!("json.{}", std::process::id()));
    // Left by a process of this number that died here.
    let _ = std::fs::remove_file(&beside);
    let write = || -> std::io::Result<FileId> {
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        file.write_all(bytes)?;
        let written = file_id(&file.metadata()?);
        std::fs::rename(&beside, path)?;
        Ok(written)
    };
    write().map_err(|e| {
        // On a full disk, what could be written of it; where it was never made there is nothing to remove.
        let _ = std::fs::remove_file(&beside);
        failed(path, &e)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn open(folder: &Path) -> Door {
        let (activation, gate) = (Activation::default(), Gate::new(true));
        Door::open(&folder.join("agent.sock"), None, &activation, &gate, folder, None).await.unwrap()
    }

    fn in_folder(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[tokio::test]
    async fn an_agent_that_ends_takes_its_files_with_it_and_leaves_a_successors_alone() {
        let folder = tempfile::tempdir().unwrap();
        drop(open(folder.path()).await);
        assert_eq!(in_folder(folder.path()), [""; 0]);
        let door = open(folder.path()).await;
        // What the next agent does, at a moment when this one is not yet gone.
        std::fs::remove_file(folder.path().join("agent.sock")).unwrap();
        let next = open(folder.path()).await;
        drop(door);
        let mut left = in_folder(folder.path());
        left.sort();
        assert_eq!(left, ["agent.json", "agent.sock"]);
        drop(next);
        assert_eq!(in_folder(folder.path()), [""; 0]);
    }

    #[test]
    fn a_description_that_cannot_be_put_in_its_place_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.json");
        std::fs::create_dir(&path).unwrap();
        assert_eq!(write_private(&path, b"{}").unwrap_err().exit, Exit::Store);
        assert_eq!(in_folder(folder.path()), ["agent.json"]);
    }
}

//! A program that keeps a login with the library, holds it, and lets all of it go: `tests/memory_library.rs` looks into
//! its memory meanwhile.
//!
//! It is told by standard input: state folder, token endpoint and refresh token, each on a line; then a line for each
//! further step. It says on standard output how far it is, and never a secret. Its first argument says what it does
//! for its secrets: `heap` nothing, `locked` puts them into locked memory, `hardened` overwrites freed memory too. A second
//! one is the CA file that it trusts.

#[cfg(not(unix))]
fn main() {}

#[cfg(unix)]
fn main() {
    subject::main();
}

#[cfg(unix)]
mod subject {
    use std::alloc::{GlobalAlloc, Layout, System};
    use std::io::Write as _;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use renewd_blocking::{CredentialName, Renewd, block_on};
    use renewd_core::{
        Client, ClientAuth, GrantMaterial, Identity, Policy, Profile, Record, Secret, Settings, Span,
    };
    use renewd_driver::system::SystemClock;
    use renewd_driver::{Clock as _, CredentialStore as _, Expect};
    use renewd_hardening::WipingAllocator;
    use renewd_store::FileStore;
    use renewd_ureq::{UreqEndpoint, UreqOptions, Workers};
    use zeroize::Zeroizing;

    const PATIENCE: Span = Span::from_secs(60);

    /// The library's wiping allocator, where it was asked for.
    struct Chosen;

    #[global_allocator]
    static ALLOCATOR: Chosen = Chosen;
    static WIPING: AtomicBool = AtomicBool::new(false);

    #[expect(unsafe_code, reason = "allocators are unsafe by their trait")]
    // SAFETY: both allocators take their blocks from the system's and give them back to it; only one writes to them first.
    unsafe impl GlobalAlloc for Chosen {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            // SAFETY: the same contract.
            unsafe { System.alloc(layout) }
        }

        unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
            // SAFETY: the same contract.
            unsafe {
                if WIPING.load(Ordering::Relaxed) {
                    WipingAllocator::new().dealloc(block, layout);
                } else {
                    System.dealloc(block, layout);
                }
            }
        }
    }

    pub(super) fn main() {
        let argument = std::env::args().nth(1);
        WIPING.store(argument.as_deref() == Some("hardened"), Ordering::Relaxed);
        if argument.as_deref() != Some("heap") {
            renewd_hardening::memory::lock_secrets();
        }
        say("ready");
        live();
        say("dropped");
        drop(line());
    }

    /// From the first secret to the last.
    fn live() {
        let (state, endpoint) = (text(&line()), text(&line()));
        let (token, client_secret) = (Secret::copy_of(&line()), Secret::copy_of(&line()));
        let store = Arc::new(open(&state));
        let name: CredentialName = "subject".parse().expect("it is a name");
        let identity =
            Identity { token_endpoint: endpoint, client_id: "testkit-client".into(), ..Identity::default() };
        let grant = GrantMaterial { refresh_token: Some(token), ..GrantMaterial::default() };
        let record = Record::new(1, identity, Settings::default(), grant, SystemClock.now());
        if block_on(store.put(&name, &record, Expect::Absent)).is_err() {
            panic!("the store did not take the login");
        }
        drop(record);

        let ca_file = std::env::args_os().nth(2).map(Into::into);
        let options = UreqOptions { ca_file, ..UreqOptions::default() };
        let endpoint = UreqEndpoint::new(options, Workers::default(), Arc::new(SystemClock));
        let renewd = Renewd::builder(Arc::new(endpoint), store).spawn().expect("a thread can be started");
        let mut client = Client::public("testkit-client");
        client.auth = ClientAuth::Basic(client_secret);
        let keeper = renewd.keep(name, renewd.setup(Policy::default(), Profile::generic(), client));
        // Twice: the first refresh token is spent, the second one is held.
        drop(keeper.token(PATIENCE).expect("a token"));
        keeper.refresh(PATIENCE).expect("a newer token");
        let token = keeper.token(PATIENCE).expect("a token");
        say("held");
        drop(line());

        drop(token);
        drop(keeper);
        let drained = renewd.shutdown();
        assert!(drained.lost.is_empty());
    }

    fn open(state: &str) -> FileStore {
        let mut options = renewd_store::FileStoreOptions::new(state);
        options.key = renewd_store::KeyChoice::key_file(state.as_ref());
        FileStore::open(options).expect("a store can be made")
    }

    fn say(word: &str) {
        let mut stdout = std::io::stdout();
        writeln!(stdout, "{word}").expect("somebody listens");
    }

    /// The next line of standard input, read byte by byte: a buffer would keep it.
    fn line() -> Zeroizing<Vec<u8>> {
        let mut line = Zeroizing::new(Vec::with_capacity(4096));
        let mut byte = Zeroizing::new([0]);
        while rustix::io::read(rustix::stdio::stdin(), &mut *byte).expect("standard input can be read") == 1 {
            if byte[0] == b'\n' {
                break;
            }
            line.push(byte[0]);
        }
        line
    }

    fn text(bytes: &[u8]) -> String {
        String::from_utf8(bytes.to_vec()).expect("it is text")
    }
}

//! A program that forks and goes on without an exec has its parent's locks without having taken them: the store refuses
//! it. A program that is started by renewd has none of its descriptors.

#![cfg(unix)]

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use renewd_blocking::{CredentialName, Renewd};
use renewd_core::{Client, CommitFailure, Policy, Profile, Span, StoreFaultKind};
use renewd_driver::Expect;
use renewd_driver::system::SystemClock;
use renewd_e2e::testkit::{AsClass, Numbers, Tier};
use renewd_e2e::{Scene, Served, Stopwatch, count};
use renewd_store::{FileStore, FileStoreOptions};
use renewd_ureq::{UreqEndpoint, UreqOptions, Workers};

/// What a fork of this process says, and whether it ended by itself.
fn in_a_fork(say: impl FnOnce() -> String) -> String {
    let (mut read, mut write) = std::io::pipe().expect("a pipe can be made");
    #[expect(unsafe_code, reason = "no safe wrapper forks")]
    // SAFETY: the child uses what this thread alone used before, writes to a pipe, and ends without running
    // destructors or handlers of the parent's.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "a process can be forked");
    if child == 0 {
        let said = std::panic::catch_unwind(std::panic::AssertUnwindSafe(say));
        let _ = write.write_all(said.unwrap_or_else(|_| "panicked".into()).as_bytes());
        #[expect(unsafe_code, reason = "no safe wrapper ends a process without its handlers")]
        // SAFETY: ends the process.
        unsafe {
            libc::_exit(0)
        }
    }
    drop(write);
    let mut said = String::new();
    read.read_to_string(&mut said).expect("the child writes text");
    #[expect(unsafe_code, reason = "the child is known by its number alone")]
    // SAFETY: waits for a child of ours; no status is asked for.
    unsafe {
        libc::waitpid(child, std::ptr::null_mut(), 0)
    };
    said
}

fn kind(failure: &CommitFailure) -> String {
    match failure {
        CommitFailure::Fault(fault) => format!("{:?}", fault.kind),
        CommitFailure::Fenced(_) => "fenced".to_owned(),
    }
}

#[test]
fn a_fork_of_a_program_that_holds_the_claim_can_neither_claim_nor_write_and_the_parent_goes_on() {
    let mut row = Numbers::new(Tier::Processes, "fork", "P2", 3);
    let scene = Scene::begin(AsClass::P2);
    let name: CredentialName = "work".parse().expect("a name");
    let store = FileStore::open(FileStoreOptions::new(scene.home.state())).expect("the store is there");
    let mut claim = store.try_claim_blocking(&name).expect("a claim can be asked for");
    assert!(claim.is_some(), "it is free");
    let renewd_core::Loaded::Record(record) = store.load_blocking(&name) else { panic!("there is a record") };
    let refused = format!("{:?}", StoreFaultKind::Denied);
    let said = in_a_fork(|| {
        let claimed = match store.try_claim_blocking(&name) {
            Ok(_) => "claimed".to_owned(),
            Err(fault) => format!("{:?}", fault.kind),
        };
        let version = Expect::Version { epoch: record.epoch, generation: record.generation };
        let written = match store.put_blocking(&name, &record, version) {
            Ok(()) => "written".to_owned(),
            Err(failure) => kind(&failure),
        };
        // What it inherited it lets go: its parent's claim must stand.
        drop(claim.take());
        format!("{claimed} {written}")
    });
    assert_eq!(said, format!("{refused} {refused}"));
    // The parent still holds the claim, for everybody else.
    let ran = scene.run(scene.home.command(["token", "work", "--timeout", "300ms"]));
    assert_eq!(scene.served(&ran), Served::TimedOut, "{ran:?}");
    assert_eq!(scene.server.totals().token_requests, 0);
    drop(claim);

    let watch = Stopwatch::start();
    let endpoint = UreqEndpoint::new(UreqOptions::default(), Workers::default(), Arc::new(SystemClock));
    let renewd =
        Renewd::builder(Arc::new(endpoint), Arc::new(store)).spawn().expect("a thread can be started");
    let setup = renewd.setup(Policy::default(), Profile::generic(), Client::public("testkit-client"));
    let lease = renewd.keep(name, setup).token(Span::from_secs(60)).expect("the parent has a token");
    let served = scene.ask();
    let token = String::from_utf8_lossy(lease.access_token().expose()).into_owned();
    assert_eq!(served, Served::Fresh(token), "and everybody has the same");
    assert!(renewd.shutdown().lost.is_empty());
    row.heal_ms = Some(watch.ms());
    row.rounds = 1;
    count(&mut row, &served);
    assert_eq!(scene.server.totals().token_requests, 1);
    scene.close(&mut row);
    row.report().expect("a row can be kept");
    assert_eq!((row.leaks, row.reuse_trips), (0, 0), "{row}");
}

/// Reads `/proc`.
#[cfg(target_os = "linux")]
mod descriptors {
    use super::*;
    use renewd_e2e::{Agent, PATIENCE, Running, wait_for};
    use std::fs;
    use std::fs::File;
    use std::path::Path;

    /// What a process has open beyond its standard streams and what it inherited from this test.
    fn open_beyond_ours(pid: u32) -> Vec<(String, String)> {
        let ours = open(std::process::id());
        open(pid).into_iter().filter(|theirs| !ours.contains(theirs)).collect()
    }

    /// What a process has open beyond its standard streams.
    fn open(pid: u32) -> Vec<(String, String)> {
        let folder = format!("/proc/{pid}/fd");
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder}: {error}"));
        let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
        names
            .filter(|number| !matches!(number.as_str(), "0" | "1" | "2"))
            .filter_map(|number| {
                let to = fs::read_link(Path::new(&folder).join(&number)).ok()?;
                Some((number, to.display().to_string()))
            })
            .collect()
    }

    /// Whether a descriptor ends with an exec.
    fn ends_with_exec(pid: u32, number: &str) -> bool {
        const CLOSE_ON_EXEC: u32 = 0o2_000_000;
        let info = fs::read_to_string(format!("/proc/{pid}/fdinfo/{number}")).unwrap_or_default();
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
        // One that was closed meanwhile is inherited by nobody.
        flags.is_none_or(|flags| u32::from_str_radix(flags.trim(), 8).unwrap_or(0) & CLOSE_ON_EXEC != 0)
    }

    #[test]
    fn a_program_started_in_the_middle_of_a_refresh_inherits_no_descriptor() {
        let scene = Scene::begin(AsClass::P2);
        scene.server.configure(|config| config.lifetime_ms = 2000);
        let shell = "trap 'exit 0' TERM; (echo ready >&2); while :; do sleep 0.1; done";
        let proxy = format!("API={}", scene.server.issuer());
        let args = ["run", "work", "--proxy", &proxy, "--file", "FILE", "--", "sh", "-c", shell];
        let run = Running::start(scene.home.command(args), b"");
        let child = wait_for("the command to run", || {
            let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", run.pid())).ok()?;
            children.split_whitespace().next()?.parse::<u32>().ok()
        });
        scene.server.wait_for(|totals| totals.token_requests >= 1, PATIENCE).unwrap();
        wait_for("its shell", || run.stderr().contains("ready").then_some(()));
        assert_eq!(open_beyond_ours(child), vec![], "the command has its standard streams and no more");
        run.signal(rustix::process::Signal::TERM);
        scene.heard(&run.finish());
    }

    #[test]
    fn every_descriptor_of_an_agent_in_the_middle_of_a_refresh_ends_with_an_exec() {
        if !rustix::process::geteuid().is_root() {
            println!("skipped: only root may look at the descriptors of a process that hides its memory");
            return;
        }
        let scene = Scene::begin(AsClass::P2);
        scene.server.hold();
        let agent = Agent::start(&scene.home);
        scene.server.wait_held(1, PATIENCE).unwrap();
        let all = open_beyond_ours(agent.pid());
        let claim = |(_, to): &(String, String)| to.ends_with("work.claim");
        assert!(all.iter().any(claim), "it holds the claim now: {all:?}");
        let inherited: Vec<_> =
            all.iter().filter(|(number, _)| !ends_with_exec(agent.pid(), number)).collect();
        assert!(inherited.is_empty(), "{inherited:?}");
        scene.server.release();
        agent.wait_credential("work", "its token", |seen| seen["token_valid"] == true);
        scene.heard(&agent.stop().succeeded());
    }

    /// The instrument sees a descriptor that does not end with an exec.
    #[test]
    fn a_descriptor_that_would_be_inherited_is_seen() {
        let file = File::open("/dev/null").expect("it is there");
        let this = std::process::id();
        let number = open(this).into_iter().find(|(_, to)| to == "/dev/null").expect("it is open").0;
        assert!(ends_with_exec(this, &number));
        let heirloom = rustix::io::dup(&file).expect("it can be copied");
        let number = std::os::fd::AsRawFd::as_raw_fd(&heirloom).to_string();
        assert!(!ends_with_exec(this, &number));
    }
}

//! The n-th token request fails: in every way, before and after the server did its part.

use std::sync::Arc;

use renewd_core::*;
use renewd_driver::*;
use renewd_store::MemoryStore;
use renewd_testkit::AsClass;

use crate::server::Broken;
use crate::story::{End, Story, TWO_REFRESHES, name};

const KINDS: [FailureKind; 14] = [
    FailureKind::Dns,
    FailureKind::Refused,
    FailureKind::Unreachable,
    FailureKind::ConnectTimeout,
    FailureKind::Tls,
    FailureKind::Timeout,
    FailureKind::Reset,
    FailureKind::Closed,
    FailureKind::Body,
    FailureKind::Protocol,
    FailureKind::Aborted,
    FailureKind::Overloaded,
    FailureKind::Configuration,
    FailureKind::Other,
];

fn run(class: AsClass, processes: u32, n: u64, broken: Broken) -> (bool, End) {
    let mut story = Story::new(class);
    let memory = MemoryStore::new();
    let put = futures_util::FutureExt::now_or_never(memory.put(&name(), &story.login(), Expect::Absent));
    assert!(matches!(put, Some(Ok(()))));
    let looking = memory.clone();
    story.server.look_with(Box::new(move || {
        futures_util::FutureExt::now_or_never(looking.load(&name())).expect("memory answers at once")
    }));
    story.server.break_nth(n, broken);
    for _ in 0..processes {
        story.process(Arc::new(memory.clone()));
    }
    let server = Arc::clone(&story.server);
    let end = story.run(TWO_REFRESHES);
    (!server.waiting(), end)
}

#[test]
fn whichever_request_fails_once_only_a_strict_servers_lost_answer_costs_the_login_and_says_so() {
    let (mut runs, mut lost) = (0, 0);
    for class in [AsClass::P1, AsClass::P2] {
        for processes in [1, 2] {
            for (kind, (sent, processed)) in KINDS.iter().flat_map(|kind| {
                [(Sent::Nothing, false), (Sent::Bytes, false), (Sent::Bytes, true)].map(|how| (*kind, how))
            }) {
                for n in 1.. {
                    let told = format!(
                        "request {n} of {processes} fails with {} ({sent:?}, processed: {processed}) at {}",
                        kind.name(),
                        class.name()
                    );
                    let (hit, end) = run(class, processes, n, Broken { kind, sent, processed });
                    runs += 1;
                    if hit && processed && class == AsClass::P2 {
                        lost += 1;
                        end.assert_told_lost(&told);
                    } else {
                        end.assert_kept(&told);
                    }
                    if !hit {
                        break;
                    }
                    assert!(n < 20, "{told}: there is no end");
                }
            }
        }
    }
    assert!(runs > 400, "only {runs} runs");
    assert!(lost > 50, "only {lost} answers of a strict server were lost");
    println!("{runs} runs, {lost} lost answers of a strict server");
}

//! The n-th call of each kind at the store's port fails, before or after it took effect.

use std::sync::Arc;

use renewd_core::*;
use renewd_driver::*;
use renewd_store::{Effect, Faulty, MemoryStore, StoreCall};
use renewd_testkit::AsClass;

use crate::story::{End, Story, TWO_REFRESHES, name};

/// Runs the story with one failure; says whether it was met.
fn run(
    class: AsClass,
    processes: u32,
    call: StoreCall,
    (n, kind, effect): (u64, StoreFaultKind, Effect),
) -> (bool, End) {
    let mut story = Story::new(class);
    let memory = MemoryStore::new();
    let put = futures_util::FutureExt::now_or_never(memory.put(&name(), &story.login(), Expect::Absent));
    assert!(matches!(put, Some(Ok(()))));
    let looking = memory.clone();
    story.server.look_with(Box::new(move || {
        futures_util::FutureExt::now_or_never(looking.load(&name())).expect("memory answers at once")
    }));
    let faulty = Faulty::new(memory.clone());
    faulty.fail_nth(Some(call), n, kind, effect);
    story.process(Arc::new(faulty.clone()));
    for _ in 1..processes {
        story.process(Arc::new(memory.clone()));
    }
    let end = story.run(TWO_REFRESHES);
    (faulty.waiting() == 0, end)
}

#[test]
fn whichever_call_of_the_store_fails_once_no_login_is_lost_and_a_token_comes_within_one_backoff() {
    let mut runs = 0;
    let mut met = Vec::new();
    let calls = [StoreCall::Load, StoreCall::TryClaim, StoreCall::Mark, StoreCall::Commit];
    let kinds = [StoreFaultKind::Io, StoreFaultKind::Full, StoreFaultKind::ReadOnly, StoreFaultKind::Denied];
    for class in [AsClass::P1, AsClass::P2] {
        for processes in [1, 2] {
            for (call, kind) in calls.iter().flat_map(|call| kinds.map(|kind| (*call, kind))) {
                for effect in [Effect::None, Effect::Done] {
                    for n in 1.. {
                        let told = format!(
                            "{} {n} of {processes} fails with {} ({effect:?}) at {}",
                            call.name(),
                            kind.name(),
                            class.name()
                        );
                        let (hit, end) = run(class, processes, call, (n, kind, effect));
                        runs += 1;
                        end.assert_kept(&told);
                        if !hit {
                            break;
                        }
                        met.push((call, n));
                        assert!(n < 40, "{told}: there is no end");
                    }
                }
            }
        }
    }
    for call in calls {
        assert!(
            met.iter().any(|(of, n)| *of == call && *n > 1),
            "{} failed in the first refresh only",
            call.name()
        );
    }
    assert!(runs > 300, "only {runs} runs");
    println!("{runs} runs, {} failures met", met.len());
}

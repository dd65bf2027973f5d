//! Many credentials in one loop.

use crate::world::*;
use futures_util::future::join_all;
use renewd_core::*;
use renewd_driver::testing::*;
use renewd_driver::*;

const CROWD: usize = 100_000;

fn crowd(world: &mut World, n: usize, record: &Record) -> Vec<Keeper> {
    let setup = setup();
    let keepers = (0..n)
        .map(|i| {
            let name = name(&format!("c{i}"));
            world.store.write(&name, record.clone());
            world.handle.add(name, setup.clone(), i as u64)
        })
        .collect();
    world.executor.run_ready();
    keepers
}

#[test]
fn a_hundred_thousand_credentials_start_without_a_request_and_all_serve() {
    let mut world = World::with([Reply::Grant(3600)], DriverOptions::default(), |store, _| store.private());
    world.endpoint.count_only();
    let keepers = crowd(&mut world, CROWD, &record(secs(60)));
    world.executor.run_for(mins(5));
    assert_eq!(world.endpoint.count(), 0);
    assert!(keepers.iter().all(|k| k.try_token().is_some()));
    let end = world.handle.shutdown();
    assert_eq!(world.wait(end).lost, []);
    assert!(keepers.iter().all(|k| k.try_token().is_none()));
}

#[test]
fn each_of_many_credentials_is_refreshed_once_an_hour_and_none_serves_an_expired_token() {
    let mut world = World::with([Reply::Grant(3600)], DriverOptions::default(), |store, _| store.private());
    world.endpoint.count_only();
    let keepers = crowd(&mut world, CROWD / 10, &record(secs(60)));
    world.executor.run_for(mins(58));
    assert_eq!(world.endpoint.count(), CROWD as u64 / 10);
    assert!(keepers.iter().all(|k| k.try_token().is_some_and(|t| t.generation() == 1)));
}

#[test]
fn no_more_refreshes_run_at_once_than_allowed_and_a_caller_is_let_in_first() {
    let mut options = DriverOptions::default();
    options.refreshes_max = 10;
    let mut world = World::with([Reply::Grant(3600)], options, |store, _| store.private());
    let keepers = crowd(&mut world, 1000, &record(mins(61)));
    // All have expired; starts are spread by the core, callers are not.
    let last = keepers.last().unwrap();
    let all = join_all(keepers.iter().take(500).map(|k| k.token()));
    let urgent = async {
        let token = last.token().await.map(|t| t.to_owned());
        (token, world.clock.now().boot)
    };
    let (_, (token, when)) = world.executor.run_until(LONG, futures_util::future::join(all, urgent)).unwrap();
    assert!(token.is_ok());
    assert!(when.since(START.boot) <= secs(11), "{}", when.since(START.boot));
    let requests = world.endpoint.requests();
    let latency = Span::from_millis(200);
    for (i, (_, at)) in requests.iter().enumerate() {
        let together = requests.iter().skip(i).take_while(|(_, later)| later.since(*at) < latency).count();
        assert!(together <= 10, "{together} at once");
    }
}

#[test]
fn a_caller_need_not_wait_for_a_thousand_records_that_nobody_wants() {
    let mut options = DriverOptions::default();
    options.loads_max = 1;
    let mut world = World::with([Reply::Grant(3600)], options, |store, clock| {
        store.private().with_latency(clock, secs(1))
    });
    let keepers = crowd(&mut world, 1000, &record(secs(60)));
    let last = keepers.last().unwrap().clone();
    assert!(world.wait(last.token()).is_ok());
    let waited = world.clock.now().boot.since(START.boot);
    assert!(waited <= secs(3), "{waited}");
    let with_token = |keepers: &[Keeper]| keepers.iter().filter(|k| k.try_token().is_some()).count();
    assert!(with_token(&keepers) < 10);
    world.executor.run_for(secs(1001));
    assert_eq!(with_token(&keepers), 1000);
}

#[test]
fn a_shutdown_does_not_read_what_stands_in_line() {
    let mut options = DriverOptions::default();
    options.loads_max = 1;
    let mut world = World::with([Reply::Grant(3600)], options, |store, clock| {
        store.private().with_latency(clock, secs(1))
    });
    crowd(&mut world, 1000, &record(secs(60)));
    let end = world.handle.shutdown();
    assert_eq!(world.wait(end).lost, []);
    assert!(world.clock.now().boot.since(START.boot) <= secs(2));
}

#[test]
fn a_step_of_the_clock_reaches_every_machine() {
    let mut world = World::with([Reply::Grant(3600)], DriverOptions::default(), |store, _| store.private());
    world.endpoint.count_only();
    let keepers = crowd(&mut world, 5_000, &record(secs(60)));
    world.clock.step_wall(10 * 3_600_000);
    world.executor.run_for(mins(2));
    assert!(keepers.iter().all(|k| k.try_token().is_some_and(|t| t.generation() == 1)));
}

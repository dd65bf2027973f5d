//! Many processes at once, and processes that stop or die where a test wants them to.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, waitid};

use crate::run::{Ran, Running};
use crate::wait::wait_for;

/// Says what a test build does at a named point: `commit.rename#2=kill`.
pub const TEST_POINT: &str = "RENEWD_TEST_POINT";

/// Names the file that a test build tells what it passed.
pub const TEST_POINT_LOG: &str = "RENEWD_TEST_POINT_LOG";

/// A command that does that at a named point.
#[must_use]
pub fn at_point(mut command: Command, plan: &str) -> Command {
    command.env(TEST_POINT, plan);
    command
}

/// How often each process passed a point, as the log of it says.
pub fn passings(log: &Path, point: &str) -> usize {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    text.lines().filter(|line| line.split(' ').nth(1) == Some(point)).count()
}

/// Every point that the binary has, by its own account.
///
/// # Panics
/// When it gives none: then it is no test build.
#[track_caller]
pub fn points(command: Command) -> Vec<String> {
    let ran = Running::start(at_point(command, "nowhere=kill"), b"").finish().failed(2);
    let known = ran.stderr.split("known: ").nth(1).expect("the points are named; is this a release build?");
    known.lines().next().unwrap_or_default().split(", ").map(str::to_owned).collect()
}

/// Waits until a process is stopped.
///
/// # Panics
/// When it is not, or is gone.
#[track_caller]
pub fn wait_stopped(process: &mut Running) {
    let pid = i32::try_from(process.pid()).ok().and_then(Pid::from_raw).expect("a process has an id");
    let options = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    wait_for(format!("process {} to be stopped", process.pid()), || {
        // An error means that there is nothing to wait for but its end.
        let status = waitid(WaitId::Pid(pid), options).ok().flatten();
        if status.is_none() {
            assert!(process.is_running(), "it ended instead of stopping: {}", process.stderr());
        }
        status.filter(|status| status.stopped())
    });
}

/// Starts so many processes, holds each at that point, and lets all of them go at once: nobody can be nearer to
/// colliding.
///
/// # Panics
/// When one of them does not come to that point.
#[track_caller]
pub fn stampede(n: usize, point: &str, command: impl Fn() -> Command) -> Vec<Running> {
    let plan = format!("{point}=stop");
    let mut all: Vec<_> = (0..n).map(|_| Running::start(at_point(command(), &plan), b"")).collect();
    all.iter_mut().for_each(wait_stopped);
    all.iter().for_each(|process| process.signal(Signal::CONT));
    all
}

/// Waits for the end of each.
///
/// # Panics
/// When one does not end.
#[track_caller]
pub fn finish_all(all: Vec<Running>) -> Vec<Ran> {
    all.into_iter().map(Running::finish).collect()
}

/// Plays every case, so many at a time; most of a case is waiting. What they give comes back in their order.
///
/// # Panics
/// When one does.
pub fn spread<C: Sync, R: Send>(cases: &[C], at_once: usize, play: impl Fn(&C) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::SeqCst);
            let Some(case) = cases.get(at) else { return done };
            done.push((at, play(case)));
        }
    };
    let mut all: Vec<(usize, R)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..at_once.min(cases.len())).map(|_| scope.spawn(work)).collect();
        let ends = workers.into_iter().map(thread::ScopedJoinHandle::join);
        ends.flat_map(|end| end.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, result)| result).collect()
}

/// A number from the environment, for runs that are larger than those of every day.
///
/// # Panics
/// When it is set and no number.
pub fn number(variable: &str, usual: usize) -> usize {
    std::env::var(variable)
        .map_or(usual, |text| text.parse().unwrap_or_else(|_| panic!("{variable}={text:?} is no number")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_is_played_once_and_results_keep_the_order() {
        let cases: Vec<usize> = (0..50).collect();
        assert_eq!(spread(&cases, 7, |n| n * 2), (0..50).map(|n| n * 2).collect::<Vec<_>>());
        assert_eq!(spread(&Vec::<usize>::new(), 7, |n| n * 2), Vec::<usize>::new());
    }
}

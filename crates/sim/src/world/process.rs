//! The process: a driver with its machine, started and stopped.

use std::sync::Arc;

use futures_util::future::{AbortHandle, abortable};
use renewd_core::{Client, Owner, Profile, Setup, Span};
use renewd_driver::testing::{CountedEntropy, VirtualTimer};
use renewd_driver::{Clock, Driver, DriverHandle, DriverOptions, NoSigner, Ports};
use renewd_testkit::AsClass;

use super::World;

/// How long a stopping process may take at the most: its own grace, and a little.
const STOP_MAX: Span = Span::from_mins(2);

pub(super) struct Process {
    pub(super) handle: DriverHandle,
    abort: AbortHandle,
}

impl Drop for Process {
    fn drop(&mut self) {
        self.abort.abort();
    }
}

impl World<'_> {
    pub(super) fn start(&mut self) {
        self.processes += 1;
        let ports = Ports {
            endpoint: Arc::new(self.outside.clone()),
            store: Arc::new(self.disk.clone()),
            clock: Arc::new(self.clock.clone()),
            timer: Arc::new(VirtualTimer::new(&self.clock)),
            entropy: Arc::new(CountedEntropy::new(self.processes)),
            signer: Arc::new(NoSigner),
            observer: Arc::new(self.journal.clone()),
        };
        let (driver, handle) = Driver::new(ports, DriverOptions::default());
        let (run, abort) = abortable(driver.run());
        self.executor.spawn(async move {
            // Aborted when the machine reboots under it.
            let _ = run.await;
        });
        let keeper = handle.add(self.name.clone(), self.setup(), self.scenario.seed ^ self.processes);
        *self.current.borrow_mut() = Some(keeper);
        self.process = Some(Process { handle, abort });
        self.executor.run_ready();
    }

    pub(super) fn stop(&mut self) {
        let Some(process) = self.process.take() else { return };
        *self.current.borrow_mut() = None;
        match self.executor.run_until(STOP_MAX, process.handle.shutdown()) {
            Some(drained) => {
                for (_, sentence) in drained.lost {
                    self.journal.say(format!("! lost at the stop: {sentence}"));
                }
            }
            None => self.broken.push(format!("the process did not stop within {STOP_MAX}")),
        }
    }

    fn setup(&self) -> Setup {
        let class = self.scenario.server.class;
        let profile = Profile {
            name: "simulated".into(),
            as_class: core_class(class),
            grace: Span::from_millis(if class == AsClass::P3 { self.scenario.server.grace_ms } else { 0 }),
        };
        let owner = Owner {
            host: "simulated".into(),
            boot_id: self.clock.boot_id(),
            pid: u32::try_from(self.processes).unwrap_or(u32::MAX),
            start_time: self.clock.now().boot.as_millis(),
        };
        Setup {
            policy: Arc::new(self.scenario.policy.clone()),
            profile: Arc::new(profile),
            client: Arc::new(Client::public(self.client_id())),
            owner: Arc::new(owner),
        }
    }
}

fn core_class(class: AsClass) -> renewd_core::AsClass {
    renewd_core::AsClass::from_name(class.name()).unwrap_or_default()
}

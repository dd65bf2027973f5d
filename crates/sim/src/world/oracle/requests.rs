//! What is sent, what arrives, and what comes back.

use renewd_core::{Answer, AttemptId, Loaded, RecordState, RefusedCause};
use renewd_testkit::{AsClass, LogEntry, TokenVerdict};

use super::{Bucket, Fatal, Flight, InHand, Oracle, Rotation, Token, token};
use crate::world::life::Life;
use crate::world::wire::Request;

/// How a compressed body begins.
const GZIP: &[u8] = &[0x1f, 0x8b];

impl Oracle {
    /// A process is about to send this.
    pub(in crate::world) fn sent(&self, request: &Request, attempt: AttemptId) {
        let sent = request.form.refresh_token.as_deref().and_then(|t| self.token_of(t));
        if sent.is_some() || request.form.grant_type.as_deref() == Some("refresh_token") {
            self.check_flights(sent, request.life.number);
        } else {
            self.check_spends_nothing(request);
        }
        self.check_store(sent, request.life.number, attempt);
        self.check_budget(request.life.number);
        let flight = Flight {
            token: sent,
            process: request.life.number,
            open: true,
            under_way: true,
            closed: self.machine.true_time(),
            issued: None,
        };
        self.lock().flights.insert(request.id, flight);
    }

    /// A grant that spends nothing may be asked for at any time; a refresh token must not go along.
    fn check_spends_nothing(&self, request: &Request) {
        if request.form.refresh_token.is_some() {
            self.broken(
                6,
                &format!("process {} sends a refresh token that it should not have", request.life.number),
            );
        }
    }

    /// Invariants 1 and 7.
    fn check_flights(&self, sent: Option<Token>, process: u32) {
        // A settle wait that is cut to stay inside the grace allows a replay, which is harmless there.
        if self.rules.class == AsClass::P3 && !self.rules.grace.is_zero() {
            return;
        }
        let now = self.machine.true_time();
        let dead = |f: &Flight| !f.open && !self.rules.linger && now.since(f.closed) > self.rules.packet_life;
        let other = {
            let state = self.lock();
            let mut others =
                state.flights.values().filter(|f| f.token == sent && (f.open || f.under_way) && !dead(f));
            others.next().map(|f| (f.open, f.process))
        };
        match other {
            Some((true, other)) => self.broken(
                1,
                &format!("process {process} sends while a request of process {other} awaits its answer"),
            ),
            // A backup took the intent away that told of it.
            Some((false, _)) if self.lock().store_meddled => {}
            Some((false, other)) => self.broken(
                7,
                &format!("process {process} sends while the request that process {other} left behind may still arrive"),
            ),
            None => {}
        }
    }

    /// Invariants 2, 6 and 10: what stands on the disk allows it.
    fn check_store(&self, sent: Option<Token>, process: u32, attempt: AttemptId) {
        let version = sent.and_then(|t| self.lock().saved.get(&t).copied());
        if let Loaded::Record(durable) | Loaded::RolledBack { record: durable, .. } = self.disk.durable() {
            let of_this_login = version.is_none_or(|(epoch, _)| durable.epoch <= epoch);
            let marked = durable
                .intent
                .as_ref()
                .is_some_and(|i| i.attempt == attempt && i.generation == durable.generation);
            if of_this_login && !marked {
                self.broken(2, &format!("process {process} sends, and the disk would forget that it did"));
            }
        } else if !self.lock().store_meddled {
            self.broken(
                2,
                &format!("process {process} sends, and there would be no record after a power cut"),
            );
        }
        if let Loaded::Record(stands) = self.disk.visible() {
            let newer =
                version.is_some_and(|(epoch, gen_)| stands.epoch == epoch && stands.generation > gen_);
            // P0 keeps its token, and P5 hands out old ones as if they were new.
            if newer && !matches!(self.rules.class, AsClass::P0 | AsClass::P5) {
                self.broken(
                    6,
                    &format!("process {process} sends the refresh token before the one in the store"),
                );
            }
            let mut state = self.lock();
            let allowed = match stands.state {
                RecordState::Active => true,
                RecordState::Refused { cause: RefusedCause::Ceiling, .. } => {
                    std::mem::take(&mut state.person_asks)
                }
                // The record of a login or logout in the middle of a refresh: what is sent is of before.
                RecordState::Refused { .. } | RecordState::Tombstone { .. } => {
                    version.is_some_and(|(epoch, _)| stands.epoch > epoch)
                }
            };
            drop(state);
            if !allowed {
                self.broken(10, &format!("process {process} sends although the record is given up"));
            }
        }
    }

    /// Invariant 13, by a bucket of the oracle's own. Over a reboot the wall clock counts for one interval at most.
    fn check_budget(&self, process: u32) {
        let now = self.machine.true_time();
        let full = f64::from(self.rules.budget.max(1));
        let refill = self.rules.budget_refill.as_millis().max(1) as f64;
        let over_reboots =
            self.machine.reboots() as f64 * (self.rules.interval.as_millis() as f64 / refill + 1.0);
        let overdrawn = {
            let mut state = self.lock();
            let bucket = state.bucket.get_or_insert(Bucket { left: full, at: now });
            let grown = now.since(bucket.at).as_millis() as f64 / refill;
            bucket.left = (bucket.left + grown).min(full) - 1.0;
            bucket.at = now;
            bucket.left < -(over_reboots + 1.0) && !state.store_meddled
        };
        if overdrawn {
            self.broken(13, &format!("process {process} sends more than the budget of {full} allows"));
        }
    }

    /// It will never arrive.
    pub(in crate::world) fn never_arrives(&self, id: u64) {
        if let Some(flight) = self.lock().flights.get_mut(&id) {
            flight.under_way = false;
        }
    }

    /// Its socket is closed.
    pub(in crate::world) fn closed(&self, id: u64) {
        let now = self.machine.true_time();
        if let Some(flight) = self.lock().flights.get_mut(&id) {
            flight.open = false;
            flight.closed = now;
        }
    }

    /// It reached the server, which wrote this into its log. A copy is the network's doing.
    pub(in crate::world) fn arrived(
        &self,
        request: &Request,
        entry: Option<&LogEntry>,
        _now_ms: u64,
        copy: bool,
    ) {
        let now = self.machine.true_time();
        let Some(entry) = entry else { return };
        let presented = entry.presented.map(token);
        let mut late = false;
        {
            let mut state = self.lock();
            if let Some(flight) = state.flights.get_mut(&request.id) {
                late = !flight.open;
                flight.under_way = false;
            }
            if copy && let Some((grant, _)) = presented {
                state.tainted.insert(grant);
            }
            if let (Some(presented), Some(issued), Some(verdict)) =
                (presented, entry.issued.map(token), entry.verdict)
                && verdict.is_success()
                && issued != presented
            {
                state.rotations.entry(presented).or_default().push(Rotation { issued, at: now });
                if !copy && let Some(flight) = state.flights.get_mut(&request.id) {
                    flight.issued = Some(issued);
                }
            }
            if entry.verdict.is_none_or(|v| !v.is_success()) {
                state.refusals.insert(request.id, Fatal { verdict: entry.verdict });
            }
        }
        if entry.verdict == Some(TokenVerdict::Reuse)
            && let Some(presented) = presented
        {
            self.check_trip(presented, request, late, copy);
        }
    }

    /// The server took a request for theft. That may be only where the successor was lost before it could be saved.
    fn check_trip(&self, presented: Token, request: &Request, late: bool, copy: bool) {
        let now = self.machine.true_time();
        let mut state = self.lock();
        state.trips += 1;
        state.tripped.insert(presented.0);
        let tainted = copy || state.tainted.contains(&presented.0);
        let lost = state.lost(presented);
        let after_grace = state.first_rotation(presented).is_some_and(|at| now.since(at) >= self.rules.grace);
        // A settle wait that is cut to half of a short grace is shorter than a packet may live: there the one risk is
        // taken for the other.
        let cut_short = late
            && self.rules.class == AsClass::P3
            && self.rules.grace.fraction(1, 2) < self.rules.packet_life;
        let excused = tainted
            || cut_short
            || match self.rules.class {
                AsClass::P0 | AsClass::P1 | AsClass::P6 => false,
                AsClass::P2 => lost,
                AsClass::P3 => lost && after_grace,
                // Its access token was used although its record could not be written: then the process died too.
                AsClass::P4 => lost && state.served_unsaved,
                AsClass::P5 => true,
            };
        drop(state);
        if excused {
            return;
        }
        let (process, class) = (request.life.number, self.rules.class);
        let what = format!("the server of class {class} took a request of process {process} for theft");
        if late {
            self.broken(7, &format!("{what}: it arrived after another had been sent"));
        } else {
            self.broken(6, &what);
        }
    }

    /// A process has the end of its exchange in hand.
    pub(in crate::world) fn answered(&self, id: u64, life: &Life, answer: &Answer) {
        let Answer::Response(response) = answer else { return };
        let mut state = self.lock();
        let Some(flight) = state.flights.remove(&id) else { return };
        let Some(sent) = flight.token else { return };
        if let Some(fatal) = state.refusals.remove(&id) {
            if (400..500).contains(&response.status) {
                state.fatal.insert(sent, fatal);
            }
            return;
        }
        let body = response.body.expose();
        let tokens = body.starts_with(b"{") || body.starts_with(GZIP);
        let usable = response.status == 200 && !response.truncated && tokens;
        let epoch = state.saved.get(&sent).map_or(0, |(epoch, _)| *epoch);
        if usable {
            state.last_success = Some(self.machine.true_time());
            state.bucket = None;
        }
        if let Some(issued) = flight.issued.filter(|_| usable) {
            state.in_hand.push(InHand { issued, epoch, life: life.clone() });
        }
    }
}

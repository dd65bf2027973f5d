//! Slots for secrets, cut from pages that are never given back.
//!
//! A slot is of one of few sizes, and goes back, overwritten, to the list of its size. So nothing is ever moved,
//! nothing is searched, and no `unsafe` is needed: a slot is an exclusive slice of pages that live as long as the
//! process.

use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{Mutex, MutexGuard, PoisonError};

use zeroize::Zeroize as _;

/// The sizes of slots. Most secrets are keys, opaque tokens, or signed ones of one to four KiB; what is longer than the
/// last goes to the heap.
const SLOT_BYTES: [usize; 9] = [64, 128, 256, 512, 1024, 2048, 4096, 8192, 16_384];

/// Pages are asked for in lots of so many bytes: half of the smallest limit in use (64 KiB before Linux 5.16), so that
/// even there two lots could be had.
pub(super) const LOT_BYTES: usize = 32 * 1024;

/// So much is locked at most: a thousand credentials with tokens of 1 KiB. The rest of the user's share is not ours.
const ARENA_BYTES_MAX: usize = 2 << 20;

/// Gives a lot of locked pages, or says why not.
pub(super) type Map = fn(usize) -> Result<&'static mut [u8], String>;

/// The slots of one process.
pub(super) struct Arena {
    map: Map,
    room: Mutex<Room>,
}

struct Room {
    /// Free slots by size, all of them overwritten.
    free: [Vec<&'static mut [u8]>; SLOT_BYTES.len()],
    /// What is not cut yet of the newest lot.
    uncut: &'static mut [u8],
    locked_bytes: usize,
    refused: Option<String>,
}

impl Arena {
    pub(super) const fn new(map: Map) -> Self {
        let room = Room {
            free: [const { Vec::new() }; SLOT_BYTES.len()],
            uncut: &mut [],
            locked_bytes: 0,
            refused: None,
        };
        Self { map, room: Mutex::new(room) }
    }

    /// Copies the bytes into a slot; none where there is no more room, or none so large.
    pub(super) fn keep(&'static self, bytes: &[u8]) -> Option<Kept> {
        let size = SLOT_BYTES.iter().position(|size| *size >= bytes.len())?;
        let slot = self.room().take(size, self.map)?;
        if let Some(start) = slot.get_mut(..bytes.len()) {
            start.copy_from_slice(bytes);
        }
        Some(Kept { arena: self, slot, length: bytes.len() })
    }

    pub(super) fn locked_bytes(&self) -> usize {
        self.room().locked_bytes
    }

    pub(super) fn refused(&self) -> Option<String> {
        self.room().refused.clone()
    }

    fn room(&self) -> MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Room {
    /// A free slot of that size; else a new one; else the next larger that is free.
    fn take(&mut self, size: usize, map: Map) -> Option<&'static mut [u8]> {
        let free = self.free.get_mut(size)?;
        if let Some(slot) = free.pop() {
            return Some(slot);
        }
        match self.cut(SLOT_BYTES[size], map) {
            Some(slot) => Some(slot),
            None => self.free.iter_mut().skip(size + 1).find_map(Vec::pop),
        }
    }

    fn cut(&mut self, bytes: usize, map: Map) -> Option<&'static mut [u8]> {
        if self.uncut.len() < bytes {
            self.grow(map)?;
        }
        let (slot, rest) = std::mem::take(&mut self.uncut).split_at_mut_checked(bytes)?;
        self.uncut = rest;
        Some(slot)
    }

    /// Takes a new lot. What was left of the last one becomes slots, so that nothing locked lies idle.
    fn grow(&mut self, map: Map) -> Option<()> {
        if self.refused.is_some() || self.locked_bytes + LOT_BYTES > ARENA_BYTES_MAX {
            return None;
        }
        match map(LOT_BYTES) {
            Err(why) => {
                self.refused = Some(why);
                None
            }
            Ok(lot) => {
                self.locked_bytes += lot.len();
                let mut rest = std::mem::replace(&mut self.uncut, lot);
                for (size, bytes) in SLOT_BYTES.iter().enumerate().rev() {
                    while rest.len() >= *bytes {
                        let (slot, after) = rest.split_at_mut(*bytes);
                        self.free[size].push(slot);
                        rest = after;
                    }
                }
                Some(())
            }
        }
    }
}

/// A secret's bytes in a slot, overwritten and given back when dropped.
pub(super) struct Kept {
    arena: &'static Arena,
    slot: &'static mut [u8],
    length: usize,
}

// Nobody writes to a slot between its making and its end: no panic finds it half done.
impl UnwindSafe for Kept {}
impl RefUnwindSafe for Kept {}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        self.slot.get(..self.length).unwrap_or_default()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let slot = std::mem::take(&mut self.slot);
        if let Some(used) = slot.get_mut(..self.length) {
            used.zeroize();
        }
        // By the slot's own size: a small secret may have had a larger slot.
        if let Some(size) = SLOT_BYTES.iter().position(|size| *size == slot.len())
            && let Some(free) = self.arena.room().free.get_mut(size)
        {
            free.push(slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heap(bytes: usize) -> Result<&'static mut [u8], String> {
        Ok(Vec::leak(vec![0; bytes]))
    }

    fn refuse(_: usize) -> Result<&'static mut [u8], String> {
        Err("no more".into())
    }

    fn arena(map: Map) -> &'static Arena {
        Box::leak(Box::new(Arena::new(map)))
    }

    #[test]
    fn a_slot_is_wiped_when_it_is_given_back_and_the_next_secret_has_it() {
        let arena = arena(heap);
        let first = arena.keep(b"rt-canary-1").unwrap();
        let place = first.as_ref().as_ptr();
        assert_eq!(first.as_ref(), b"rt-canary-1");
        drop(first);
        assert!(arena.room().free[0][0].iter().all(|byte| *byte == 0));
        let second = arena.keep(b"rt").unwrap();
        assert!(std::ptr::eq(second.as_ref().as_ptr(), place));
        assert_eq!(second.as_ref(), b"rt");
    }

    #[test]
    fn secrets_of_every_length_lie_apart() {
        let arena = arena(heap);
        let secrets: Vec<Vec<u8>> =
            (0..400_usize).map(|n| vec![u8::try_from(n % 251).unwrap(); 1 + n * 37]).collect();
        let kept: Vec<_> = secrets.iter().map(|secret| arena.keep(secret)).collect();
        for (secret, kept) in secrets.iter().zip(&kept) {
            match kept {
                Some(kept) => assert_eq!(kept.as_ref(), secret),
                None => assert!(secret.len() > 4096 || arena.locked_bytes() + LOT_BYTES > ARENA_BYTES_MAX),
            }
        }
        assert!(arena.locked_bytes() <= ARENA_BYTES_MAX);
    }

    #[test]
    fn without_locked_pages_there_is_no_slot_and_the_reason_stays() {
        let arena = arena(refuse);
        assert!(arena.keep(b"x").is_none());
        assert_eq!(arena.refused().as_deref(), Some("no more"));
        assert_eq!(arena.locked_bytes(), 0);
    }

    #[test]
    fn a_secret_beyond_the_largest_slot_is_left_to_the_heap() {
        let arena = arena(heap);
        assert!(arena.keep(&[1; 16_384]).is_some());
        assert!(arena.keep(&[1; 16_385]).is_none());
        assert_eq!(arena.refused(), None);
    }

    #[test]
    fn a_full_arena_lends_larger_slots_and_then_none_and_has_room_again_after_a_drop() {
        let arena = arena(heap);
        let mut all: Vec<Kept> = std::iter::from_fn(|| arena.keep(&[7; 4000])).collect();
        assert!(all.len() >= ARENA_BYTES_MAX / 4096);
        assert!(arena.keep(b"x").is_none());
        all.pop();
        assert_eq!(arena.keep(b"x").unwrap().as_ref(), b"x");
    }

    #[test]
    fn threads_share_it_without_seeing_each_others_bytes() {
        let arena = arena(heap);
        std::thread::scope(|scope| {
            for thread in 1..=4_u8 {
                scope.spawn(move || {
                    for round in 0..2000_usize {
                        let secret = vec![thread; 1 + round % 300];
                        let kept = arena.keep(&secret).unwrap();
                        assert_eq!(kept.as_ref(), secret);
                    }
                });
            }
        });
        assert_eq!(arena.locked_bytes(), LOT_BYTES);
    }
}

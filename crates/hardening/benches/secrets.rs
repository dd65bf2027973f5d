//! What it costs to make and drop a secret, on the heap and in locked memory, and to overwrite what is freed.
//!
//! `cargo bench -p renewd-hardening --bench secrets` prints nanoseconds for each; the fastest of several rounds counts,
//! because a busy machine only ever makes a round slower. The heap is measured first: where secrets lie is said once.
#![expect(clippy::disallowed_methods, reason = "a benchmark measures time")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::time::Instant;

use renewd_core::Secret;
use renewd_hardening::{WipingAllocator, memory};

const ROUNDS: usize = 9;
const CALLS: u32 = 200_000;
const CALLS_IN_A_TEST: u32 = 100;

/// A key, an opaque token, a signed one, and the longest that a slot takes.
const LENGTHS: [usize; 4] = [32, 64, 1500, 16_000];

fn main() {
    // As `cargo test` runs it: it only has to work.
    let calls = if std::env::args().any(|argument| argument == "--bench") { CALLS } else { CALLS_IN_A_TEST };
    println!("{:<44}{}", "", LENGTHS.map(|length| format!("{length:>10} B")).concat());
    row("Secret made and dropped, on the heap", calls, make_and_drop);
    memory::lock_secrets();
    row("Secret made and dropped, in locked memory", calls, make_and_drop);
    let state = memory::state();
    row("block allocated, filled, freed", calls, |length| allocate(&System, length));
    row("the same, overwritten when freed", calls, |length| allocate(&WipingAllocator::new(), length));
    println!("{state:?}");
}

fn row(name: &str, calls: u32, act: impl Fn(usize)) {
    let columns = LENGTHS.map(|length| {
        let round = || {
            let began = Instant::now();
            (0..calls).for_each(|_| act(length));
            began.elapsed().as_secs_f64() * 1e9 / f64::from(calls)
        };
        let fastest = (0..ROUNDS).map(|_| round()).fold(f64::INFINITY, f64::min);
        format!("{fastest:>9.0} ns")
    });
    println!("{name:<44}{}", columns.concat());
}

fn make_and_drop(length: usize) {
    static BYTES: [u8; 16_000] = [b'x'; 16_000];
    drop(black_box(Secret::copy_of(black_box(&BYTES[..length]))));
}

#[expect(unsafe_code, reason = "allocators are used so")]
fn allocate(allocator: &impl GlobalAlloc, length: usize) {
    let Ok(layout) = Layout::from_size_align(length, 8) else { return };
    // SAFETY: the block is used within its size, and given back once with its own layout.
    unsafe {
        let block = allocator.alloc(layout);
        if !block.is_null() {
            black_box(block).write_bytes(1, length);
            allocator.dealloc(black_box(block), layout);
        }
    }
}

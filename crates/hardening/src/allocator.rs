//! An allocator that overwrites what it is given back.
//!
//! Our own secrets are overwritten by their types. The buffers of others (HTTP, TLS, JSON) are not, and a vector that
//! grows leaves its old place behind as it was. Where all memory is wiped on release, none of that is left for a core
//! file, a debugger or the next reader of the same page to find.

use std::alloc::{GlobalAlloc, Layout, System};

/// An allocator, the system's as a rule, that overwrites each block with zeroes before it gives it back.
///
/// ```
/// use renewd_hardening::WipingAllocator;
///
/// #[global_allocator]
/// static ALLOCATOR: WipingAllocator = WipingAllocator::new();
/// # fn main() {}
/// ```
///
/// A block that grows or shrinks is moved, so that its old place can be overwritten. What it costs is one write of
/// each freed byte.
#[derive(Clone, Copy, Debug)]
pub struct WipingAllocator<A = System>(A);

impl WipingAllocator {
    /// Over the system's allocator.
    pub const fn new() -> Self {
        Self(System)
    }
}

impl Default for WipingAllocator {
    fn default() -> Self {
        Self::new()
    }
}

#[expect(unsafe_code, reason = "allocators are unsafe by their trait")]
// SAFETY: every block comes from the allocator below and goes back to it with the layout it was made with. `realloc` is
// the trait's own: allocate, copy, release.
unsafe impl<A: GlobalAlloc> GlobalAlloc for WipingAllocator<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the trait's contract, which is the same there.
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        unsafe { self.0.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block is the caller's to give back, and as long as its layout says. Writing to it is the last
        // thing that happens to it here; the black box keeps the compiler from calling that useless.
        unsafe {
            block.write_bytes(0, layout.size());
            self.0.dealloc(std::hint::black_box(block), layout);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    /// Notes what blocks hold when they come back.
    struct Witness(Mutex<Vec<Vec<u8>>>);

    #[expect(unsafe_code, reason = "allocators are unsafe by their trait")]
    // SAFETY: all of it is the system's; the bytes of a block are read before it is released.
    unsafe impl GlobalAlloc for Witness {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            // SAFETY: the same contract.
            unsafe { System.alloc(layout) }
        }

        unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
            // SAFETY: the block is still whole, and initialised by the test.
            unsafe {
                self.0.lock().unwrap().push(std::slice::from_raw_parts(block, layout.size()).to_vec());
                System.dealloc(block, layout);
            }
        }
    }

    #[test]
    #[expect(unsafe_code, reason = "allocators are used so")]
    fn a_block_is_wiped_when_it_is_given_back_and_when_it_moves() {
        let allocator = WipingAllocator(Witness(Mutex::default()));
        let layout = Layout::from_size_align(100, 8).unwrap();
        // SAFETY: each block is used within its size, and given back once with its own layout.
        unsafe {
            let block = allocator.alloc(layout);
            block.write_bytes(7, 100);
            let grown = allocator.realloc(block, layout, 300);
            assert!((0..100).all(|at| grown.add(at).read() == 7), "the bytes moved along");
            grown.write_bytes(9, 300);
            allocator.dealloc(grown, Layout::from_size_align(300, 8).unwrap());
        }
        assert_eq!(*allocator.0.0.lock().unwrap(), [vec![0; 100], vec![0; 300]]);
    }
}

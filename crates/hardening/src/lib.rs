//! What a process does for its secrets, as far as its operating system helps: memory that is neither swapped nor
//! dumped, no core files, no debugger of the same user.
//!
//! All of it is best effort and none of it is a wall: root reads what it likes, and a program of the same user can
//! ask as the user does. What the system refused is told by [`memory::state`] and [`process::state`], and fails
//! nothing.
//!
//! A library does not decide for its host: nothing here happens before the host, as `renewd` does, calls
//! [`process::harden`] and [`memory::lock_secrets`], best before it reads its first secret.
//!
//! ```
//! renewd_hardening::memory::lock_secrets();
//! let secret = renewd_core::Secret::copy_of(b"rt-1");
//! assert!(secret.same_as(b"rt-1"));
//! assert!(renewd_hardening::memory::state().installed);
//! ```

mod allocator;
pub mod memory;
pub mod process;

pub use allocator::WipingAllocator;

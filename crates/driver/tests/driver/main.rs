//! The real loop in virtual time.

mod audiences;
mod callers;
mod canary;
mod clocks;
mod complaints;
mod crowd;
mod ends;
mod proofs;
mod robust;
mod siblings;
mod store_order;
mod watching;
mod world;

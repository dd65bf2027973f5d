//! What is left of secrets in memory.

mod agent;
mod library;
mod process;
mod types;

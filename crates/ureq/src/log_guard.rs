//! Refuses to run under a logger that would print tokens.
//!
//! ureq-proto, the HTTP engine of ureq, writes every byte of headers and answers to the `log` facade at trace level,
//! and offers no switch. A program that prints such records would print its tokens, so nothing is sent while it does.
//! (renewd's own records go to `tracing` and hold no secret; the `renewd` command installs no `log` logger.)

use log::{Level, LevelFilter, Metadata, STATIC_MAX_LEVEL};

use crate::options::ConfigurationError;

/// The target of the records that hold bytes.
const TARGET: &str = "ureq_proto::util";

/// Fails when the program's logger takes the records that hold tokens.
pub(crate) fn check() -> Result<(), ConfigurationError> {
    let possible = STATIC_MAX_LEVEL >= LevelFilter::Trace && log::max_level() >= LevelFilter::Trace;
    if possible && log::logger().enabled(&Metadata::builder().level(Level::Trace).target(TARGET).build()) {
        return Err(ConfigurationError::new(
            "this program's logger takes trace records of `ureq_proto`, which hold token bytes; \
             limit that target, for example with `ureq_proto=debug`",
        ));
    }
    Ok(())
}

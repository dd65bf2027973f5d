//! Refuses to run under a logger that would print tokens.
//!
//! ureq-proto, the HTTP engine of ureq, writes every byte of headers and answers to the `log` facade at trace level,
//! and offers no switch; ureq itself writes where an answer redirects to, which may repeat what was sent. A program that prints
//! such records would print its tokens, so nothing is sent while it does.
//! (renewd's own records go to `tracing` and hold no secret; the `renewd` command installs no `log` logger.)

use log::{Level, LevelFilter, Metadata, STATIC_MAX_LEVEL};

use crate::options::ConfigurationError;

/// The targets of the records that hold bytes, and a redirect's target.
const TARGETS: [&str; 2] = ["ureq_proto::util", "ureq::util"];

/// Fails when the program's logger takes the records that hold tokens.
pub(crate) fn check() -> Result<(), ConfigurationError> {
    let possible = STATIC_MAX_LEVEL >= LevelFilter::Trace && log::max_level() >= LevelFilter::Trace;
    let taken = |target: &&str| {
        log::logger().enabled(&Metadata::builder().level(Level::Trace).target(target).build())
    };
    if possible && TARGETS.iter().any(taken) {
        return Err(ConfigurationError::new(
            "this program's logger takes trace records of `ureq` or `ureq_proto`, which hold token bytes; \
             limit these targets, for example with `ureq=debug,ureq_proto=debug`",
        ));
    }
    Ok(())
}

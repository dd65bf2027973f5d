//! What holds for every answer, real or not: judging is total, deterministic and bounded, loses no refresh token, shows
//! no secret, and ends no login without a code that says so.
//!
//! The promises themselves are in `promises`, which the fuzz targets check too; here they are drawn from answers that
//! are near enough to real ones to reach every path.
#![expect(clippy::unwrap_used, reason = "a broken case must fail the test")]

mod draw;
mod kept;
mod profiles;
#[expect(unreachable_pub, reason = "the fuzz targets include this folder too")]
mod promises;
mod reader;
mod shown;
mod strict;
mod total;

use proptest::test_runner::Config;

/// So many cases, and none kept in a file: a case that fails is written down as a test by whoever mends it.
fn cases(cases: u32) -> Config {
    Config { cases, failure_persistence: None, ..Config::default() }
}

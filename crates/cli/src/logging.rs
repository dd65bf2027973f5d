//! Logs, on stderr, off unless asked for. They never hold a secret: the secret type cannot be formatted, and only our own
//! crates are heard. What other crates log at trace level is theirs to choose: one that speaks to a keyring logs whole messages,
//! one that speaks HTTP logs headers.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// What the targets of all our crates begin with, and no others.
const OURS: &str = "renewd";

/// `--log`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogLevel {
    Off,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// `--log-format`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    #[default]
    Text,
    Json,
}

/// Begins to log.
pub(crate) fn begin(level: LogLevel, format: LogFormat, colour: bool) {
    let filter = match level {
        LogLevel::Off => return,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(colour);
    let ours = ours(filter);
    let begun = match format {
        LogFormat::Text => tracing_subscriber::registry().with(layer.with_filter(ours)).try_init(),
        LogFormat::Json => tracing_subscriber::registry().with(layer.json().with_filter(ours)).try_init(),
    };
    // One process begins to log once; a second time changes nothing.
    debug_assert!(begun.is_ok(), "logging begins once");
}

/// Who is heard, and how much of them.
fn ours(level: LevelFilter) -> Targets {
    Targets::new().with_target(OURS, level)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

    #[test]
    fn our_own_crates_are_heard_to_the_level_asked_for_and_no_other_crate_at_all() {
        let ours = ours(LevelFilter::DEBUG);
        for target in
            ["renewd_driver::run", "renewd_proxy", "renewd_command::transact", "renewd_keyring::linux"]
        {
            assert!(ours.would_enable(target, &Level::DEBUG), "{target}");
            assert!(!ours.would_enable(target, &Level::TRACE), "{target}");
        }
        for target in
            ["zbus::connection", "hyper::proto", "hyper_util::client", "ureq_proto::util", "rustls", "h2"]
        {
            assert!(!ours.would_enable(target, &Level::ERROR), "{target}");
        }
    }
}

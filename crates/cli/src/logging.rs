//! Logs, on stderr, off unless asked for. They never hold a secret: the secret type cannot be formatted.

use tracing::level_filters::LevelFilter;

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
    let builder =
        tracing_subscriber::fmt().with_max_level(filter).with_writer(std::io::stderr).with_ansi(colour);
    let begun = match format {
        LogFormat::Text => builder.try_init().map_err(drop),
        LogFormat::Json => builder.json().try_init().map_err(drop),
    };
    // One process begins to log once; a second time changes nothing.
    debug_assert!(begun.is_ok(), "logging begins once");
}

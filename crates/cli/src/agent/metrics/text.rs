//! The text of the metrics: Prometheus' own (exposition format 0.0.4), or that of OpenMetrics 1.0, which grew out of it.

use std::fmt::Write as _;

use super::{Family, Kind, Sample, Value};

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Prometheus,
    OpenMetrics,
}

impl Format {
    /// Its media type.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// A family's name: OpenMetrics has the `_total` of a counter at its samples alone.
    fn name_of(self, family: &Family) -> &'static str {
        match (self, family.kind) {
            (Self::OpenMetrics, Kind::Counter) => family.name.strip_suffix("_total").unwrap_or(family.name),
            _ => family.name,
        }
    }
}

/// All families. A family without samples says all the same that it is there.
pub(crate) fn render(families: &[Family], format: Format) -> String {
    let mut text = String::new();
    for family in families {
        let kind = match family.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let name = format.name_of(family);
        let help = match format {
            Format::Prometheus => escaped_help(family.help),
            Format::OpenMetrics => escaped(family.help),
        };
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        if format == Format::OpenMetrics && name.ends_with("_seconds") {
            let _ = writeln!(text, "# UNIT {name} seconds");
        }
        for sample in &family.samples {
            write(&mut text, family.name, sample, format);
        }
    }
    if format == Format::OpenMetrics {
        text.push_str("# EOF\n");
    }
    text
}

fn write(text: &mut String, name: &str, sample: &Sample, format: Format) {
    match &sample.value {
        Value::Whole(n) => line(text, name, "", sample, None, n),
        Value::Time(at) => line(text, name, "", sample, None, at.as_unix_millis() as f64 / 1000.0),
        Value::Durations { bounds_ms, counts, sum } => {
            let mut up_to = 0;
            for (i, n) in counts.iter().enumerate() {
                up_to += n;
                let bound = bounds_ms.get(i).map(|ms| *ms as f64 / 1000.0);
                let bound = bound.map_or("+Inf".to_owned(), |seconds| match format {
                    Format::Prometheus => seconds.to_string(),
                    // With a point in it, always (OpenMetrics 1.0, "Canonical Numbers").
                    Format::OpenMetrics => format!("{seconds:?}"),
                });
                line(text, name, "_bucket", sample, Some(&bound), up_to);
            }
            line(text, name, "_sum", sample, None, sum.as_millis() as f64 / 1000.0);
            line(text, name, "_count", sample, None, up_to);
        }
    }
}

fn line(
    text: &mut String,
    name: &str,
    suffix: &str,
    sample: &Sample,
    bound: Option<&str>,
    value: impl std::fmt::Display,
) {
    let _ = write!(text, "{name}{suffix}");
    let labels = sample.labels.iter().map(|(label, value)| (*label, value.as_str()));
    for (i, (label, value)) in labels.chain(bound.map(|bound| ("le", bound))).enumerate() {
        let _ = write!(text, "{}{label}=\"{}\"", if i == 0 { '{' } else { ',' }, escaped(value));
    }
    let end = if sample.labels.is_empty() && bound.is_none() { "" } else { "}" };
    let _ = writeln!(text, "{end} {value}");
}

/// A label's value: backslash, quote and line feed.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// A help text: backslash and line feed.
fn escaped_help(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n")
}

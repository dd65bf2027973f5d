//! The Prometheus text exposition format, version 0.0.4.

use std::fmt::Write as _;

use super::{Family, Kind, Sample, Value};

/// Its media type.
pub(crate) const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All families. A family without samples says all the same that it is there.
pub(crate) fn render(families: &[Family]) -> String {
    let mut text = String::new();
    for family in families {
        let kind = match family.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let name = family.name;
        let _ = writeln!(text, "# HELP {name} {}\n# TYPE {name} {kind}", escaped_help(family.help));
        for sample in &family.samples {
            write(&mut text, name, sample);
        }
    }
    text
}

fn write(text: &mut String, name: &str, sample: &Sample) {
    match &sample.value {
        Value::Whole(n) => line(text, name, "", sample, None, n),
        Value::Time(at) => line(text, name, "", sample, None, at.as_unix_millis() as f64 / 1000.0),
        Value::Durations { bounds_ms, counts, sum } => {
            let mut up_to = 0;
            for (i, n) in counts.iter().enumerate() {
                up_to += n;
                let bound =
                    bounds_ms.get(i).map_or("+Inf".to_owned(), |ms| (*ms as f64 / 1000.0).to_string());
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

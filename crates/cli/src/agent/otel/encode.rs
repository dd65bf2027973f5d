//! OTLP 1.x in its JSON encoding: 64-bit numbers are texts, trace and span identifiers hexadecimal.

use renewd_core::Wall;
use serde_json::{Value as Json, json};

use super::context::hex;
use super::spans::{Attribute, Span};
use crate::agent::metrics::{Family, Kind, Sample, Value};

/// Sums that grow from the process's start on.
const CUMULATIVE: u8 = 2;

/// `SPAN_KIND_CLIENT`.
const CLIENT: u8 = 3;

/// `STATUS_CODE_ERROR`.
const ERROR: u8 = 2;

/// Of `flags`: where the parent was is known.
const HAS_IS_REMOTE: u32 = 0x100;

/// Of `flags`: it was in another program.
const IS_REMOTE: u32 = 0x200;

/// Of `flags`: the trace is recorded (W3C Trace Context).
const SAMPLED: u32 = 1;

fn nanos(at: Wall) -> String {
    (i128::from(at.as_unix_millis()) * 1_000_000).to_string()
}

fn text(key: &str, value: &str) -> Json {
    json!({"key": key, "value": {"stringValue": value}})
}

fn resource(attributes: &[(String, String)]) -> Json {
    json!({"attributes": attributes.iter().map(|(key, value)| text(key, value)).collect::<Vec<_>>()})
}

fn scope() -> Json {
    json!({"name": "renewd", "version": env!("CARGO_PKG_VERSION")})
}

/// An `ExportTraceServiceRequest`.
pub(super) fn traces(of: &[(String, String)], spans: &[Span]) -> Json {
    let spans: Vec<Json> = spans.iter().map(span).collect();
    json!({"resourceSpans": [{"resource": resource(of), "scopeSpans": [{"scope": scope(), "spans": spans}]}]})
}

fn span(span: &Span) -> Json {
    let attribute = |(key, value): &(&str, Attribute)| match value {
        Attribute::Text(value) => text(key, value),
        Attribute::Number(n) => json!({"key": key, "value": {"intValue": n.to_string()}}),
        Attribute::Flag(is) => json!({"key": key, "value": {"boolValue": is}}),
    };
    let status = match &span.error {
        Some(why) => json!({"code": ERROR, "message": why}),
        None => json!({}),
    };
    let event = |(at, name): &(Wall, &str)| json!({"timeUnixNano": nanos(*at), "name": name});
    let context = &span.context;
    let remote = if context.parent.is_some() { IS_REMOTE } else { 0 };
    let mut all = json!({
        "traceId": hex(&context.trace), "spanId": hex(&context.id), "name": span.name, "kind": CLIENT,
        "startTimeUnixNano": nanos(span.begun), "endTimeUnixNano": nanos(span.ended),
        "flags": SAMPLED | HAS_IS_REMOTE | remote,
        "attributes": span.attributes.iter().map(attribute).collect::<Vec<_>>(), "status": status,
        "events": span.events.iter().map(event).collect::<Vec<_>>(),
    });
    if let Some(parent) = &context.parent {
        all["parentSpanId"] = hex(parent).into();
    }
    all
}

/// An `ExportMetricsServiceRequest`.
pub(super) fn metrics(of: &[(String, String)], families: &[Family], started: Wall, now: Wall) -> Json {
    let metrics: Vec<Json> = families
        .iter()
        .filter(|f| !f.samples.is_empty())
        .map(|family| metric(family, started, now))
        .collect();
    json!({"resourceMetrics": [{"resource": resource(of), "scopeMetrics": [{"scope": scope(), "metrics": metrics}]}]})
}

fn metric(family: &Family, started: Wall, now: Wall) -> Json {
    let points: Vec<Json> =
        family.samples.iter().map(|sample| point(sample, family.kind, started, now)).collect();
    // Prometheus puts the meaning of a number into its name; here it has its own fields.
    let name = family.name.trim_end_matches("_total");
    let unit = if name.ends_with("_seconds") { "s" } else { "1" };
    let mut metric = json!({"name": name, "description": family.help, "unit": unit});
    let (data, value) = match family.kind {
        Kind::Counter => {
            ("sum", json!({"dataPoints": points, "aggregationTemporality": CUMULATIVE, "isMonotonic": true}))
        }
        Kind::Gauge => ("gauge", json!({"dataPoints": points})),
        Kind::Histogram => ("histogram", json!({"dataPoints": points, "aggregationTemporality": CUMULATIVE})),
    };
    metric[data] = value;
    metric
}

fn point(sample: &Sample, kind: Kind, started: Wall, now: Wall) -> Json {
    let labels: Vec<Json> = sample.labels.iter().map(|(key, value)| text(key, value)).collect();
    let mut point = json!({"attributes": labels, "timeUnixNano": nanos(now)});
    if kind != Kind::Gauge {
        point["startTimeUnixNano"] = nanos(started).into();
    }
    match &sample.value {
        Value::Whole(n) => point["asInt"] = n.to_string().into(),
        Value::Time(at) => point["asDouble"] = (at.as_unix_millis() as f64 / 1000.0).into(),
        Value::Durations { bounds_ms, counts, sum } => {
            point["count"] = counts.iter().sum::<u64>().to_string().into();
            point["sum"] = (sum.as_millis() as f64 / 1000.0).into();
            point["bucketCounts"] = counts.iter().map(u64::to_string).collect::<Vec<_>>().into();
            point["explicitBounds"] =
                bounds_ms.iter().map(|ms| *ms as f64 / 1000.0).collect::<Vec<_>>().into();
        }
    }
    point
}

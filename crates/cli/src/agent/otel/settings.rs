//! What the standard variables of OpenTelemetry ask for ("OpenTelemetry Environment Variable Specification" and "OTLP
//! Exporter Configuration"). Nothing is sent where no endpoint is named: an agent does not look for collectors.

use std::time::Duration;

use renewd_core::Secret;

use super::sampler::Sampler;
use crate::environment::Environment;

/// Between two exports of the metrics, where nothing else is asked for.
const INTERVAL: Duration = Duration::from_secs(60);

/// For one export, where nothing else is asked for.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Where to, how often, as whom.
pub(crate) struct Settings {
    pub(super) traces: Option<String>,
    pub(super) metrics: Option<String>,
    /// Values may be secrets.
    pub(super) headers: Vec<(String, Secret)>,
    pub(super) timeout: Duration,
    pub(super) interval: Duration,
    /// Of the resource, the service's name first.
    pub(super) resource: Vec<(String, String)>,
    /// Which traces are recorded.
    pub(super) sampler: Sampler,
    /// What was asked for, cannot be done and keeps nothing else from being done, in words for people.
    pub(super) passed_over: Vec<String>,
}

impl Settings {
    /// None where nothing is to be sent. What is asked for and cannot be done is told in words for people.
    pub(crate) fn of(env: &Environment) -> Result<Option<Self>, String> {
        let is = |name: &str, value: &str| env.text(name).is_some_and(|v| v.eq_ignore_ascii_case(value));
        if is("OTEL_SDK_DISABLED", "true") {
            return Ok(None);
        }
        let base = env.text("OTEL_EXPORTER_OTLP_ENDPOINT");
        let endpoint = |signal: &str, path: &str| {
            if is(&format!("OTEL_{signal}_EXPORTER"), "none") {
                return None;
            }
            let own = env.text(&format!("OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"));
            own.or_else(|| base.as_ref().map(|base| format!("{}{path}", base.trim_end_matches('/'))))
        };
        let (traces, metrics) = (endpoint("TRACES", "/v1/traces"), endpoint("METRICS", "/v1/metrics"));
        if traces.is_none() && metrics.is_none() {
            return Ok(None);
        }
        match env.text("OTEL_EXPORTER_OTLP_PROTOCOL").as_deref() {
            None | Some("http/json" | "http/protobuf") => {}
            Some(other) => {
                return Err(format!(
                    "OTEL_EXPORTER_OTLP_PROTOCOL is {other:?}; renewd sends JSON over HTTP (http/json), as a rule to port 4318"
                ));
            }
        }
        let millis = |name: &str, default: Duration| {
            let given = env.text(name).and_then(|text| text.parse().ok()).filter(|ms| *ms > 0);
            given.map_or(default, Duration::from_millis)
        };
        let mut passed_over = Vec::new();
        let sampler = Sampler::of(env, &mut passed_over);
        Ok(Some(Self {
            sampler,
            passed_over,
            traces,
            metrics,
            headers: headers(&env.text("OTEL_EXPORTER_OTLP_HEADERS").unwrap_or_default())?,
            timeout: millis("OTEL_EXPORTER_OTLP_TIMEOUT", TIMEOUT),
            interval: millis("OTEL_METRIC_EXPORT_INTERVAL", INTERVAL),
            resource: resource(env)?,
        }))
    }
}

/// `key=value,key2=value2`, values percent-encoded (W3C Baggage).
fn pairs(name: &str, text: &str) -> Result<Vec<(String, Vec<u8>)>, String> {
    // What stands there may be a secret: it is not repeated.
    let wrong = || format!("{name} is not of the form key=value,key2=value2");
    let one = |pair: &str| {
        let (key, value) = pair.split_once('=').ok_or_else(wrong)?;
        let key = key.trim();
        let sane = !key.is_empty() && key.bytes().all(|b| b.is_ascii_graphic());
        if !sane {
            return Err(wrong());
        }
        Ok((key.to_owned(), decoded(value.trim()).ok_or_else(wrong)?))
    };
    text.split(',').filter(|pair| !pair.trim().is_empty()).map(one).collect()
}

fn headers(text: &str) -> Result<Vec<(String, Secret)>, String> {
    let all = pairs("OTEL_EXPORTER_OTLP_HEADERS", text)?;
    Ok(all.into_iter().map(|(key, value)| (key, Secret::copy_of(&value))).collect())
}

fn resource(env: &Environment) -> Result<Vec<(String, String)>, String> {
    let given = pairs("OTEL_RESOURCE_ATTRIBUTES", &env.text("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default())?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let mut all: Vec<(String, String)> = given.into_iter().map(|(key, value)| (key, text(value))).collect();
    let named = all.iter().position(|(key, _)| key == "service.name").map(|at| all.remove(at).1);
    let name = env.text("OTEL_SERVICE_NAME").or(named).unwrap_or_else(|| "renewd".into());
    all.retain(|(key, _)| key != "service.version");
    all.insert(0, ("service.version".into(), env!("CARGO_PKG_VERSION").into()));
    all.insert(0, ("service.name".into(), name));
    Ok(all)
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            let (high, low) = (digit(rest.next())?, digit(rest.next())?);
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Result<Option<Settings>, String> {
        Settings::of(&Environment::of(variables))
    }

    const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318/");

    #[test]
    fn nothing_is_sent_that_nobody_asked_for() {
        assert!(of(&[]).unwrap().is_none());
        assert!(of(&[ENDPOINT, ("OTEL_SDK_DISABLED", "true")]).unwrap().is_none());
        let none = [ENDPOINT, ("OTEL_TRACES_EXPORTER", "none"), ("OTEL_METRICS_EXPORTER", "none")];
        assert!(of(&none).unwrap().is_none());
    }

    #[test]
    fn the_standard_variables_hold() {
        let settings = of(&[
            ENDPOINT,
            ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "https://metrics.example/otlp"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%20b, x=1"),
            ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=test,service.name=other"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "1500"),
        ]);
        let settings = settings.unwrap().unwrap();
        assert_eq!(settings.traces.as_deref(), Some("http://127.0.0.1:4318/v1/traces"));
        assert_eq!(settings.metrics.as_deref(), Some("https://metrics.example/otlp"));
        let headers: Vec<_> =
            settings.headers.iter().map(|(k, v)| (k.as_str(), v.expose_str().unwrap())).collect();
        assert_eq!(headers, [("api-key", "a b"), ("x", "1")]);
        assert_eq!(settings.resource[0], ("service.name".to_owned(), "other".to_owned()));
        assert_eq!((settings.interval, settings.timeout), (Duration::from_millis(1500), TIMEOUT));
        let named = of(&[ENDPOINT, ("OTEL_SERVICE_NAME", "mine")]).unwrap().unwrap();
        assert_eq!(named.resource[0].1, "mine");
    }

    #[test]
    fn what_cannot_be_done_is_told_and_a_secret_is_not_repeated() {
        let why = of(&[ENDPOINT, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]).err().unwrap();
        assert!(why.contains("http/json"), "{why}");
        let sampled = of(&[ENDPOINT, ("OTEL_TRACES_SAMPLER", "sometimes")]).unwrap().unwrap();
        assert_eq!((sampled.sampler, sampled.passed_over.len()), (Sampler::default(), 1));
        let why = of(&[ENDPOINT, ("OTEL_EXPORTER_OTLP_HEADERS", "s3cret")]).err().unwrap();
        assert!(why.contains("key=value") && !why.contains("s3cret"), "{why}");
    }
}

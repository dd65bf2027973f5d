//! What the agent counts, as those read it who did not write it: Prometheus' own client, and a collector of OpenTelemetry.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use renewd_e2e::testkit::{AsConfig, AuthorizationServer, Fault};
use renewd_e2e::{Agent, Home, PATIENCE, QUICK_RETRY};
use serde_json::Value;

use crate::validators::{printed, validator};

const STATUS: &str = "[agent]\nstatus = \"127.0.0.1:0\"\n";

/// A sample as the parser saw it.
fn find<'r>(rows: &'r [Value], name: &str, labels: &[(&str, &str)]) -> &'r Value {
    let matches = |row: &&Value| {
        row["name"] == name && labels.iter().all(|(label, value)| row["labels"][*label] == *value)
    };
    let found = rows.iter().find(matches);
    found.unwrap_or_else(|| panic!("{name} {labels:?} is not among {rows:#?}"))
}

#[test]
fn a_parser_from_outside_reads_every_number_of_a_running_agent() {
    let Some(mut validate) = validator() else { return };
    let server = AuthorizationServer::start(AsConfig::default()).expect("a server can be started");
    let home = Home::with(&format!(
        "{QUICK_RETRY}{STATUS}[[proxy]]\nlisten = \"127.0.0.1:0\"\nupstream = \"http://127.0.0.1:9\"\ncredential = \"work\"\n"
    ));
    home.import("work", &server);
    let agent = Agent::start(&home);
    agent.wait_credential("work", "a token", |seen| seen["token_valid"] == true);
    server.set_fault(Fault::InvalidGrant);
    home.run(["refresh", "work"]).failed(3);
    let answer = agent.status_address().get("/metrics");
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let file = home.path().join("metrics");
    std::fs::write(&file, answer.text()).unwrap();
    let text = printed(validate.arg("metrics").arg(&file));
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let value = |name: &str, labels: &[(&str, &str)]| find(&rows, name, labels)["value"].as_f64().unwrap();
    let work = ("credential", "work");
    assert_eq!(value("renewd_refresh_total", &[work, ("verdict", "success")]), 1.0);
    assert_eq!(value("renewd_refresh_total", &[work, ("verdict", "permanent_grant")]), 1.0);
    assert_eq!(value("renewd_status", &[work, ("status", "unauthenticated")]), 1.0);
    assert_eq!(value("renewd_ready", &[work]), 0.0);
    assert_eq!(value("renewd_refresh_duration_seconds_bucket", &[work, ("le", "+Inf")]), 1.0);
    assert_eq!(value("renewd_refresh_duration_seconds_count", &[work]), 1.0);
    assert_eq!(value("renewd_proxy_requests_total", &[("outcome", "forwarded")]), 0.0);
    assert_eq!(value("renewd_journal_dropped_total", &[]), 0.0);
    assert!(value("process_start_time_seconds", &[]) > 1.7e9);
    assert_eq!(value("renewd_build_info", &[]), 1.0);
    // Each family says what it is, once, and a sample is of the family that it stands in.
    let mut kinds: BTreeMap<&str, &str> = BTreeMap::new();
    for row in &rows {
        let (family, kind) = (row["family"].as_str().unwrap(), row["type"].as_str().unwrap());
        assert!(matches!(kind, "counter" | "gauge" | "histogram"), "{row}");
        assert!(row["help"].as_str().is_some_and(|help| !help.is_empty()), "{row}");
        assert_eq!(*kinds.entry(family).or_insert(kind), kind, "{row}");
        assert!(row["name"].as_str().unwrap().starts_with(family), "{row}");
    }
}

/// Takes what is sent: the path, one header, and the document.
fn collector() -> (String, Receiver<(String, String, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (tell, told) = channel();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let mut from = BufReader::new(stream.try_clone().unwrap());
            let (mut first, mut length, mut key) = (String::new(), 0, String::new());
            let mut line = String::new();
            while from.read_line(&mut line).is_ok_and(|n| n > 2) {
                let lower = line.to_ascii_lowercase();
                if first.is_empty() {
                    first = line.split(' ').nth(1).unwrap_or_default().to_owned();
                } else if let Some(n) = lower.strip_prefix("content-length:") {
                    length = n.trim().parse().unwrap();
                } else if let Some(value) = lower.strip_prefix("api-key:") {
                    key = value.trim().to_owned();
                }
                line.clear();
            }
            let mut body = vec![0; length];
            from.read_exact(&mut body).unwrap();
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}");
            if tell.send((first, key, serde_json::from_slice(&body).unwrap())).is_err() {
                return;
            }
        }
    });
    (address, told)
}

#[test]
fn a_collector_of_opentelemetry_gets_spans_and_metrics_and_no_secret() {
    let (address, told) = collector();
    let server = AuthorizationServer::start(AsConfig::default()).expect("a server can be started");
    let home = Home::with(QUICK_RETRY);
    let grant = home.import("work", &server);
    let mut command = home.command(["agent"]);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", &address).env("OTEL_METRIC_EXPORT_INTERVAL", "500");
    command.env("OTEL_EXPORTER_OTLP_HEADERS", "api-key=k1").env("OTEL_SERVICE_NAME", "night-agent");
    let agent = Agent::start_at(command, &home.socket());
    agent.wait_credential("work", "a token", |seen| seen["token_valid"] == true);
    let token = home.run(["token", "work"]).succeeded().line().to_owned();
    server.set_fault(Fault::InvalidGrant);
    home.run(["refresh", "work"]).failed(3);
    let (mut spans, mut refreshed) = (Vec::new(), false);
    while spans.len() < 2 || !refreshed {
        let (path, key, document) =
            told.recv_timeout(PATIENCE.max(Duration::from_secs(60))).expect("an export");
        assert_eq!(key, "k1");
        let text = document.to_string();
        assert!(!text.contains(&token) && !text.contains(&grant.refresh_token), "{text}");
        let (kind, scopes) = if path == "/v1/traces" {
            ("resourceSpans", "scopeSpans")
        } else {
            assert_eq!(path, "/v1/metrics");
            ("resourceMetrics", "scopeMetrics")
        };
        let all = &document[kind][0];
        assert_eq!(all["resource"]["attributes"][0]["value"]["stringValue"], "night-agent");
        let items = &all[scopes][0];
        spans.extend(items["spans"].as_array().cloned().unwrap_or_default());
        for metric in items["metrics"].as_array().into_iter().flatten() {
            refreshed |= metric["name"] == "renewd_refresh" && metric["sum"]["isMonotonic"] == true;
        }
    }
    let attribute = |span: &Value, key: &str| {
        let all = span["attributes"].as_array().unwrap();
        all.iter().find(|a| a["key"] == key).map(|a| a["value"]["stringValue"].clone())
    };
    assert_eq!(attribute(&spans[0], "renewd.verdict"), Some("success".into()));
    assert_eq!(attribute(&spans[0], "renewd.credential"), Some("work".into()));
    assert_eq!((&spans[1]["status"]["code"], &spans[1]["kind"]), (&2.into(), &3.into()));
    assert_eq!(attribute(&spans[1], "error.type"), Some("400".into()));
    for span in &spans {
        let lengths = ["traceId", "spanId"].map(|id| span[id].as_str().map(str::len));
        assert_eq!(lengths, [Some(32), Some(16)], "{span}");
    }
    assert!(!agent.said().contains("k1"), "{}", agent.said());
}

#[test]
fn a_collector_that_is_gone_or_hangs_keeps_nobody_from_a_token() {
    // Accepted by the system, and never answered.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    for endpoint in ["http://127.0.0.1:9".to_owned(), format!("http://{}", silent.local_addr().unwrap())] {
        let server = AuthorizationServer::start(AsConfig::default()).expect("a server can be started");
        let home = Home::with(QUICK_RETRY);
        home.import("work", &server);
        let mut command = home.command(["agent"]);
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint).env("OTEL_METRIC_EXPORT_INTERVAL", "100");
        let agent = Agent::start_at(command, &home.socket());
        agent.wait_credential("work", "a token", |seen| seen["token_valid"] == true);
        home.run(["refresh", "work"]).succeeded();
        assert_eq!(agent.stop().code, Some(0));
    }
}

//! What the agent counts, as those read it who did not write it: Prometheus' own client, and a collector of OpenTelemetry.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::Command;
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
    let rows = rows_of(&mut validate, &agent, &home, "metrics", "text/plain; version=0.0.4; charset=utf-8");
    every_number(&rows);
    let Some(mut validate) = validator() else { return };
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let open = rows_of(&mut validate, &agent, &home, "openmetrics", kind);
    every_number(&open);
    let unit = |name: &str| find(&open, name, &[])["unit"].as_str().unwrap();
    assert_eq!(unit("process_start_time_seconds"), "seconds");
    assert_eq!(unit("renewd_refresh_duration_seconds_count"), "seconds");
    assert_eq!(unit("renewd_refresh_total"), "");
    // The same samples, but for their order and how a bound is written.
    let named = |rows: &[Value]| -> Vec<String> {
        let mut all: Vec<_> = rows.iter().map(|row| format!("{} {}", row["name"], row["type"])).collect();
        all.sort();
        all
    };
    assert_eq!(named(&rows), named(&open));
}

/// What a parser reads of an agent's metrics, asked for as that kind of text.
fn rows_of(validate: &mut Command, agent: &Agent, home: &Home, parser: &str, kind: &str) -> Vec<Value> {
    let fields = [("accept", kind.split("; charset").next().unwrap())];
    let answer = agent.status_address().request("GET", "/metrics", &fields, b"").unwrap();
    assert_eq!(answer.header("content-type"), Some(kind));
    let file = home.path().join(parser);
    std::fs::write(&file, answer.text()).unwrap();
    let text = printed(validate.arg(parser).arg(&file));
    text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

/// That the numbers are those of what happened.
fn every_number(rows: &[Value]) {
    let value = |name: &str, labels: &[(&str, &str)]| find(rows, name, labels)["value"].as_f64().unwrap();
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
    for row in rows {
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

/// What the collector of a test took, to the end of it.
struct Taken {
    told: Receiver<(String, String, Value)>,
    spans: Vec<Value>,
    metrics: Vec<Value>,
    documents: Vec<(&'static str, Value)>,
}

impl Taken {
    fn by(told: Receiver<(String, String, Value)>) -> Self {
        Self { told, spans: Vec::new(), metrics: Vec::new(), documents: Vec::new() }
    }

    /// Takes exports until there is what is waited for.
    #[track_caller]
    fn until(&mut self, what: &str, is_there: impl Fn(&Self) -> bool) {
        while !is_there(self) {
            let export = self.told.recv_timeout(PATIENCE.max(Duration::from_secs(60)));
            let (path, key, document) = export.unwrap_or_else(|_| panic!("{what}: {:#?}", self.spans));
            assert_eq!(key, "k1");
            let (kind, all, scopes) = match path.as_str() {
                "/v1/traces" => ("traces", &document["resourceSpans"][0], "scopeSpans"),
                "/v1/metrics" => ("metrics", &document["resourceMetrics"][0], "scopeMetrics"),
                other => panic!("{other}"),
            };
            assert_eq!(all["resource"]["attributes"][0]["value"]["stringValue"], "night-agent");
            let items = &all[scopes][0];
            self.spans.extend(items["spans"].as_array().cloned().unwrap_or_default());
            self.metrics.extend(items["metrics"].as_array().cloned().unwrap_or_default());
            self.documents.push((kind, document));
        }
    }

    fn metric(&self, name: &str) -> Option<&Value> {
        self.metrics.iter().rev().find(|metric| metric["name"] == name)
    }

    /// All of it, as OpenTelemetry's own definition reads it; it must hold no field that the definition lacks.
    fn read_by_the_definition(&self, home: &Home) {
        for kind in ["traces", "metrics"] {
            let Some(mut validate) = validator() else { return };
            validate.args(["otlp", kind]);
            let mut sent = 0;
            for (_, document) in self.documents.iter().filter(|(of, _)| *of == kind) {
                let file = home.path().join(format!("{kind}-{sent}"));
                std::fs::write(&file, document.to_string()).unwrap();
                validate.arg(file);
                sent += 1;
            }
            let text = printed(&mut validate);
            let read: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
            assert_eq!(read.len(), sent, "{text}");
            let (all, scopes, items) = match kind {
                "traces" => ("resource_spans", "scope_spans", "spans"),
                _ => ("resource_metrics", "scope_metrics", "metrics"),
            };
            let items = read.iter().flat_map(|one| one[all][0][scopes][0][items].as_array().unwrap().clone());
            let ours = if kind == "traces" { &self.spans } else { &self.metrics };
            for (theirs, ours) in items.zip(ours) {
                assert_eq!(theirs["name"], ours["name"]);
                if kind == "traces" {
                    assert_eq!(
                        (&theirs["trace_id"], &theirs["span_id"]),
                        (&ours["traceId"], &ours["spanId"])
                    );
                    assert_eq!(theirs["end_time_unix_nano"], ours["endTimeUnixNano"]);
                    assert_eq!(theirs["flags"], ours["flags"]);
                }
            }
        }
    }
}

#[test]
fn what_the_definition_does_not_know_is_noticed() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for (document, is_known) in [
        (r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"x"}]}]}]}"#, true),
        (r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"nmae":"x"}]}]}]}"#, false),
        (r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"spanId":"00"}]}]}]}"#, false),
    ] {
        let Some(mut validate) = validator() else { return };
        std::fs::write(file.path(), document).unwrap();
        let out = validate.args(["otlp", "traces"]).arg(file.path()).output().unwrap();
        assert_eq!(out.status.success(), is_known, "{document}: {out:?}");
    }
}

fn attribute<'s>(span: &'s Value, key: &str) -> Option<&'s Value> {
    let found = span["attributes"].as_array()?.iter().find(|a| a["key"] == key)?;
    found["value"].as_object()?.values().next()
}

fn traced(home: &Home, address: &str) -> Command {
    let mut command = home.command(["agent"]);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", address).env("OTEL_METRIC_EXPORT_INTERVAL", "500");
    command.env("OTEL_EXPORTER_OTLP_HEADERS", "api-key=k1").env("OTEL_SERVICE_NAME", "night-agent");
    command
}

#[test]
fn a_collector_of_opentelemetry_gets_spans_and_metrics_and_no_secret() {
    let (address, told) = collector();
    let mut taken = Taken::by(told);
    let server = AuthorizationServer::start(AsConfig::default()).expect("a server can be started");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let home = Home::with(&format!(
        "{QUICK_RETRY}[[sink]]\ncredential = \"work\"\npath = {:?}\n",
        file.display().to_string()
    ));
    let grant = home.import("work", &server);
    let agent = Agent::start_at(traced(&home, &address), &home.socket());
    agent.wait_credential("work", "a token", |seen| seen["token_valid"] == true);
    let token = home.run(["token", "work"]).succeeded().line().to_owned();
    server.set_fault(Fault::InvalidGrant);
    home.run(["refresh", "work"]).failed(3);
    taken.until("two spans, and the metrics", |taken| {
        taken.spans.len() >= 2
            && taken.metric("renewd_refresh").is_some()
            && taken.metric("renewd_sink_fresh").is_some()
    });
    for (_, document) in &taken.documents {
        let text = document.to_string();
        assert!(!text.contains(&token) && !text.contains(&grant.refresh_token), "{text}");
    }
    assert_eq!(taken.metric("renewd_refresh").unwrap()["sum"]["isMonotonic"], true);
    let fresh = &taken.metric("renewd_sink_fresh").unwrap()["gauge"]["dataPoints"][0];
    assert_eq!(attribute(fresh, "path"), Some(&file.display().to_string().into()));
    assert_eq!(taken.metric("renewd_spans_dropped").unwrap()["sum"]["dataPoints"][0]["asInt"], "0");
    let (good, bad) = (&taken.spans[0], &taken.spans[1]);
    assert_eq!(attribute(good, "renewd.verdict"), Some(&"success".into()));
    assert_eq!(attribute(good, "renewd.credential"), Some(&"work".into()));
    assert_eq!((&bad["status"]["code"], &bad["kind"]), (&2.into(), &3.into()));
    assert_eq!(attribute(bad, "error.type"), Some(&"400".into()));
    for span in [good, bad] {
        let events: Vec<&Value> = span["events"].as_array().unwrap().iter().collect();
        let names: Vec<&str> = events.iter().map(|event| event["name"].as_str().unwrap()).collect();
        assert_eq!(names[..4], ["claim", "mark", "send", "commit"], "{span}");
        // It lasted from the first of them on, whatever came of it.
        assert_eq!(span["startTimeUnixNano"], events[0]["timeUnixNano"], "{span}");
        let at = |value: &Value| value.as_str().unwrap().parse::<u64>().unwrap();
        assert!(at(&span["endTimeUnixNano"]) >= at(&events[3]["timeUnixNano"]), "{span}");
    }
    assert!(!agent.said().contains("k1"), "{}", agent.said());
    taken.read_by_the_definition(&home);
}

/// An API that refuses its first request, and answers each later one with what it was sent, the token apart: what comes
/// back through the proxy is searched for it.
fn mirror() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for (n, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let (mut head, mut line) = (String::new(), String::new());
            let mut from = BufReader::new(stream.try_clone().unwrap());
            while from.read_line(&mut line).is_ok_and(|n| n > 2) {
                let line = std::mem::take(&mut line).to_ascii_lowercase();
                if !line.starts_with("authorization:") {
                    head.push_str(&line);
                }
            }
            let status = if n == 0 { "401 Unauthorized" } else { "200 OK" };
            let length = head.len();
            let answer =
                format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{head}");
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address
}

fn proxied(server: &AuthorizationServer) -> Home {
    let home = Home::with(&format!(
        "{QUICK_RETRY}[[proxy]]\nlisten = \"127.0.0.1:0\"\nupstream = \"{}\"\ncredential = \"work\"\n",
        mirror()
    ));
    home.import("work", server);
    home
}

/// What the mirror was sent in a field.
fn sent(text: &str, field: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.strip_prefix(&format!("{field}: ")))?;
    Some(value.trim().to_owned())
}

#[test]
fn a_proxied_request_is_a_span_of_its_clients_trace_and_the_upstream_gets_its_number() {
    let (address, told) = collector();
    let mut taken = Taken::by(told);
    let server = AuthorizationServer::start(AsConfig::default()).expect("a server can be started");
    let home = proxied(&server);
    let agent = Agent::start_at(traced(&home, &address), &home.socket());
    agent.wait_credential("work", "a token", |seen| seen["token_valid"] == true);
    // W3C Trace Context §3.2.2.5.
    let (trace, parent) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let ask = |flags: &str| {
        let theirs = format!("00-{trace}-{parent}-{flags}");
        let fields = [("traceparent", theirs.as_str()), ("tracestate", "a=1")];
        let answer = agent.proxy().request("GET", "/private/path?key=hidden", &fields, b"").unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.text()
    };
    let (followed, unfollowed) = (ask("01"), ask("00"));
    let begun = agent.proxy().request("GET", "/private/path", &[], b"").unwrap().text();
    taken.until("a span of each request that is recorded", |taken| {
        taken.spans.iter().filter(|span| span["name"] == "GET").count() >= 2
            && taken.metric("renewd_refresh").is_some()
    });
    let spans: Vec<&Value> = taken.spans.iter().filter(|span| span["name"] == "GET").collect();
    let id = |span: &Value| span["spanId"].as_str().unwrap().to_owned();
    let [replayed, own] = spans[..] else { panic!("{spans:#?}") };
    assert_eq!((&replayed["traceId"], &replayed["parentSpanId"]), (&trace.into(), &parent.into()));
    assert_eq!(sent(&followed, "traceparent"), Some(format!("00-{trace}-{}-01", id(replayed))));
    assert_eq!(sent(&followed, "tracestate").as_deref(), Some("a=1"));
    for (key, value) in [
        ("renewd.credential", Value::from("work")),
        ("renewd.outcome", "replayed".into()),
        ("renewd.replayed", true.into()),
        ("http.request.method", "GET".into()),
        ("http.response.status_code", "200".into()),
        ("server.address", "127.0.0.1".into()),
    ] {
        assert_eq!(attribute(replayed, key), Some(&value), "{key}: {replayed}");
    }
    let passed = sent(&unfollowed, "traceparent").expect("a trace goes on, recorded or not");
    assert!(passed.starts_with(&format!("00-{trace}-")) && passed.ends_with("-00"), "{passed}");
    assert!(own.get("parentSpanId").is_none(), "{own}");
    let theirs = format!("00-{}-{}-01", own["traceId"].as_str().unwrap(), id(own));
    assert_eq!(sent(&begun, "traceparent"), Some(theirs));
    let told = format!("{:?}", taken.documents);
    assert!(!told.contains("private") && !told.contains("hidden"), "{told}");
    taken.read_by_the_definition(&home);
}

#[test]
fn the_sampler_that_is_asked_for_decides_and_one_that_is_none_is_told_once() {
    let (address, told) = collector();
    let mut taken = Taken::by(told);
    let server = AuthorizationServer::start(AsConfig::default()).expect("a server can be started");
    let home = proxied(&server);
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let ask = |agent: &Agent| {
        agent.wait_credential("work", "a token", |seen| seen["token_valid"] == true);
        let answer = agent.proxy().request("GET", "/", &[("traceparent", parent)], b"").unwrap();
        sent(&answer.text(), "traceparent").expect("a trace goes on, recorded or not")
    };
    let start = |sampler: &str, share: &str| {
        let mut command = traced(&home, &address);
        command.env("OTEL_TRACES_SAMPLER", sampler).env("OTEL_TRACES_SAMPLER_ARG", share);
        Agent::start_at(command, &home.socket())
    };
    let quiet = start("always_off", "");
    assert!(ask(&quiet).ends_with("-00"));
    quiet.stop();
    let all = start("traceidratio", "half");
    assert!(ask(&all).ends_with("-01"));
    let said = all.stop().stderr;
    assert_eq!(said.matches("OTEL_TRACES_SAMPLER_ARG is \"half\"").count(), 1, "{said}");
    // What is sent is sent in order: nothing of the first agent came before this.
    taken.until("the second agent's request", |taken| taken.spans.iter().any(|span| span["name"] == "GET"));
    assert_eq!(taken.spans.iter().filter(|span| span["name"] == "GET").count(), 1, "{:#?}", taken.spans);
}

#[test]
fn without_a_collector_a_clients_trace_passes_untouched() {
    let server = AuthorizationServer::start(AsConfig::default()).expect("a server can be started");
    let home = proxied(&server);
    let agent = Agent::start(&home);
    agent.wait_credential("work", "a token", |seen| seen["token_valid"] == true);
    for parent in ["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "nonsense"] {
        let fields = [("traceparent", parent), ("tracestate", "a=1")];
        let text = agent.proxy().request("GET", "/", &fields, b"").unwrap().text();
        assert_eq!(sent(&text, "traceparent").as_deref(), Some(parent));
        assert_eq!(sent(&text, "tracestate").as_deref(), Some("a=1"));
    }
    let text = agent.proxy().request("GET", "/", &[], b"").unwrap().text();
    assert_eq!((sent(&text, "traceparent"), sent(&text, "tracestate")), (None, None));
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

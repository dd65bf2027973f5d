//! The proxies and token files: a line that says what each is, then each of its settings.

use super::{Row, row};
use crate::config::{Config, Listed};

/// What stands in the first line already.
const OF_THE_FIRST_LINE: [&str; 5] = ["listen", "upstream", "prefix", "credential", "path"];

/// Their rows.
pub(super) fn rows(config: &Config) -> Vec<Row> {
    let file = config.file().map(|f| f.display().to_string()).unwrap_or_default();
    let mut rows = Vec::new();
    for proxy in config.proxies() {
        for route in &proxy.routes {
            let below = if route.prefix.is_root() { String::new() } else { format!(" {}", route.prefix) };
            rows.push(Row {
                key: "proxy".into(),
                value: format!("{}{below} → {} as {}", proxy.listen, route.upstream, route.credential),
                origin: format!("{file}:{}", proxy.line),
            });
        }
        rows.extend(config.listed_proxy(proxy.line).iter().flat_map(settings));
    }
    for sink in config.sinks() {
        rows.push(Row {
            key: "sink".into(),
            value: format!("{} ({:04o}) of {}", sink.path.display(), sink.mode, sink.credential),
            origin: format!("{file}:{}", sink.line),
        });
        rows.extend(config.listed_sink(sink.line).iter().flat_map(settings));
    }
    rows
}

fn settings(listed: &Listed<'_>) -> Vec<Row> {
    let further = listed.settings().filter(|(key, _)| !OF_THE_FIRST_LINE.contains(&key.name));
    further.map(|(key, found)| row(key, key.path(), found)).collect()
}

//! Whether a `[[proxy]]` says for every path where it goes and with whose token.

use super::super::document::Entry;
use super::super::problem::Problem;
use super::{line_of, required, text};

/// One upstream and one credential, or routes that have both.
pub(super) fn check(entry: &Entry, problems: &mut Vec<Problem>) {
    if entry.routes.is_empty() {
        return required("proxy", entry, &["listen", "upstream", "credential"], problems);
    }
    required("proxy", entry, &["listen"], problems);
    let proxys = |name| text(&entry.settings, "proxy", name);
    if proxys("upstream").is_some() && proxys("credential").is_none() {
        problems.push(Problem::new(entry.line, "[[proxy]] needs the key credential beside upstream"));
    }
    if proxys("upstream").is_none() {
        // What would be of the upstream alone says nothing without one.
        for name in ["scope", "resource", "audience"] {
            if let Some(at) = entry.settings.get(&("proxy", name)) {
                let what = format!("proxy.{name} is of the proxy's own upstream, which it has not");
                problems.push(Problem::new(at.line, what).advise("set it in the [[proxy.route]]"));
            }
        }
    }
    for (at, route) in entry.routes.iter().enumerate() {
        required("proxy.route", route, &["prefix", "upstream"], problems);
        let of = |name| text(&route.settings, "proxy.route", name);
        if of("credential").or(proxys("credential")).is_none() {
            problems
                .push(Problem::new(route.line, "[[proxy.route]] needs the key credential, or its [[proxy]]"));
        }
        let Some(prefix) = of("prefix") else { continue };
        let line = line_of(&route.settings, "proxy.route", "prefix", route.line);
        let earlier = entry.routes.iter().take(at);
        if earlier.clone().any(|other| text(&other.settings, "proxy.route", "prefix") == Some(prefix)) {
            problems.push(Problem::new(line, format!("two routes have the prefix {prefix}")));
        }
        if prefix == "/" && proxys("upstream").is_some() {
            let what = "the prefix / is what proxy.upstream is for already";
            problems.push(Problem::new(line, what).advise("remove one of the two"));
        }
    }
    if entry.routes.len() > renewd_proxy::ROUTES_MAX {
        let what = format!("more than {} routes", renewd_proxy::ROUTES_MAX);
        problems.push(Problem::new(entry.line, what).advise("use a second [[proxy]]"));
    }
}

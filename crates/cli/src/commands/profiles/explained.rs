//! One profile, explained to a person: everything that it changes, in sentences.

use renewd_core::{Endpoints, Profile, Redirect, Span};

use super::document::{encoding, paths};
use crate::output::{Painter, without_controls};
use crate::profiles::{Known, words};

/// Columns that a line takes at most, and no more than the terminal has.
const LINE_MAX: usize = 100;

/// Where what is told of a key begins.
const INDENT: usize = 16;

/// The explanation.
pub(super) fn text(known: Known<'_>, settle: Span, columns: Option<usize>, paint: Painter) -> String {
    let Known { profile, source } = known;
    let mut page = Page { text: String::new(), width: columns.unwrap_or(LINE_MAX).min(LINE_MAX), paint };
    page.line("profile", &format!("{} ({})", profile.name, profile.title));
    page.line("from", &source.to_string());
    for (_, title, url) in endpoints(&profile.endpoints) {
        page.line(title, url);
    }
    if !profile.endpoints.hosts.is_empty() {
        let hosts = words::any_of(profile.endpoints.hosts.iter().map(|h| h.to_string()));
        page.line("chosen for", &format!("{hosts}, where no profile is named"));
    }
    page.line("client", &client(profile));
    page.gap();
    page.line(
        "refresh token",
        &format!("{}: {}", words::class(profile), words::what_the_server_does(profile)),
    );
    page.line("so renewd", &words::what_renewd_does(profile, profile.settle(settle)));
    page.gap();
    if let Some(lifetime) = profile.lifetime {
        page.line("lifetime", &format!("{lifetime}, where the answer does not say"));
    } else {
        page.line(
            "lifetime",
            "what the answer says; without a word, the policy's default (lifetime.default)",
        );
    }
    if let Some(least) = profile.min_interval {
        page.line("at most", &format!("one refresh in {least} that nobody needs"));
    }
    for line in login(profile) {
        page.line("a login", &line);
    }
    for line in request(profile) {
        page.line("a refresh", &line);
    }
    for (name, paths) in paths(&profile.fields).into_iter().filter(|(_, paths)| !paths.is_empty()) {
        let places = words::any_of(paths.iter().map(|p| p.to_string()));
        page.line("an answer", &format!("has its {name} at {places}, else at {name}"));
    }
    page.overrides(profile);
    page.gap();
    for url in profile.sources.iter() {
        page.line("known from", url);
    }
    for (key, why) in profile.unsure.iter() {
        page.line("not sure", &format!("{key}: {why}"));
    }
    page.text
}

/// The endpoints that are known: key, name for people, URL.
pub(super) fn endpoints(all: &Endpoints) -> Vec<(&'static str, &'static str, &str)> {
    let Endpoints { issuer, token, authorization, device_authorization, revocation, hosts: _ } = all;
    [
        ("issuer", "issuer", issuer),
        ("token", "token", token),
        ("authorization", "authorization", authorization),
        ("device_authorization", "device", device_authorization),
        ("revocation", "revocation", revocation),
    ]
    .into_iter()
    .filter_map(|(key, title, url)| Some((key, title, url.as_deref()?)))
    .collect()
}

fn client(profile: &Profile) -> String {
    let how = |name: &str| {
        match name {
            "none" => "none (a public client)",
            "basic" => "basic (secret in the Authorization header)",
            "post" => "post (secret in the body)",
            other => other,
        }
        .to_owned()
    };
    if profile.client_auth.is_empty() {
        return "nothing is known: post with a secret, none without".into();
    }
    words::any_of(profile.client_auth.iter().map(|m| how(m.name())))
}

/// What a login carries beside what RFC 6749 wants, and what a person must do first.
fn login(profile: &Profile) -> Vec<String> {
    let login = &profile.login;
    let mut lines = Vec::new();
    if let Some(page) = &login.client {
        lines.push(format!("needs a client of your own, made at {page}"));
    }
    if !login.scope.is_empty() {
        let scope: Vec<&str> = login.scope.iter().map(|s| &**s).collect();
        lines.push(format!("asks for {}, where you name no scope", scope.join(" ")));
    }
    lines.extend(login.parameters.iter().map(|(name, value)| format!("carries {name}={value}")));
    match login.redirect {
        Redirect::AnyPort => {}
        Redirect::Registered => {
            lines.push("comes back to the loopback port and path that are registered".into())
        }
        Redirect::Https => {
            lines.push("comes back to an https address only: paste it from the browser".into())
        }
    }
    if !login.pkce {
        lines.push("carries no PKCE challenge: the server refuses it".into());
    }
    lines
}

/// What a refresh carries beside what RFC 6749 wants.
fn request(profile: &Profile) -> Vec<String> {
    let refresh = &profile.refresh;
    let mut lines = Vec::new();
    if refresh.scope {
        lines.push("names the scope again".into());
    }
    if encoding(refresh.encoding) != "form" {
        lines.push(format!("is sent as {}, not as a form", encoding(refresh.encoding).to_ascii_uppercase()));
    }
    lines.extend(refresh.names.iter().map(|(usual, name)| format!("calls {usual} {name}")));
    lines.extend(refresh.parameters.iter().map(|(name, value)| format!("carries {name}={value}")));
    lines.extend(refresh.headers.iter().map(|(name, value)| format!("carries the header {name}: {value}")));
    lines
}

/// A page of keys and what is told of them.
struct Page {
    text: String,
    width: usize,
    paint: Painter,
}

impl Page {
    fn gap(&mut self) {
        if !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// A key and what is told of it, over as many lines as that takes.
    fn line(&mut self, key: &str, told: &str) {
        let told = without_controls(told).replace('\n', " ");
        for (i, line) in wrapped(&told, self.width.saturating_sub(INDENT)).into_iter().enumerate() {
            let key = if i == 0 { key } else { "" };
            self.text.push_str(&format!("{}{line}\n", self.paint.dim(format!("{key:<INDENT$}"))));
        }
    }

    fn overrides(&mut self, profile: &Profile) {
        if profile.overrides.is_empty() {
            return;
        }
        self.gap();
        for one in profile.overrides.iter() {
            self.line("answers", &words::sentence(one));
            if !one.message.is_empty() {
                self.line("", &one.message);
            }
            let from = one.source.as_ref().map(|s| format!(", known from {s}")).unwrap_or_default();
            self.line("", &format!("(rule {}/{}{from})", profile.name, one.name));
        }
    }
}

/// Words in lines of at most so many characters; a longer word has a line to itself.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let fits =
            |line: &String| line.is_empty() || line.chars().count() + 1 + word.chars().count() <= width;
        match lines.last_mut() {
            Some(line) if fits(line) => {
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(word);
            }
            _ => lines.push(word.into()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_never_within_one() {
        assert_eq!(wrapped("aa bb cc", 5), ["aa bb", "cc"]);
        assert_eq!(wrapped("https://a.example/very/long x", 8), ["https://a.example/very/long", "x"]);
        assert_eq!(wrapped("", 5), [""]);
    }
}

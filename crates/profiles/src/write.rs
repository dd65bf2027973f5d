//! A profile as TOML: what `renewd profiles show` prints to begin one's own from. It reads back equal.

use std::fmt::Write as _;

use renewd_core::{
    BodyEncoding, Endpoints, FieldMap, Login, Override, Profile, Redirect, RefreshRequest, Span, Text,
    Verdict, When,
};

/// Writes a profile as the file that it could have been read from. Only what it says stands there.
pub fn to_toml(profile: &Profile) -> String {
    let mut out = Writer::default();
    out.text("name", &profile.name);
    out.text("title", &profile.title);
    out.text("as_class", profile.as_class.name());
    out.span("grace", Some(profile.grace).filter(|grace| !grace.is_zero()));
    let methods: Vec<Text> = profile.client_auth.iter().map(|method| method.name().into()).collect();
    out.list("client_auth", &methods);
    out.span("lifetime", profile.lifetime);
    out.span("min_interval", profile.min_interval);
    out.list("sources", &profile.sources);
    out.endpoints(&profile.endpoints);
    out.login(&profile.login);
    out.refresh(&profile.refresh);
    out.fields(&profile.fields);
    for one in profile.overrides.iter() {
        out.one_override(one);
    }
    out.pairs("unsure", &profile.unsure);
    out.text
}

#[derive(Default)]
struct Writer {
    text: String,
}

impl Writer {
    fn line(&mut self, key: &str, value: impl std::fmt::Display) {
        // Writing to a `String` cannot fail.
        let _ = writeln!(self.text, "{key} = {value}");
    }

    fn header(&mut self, header: &str) {
        let _ = writeln!(self.text, "\n{header}");
    }

    fn text(&mut self, key: &str, text: &str) {
        self.line(key, quoted(text));
    }

    fn optional(&mut self, key: &str, text: Option<&Text>) {
        if let Some(text) = text {
            self.text(key, text);
        }
    }

    fn span(&mut self, key: &str, span: Option<Span>) {
        if let Some(span) = span {
            self.text(key, &span.to_string());
        }
    }

    fn list(&mut self, key: &str, items: &[Text]) {
        if !items.is_empty() {
            self.line(key, list(items));
        }
    }

    /// A table of texts, where there is one.
    fn pairs(&mut self, table: &str, pairs: &[(Text, Text)]) {
        if !pairs.is_empty() {
            self.header(&format!("[{table}]"));
            for (name, value) in pairs {
                self.line(&key(name), quoted(value));
            }
        }
    }

    fn endpoints(&mut self, endpoints: &Endpoints) {
        if endpoints == &Endpoints::NONE {
            return;
        }
        self.header("[endpoints]");
        self.optional("issuer", endpoints.issuer.as_ref());
        self.optional("token", endpoints.token.as_ref());
        self.optional("authorization", endpoints.authorization.as_ref());
        self.optional("device_authorization", endpoints.device_authorization.as_ref());
        self.optional("revocation", endpoints.revocation.as_ref());
        self.list("hosts", &endpoints.hosts);
    }

    fn login(&mut self, login: &Login) {
        if login == &Login::PLAIN {
            return;
        }
        self.header("[login]");
        self.list("scope", &login.scope);
        self.optional("scope_separator", login.scope_separator.as_ref());
        if login.redirect != Redirect::AnyPort {
            self.text("redirect", login.redirect.name());
        }
        if !login.pkce {
            self.line("pkce", false);
        }
        self.optional("client", login.client.as_ref());
        self.pairs("login.parameters", &login.parameters);
    }

    fn refresh(&mut self, refresh: &RefreshRequest) {
        if refresh.scope || refresh.encoding != BodyEncoding::Form {
            self.header("[refresh]");
        }
        if refresh.scope {
            self.line("scope", true);
        }
        if refresh.encoding == BodyEncoding::Json {
            self.text("encoding", "json");
        }
        self.pairs("refresh.parameters", &refresh.parameters);
        self.pairs("refresh.headers", &refresh.headers);
        self.pairs("refresh.names", &refresh.names);
    }

    fn fields(&mut self, fields: &FieldMap) {
        if fields == &FieldMap::STANDARD {
            return;
        }
        self.header("[fields]");
        self.list("access_token", &fields.access_token);
        self.list("refresh_token", &fields.refresh_token);
        self.list("id_token", &fields.id_token);
        self.list("token_type", &fields.token_type);
        self.list("scope", &fields.scope);
        self.list("expires_in", &fields.expires_in);
        self.list("expires_at", &fields.expires_at);
        self.list("issued_at", &fields.issued_at);
        self.list("refresh_token_expires_in", &fields.refresh_token_expires_in);
        self.list("error", &fields.error);
        self.list("error_description", &fields.error_description);
    }

    fn one_override(&mut self, one: &Override) {
        self.header("[[override]]");
        self.text("name", &one.name);
        self.text("verdict", one.verdict.name());
        if one.may_have_rotated != (one.verdict == Verdict::ProtocolErrorTransient) {
            self.line("may_have_rotated", one.may_have_rotated);
        }
        self.span("retry_after", one.retry_after);
        if !one.message.is_empty() {
            self.text("message", &one.message);
        }
        self.optional("source", one.source.as_ref());
        self.when(&one.when);
    }

    fn when(&mut self, when: &When) {
        let statuses = when.status.iter().map(|range| match range.from == range.to {
            true => range.from.to_string(),
            false => quoted(&format!("{}-{}", range.from, range.to)),
        });
        let statuses: Vec<String> = statuses.collect();
        if !statuses.is_empty() {
            self.line("when.status", format!("[{}]", statuses.join(", ")));
        }
        self.list("when.code", &when.code);
        self.list("when.words", &when.words);
        self.list("when.page", &when.page);
        for member in when.members.iter() {
            self.line(&format!("when.members.{}", key(&member.path)), list(&member.equals));
        }
    }
}

fn list(items: &[Text]) -> String {
    let items: Vec<String> = items.iter().map(|item| quoted(item)).collect();
    format!("[{}]", items.join(", "))
}

/// A key: bare where TOML lets it stand so.
fn key(name: &str) -> String {
    let bare = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    if !name.is_empty() && name.bytes().all(bare) { name.to_owned() } else { quoted(name) }
}

/// A basic string (TOML 1.0, "String").
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

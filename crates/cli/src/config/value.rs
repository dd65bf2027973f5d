//! What a key may hold, read from the file or from the environment by the same rules.

use std::fmt;
use std::net::SocketAddr;

use renewd_core::Span;
use renewd_driver::CredentialName;
use renewd_driver::keyring::ItemName;
use toml::de::DeValue;

use super::duration::{DURATION_FORM, parse_duration, parse_size};
use super::problem::shown;
use crate::input::host::Host;
use crate::input::url::{Url, UrlUse};

/// What a key may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// `1h30m`; zero only where it means off.
    Duration { zero: bool },
    /// A whole number.
    Count { least: u32, most: u32 },
    /// `1MiB`.
    Size,
    /// `true` or `false`.
    Flag,
    /// Any text on one line.
    Text,
    /// A list of words, or one text with spaces.
    Words,
    /// A list of hosts, each with its port where it is not 443.
    Hosts,
    /// One of these.
    Choice(&'static [&'static str]),
    /// A path; relative ones stand beside the configuration file.
    Path,
    /// `https://…`, or `http://` on loopback.
    Endpoint,
    /// The same, but kept as it is written: an issuer is compared to the letter (RFC 8414 section 3.3).
    Issuer,
    /// `http://…` of a forward proxy, or `environment`.
    ProxyUrl,
    /// Where a local proxy sends requests.
    Upstream,
    /// The beginning of a path: `/github/`.
    Prefix,
    /// `127.0.0.1:8787` or `unix:PATH`.
    Listen,
    /// `127.0.0.1:0`.
    Address,
    /// A credential's name.
    Credential,
    /// `0640`.
    Mode,
    /// `keyring`, `file`, `file:PATH`, `passphrase` or `systemd:NAME`.
    KeySource,
    /// Program and arguments.
    Command,
    /// What an item in the system's keyring is called.
    KeyringItem,
    /// Where a login's answer comes back to: `http` on loopback, `https`, or an application's own scheme.
    Redirect,
}

/// What a key holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Span(Span),
    Number(u64),
    Flag(bool),
    Text(String),
    Words(Vec<String>),
}

impl Value {
    /// A key source, as `store.key` takes it.
    ///
    /// # Errors
    /// Half a sentence for people, which does not repeat it.
    pub(crate) fn key_source(text: &str) -> Result<Self, String> {
        Kind::KeySource.parse(text)
    }

    pub(crate) fn as_span(&self) -> Option<Span> {
        if let Self::Span(s) = self { Some(*s) } else { None }
    }

    pub(crate) fn as_number(&self) -> Option<u64> {
        if let Self::Number(n) = self { Some(*n) } else { None }
    }

    pub(crate) fn as_flag(&self) -> Option<bool> {
        if let Self::Flag(b) = self { Some(*b) } else { None }
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        if let Self::Text(t) = self { Some(t) } else { None }
    }

    pub(crate) fn as_words(&self) -> Option<&[String]> {
        if let Self::Words(w) = self { Some(w) } else { None }
    }
}

/// As the configuration would write it, without quotes.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Span(s) if s.is_zero() => f.write_str("off"),
            Self::Span(s) => s.fmt(f),
            Self::Number(n) => n.fmt(f),
            Self::Flag(b) => b.fmt(f),
            Self::Text(t) => f.write_str(t),
            Self::Words(w) => f.write_str(&w.join(" ")),
        }
    }
}

impl Kind {
    /// Reads a value of the file.
    ///
    /// # Errors
    /// Half a sentence for people: `is not …`.
    pub(crate) fn read(self, value: &DeValue<'_>) -> Result<Value, String> {
        match (self, value) {
            (Self::Flag, DeValue::Boolean(b)) => Ok(Value::Flag(*b)),
            (Self::Count { .. } | Self::Size, DeValue::Integer(n)) => {
                self.parse(&digits(n.as_str(), n.radix())?)
            }
            (Self::Duration { .. }, DeValue::Integer(_)) => {
                Err(format!("is a number without a unit; write {DURATION_FORM} in quotes"))
            }
            (Self::Words | Self::Hosts | Self::Command, DeValue::Array(items)) => {
                let words: Option<Vec<&str>> = items.iter().map(|i| i.get_ref().as_str()).collect();
                self.words(words.ok_or("is a list of something else than texts")?)
            }
            (Self::Command, _) => Err(format!(
                "is {}; it must be a list: the absolute path of a program, then its arguments",
                article(value)
            )),
            (Self::Count { .. }, _) => Err(format!("is {}; it must be a whole number", article(value))),
            (Self::Flag, _) => Err(format!("is {}; it must be true or false", article(value))),
            (_, DeValue::String(text)) => self.parse(text),
            _ => Err(format!("is {}; it must be a text in quotes", article(value))),
        }
    }

    /// Reads a value of the environment or a text of the file.
    ///
    /// # Errors
    /// Half a sentence for people: `is not …`.
    pub(crate) fn parse(self, text: &str) -> Result<Value, String> {
        if text.chars().any(char::is_control) {
            return Err("holds a control character (a line break, perhaps)".into());
        }
        match self {
            Self::Duration { zero } => match parse_duration(text)? {
                Span::ZERO if !zero => Err("is zero; it must be longer".into()),
                span => Ok(Value::Span(span)),
            },
            Self::Count { least, most } => match text.parse::<u32>() {
                Ok(n) if (least..=most).contains(&n) => Ok(Value::Number(n.into())),
                _ => Err(format!("is not a whole number from {least} to {most}")),
            },
            Self::Size => parse_size(text).map(Value::Number),
            Self::Flag => match text {
                "true" | "1" => Ok(Value::Flag(true)),
                "false" | "0" => Ok(Value::Flag(false)),
                _ => Err("is neither true nor false".into()),
            },
            Self::Choice(all) => choice(all, text),
            Self::Words | Self::Hosts => self.words(text.split_ascii_whitespace().collect()),
            Self::Command => Err("cannot be given as one text".into()),
            _ if text.is_empty() => Err("is empty".into()),
            Self::Text | Self::Path => Ok(Value::Text(text.into())),
            Self::Endpoint => Url::parse(text, UrlUse::Endpoint).map(|u| Value::Text(u.to_string())),
            Self::Issuer => Url::parse(text, UrlUse::Endpoint).map(|_| Value::Text(text.into())),
            Self::ProxyUrl if text == "environment" => Ok(Value::Text(text.into())),
            Self::ProxyUrl => Url::parse(text, UrlUse::ForwardProxy).map(|u| Value::Text(u.to_string())),
            Self::Upstream => Url::parse(text, UrlUse::Upstream).map(|u| Value::Text(u.to_string())),
            Self::Prefix => text
                .parse::<renewd_proxy::Prefix>()
                .map(|prefix| Value::Text(prefix.to_string()))
                .map_err(|e| format!("is bad: {e}")),
            Self::Listen => match (text.strip_prefix("unix:"), text.strip_prefix("fd:")) {
                (Some(""), _) => Err("names no path after unix:".into()),
                (Some(_), _) => Ok(Value::Text(text.into())),
                (None, Some(name)) if is_socket_name(name) => Ok(Value::Text(text.into())),
                (None, Some(_)) => Err("names no socket after fd: as FileDescriptorName= does".into()),
                (None, None) => loopback(text),
            },
            Self::Address => address(text),
            Self::Credential => text
                .parse::<CredentialName>()
                .map(|n| Value::Text(n.to_string()))
                .map_err(|e| format!("is bad: {e}")),
            Self::Mode => mode(text),
            Self::KeySource => key_source(text),
            Self::KeyringItem => text
                .parse::<ItemName>()
                .map(|item| Value::Text(item.to_string()))
                .map_err(|e| format!("is bad: {e}")),
            // As it was registered: servers compare it letter by letter (RFC 6749 §3.1.2.3).
            Self::Redirect => match renewd_login::Redirect::parse(text) {
                Ok(_) => Ok(Value::Text(text.into())),
                Err(why) => Err(format!("is bad: {why}")),
            },
        }
    }

    /// A bad value as a message may repeat it; not at all where it could hold a password or a key.
    pub(crate) fn shown(self, text: &str) -> Option<String> {
        let secret = match self {
            Self::KeySource | Self::KeyringItem => true,
            Self::Redirect | Self::Endpoint | Self::Issuer | Self::ProxyUrl | Self::Upstream => {
                text.contains('@')
            }
            _ => false,
        };
        (!secret).then(|| shown(text))
    }

    fn words(self, words: Vec<&str>) -> Result<Value, String> {
        if words.iter().any(|w| w.chars().any(char::is_control)) {
            return Err("holds a control character".into());
        }
        match self {
            Self::Command => match words.first() {
                None => return Err("is empty; it needs the absolute path of a program".into()),
                Some(program) if !program.starts_with('/') => {
                    return Err("does not begin with the absolute path of a program".into());
                }
                Some(_) => {}
            },
            _ if words.iter().any(|w| w.is_empty() || w.contains(' ')) => {
                return Err("holds an empty word or one with a space".into());
            }
            Self::Hosts => {
                let hosts = words.into_iter().map(|word| word.parse::<Host>().map(|host| host.to_string()));
                return hosts.collect::<Result<_, _>>().map(Value::Words);
            }
            _ => {}
        }
        Ok(Value::Words(words.into_iter().map(String::from).collect()))
    }
}

fn digits(text: &str, radix: u32) -> Result<String, String> {
    let plain = text.replace('_', "");
    i64::from_str_radix(&plain, radix).map(|n| n.to_string()).map_err(|_| "is too large a number".into())
}

fn article(value: &DeValue<'_>) -> String {
    let kind = value.type_str();
    if kind.starts_with(['a', 'i']) { format!("an {kind}") } else { format!("a {kind}") }
}

fn choice(all: &[&str], text: &str) -> Result<Value, String> {
    // The command line writes client-credentials where this file writes client_credentials.
    let plain = |word: &str| word.to_ascii_lowercase().replace('-', "_");
    match all.iter().find(|c| plain(c) == plain(text)) {
        Some(found) => Ok(Value::Text((*found).into())),
        None => Err(format!("is none of {}", all.join(", "))),
    }
}

/// Where a proxy listens: whoever reaches it has the token's rights, so not beyond this machine.
fn loopback(text: &str) -> Result<Value, String> {
    let value = address(text).map_err(|e| format!("{e}, or unix:PATH, or fd:NAME"))?;
    if text.parse().is_ok_and(|at: SocketAddr| !at.ip().is_loopback()) {
        return Err("is not loopback; use 127.0.0.1 or [::1], or unix:PATH".into());
    }
    Ok(value)
}

fn address(text: &str) -> Result<Value, String> {
    match text.parse::<SocketAddr>() {
        Ok(_) => Ok(Value::Text(text.into())),
        Err(_) => Err("is not an address with a port, like 127.0.0.1:8787".into()),
    }
}

fn mode(text: &str) -> Result<Value, String> {
    match u32::from_str_radix(text, 8) {
        Ok(m) if m <= 0o777 && m & 0o002 != 0 => Err("lets everybody write".into()),
        Ok(m) if m <= 0o777 && m & 0o400 != 0 => Ok(Value::Number(m.into())),
        _ => Err("is not a file mode like 0640 that its owner can read".into()),
    }
}

fn key_source(text: &str) -> Result<Value, String> {
    match text.split_once(':') {
        None if matches!(text, "keyring" | "file" | "passphrase") => {}
        Some(("file", path)) if !path.is_empty() => {}
        // systemd takes no other names, and nothing else than a name leads out of its folder.
        Some(("systemd", name)) if is_credential_id(name) => {}
        _ => return Err("is none of keyring, file, file:PATH, passphrase, systemd:NAME".into()),
    }
    Ok(Value::Text(text.into()))
}

/// systemd.socket(5): ASCII without control characters and colons, of at most 255 bytes.
fn is_socket_name(name: &str) -> bool {
    (1..=255).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_graphic() && b != b':')
}

/// Whether systemd would take it for the name of a credential: a plain file name.
fn is_credential_id(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b'/' | b':');
    (1..=255).contains(&name.len()) && name.bytes().all(plain) && !matches!(name, "." | "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_stays_as_it_is_written_and_a_choice_is_known_in_either_spelling() {
        for issuer in ["https://as.example", "https://as.example/", "https://as.example/realm"] {
            let kept = Kind::Issuer.parse(issuer).unwrap();
            assert!(matches!(&kept, Value::Text(text) if text == issuer), "{issuer}");
        }
        let grant = Kind::Choice(&["client_credentials"]).parse("client-credentials").unwrap();
        assert!(matches!(&grant, Value::Text(text) if text == "client_credentials"));
    }

    #[test]
    fn each_kind_says_what_is_wrong_with_a_value() {
        for (kind, text, why) in [
            (Kind::Duration { zero: false }, "0s", "is zero"),
            (Kind::Duration { zero: false }, "abc", "is not a duration"),
            (Kind::Count { least: 1, most: 9 }, "0", "from 1 to 9"),
            (Kind::Count { least: 1, most: 9 }, "-1", "from 1 to 9"),
            (Kind::Flag, "yes", "neither true nor false"),
            (Kind::Choice(&["a", "b"]), "c", "none of a, b"),
            (Kind::Text, "", "is empty"),
            (Kind::Text, "a\nb", "control character"),
            (Kind::Endpoint, "ftp://x/y", "https"),
            (Kind::Issuer, "http://as.example", "https"),
            (Kind::Listen, "8787", "like 127.0.0.1:8787, or unix:PATH"),
            (Kind::Listen, "unix:", "names no path"),
            (Kind::Listen, "0.0.0.0:8787", "not loopback"),
            (Kind::Credential, "../x", "must begin"),
            (Kind::Mode, "0666", "everybody"),
            (Kind::Mode, "8", "file mode"),
            (Kind::Hosts, "git.example https://git.example", "without a scheme"),
            (Kind::KeySource, "file:", "none of keyring"),
            (Kind::KeySource, "systemd:a/b", "none of keyring"),
            (Kind::KeySource, "passphrase:x", "none of keyring"),
            (Kind::KeyringItem, "my key", "is bad"),
            (Kind::Redirect, "http://printer.example/cb", "is bad"),
            (Kind::Redirect, "javascript:alert(1)", "runs or opens something"),
        ] {
            let error = kind.parse(text).unwrap_err();
            assert!(error.contains(why), "{kind:?} {text:?}: {error}");
        }
    }

    #[test]
    fn zero_switches_off_where_it_may() {
        let value = Kind::Duration { zero: true }.parse("0s").unwrap();
        assert_eq!(value.as_span(), Some(Span::ZERO));
        assert_eq!(value.to_string(), "off");
    }

    #[test]
    fn a_choice_is_taken_in_either_case_and_kept_in_ours() {
        assert_eq!(Kind::Choice(&["P3"]).parse("p3").unwrap().as_text(), Some("P3"));
    }
}

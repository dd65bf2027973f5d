//! `renewd token`: a valid access token, on stdout and nowhere else.

use clap::{Args, ValueEnum};
use renewd_core::Span;
use renewd_driver::CredentialName;
use zeroize::Zeroizing;

use crate::app::App;
use crate::config::parse_duration;
use crate::credential::{glance, no_id_token, open_existing, unknown};
use crate::exit::{Exit, Failure};
use crate::json::{SCHEMA, TokenDocument, line};
use crate::obtain::{Obtained, TIMEOUT, obtain};
use crate::output::time::{brief, rfc3339};
use crate::target::Target;

/// What a quotation mark becomes in a shell word.
const QUOTED_BYTES: usize = 4;

/// What stands around a token in any format, besides names.
const FORMAT_BYTES_MAX: usize = 64;

/// Token types that are schemes of their own (RFC 9449, and the MAC draft).
const OTHER_SCHEMES: [&str; 2] = ["DPoP", "MAC"];

/// How the token is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// The token and a newline
    #[default]
    Raw,
    /// Authorization: Bearer …
    Header,
    /// An object with the token and what is known of it
    Json,
    /// NAME_TOKEN='…', for a shell to evaluate
    Env,
}

/// Arguments of `token`.
#[derive(Args, Debug)]
pub(crate) struct Token {
    /// Which credential
    name: CredentialName,
    #[command(flatten)]
    target: Target,
    /// The token should live at least so long
    #[arg(long, value_name = "D", value_parser = parse_duration, allow_hyphen_values = true)]
    min_validity: Option<Span>,
    /// Wait at most so long [default: 60s]
    #[arg(long, value_name = "D", value_parser = timeout, allow_hyphen_values = true)]
    timeout: Option<Span>,
    /// How to write it
    #[arg(long, value_name = "FORMAT", default_value = "raw")]
    format: Format,
    /// Print the ID token that came with the access token, instead of the access token
    #[arg(long)]
    id_token: bool,
}

impl Token {
    /// Whether a failure is told in JSON too.
    pub(crate) fn wants_json(&self) -> bool {
        self.format == Format::Json
    }
}

/// A duration that is not zero.
///
/// # Errors
/// Half a sentence for people.
pub(crate) fn timeout(text: &str) -> Result<Span, String> {
    match parse_duration(text)? {
        Span::ZERO => Err("is zero; it must be longer".into()),
        span => Ok(span),
    }
}

/// Prints a token.
///
/// # Errors
/// Why there is none.
pub(crate) fn run(args: &Token, app: &App) -> Result<(), Failure> {
    let configured = app.config()?.span("", "demand_timeout", Some(&args.name));
    let timeout = args.timeout.or(configured).unwrap_or(TIMEOUT);
    let wanted = args.min_validity.unwrap_or(Span::ZERO);
    args.target.check()?;
    obtain(app, &args.name, &args.target, wanted, timeout, |token| {
        if args.id_token {
            let token = id_token(app, &args.name, token)?;
            return app.output.data(&write(&args.name, &token, args.format)?);
        }
        app.output.data(&write(&args.name, token, args.format)?)?;
        if token.short {
            note_short(app, &args.name, token, wanted);
        }
        Ok(())
    })
}

/// The ID token of the record that the access token came from.
///
/// # Errors
/// A login failure where the server gave none.
pub(crate) fn id_token(app: &App, name: &CredentialName, token: &Obtained) -> Result<Obtained, Failure> {
    let store = open_existing(&*app.config()?)?.ok_or_else(|| unknown(name, &[]))?;
    let record = glance(&*app.config()?, store.port.as_ref(), name)?.record;
    let found = record.and_then(|r| r.grant.id_token).ok_or_else(|| no_id_token(name))?;
    // When it expires stands in the token itself.
    Ok(Obtained { access_token: found, expires: None, ..token.clone() })
}

fn note_short(app: &App, name: &CredentialName, token: &Obtained, wanted: Span) {
    let lives = token.remaining(app.now()).map_or("shorter".into(), |left| format!("{} more", brief(left)));
    app.output.note(&format!(
        "{name}: the token lives {lives}, less than the {wanted} asked for; nothing longer could be had now"
    ));
}

/// The token in that format.
///
/// # Errors
/// When it holds what no token may: it could end the line or the header that it is written into, and begin another.
pub(crate) fn write(
    name: &CredentialName,
    token: &Obtained,
    format: Format,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let secret = token.access_token.expose();
    if secret.is_empty() || !secret.iter().all(u8::is_ascii_graphic) {
        return Err(Failure::new(
            Exit::Internal,
            format!("{name}: the server gave a token that no header can carry"),
        )
        .advise("it holds blanks, control characters or letters outside ASCII, so it is not printed")
        .coded("token_unusable")
        .about(name));
    }
    // Room for the worst case, a token of quotation marks alone: a buffer that grew would leave a copy behind.
    let around = token.token_type.len() + name.as_str().len() + FORMAT_BYTES_MAX;
    let mut out = Zeroizing::new(Vec::with_capacity(QUOTED_BYTES * secret.len() + around));
    match format {
        Format::Raw => out.extend_from_slice(secret),
        Format::Header => {
            out.extend_from_slice(b"Authorization: ");
            out.extend_from_slice(&authorization(token));
        }
        Format::Env => {
            out.extend_from_slice(variable(name).as_bytes());
            out.extend_from_slice(b"_TOKEN='");
            for byte in secret {
                match byte {
                    b'\'' => out.extend_from_slice(b"'\\''"),
                    other => out.push(*other),
                }
            }
            out.push(b'\'');
        }
        Format::Json => {
            let document = TokenDocument {
                schema: SCHEMA,
                access_token: token.access_token.clone(),
                token_type: token.token_type.clone(),
                expires_at: token.expires.map(rfc3339),
                epoch: token.epoch,
                generation: token.generation,
                scope: token.scope.clone(),
                resource: token.resource.clone(),
                audience: token.audience.clone(),
                short: None,
            };
            return line(&document);
        }
    }
    out.push(b'\n');
    Ok(out)
}

/// `Bearer …`, whatever case the server wrote the type in: schemes are case-insensitive (RFC 9110 §11.1), but not all
/// resource servers know. What is no scheme (`bot`, `User Access Token`, `N_A`) says what the token is for, not how it
/// is shown: those are bearer tokens too.
pub(crate) fn authorization(token: &Obtained) -> Zeroizing<Vec<u8>> {
    let is_type = |scheme: &&str| scheme.eq_ignore_ascii_case(&token.token_type);
    let scheme = OTHER_SCHEMES.into_iter().find(is_type).unwrap_or("Bearer");
    let mut out = Zeroizing::new(Vec::with_capacity(scheme.len() + 1 + token.access_token.len()));
    out.extend_from_slice(scheme.as_bytes());
    out.push(b' ');
    out.extend_from_slice(token.access_token.expose());
    out
}

/// The credential's name as a shell variable begins: `my-api.v2` is `MY_API_V2`, `1x` is `_1X`.
pub(crate) fn variable(name: &CredentialName) -> String {
    let plain: String = name
        .as_str()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' })
        .collect();
    if plain.starts_with(|c: char| c.is_ascii_digit()) { format!("_{plain}") } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;
    use renewd_core::{Secret, Wall};

    fn token(text: &str, kind: &str) -> Obtained {
        Obtained {
            token_type: kind.into(),
            expires: Some(Wall::from_unix_millis(1_795_338_000_000)),
            generation: 42,
            scope: Some("repo".into()),
            ..Obtained::bearer(Secret::from(text))
        }
    }

    #[test]
    fn each_format_is_what_its_reader_expects() {
        let name = "my-api".parse().unwrap();
        for (format, text) in [
            (Format::Raw, "at-1\n"),
            (Format::Header, "Authorization: Bearer at-1\n"),
            (Format::Env, "MY_API_TOKEN='at-1'\n"),
            (
                Format::Json,
                "{\"schema\":1,\"access_token\":\"at-1\",\"token_type\":\"bearer\",\
                 \"expires_at\":\"2026-11-22T09:00:00Z\",\"epoch\":1,\"generation\":42,\"scope\":\"repo\"}\n",
            ),
        ] {
            let bytes = write(&name, &token("at-1", "bearer"), format).unwrap();
            assert_eq!(std::str::from_utf8(&bytes).unwrap(), text);
        }
    }

    #[test]
    fn a_type_that_is_no_scheme_is_shown_as_bearer() {
        for (kind, scheme) in [
            ("BEARER", "Bearer"),
            ("bot", "Bearer"),
            ("User Access Token", "Bearer"),
            ("N_A", "Bearer"),
            ("", "Bearer"),
            ("dpop", "DPoP"),
            ("mac", "MAC"),
        ] {
            let header = authorization(&token("at-1", kind));
            assert_eq!(std::str::from_utf8(&header).unwrap(), format!("{scheme} at-1"), "{kind}");
        }
    }

    #[test]
    fn a_token_that_could_end_a_shell_word_cannot() {
        let bytes = write(&"a".parse().unwrap(), &token("a';rm<~;'", "Bearer"), Format::Env).unwrap();
        assert_eq!(std::str::from_utf8(&bytes).unwrap(), "A_TOKEN='a'\\'';rm<~;'\\'''\n");
    }

    #[test]
    fn a_token_that_could_end_a_line_is_not_written_in_any_format() {
        let name = "a".parse().unwrap();
        for text in ["", "a b", "a\r\nX-Evil: 1", "a\n", "a\0", "a\x1b[31m", "\u{fc}"] {
            for format in [Format::Raw, Format::Header, Format::Env, Format::Json] {
                let failure = write(&name, &token(text, "Bearer"), format).unwrap_err();
                assert_eq!(failure.code, "token_unusable");
                assert!(!failure.to_string().contains("Evil"), "{failure}");
            }
        }
    }

    #[test]
    fn variables_begin_with_a_letter_or_underscore() {
        for (name, text) in [("my-api.v2", "MY_API_V2"), ("1x", "_1X"), ("GitHub", "GITHUB")] {
            assert_eq!(variable(&name.parse().unwrap()), text);
        }
    }
}

//! Everything that can go wrong between a token endpoint and its client, by name.
//!
//! A fault is data: scenario files write it, the real server plays it on a socket, a simulator plays it in virtual
//! time. What matters most about each is on which side of the rotation it strikes, so every variant says so.

use std::fmt;

/// The page a web application firewall answers with.
pub(crate) const WAF_PAGE: &str = "<!DOCTYPE html>\n<html><head><title>403 Forbidden</title></head><body>\
<h1>Request blocked</h1><p>Support ID: 4711</p></body></html>\n";

/// The page a captive portal answers with.
pub(crate) const PORTAL_PAGE: &str = "<!DOCTYPE html>\n<html><head><title>Welcome</title></head><body><h1>Sign in to the network</h1></body></html>\n";

/// Size of a [`Fault::HugeBody`] where none is given: far above any sensible limit of a client.
pub const HUGE_BODY_BYTES: usize = 16 * 1024 * 1024;

/// Interval of a [`Fault::SlowDrip`] where none is given, in milliseconds.
pub const DRIP_INTERVAL_MS: u64 = 100;

/// What the server does with one token request instead of answering it properly.
///
/// *Not processed* means that the authorization server took no notice: the refresh token presented is as good as
/// before. *Processed* means that it may have rotated, whether or not the client learns of it. To play a fault of the
/// first kind after processing, wrap it in [`Fault::AfterRotate`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// None: processed and answered. `ok`
    #[default]
    Ok,
    /// Not processed: 403 with an HTML page, as from a web application firewall. `waf-block`
    WafBlock,
    /// Not processed: this status. `500`, `503 retry-after=120`, `429 retry-after="Sun, 06 Nov 1994 08:49:37 GMT"`,
    /// `400 body={"error":"slow_down"}`
    Status {
        /// HTTP status, 100 to 599.
        code: u16,
        /// Value of the `Retry-After` header.
        retry_after: Option<String>,
        /// The body; JSON where it begins with `{`, plain text otherwise.
        body: String,
    },
    /// Not processed: 400 `invalid_grant`, although the grant stands. `invalid_grant`
    InvalidGrant,
    /// Not processed: 401 `invalid_client`. `invalid_client`
    InvalidClient,
    /// Not processed: 200 with an HTML page, as from a captive portal. `html-200`
    Html200,
    /// Not processed: 200 with an empty body. `empty-200`
    Empty200,
    /// Not processed: read, and never answered; the connection stays open. `hang`
    Hang,
    /// Processed: answered one byte at a time. `slow-drip`, `slow-drip interval=1000`
    SlowDrip {
        /// Milliseconds between two bytes.
        interval_ms: u64,
    },
    /// Not processed: the connection is reset as it is accepted, before a byte is read. Strikes whichever connection
    /// comes next, whatever it is for. `reset-on-accept`
    ResetOnAccept,
    /// Not processed: the connection is reset once the head of the request has come, its body unread. `reset`,
    /// `reset-before-read`
    ResetBeforeRead,
    /// Not processed: the connection is reset after the whole request was read. `reset-after-read`
    ResetAfterRead,
    /// Not processed: the connection is closed in order after the whole request was read. `drop`
    Drop,
    /// Processed: then the connection is closed in order, without an answer. `drop-after-rotate`
    DropAfterRotate,
    /// Processed: then the connection is reset. `reset-after-rotate`
    ResetAfterRotate,
    /// Processed: the right answer, labelled `text/html`. `wrong-content-type`
    WrongContentType,
    /// Processed: the right answer with so many bytes of padding before the tokens. `huge-body`, `huge-body bytes=1000`
    HugeBody {
        /// Bytes of padding.
        bytes: usize,
    },
    /// Processed: the announced length is right, the connection is closed half-way through the body.
    /// `truncated-body`
    TruncatedBody,
    /// Processed: the right answer, gzip-compressed, asked for or not. `gzip`
    Gzip,
    /// Processed: the right answer in a gzip stream that unpacks to 64 MiB. `gzip-bomb`
    GzipBomb,
    /// Not processed: 302 to this place. `redirect http://127.0.0.1:1/`
    Redirect {
        /// Value of the `Location` header.
        location: String,
    },
    /// Not processed: these bytes instead of an HTTP answer, then the connection is closed. `raw 48656c6c6f` (hex)
    Raw(Vec<u8>),
    /// Processed, its answer thrown away; then this fault is played. `after-rotate 500`, `after-rotate hang`
    AfterRotate(Box<Fault>),
}

impl Fault {
    /// The names [`Fault::parse`] knows, as an error message lists them.
    pub const NAMES: &'static str = "ok, waf-block, STATUS [retry-after=VALUE] [body=TEXT], invalid_grant, \
invalid_client, html-200, empty-200, hang, slow-drip [interval=MS], reset-on-accept, reset (reset-before-read), \
reset-after-read, drop, drop-after-rotate, reset-after-rotate, wrong-content-type, huge-body [bytes=N], \
truncated-body, gzip, gzip-bomb, redirect URL, raw HEX, after-rotate FAULT";

    /// A bare status such as 500.
    pub fn status(code: u16) -> Self {
        Self::Status { code, retry_after: None, body: String::new() }
    }

    /// A status with `Retry-After`.
    pub fn status_retry_after(code: u16, retry_after: impl Into<String>) -> Self {
        Self::Status { code, retry_after: Some(retry_after.into()), body: String::new() }
    }

    /// An error answer of RFC 6749 section 5.2 that the authorization server does not mean.
    pub fn oauth_error(code: u16, error: &str) -> Self {
        Self::Status { code, retry_after: None, body: serde_json::json!({ "error": error }).to_string() }
    }

    /// Reads the text form: what [`Fault`] prints, or the aliases in the documentation of the variants.
    ///
    /// # Errors
    /// When the name or a parameter is unknown or out of range; the message lists what is known.
    pub fn parse(text: &str) -> Result<Self, FaultError> {
        let text = text.trim();
        let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let rest = rest.trim();
        if name.starts_with(|first: char| first.is_ascii_digit()) {
            return parse_status(text, name, rest);
        }
        let plain = match name {
            "slow-drip" => {
                let interval_ms = number(text, rest, "interval")?.unwrap_or(DRIP_INTERVAL_MS);
                return Ok(Self::SlowDrip { interval_ms });
            }
            "huge-body" => {
                let bytes = number(text, rest, "bytes")?.unwrap_or(HUGE_BODY_BYTES);
                return Ok(Self::HugeBody { bytes });
            }
            "redirect" if !rest.is_empty() => return Ok(Self::Redirect { location: rest.to_owned() }),
            "redirect" => return Err(FaultError::new(text, "redirect needs a URL")),
            "raw" => return Ok(Self::Raw(unhex(text, rest)?)),
            "after-rotate" if rest.starts_with(name) => {
                return Err(FaultError::new(text, "after-rotate does not go inside itself"));
            }
            "after-rotate" => return Ok(Self::AfterRotate(Box::new(Self::parse(rest)?))),
            "ok" => Self::Ok,
            "waf-block" => Self::WafBlock,
            "invalid_grant" => Self::InvalidGrant,
            "invalid_client" => Self::InvalidClient,
            "html-200" => Self::Html200,
            "empty-200" => Self::Empty200,
            "hang" => Self::Hang,
            "reset-on-accept" => Self::ResetOnAccept,
            "reset" | "reset-before-read" => Self::ResetBeforeRead,
            "reset-after-read" => Self::ResetAfterRead,
            "drop" => Self::Drop,
            "drop-after-rotate" => Self::DropAfterRotate,
            "reset-after-rotate" => Self::ResetAfterRotate,
            "wrong-content-type" => Self::WrongContentType,
            "truncated-body" => Self::TruncatedBody,
            "gzip" => Self::Gzip,
            "gzip-bomb" => Self::GzipBomb,
            _ => return Err(FaultError::new(text, "no such fault")),
        };
        if rest.is_empty() { Ok(plain) } else { Err(FaultError::new(text, "this fault takes no parameter")) }
    }

    /// Whether the authorization server processes the request, so that it may have rotated.
    pub fn processes(&self) -> bool {
        match self {
            Self::Ok
            | Self::SlowDrip { .. }
            | Self::DropAfterRotate
            | Self::ResetAfterRotate
            | Self::WrongContentType
            | Self::HugeBody { .. }
            | Self::TruncatedBody
            | Self::Gzip
            | Self::GzipBomb
            | Self::AfterRotate(_) => true,
            Self::WafBlock
            | Self::Status { .. }
            | Self::InvalidGrant
            | Self::InvalidClient
            | Self::Html200
            | Self::Empty200
            | Self::Hang
            | Self::ResetOnAccept
            | Self::ResetBeforeRead
            | Self::ResetAfterRead
            | Self::Drop
            | Self::Redirect { .. }
            | Self::Raw(_) => false,
        }
    }
}

impl std::str::FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        Self::parse(text)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Ok => "ok",
            Self::WafBlock => "waf-block",
            Self::Status { code, retry_after, body } => {
                write!(f, "{code}")?;
                if let Some(value) = retry_after {
                    write!(f, " retry-after={}", quoted(value))?;
                }
                return if body.is_empty() { Ok(()) } else { write!(f, " body={body}") };
            }
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidClient => "invalid_client",
            Self::Html200 => "html-200",
            Self::Empty200 => "empty-200",
            Self::Hang => "hang",
            Self::SlowDrip { interval_ms } => return write!(f, "slow-drip interval={interval_ms}"),
            Self::ResetOnAccept => "reset-on-accept",
            Self::ResetBeforeRead => "reset-before-read",
            Self::ResetAfterRead => "reset-after-read",
            Self::Drop => "drop",
            Self::DropAfterRotate => "drop-after-rotate",
            Self::ResetAfterRotate => "reset-after-rotate",
            Self::WrongContentType => "wrong-content-type",
            Self::HugeBody { bytes } => return write!(f, "huge-body bytes={bytes}"),
            Self::TruncatedBody => "truncated-body",
            Self::Gzip => "gzip",
            Self::GzipBomb => "gzip-bomb",
            Self::Redirect { location } => return write!(f, "redirect {location}"),
            Self::Raw(bytes) => {
                f.write_str("raw ")?;
                return bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"));
            }
            Self::AfterRotate(then) => return write!(f, "after-rotate {then}"),
        };
        f.write_str(name)
    }
}

/// The text is not a fault. The message says why, and what is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultError {
    text: String,
    reason: &'static str,
}

impl FaultError {
    fn new(text: &str, reason: &'static str) -> Self {
        Self { text: text.to_owned(), reason }
    }
}

impl fmt::Display for FaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fault {:?}: {}; known faults: {}", self.text, self.reason, Fault::NAMES)
    }
}

impl std::error::Error for FaultError {}

fn quoted(value: &str) -> String {
    if value.contains(char::is_whitespace) { format!("\"{value}\"") } else { value.to_owned() }
}

/// `503`, then `retry-after=…` in any order before `body=…`, which takes the rest of the text.
fn parse_status(text: &str, name: &str, mut rest: &str) -> Result<Fault, FaultError> {
    let code = name.parse().ok().filter(|code| (100..600).contains(code));
    let code = code.ok_or_else(|| FaultError::new(text, "a status is a number from 100 to 599"))?;
    let mut retry_after = None;
    let mut body = String::new();
    while !rest.is_empty() {
        if let Some(value) = rest.strip_prefix("body=") {
            body = value.to_owned();
            break;
        }
        let value = rest.strip_prefix("retry-after=");
        let value = value.ok_or_else(|| FaultError::new(text, "a status takes retry-after= and body="))?;
        let (value, after) = match value.strip_prefix('"') {
            Some(inner) => {
                inner.split_once('"').ok_or_else(|| FaultError::new(text, "a quote is not closed"))?
            }
            None => value.split_once(char::is_whitespace).unwrap_or((value, "")),
        };
        retry_after = Some(value.to_owned());
        rest = after.trim_start();
    }
    Ok(Fault::Status { code, retry_after, body })
}

/// `KEY=NUMBER` or nothing.
fn number<N: std::str::FromStr>(text: &str, rest: &str, key: &str) -> Result<Option<N>, FaultError> {
    if rest.is_empty() {
        return Ok(None);
    }
    let value = rest.strip_prefix(key).and_then(|value| value.strip_prefix('='));
    let value = value.and_then(|value| value.parse().ok());
    value.map(Some).ok_or_else(|| FaultError::new(text, "its parameter is not a number under the right key"))
}

fn unhex(text: &str, rest: &str) -> Result<Vec<u8>, FaultError> {
    let digits: Option<Vec<u8>> =
        rest.chars().map(|digit| digit.to_digit(16).map(|digit| digit as u8)).collect();
    match digits {
        Some(digits) if digits.len() % 2 == 0 => {
            Ok(digits.chunks(2).map(|pair| pair[0] * 16 + pair[1]).collect())
        }
        _ => Err(FaultError::new(text, "raw takes an even number of hex digits")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of each, so that a new variant without a text form is noticed in review of this list.
    pub(crate) fn one_of_each() -> Vec<Fault> {
        vec![
            Fault::Ok,
            Fault::WafBlock,
            Fault::status(500),
            Fault::status_retry_after(503, "120"),
            Fault::status_retry_after(429, "Sun, 06 Nov 1994 08:49:37 GMT"),
            Fault::oauth_error(400, "slow_down"),
            Fault::Status { code: 429, retry_after: Some("1".into()), body: "a b=c".into() },
            Fault::InvalidGrant,
            Fault::InvalidClient,
            Fault::Html200,
            Fault::Empty200,
            Fault::Hang,
            Fault::SlowDrip { interval_ms: 7 },
            Fault::ResetOnAccept,
            Fault::ResetBeforeRead,
            Fault::ResetAfterRead,
            Fault::Drop,
            Fault::DropAfterRotate,
            Fault::ResetAfterRotate,
            Fault::WrongContentType,
            Fault::HugeBody { bytes: 9 },
            Fault::TruncatedBody,
            Fault::Gzip,
            Fault::GzipBomb,
            Fault::Redirect { location: "http://127.0.0.1:1/x".into() },
            Fault::Raw(vec![0, 255, 16]),
            Fault::AfterRotate(Box::new(Fault::status(500))),
            Fault::AfterRotate(Box::new(Fault::Hang)),
        ]
    }

    #[test]
    fn every_fault_is_read_back_from_its_own_text() {
        for fault in one_of_each() {
            assert_eq!(Fault::parse(&fault.to_string()), Ok(fault.clone()), "{fault}");
        }
    }

    #[test]
    fn the_names_of_the_scenario_files_are_known() {
        let names = "ok | waf-block | 500 | 503 retry-after=120 | invalid_grant | html-200 | hang | reset";
        for name in names.split('|') {
            assert!(Fault::parse(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn an_unknown_fault_is_an_error_that_lists_the_known_ones() {
        for text in [
            "",
            "waf",
            "99",
            "600",
            "500 x",
            "hang 3",
            "slow-drip x",
            "raw 0",
            "redirect",
            "429 retry-after=\"x",
            "after-rotate after-rotate ok",
        ] {
            let message = Fault::parse(text).unwrap_err().to_string();
            assert!(
                message.contains("drop-after-rotate") && message.contains(&format!("{text:?}")),
                "{message}"
            );
        }
    }
}

//! An error that a server tells a client (RFC 6749 §4.1.2.1, §5.2, RFC 7591 §3.2.2), as a person can be told.

use core::fmt;

use renewd_core::plain_line;

use super::address::Address;
use super::json::read_object;
use super::refusal::{Reason, Refusal};

/// A code is a short word.
const CODE_MAX_BYTES: usize = 80;

/// A description is a sentence or two.
const DESCRIPTION_MAX_BYTES: usize = 300;

/// An error code with what the server says about it, both cleaned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// `error`.
    pub error: String,
    /// `error_description`.
    pub description: Option<String>,
    /// `error_uri`, where it is an address.
    pub uri: Option<Address>,
}

impl Denial {
    // rfc: 6749-10.14 what came with an answer is cleaned before it is shown
    pub(super) fn new(error: &str, description: Option<&str>, uri: Option<&str>) -> Self {
        let clean = |text: &str| plain_line(text, DESCRIPTION_MAX_BYTES);
        Self {
            error: plain_line(error, CODE_MAX_BYTES),
            description: description.map(clean).filter(|text| !text.is_empty()),
            uri: uri.and_then(|uri| Address::parse(uri).ok()),
        }
    }

    /// The error in a JSON body, whatever its status; none where there is none.
    pub(super) fn of_body(body: &[u8]) -> Option<Self> {
        let object = read_object(body, "error").ok()?;
        let text = |name| object.text(name).ok().flatten();
        let error = text("error").filter(|error| !error.is_empty())?;
        Some(Self::new(error, text("error_description"), text("error_uri")))
    }

    /// What the code means, where a standard says it.
    fn meaning(&self) -> &'static str {
        match self.error.as_str() {
            "access_denied" => "the person or a rule there did not agree",
            "expired_token" => "the code has expired: begin again",
            "unauthorized_client" => "this client may not log in this way",
            "invalid_scope" => {
                "the server does not know one of the scopes, or does not give it to this client"
            }
            "invalid_target" => "the server does not know the resource",
            "invalid_client" => "the server does not know this client, or does not believe it",
            "invalid_request" => "the server does not understand the request",
            "invalid_grant" => "the code was used before, has expired or is another client's",
            "unsupported_response_type" => "the server gives no authorization codes",
            "unsupported_grant_type" => "the server does not know this way to log in",
            "server_error" | "temporarily_unavailable" => "the server has trouble; try again later",
            "login_required" | "interaction_required" | "consent_required" | "account_selection_required" => {
                "the server wants the person to log in or to agree"
            }
            "invalid_redirect_uri" => "the server does not take the redirect address",
            "invalid_client_metadata" => "the server does not take what the client says of itself",
            "unapproved_software_statement" | "invalid_software_statement" => {
                "the server registers only software that it knows"
            }
            _ => "the server answered with an error",
        }
    }

    /// As the refusal of what was asked.
    pub(super) fn refusal(&self, at: &str) -> Refusal {
        Refusal::new(Reason::Server, at).found(&self.to_string())
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} ({}", self.meaning(), self.error)?;
        if let Some(description) = &self.description {
            write!(out, ": {description}")?;
        }
        out.write_str(")")
    }
}

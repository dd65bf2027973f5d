//! What a token should be for, where that is not what the login was made for: flags, the agent's questions, `[[proxy]]`.

use clap::Args;
use renewd_core::AccessKey;
use serde::{Deserialize, Serialize};

use crate::exit::{Exit, Failure};

/// A longer name is a mistake; a request must stay small.
const NAME_BYTES_MAX: usize = 2048;

/// A scope, resource or audience besides the login's own. What is not named is the login's.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Target {
    /// For this scope instead of the login's; may be given several times
    #[arg(long = "scope", value_name = "S", value_delimiter = ' ')]
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "words")]
    #[cfg_attr(test, schemars(schema_with = "crate::schema::scope"))]
    pub(crate) scope: Vec<String>,
    /// For this resource instead of the login's (RFC 8707)
    #[arg(long, value_name = "URL")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(schema_with = "crate::schema::resource"))]
    pub(crate) resource: Option<String>,
    /// For this audience instead of the login's, where the server knows APIs by names
    #[arg(long, value_name = "A")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(schema_with = "crate::schema::audience"))]
    pub(crate) audience: Option<String>,
}

impl Target {
    /// As the record keeps it.
    pub(crate) fn key(&self) -> AccessKey {
        let scope = (!self.scope.is_empty()).then(|| self.scope.join(" "));
        AccessKey { scope, resource: self.resource.clone(), audience: self.audience.clone() }.in_order()
    }

    /// That it can be asked for.
    ///
    /// # Errors
    /// A usage failure that names what is wrong.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let wrong = |what: &str| Err(Failure::new(Exit::Usage, what.to_owned()));
        let long = |text: &str| text.len() > NAME_BYTES_MAX;
        // RFC 6749 §3.3: printable ASCII but the quotation mark and the backslash.
        let is_scope = |text: &String| {
            !long(text) && text.bytes().all(|b| matches!(b, b' ' | b'!' | b'#'..=b'[' | b']'..=b'~'))
        };
        if !self.scope.iter().all(is_scope) {
            return wrong(
                "the scope holds what no scope may: give words of printable ASCII, without \" and \\",
            );
        }
        // RFC 8707 §2: an absolute URI without a fragment.
        let is_resource = |text: &String| {
            let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
            !long(text)
                && text.bytes().all(|b| b.is_ascii_graphic() && b != b'#')
                && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
        };
        if !self.resource.iter().all(is_resource) {
            return wrong(
                "the resource is no absolute URI without a fragment (RFC 8707); like https://api.example/",
            );
        }
        let is_audience = |text: &String| {
            !text.is_empty() && !long(text) && text.bytes().all(|b| b.is_ascii_graphic() || b == b' ')
        };
        if !self.audience.iter().all(is_audience) {
            return wrong("the audience is empty, too long, or holds other than printable ASCII");
        }
        Ok(())
    }
}

/// A list of words, or one text of them: both are written for scopes.
fn words<'d, D: serde::Deserializer<'d>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Text(String),
        List(Vec<String>),
    }
    Ok(match Either::deserialize(from)? {
        Either::Text(text) => text.split_ascii_whitespace().map(String::from).collect(),
        Either::List(list) => list,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(json: &str) -> Target {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_scope_is_one_text_or_a_list_and_its_order_says_nothing() {
        for json in [r#"{"scope":"b a"}"#, r#"{"scope":["a","b"]}"#, r#"{"scope":["b a","a"]}"#] {
            assert_eq!(target(json).key().scope.as_deref(), Some("a b"), "{json}");
            assert!(target(json).check().is_ok());
        }
        assert!(target("{}").key().is_own());
    }

    #[test]
    fn what_no_request_may_carry_is_refused_and_says_what_would_do() {
        for (json, says) in [
            (r#"{"scope":"a\"b"}"#, "scope"),
            (r#"{"scope":["a\u0007"]}"#, "scope"),
            (r#"{"resource":"api.example"}"#, "absolute URI"),
            (r#"{"resource":"https://api.example/#x"}"#, "fragment"),
            (r#"{"resource":"https://api.example/\nx"}"#, "absolute URI"),
            (r#"{"audience":""}"#, "audience"),
            (r#"{"audience":"\u202ex"}"#, "audience"),
        ] {
            let failure = target(json).check().unwrap_err();
            assert!(failure.to_string().contains(says), "{json}: {failure}");
            assert_eq!(failure.exit, Exit::Usage);
        }
        assert!(target(r#"{"resource":"urn:example:api","audience":"my api"}"#).check().is_ok());
    }
}

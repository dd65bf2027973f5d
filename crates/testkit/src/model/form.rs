//! The form a client posts, read the way a server reads it (RFC 6749 section 2.3.1 and appendix B).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt;

/// The fields of a token or revocation request, client authentication included.
///
/// Built by hand for tests of the model alone ([`TokenForm::refresh`]), or read from what came over the wire
/// ([`TokenForm::parse`]).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TokenForm {
    /// `grant_type`.
    pub grant_type: Option<String>,
    /// `refresh_token`.
    pub refresh_token: Option<String>,
    /// `token`, of a revocation request (RFC 7009 section 2.1).
    pub token: Option<String>,
    /// `client_id`, from the form.
    pub client_id: Option<String>,
    /// `client_secret`, from the form (`client_secret_post`).
    pub client_secret: Option<String>,
    /// Client id and secret from an `Authorization: Basic` header (`client_secret_basic`).
    pub basic: Option<(String, String)>,
    /// `scope`.
    pub scope: Option<String>,
    /// Every `resource` (RFC 8707), in order.
    pub resource: Vec<String>,
    /// All other parameters, in order.
    pub extra: Vec<(String, String)>,
    /// How the request came, where it came over a wire: what proofs and assertions are checked against.
    pub arrival: Option<Arrival>,
    /// The first parameter that came twice where RFC 6749 section 3.2 forbids it.
    pub repeated: Option<String>,
}

/// How a request came. What is not told is not checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arrival {
    /// The server's issuer.
    pub issuer: String,
    /// The address that was asked, without its query.
    pub url: String,
    /// The server's wall clock, in milliseconds since 1970.
    pub unix_ms: u64,
    /// The values of all `DPoP` headers.
    pub proofs: Vec<String>,
}

/// The body or the authorization header is not what RFC 6749 describes; the text says in which way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormError(&'static str);

impl fmt::Display for FormError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for FormError {}

impl TokenForm {
    /// A refresh grant with this refresh token and no client authentication.
    pub fn refresh(refresh_token: impl Into<String>) -> Self {
        Self {
            grant_type: Some("refresh_token".to_owned()),
            refresh_token: Some(refresh_token.into()),
            ..Self::default()
        }
    }

    /// A revocation request (RFC 7009) for this token.
    pub fn revocation(token: impl Into<String>) -> Self {
        Self { token: Some(token.into()), ..Self::default() }
    }

    /// Adds the `client_id` of a public client.
    #[must_use]
    pub fn client(mut self, id: impl Into<String>) -> Self {
        self.client_id = Some(id.into());
        self
    }

    /// Adds client authentication in the form.
    #[must_use]
    pub fn post(mut self, id: impl Into<String>, secret: impl Into<String>) -> Self {
        self.client_id = Some(id.into());
        self.client_secret = Some(secret.into());
        self
    }

    /// Adds client authentication by HTTP Basic.
    #[must_use]
    pub fn basic(mut self, id: impl Into<String>, secret: impl Into<String>) -> Self {
        self.basic = Some((id.into(), secret.into()));
        self
    }

    /// A parameter that has no field of its own.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.extra.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// Reads a posted form and the value of the `Authorization` header, if there was one.
    ///
    /// # Errors
    /// When the body is not UTF-8 after percent-decoding, or the header is not well-formed Basic.
    pub fn parse(body: &[u8], authorization: Option<&str>) -> Result<Self, FormError> {
        let mut form = Self::default();
        for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let split = pair.iter().position(|byte| *byte == b'=');
            let (name, value) = match split {
                Some(at) => (&pair[..at], &pair[at + 1..]),
                None => (pair, &pair[..0]),
            };
            form.put(decode(name)?, decode(value)?);
        }
        if let Some(value) = authorization {
            form.basic = Some(parse_basic(value)?);
        }
        Ok(form)
    }

    /// The names of all parameters present, for logs that must not hold values.
    pub fn parameter_names(&self) -> Vec<String> {
        let known = [
            ("grant_type", self.grant_type.is_some()),
            ("refresh_token", self.refresh_token.is_some()),
            ("token", self.token.is_some()),
            ("client_id", self.client_id.is_some()),
            ("client_secret", self.client_secret.is_some()),
            ("scope", self.scope.is_some()),
            ("resource", !self.resource.is_empty()),
        ];
        let known = known.into_iter().filter(|(_, present)| *present).map(|(name, _)| name.to_owned());
        known.chain(self.extra.iter().map(|(name, _)| name.clone())).collect()
    }

    fn put(&mut self, name: String, value: String) {
        let slot = match name.as_str() {
            "grant_type" => &mut self.grant_type,
            "refresh_token" => &mut self.refresh_token,
            "token" => &mut self.token,
            "client_id" => &mut self.client_id,
            "client_secret" => &mut self.client_secret,
            "scope" => &mut self.scope,
            "resource" => return self.resource.push(value),
            "audience" => return self.extra.push((name, value)),
            _ => {
                if self.parameter(&name).is_some() {
                    self.repeated.get_or_insert_with(|| name.clone());
                }
                return self.extra.push((name, value));
            }
        };
        if slot.replace(value).is_some() {
            self.repeated.get_or_insert(name);
        }
    }
}

impl fmt::Debug for TokenForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenForm")
            .field("parameters", &self.parameter_names())
            .field("basic", &self.basic.is_some())
            .finish_non_exhaustive()
    }
}

/// `application/x-www-form-urlencoded` decoding: `+` is a space, `%XX` a byte, anything else stands for itself.
pub(crate) fn decode(text: &[u8]) -> Result<String, FormError> {
    let hex = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        at += 1;
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let (Some(high), Some(low)) = (hex(text.get(at)), hex(text.get(at + 1))) else {
                    return Err(FormError("a % in the form is not followed by two hex digits"));
                };
                out.push((high * 16 + low) as u8);
                at += 2;
            }
            other => out.push(*other),
        }
    }
    String::from_utf8(out).map_err(|_| FormError("the form is not UTF-8 after percent-decoding"))
}

/// `Basic base64(form(id):form(secret))`, RFC 6749 section 2.3.1.
fn parse_basic(value: &str) -> Result<(String, String), FormError> {
    let broken = FormError("the Authorization header is not well-formed Basic authentication");
    let (scheme, encoded) = value.split_once(' ').ok_or_else(|| broken.clone())?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(FormError("the Authorization header is not Basic authentication"));
    }
    let pair = STANDARD.decode(encoded.trim()).map_err(|_| broken.clone())?;
    let colon = pair.iter().position(|byte| *byte == b':').ok_or(broken)?;
    Ok((decode(&pair[..colon])?, decode(&pair[colon + 1..])?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_posted_form_is_read_with_escapes_and_every_resource() {
        let body = b"grant_type=refresh_token&refresh_token=a%2Bb+c&resource=x&resource=y&audience=z";
        let form = TokenForm::parse(body, None).unwrap();
        assert_eq!(form.refresh_token.as_deref(), Some("a+b c"));
        assert_eq!(form.resource, ["x", "y"]);
        assert_eq!(form.extra, [("audience".to_owned(), "z".to_owned())]);
        assert_eq!(form.repeated, None);
        assert_eq!(form.parameter_names(), ["grant_type", "refresh_token", "resource", "audience"]);
    }

    #[test]
    fn a_parameter_that_comes_twice_is_noticed() {
        let form = TokenForm::parse(b"scope=a&scope=b", None).unwrap();
        assert_eq!(form.repeated.as_deref(), Some("scope"));
    }

    #[test]
    fn basic_authentication_is_decoded_twice_as_the_rfc_says() {
        let header = format!("Basic {}", STANDARD.encode("my%3Aid:p%25w"));
        let form = TokenForm::parse(b"", Some(&header)).unwrap();
        assert_eq!(form.basic, Some(("my:id".to_owned(), "p%w".to_owned())));
        assert!(TokenForm::parse(b"", Some("Bearer x")).is_err());
        assert!(TokenForm::parse(b"", Some("Basic !!")).is_err());
    }

    #[test]
    fn broken_escapes_are_errors_not_panics() {
        for body in [&b"a=%"[..], b"a=%4", b"a=%zz", b"a=%ff"] {
            assert!(TokenForm::parse(body, None).is_err(), "{body:?}");
        }
    }

    #[test]
    fn debug_of_a_form_shows_names_only() {
        let shown = format!("{:?}", TokenForm::refresh("rt-value").post("id", "secret-value"));
        assert!(!shown.contains("-value"), "{shown}");
    }
}

//! What a protected resource says of itself (RFC 9728): which authorization servers it trusts.

use renewd_core::plain_line;

use super::address::{Address, Issuer};
use super::json::read_object;
use super::refusal::{Reason, Refusal};

/// A longer name of a resource is cut.
const NAME_MAX_BYTES: usize = 100;

/// How the resource in the document is the one that was asked for.
#[expect(
    clippy::exhaustive_enums,
    reason = "the two rules there are: RFC 9728 section 3.3 and that of MCP's clients"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceMatch {
    /// To the letter (RFC 9728 §3.3).
    Exact,
    /// Its origin is the same, and its path a parent of the one asked for: `https://mcp.example` for
    /// `https://mcp.example/mcp`. MCP's servers name themselves so, and its clients take it.
    BasePath,
}

/// A checked document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceMetadata {
    /// What the resource calls itself: the `resource` parameter (RFC 8707) of requests for its tokens.
    pub resource: String,
    /// How it is the one that was asked for.
    pub matched: ResourceMatch,
    /// Whose tokens it takes; never empty.
    pub authorization_servers: Vec<Issuer>,
    /// `scopes_supported`.
    pub scopes: Option<Vec<String>>,
    /// `bearer_methods_supported`.
    pub bearer_methods: Option<Vec<String>>,
    /// `dpop_bound_access_tokens_required`.
    pub dpop_bound: bool,
    /// `dpop_signing_alg_values_supported`.
    pub dpop_signing_algs: Option<Vec<String>>,
    /// `resource_name`, cleaned.
    pub name: Option<String>,
}

impl ResourceMetadata {
    /// Reads the document that was fetched for this resource.
    ///
    /// # Errors
    /// Says which member is refused, and why.
    pub fn read(body: &[u8], asked: &Address) -> Result<Self, Refusal> {
        let object = read_object(body, "protected resource metadata")?;
        let resource = object.required_text("resource")?;
        let Some(matched) = matches(resource, asked) else {
            return Err(Refusal::new(Reason::ResourceMismatch, "resource").found(resource));
        };
        let authorization_servers = object.issuers("authorization_servers")?;
        if authorization_servers.is_empty() {
            return Err(Refusal::new(Reason::NoAuthorizationServer, "authorization_servers"));
        }
        if let Some((at, issuer)) =
            authorization_servers.iter().enumerate().find(|(_, issuer)| !asked.may_lead_to(issuer.address()))
        {
            let at = format!("authorization_servers[{at}]");
            return Err(Refusal::new(Reason::PrivateHost, at).found(issuer.as_str()));
        }
        Ok(Self {
            resource: resource.to_owned(),
            matched,
            authorization_servers,
            scopes: object.texts("scopes_supported")?,
            bearer_methods: object.texts("bearer_methods_supported")?,
            dpop_bound: object.flag("dpop_bound_access_tokens_required")?,
            dpop_signing_algs: object.texts("dpop_signing_alg_values_supported")?,
            name: object.text("resource_name")?.map(|name| plain_line(name, NAME_MAX_BYTES)),
        })
    }
}

/// How the resource that a document names is the one that was asked for; none where it is another.
fn matches(named: &str, asked: &Address) -> Option<ResourceMatch> {
    if named == asked.as_str() {
        return Some(ResourceMatch::Exact);
    }
    let base = Address::parse(named).ok()?;
    let (parent, path) = (base.path().trim_end_matches('/'), asked.path());
    let climbs = asked.path().split('/').any(|segment| {
        let plain = segment.to_ascii_lowercase().replace("%2e", ".");
        plain == "." || plain == ".."
    });
    let below = path.strip_prefix(parent).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    (base.same_origin(asked) && base.query().is_none() && below && !climbs).then_some(ResourceMatch::BasePath)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_the_one_asked_for_to_the_letter_or_as_its_parent() {
        use ResourceMatch::{BasePath, Exact};
        for (named, asked, found) in [
            ("https://mcp.example/mcp", "https://mcp.example/mcp", Some(Exact)),
            ("https://mcp.example/mcp?x=1", "https://mcp.example/mcp?x=1", Some(Exact)),
            ("https://mcp.example", "https://mcp.example/mcp", Some(BasePath)),
            ("https://mcp.example/", "https://mcp.example/mcp?x=1", Some(BasePath)),
            ("https://mcp.example/v1/", "https://mcp.example/v1/mcp", Some(BasePath)),
            ("https://mcp.example/v1", "https://mcp.example/v1/", Some(BasePath)),
            ("https://mcp.example/v1/", "https://mcp.example/v1", Some(BasePath)),
            ("https://mcp.example/v1", "https://mcp.example/v10", None),
            ("https://mcp.example/v1/mcp", "https://mcp.example/v1", None),
            ("https://mcp.example/V1", "https://mcp.example/v1", None),
            ("https://mcp.example/a", "https://mcp.example/a/../b", None),
            ("https://mcp.example/a", "https://mcp.example/a/%2E%2e/b", None),
            ("https://mcp.example:8443/", "https://mcp.example/", None),
            ("https://evil.example/mcp", "https://mcp.example/mcp", None),
            ("https://example/mcp", "https://mcp.example/mcp", None),
            ("http://127.0.0.1:2/a", "http://127.0.0.1:3/a", None),
            ("mcp.example", "https://mcp.example", None),
            ("https://mcp.example?x", "https://mcp.example/a", None),
        ] {
            assert_eq!(matches(named, &Address::parse(asked).unwrap()), found, "{named} for {asked}");
        }
    }
}

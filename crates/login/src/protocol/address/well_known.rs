//! Where metadata lie, in the order in which a client looks.

use super::{Address, Issuer};

const AUTHORIZATION_SERVER: &str = "/.well-known/oauth-authorization-server";
const OPENID: &str = "/.well-known/openid-configuration";
const PROTECTED_RESOURCE: &str = "/.well-known/oauth-protected-resource";

/// Where the metadata of an authorization server may lie: RFC 8414 §3 (its name inserted before the path), OpenID's
/// document at the same kind of place (RFC 8414 §5), and where OpenID Connect Discovery §4 wants it (appended). The
/// first that answers with a document decides.
pub fn authorization_server_addresses(issuer: &Issuer) -> Vec<Address> {
    let issuer = issuer.address();
    // rfc: 8414-3 a final slash goes, and the name is inserted before the path
    let path = issuer.path().strip_suffix('/').unwrap_or_else(|| issuer.path());
    let origin = issuer.origin();
    let mut places = vec![format!("{origin}{AUTHORIZATION_SERVER}{path}"), format!("{origin}{OPENID}{path}")];
    if !path.is_empty() {
        places.push(format!("{origin}{path}{OPENID}"));
    }
    places.iter().filter_map(|place| Address::parse(place).ok()).collect()
}

/// Where the metadata of a protected resource may lie: RFC 9728 §3.1 (inserted before path and query; only the slash of
/// an empty path goes), the same without a final slash, and those of its whole host, as MCP's clients look.
pub fn protected_resource_addresses(resource: &Address) -> Vec<Address> {
    let origin = resource.origin();
    let path = if resource.path() == "/" { "" } else { resource.path() };
    let query = resource.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut places = vec![format!("{origin}{PROTECTED_RESOURCE}{path}{query}")];
    for (path, query) in [(path.strip_suffix('/').unwrap_or(path), query.as_str()), ("", "")] {
        let place = format!("{origin}{PROTECTED_RESOURCE}{path}{query}");
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places.iter().filter_map(|place| Address::parse(place).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(addresses: &[Address]) -> Vec<&str> {
        addresses.iter().map(Address::as_str).collect()
    }

    // rfc-test: 8414-3
    #[test]
    fn metadata_of_a_server_are_looked_for_inserted_first_and_appended_last() {
        let places = |issuer: &str| authorization_server_addresses(&Issuer::parse(issuer).unwrap());
        for issuer in ["https://as.example", "https://as.example/"] {
            assert_eq!(
                texts(&places(issuer)),
                [
                    "https://as.example/.well-known/oauth-authorization-server",
                    "https://as.example/.well-known/openid-configuration"
                ]
            );
        }
        for issuer in ["https://as.example:8443/a/b", "https://as.example:8443/a/b/"] {
            assert_eq!(
                texts(&places(issuer)),
                [
                    "https://as.example:8443/.well-known/oauth-authorization-server/a/b",
                    "https://as.example:8443/.well-known/openid-configuration/a/b",
                    "https://as.example:8443/a/b/.well-known/openid-configuration"
                ]
            );
        }
    }

    #[test]
    fn metadata_of_a_resource_are_looked_for_at_its_path_and_then_at_its_host() {
        let places = |resource: &str| protected_resource_addresses(&Address::parse(resource).unwrap());
        assert_eq!(
            texts(&places("https://mcp.example/v1/mcp/?k=1")),
            [
                "https://mcp.example/.well-known/oauth-protected-resource/v1/mcp/?k=1",
                "https://mcp.example/.well-known/oauth-protected-resource/v1/mcp?k=1",
                "https://mcp.example/.well-known/oauth-protected-resource"
            ]
        );
        assert_eq!(
            texts(&places("https://mcp.example/mcp")),
            [
                "https://mcp.example/.well-known/oauth-protected-resource/mcp",
                "https://mcp.example/.well-known/oauth-protected-resource"
            ]
        );
        for bare in ["http://127.0.0.1:9000", "http://127.0.0.1:9000/"] {
            let place = "http://127.0.0.1:9000/.well-known/oauth-protected-resource";
            assert_eq!(texts(&places(bare)), [place]);
        }
    }
}

//! Who claims a server, and who only looks so.

use alloc::borrow::Cow;
use alloc::string::ToString;
use alloc::vec::Vec;

use super::*;
use crate::profile::Endpoints;

fn profile(name: &'static str, hosts: &'static [&'static str]) -> Profile {
    let hosts = hosts.iter().map(|host| Cow::Borrowed(*host)).collect();
    Profile {
        name: Cow::Borrowed(name),
        endpoints: Endpoints { hosts, ..Endpoints::NONE },
        ..Profile::GENERIC
    }
}

#[test]
fn a_host_is_found_in_any_case_and_at_any_port() {
    let okta = profile("okta", &["okta.com", "*.okta.com"]);
    for url in [
        "https://okta.com",
        "https://OKTA.com/oauth2/v1/token",
        "HTTPS://acme.Okta.Com:8443/oauth2/default/v1/token?x=1",
        "https://a.b.okta.com#x",
        "https://acme.okta.com./token",
        "http://acme.okta.com/token",
    ] {
        assert!(okta.claims(None, url), "{url}");
        assert!(okta.claims(Some(url), "https://elsewhere.example/token"), "{url}");
    }
}

#[test]
fn what_only_looks_like_a_host_claims_nothing() {
    let okta = profile("okta", &["okta.com", "*.okta.com"]);
    for url in [
        "https://evil-okta.com/token",
        "https://evilokta.com/token",
        "https://okta.com.evil.org/token",
        "https://acme.okta.com.evil.org/token",
        "https://okta.com@evil.org/token",
        "https://okta.com:443@evil.org/token",
        "https://evil.org/okta.com",
        "https://evil.org?https://okta.com",
        "https://evil.org#https://okta.com",
        "https://evil.org\\.okta.com/token",
        "https://evil.org\\@okta.com/token",
        "https://%6fkta.com/token",
        "https://evil.org%2f.okta.com/token",
        "https://evil.org .okta.com/token",
        "https://evil.org\t.okta.com/token",
        "https://evil.org\u{3002}okta.com/token",
        "https://\u{43e}kta.com/token",
        "https://.okta.com/token",
        "https://okta.com../token",
        "https://okta.com:evil.org/token",
        "ftp://okta.com/token",
        "//okta.com/token",
        "okta.com",
        "https:okta.com",
        "https://",
        "",
        "https://[okta.com]/",
        "https://evil.org]okta.com/",
        "https://[::1]okta.com/",
    ] {
        assert!(!okta.claims(Some(url), url), "{url}");
    }
}

#[test]
fn a_wildcard_covers_what_lies_below_and_no_more() {
    let below = profile("a", &["*.example.com"]);
    assert!(below.claims(None, "https://x.example.com/"));
    assert!(!below.claims(None, "https://example.com/"));
    let exact = profile("b", &["example.com"]);
    assert!(exact.claims(None, "https://example.com/"));
    assert!(!exact.claims(None, "https://x.example.com/"));
    for claim in ["*", "*.", "*com", ""] {
        assert!(!covers(claim, "example.com"), "{claim}");
    }
}

#[test]
fn addresses_of_numbers_are_hosts_too() {
    let local = profile("local", &["127.0.0.1", "[::1]"]);
    assert!(local.claims(None, "http://127.0.0.1:8080/token"));
    assert!(local.claims(None, "http://[::1]:8080/token"));
    assert!(!local.claims(None, "http://[::2]:8080/token"));
}

#[test]
fn only_a_claim_that_nobody_else_makes_chooses() {
    let (a, b) = (profile("a", &["as.example", "*.a.example"]), profile("b", &["as.example", "b.example"]));
    let all = [a, b];
    let chosen =
        |issuer, token: &str| Profile::sole_claimant(&all, issuer, token).map(|p| p.name.to_string());
    assert_eq!(chosen(None, "https://x.a.example/token").as_deref(), Some("a"));
    assert_eq!(chosen(Some("https://b.example"), "https://other.example/").as_deref(), Some("b"));
    assert_eq!(chosen(None, "https://as.example/token"), None);
    assert_eq!(chosen(Some("https://b.example"), "https://x.a.example/token"), None);
    assert_eq!(chosen(None, "https://other.example/token"), None);
}

#[test]
fn every_built_in_profile_is_found_by_its_name() {
    let all = Profile::built_in();
    assert!(all.is_sorted_by(|a, b| a.name < b.name), "the table is by name, each once");
    for profile in all {
        assert_eq!(Profile::by_name(&profile.name), Some(profile));
    }
    assert_eq!(Profile::by_name("generic"), Some(&Profile::GENERIC));
    assert_eq!(Profile::by_name("no-such-provider"), None);
}

#[test]
fn no_host_is_claimed_by_two_built_in_profiles() {
    let claims: Vec<(&str, &str)> = Profile::built_in()
        .iter()
        .flat_map(|profile| profile.endpoints.hosts.iter().map(|host| (&*profile.name, &**host)))
        .collect();
    for (name, claim) in &claims {
        // A host that the claim covers: the name itself, or one below it.
        let host = claim.replacen('*', "x", 1);
        for (other, against) in &claims {
            assert!(name == other || !covers(against, &host), "{name} and {other} both claim {host}");
        }
    }
}

#[test]
fn a_built_in_profile_claims_its_own_endpoints_where_it_claims_anything() {
    let mut unclaimed = Vec::new();
    for profile in Profile::built_in().iter().filter(|profile| !profile.endpoints.hosts.is_empty()) {
        let endpoints = [&profile.endpoints.issuer, &profile.endpoints.token];
        for url in endpoints.into_iter().flatten().filter(|url| !url.contains('{')) {
            if Profile::for_server(None, url) != Some(profile) {
                unclaimed.push((&*profile.name, &**url));
            }
        }
    }
    assert_eq!(unclaimed, [], "their hosts leave out a host of their own");
}

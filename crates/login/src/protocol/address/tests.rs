use super::*;

fn reason(text: &str) -> Reason {
    Address::parse(text).expect_err(text).reason
}

#[test]
fn an_address_is_taken_apart_as_it_was_written() {
    let address = Address::parse("https://AS.Example:8443/a/b?c=d&e").unwrap();
    assert_eq!(address.as_str(), "https://AS.Example:8443/a/b?c=d&e");
    assert_eq!((address.host(), address.port()), ("as.example", 8443));
    assert_eq!((address.path(), address.query()), ("/a/b", Some("c=d&e")));
    assert_eq!(address.origin(), "https://AS.Example:8443");
    let bare = Address::parse("https://as.example?x").unwrap();
    assert_eq!((bare.path(), bare.query(), bare.port()), ("", Some("x"), 443));
    let v6 = Address::parse("http://[::1]:7/x").unwrap();
    assert_eq!((v6.host(), v6.port(), v6.host_kind()), ("::1", 7, HostKind::Loopback));
}

// rfc-test: 8628-3.1-3 9700-2.6
#[test]
fn only_https_and_http_to_this_machine_are_addresses() {
    for text in [
        "http://127.0.0.1/cb",
        "http://127.8.8.8:1",
        "http://[::1]/",
        "http://localhost:9/",
        "https://10.0.0.1/",
    ] {
        assert!(Address::parse(text).is_ok(), "{text}");
    }
    for (text, why) in [
        ("http://as.example/", Reason::Scheme),
        ("http://10.0.0.1/", Reason::Scheme),
        ("http://[::ffff:8.8.8.8]/", Reason::Scheme),
        ("http://localhost.evil.example/", Reason::Scheme),
        ("http://x.localhost/", Reason::Scheme),
        ("javascript:alert(1)", Reason::Scheme),
        ("file:///etc/passwd", Reason::Scheme),
        ("HTTPS://as.example", Reason::Scheme),
        ("https:/as.example", Reason::Scheme),
        ("//as.example", Reason::NotAnAddress),
        ("as.example", Reason::NotAnAddress),
        ("", Reason::NotAnAddress),
        (" https://as.example", Reason::NotAnAddress),
        ("$(reboot)", Reason::NotAnAddress),
        ("--help", Reason::NotAnAddress),
        ("https://", Reason::Host),
        ("https:///path", Reason::Host),
        ("https://:443/", Reason::Host),
        ("https://u@as.example/", Reason::UserInfo),
        ("https://as.example@evil.example/", Reason::UserInfo),
        ("https://as.example/#x", Reason::Fragment),
        ("https://as.example/\u{0}", Reason::Character),
        ("https://as.example/a b", Reason::Character),
        ("https://as.example\\@evil.example/", Reason::Character),
        ("https://as.example/\u{202e}", Reason::Character),
        ("https://as.example/`id`", Reason::Character),
        ("https://as.example/\"x", Reason::Character),
        ("https://as.example/%0d%0aX", Reason::Character),
        ("https://as.example/%00", Reason::Character),
        ("https://as.example/%zz", Reason::Character),
        ("https://as.example/%", Reason::Character),
        ("https://b\u{fc}cher.example/", Reason::Character),
        ("https://as.example:0/", Reason::Port),
        ("https://as.example:/", Reason::Port),
        ("https://as.example:65536/", Reason::Port),
        ("https://as.example:+1/", Reason::Port),
        ("https://2130706433/", Reason::Host),
        ("https://0x7f.1/", Reason::Host),
        ("https://[::1/", Reason::Host),
    ] {
        assert_eq!(reason(text), why, "{text}");
    }
    assert_eq!(reason(&format!("https://as.example/{}", "x".repeat(ADDRESS_MAX_BYTES))), Reason::TooLong);
}

// rfc-test: 8414-4
#[test]
fn issuers_are_the_same_only_where_every_character_is() {
    let issuer = Issuer::parse("https://as.example/tenant").unwrap();
    assert!(issuer.is("https://as.example/tenant"));
    for other in [
        "https://as.example/tenant/",
        "https://as.example/Tenant",
        "https://AS.example/tenant",
        "https://as.example:443/tenant",
        "https://as.example/tenan%74",
        "https://as.example/tenant?",
        "https://\u{430}s.example/tenant",
        "",
    ] {
        assert!(!issuer.is(other), "{other}");
    }
    assert_eq!(Issuer::parse("https://as.example/?t=1").unwrap_err().reason, Reason::Query);
}

#[test]
fn a_public_server_leads_nowhere_private_and_a_private_one_not_to_this_machine() {
    let at = |text: &str| Address::parse(text).unwrap();
    let (public, private, here) =
        (at("https://as.example"), at("https://10.0.0.7/x"), at("http://127.0.0.1:9"));
    assert!(public.may_lead_to(&at("https://login.example/")) && private.may_lead_to(&public));
    assert!(
        here.may_lead_to(&private)
            && here.may_lead_to(&public)
            && here.may_lead_to(&at("http://localhost:1"))
    );
    assert!(!public.may_lead_to(&private) && !public.may_lead_to(&here) && !private.may_lead_to(&here));
    assert!(
        !public.may_lead_to(&at("https://169.254.169.254/"))
            && !public.may_lead_to(&at("https://vault.internal/"))
    );
    assert!(!public.may_lead_to(&at("https://[::ffff:127.0.0.1]/")));
}

//! Which of a name's addresses may be connected to.
//!
//! Asked between the lookup and the socket, of the addresses that the socket is then opened to: a name that was asked
//! about earlier may resolve to something else the second time.

use std::net::SocketAddr;

use renewd_core::FailureKind;
use renewd_driver::Reach;
use ureq::http::Uri;

use crate::failure::Ended;
use crate::target;

/// The addresses that remain. One that is not allowed makes way for the others: a host may have both.
pub(crate) fn within(reach: Reach, addresses: &[SocketAddr]) -> Result<Vec<SocketAddr>, Ended> {
    let Reach::Only(allows) = reach else { return Ok(addresses.to_vec()) };
    let allowed: Vec<SocketAddr> = addresses.iter().copied().filter(|a| allows(a.ip())).collect();
    match addresses.first() {
        Some(first) if allowed.is_empty() => Err(refused(&first.ip().to_string())),
        _ => Ok(allowed),
    }
}

/// The same for a host that a proxy looks up: only an address that is written out can be asked about.
pub(crate) fn through_proxy(reach: Reach, uri: &Uri) -> Result<(), Ended> {
    let host = target::bare_host(uri);
    match (reach, host.parse()) {
        (Reach::Only(allows), Ok(address)) if !allows(address) => Err(refused(host)),
        _ => Ok(()),
    }
}

fn refused(address: &str) -> Ended {
    let text = format!(
        "the host's address is {address}, inside a private network or this machine, where a document from \
         outside must not send us"
    );
    Ended::new(FailureKind::Configuration, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    fn not_ten(address: IpAddr) -> bool {
        !address.to_string().starts_with("10.")
    }

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn an_address_that_is_not_allowed_makes_way_for_one_that_is() {
        let both = addresses(&["10.0.0.1:443", "192.0.2.1:443"]);
        assert_eq!(within(Reach::Only(not_ten), &both), Ok(addresses(&["192.0.2.1:443"])));
        assert_eq!(within(Reach::Anywhere, &both), Ok(both));
    }

    #[test]
    fn without_an_allowed_address_nothing_is_connected_to_and_the_reason_names_it() {
        let ended = within(Reach::Only(not_ten), &addresses(&["10.0.0.1:443"])).unwrap_err();
        assert_eq!(ended.kind, FailureKind::Configuration);
        assert!(ended.message.contains("10.0.0.1"), "{}", ended.message);
    }

    #[test]
    fn a_proxy_is_not_asked_for_an_address_that_is_not_allowed() {
        let uri = |text: &str| text.parse::<Uri>().unwrap();
        assert!(through_proxy(Reach::Only(not_ten), &uri("https://10.0.0.1/x")).is_err());
        assert!(through_proxy(Reach::Only(not_ten), &uri("https://as.example/x")).is_ok());
        assert!(through_proxy(Reach::Anywhere, &uri("https://10.0.0.1/x")).is_ok());
    }
}

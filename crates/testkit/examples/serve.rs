//! Serves an authorization server and a protected API until standard input ends, for tests in other languages.
//!
//! Prints one line of JSON with the URLs and a login, then waits. Everything else goes over the `/_control/` routes.
//!
//! ```sh
//! cargo run -p renewd-testkit --example serve -- P3 60
//! ```
//! The arguments are the class (default P2) and the access token lifetime in seconds (default 3600).

use renewd_testkit::{AsClass, AsConfig, AuthorizationServer, ProtectedApi};
use std::error::Error;
use std::io::Read as _;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let class: AsClass = arguments.next().map_or(Ok(AsClass::default()), |text| text.parse())?;
    let seconds: u64 = arguments.next().map_or(Ok(3600), |text| text.parse())?;
    let config = AsConfig { class, lifetime_ms: seconds.saturating_mul(1000), ..AsConfig::default() };

    let server = AuthorizationServer::start(config)?;
    let api = ProtectedApi::start(&server)?;
    let login = server.mint_grant();
    let line = serde_json::json!({
        "issuer": server.issuer(),
        "token_url": server.token_url(),
        "api_url": api.url(),
        "client_id": "testkit-client",
        "refresh_token": login.refresh_token,
    });
    println!("{line}");

    std::io::stdin().read_to_end(&mut Vec::new())?;
    let totals: serde_json::Map<_, _> =
        server.totals().entries().into_iter().map(|(name, count)| (name.to_owned(), count.into())).collect();
    println!("{}", serde_json::Value::Object(totals));
    Ok(())
}

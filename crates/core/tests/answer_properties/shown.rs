//! No echo of a secret is shown, whatever it comes back as.

use proptest::prelude::*;
use proptest::sample::select;
use renewd_core::Secret;
use serde_json::json;

use crate::cases;
use crate::draw::CLIENT_SECRET;
use crate::promises::exchange::Exchange;
use crate::promises::hold;

/// So many characters of an echo in a row must not be seen.
const PIECE_BYTES: usize = 10;

fn coded(secret: &str, how: &str) -> String {
    let bytes = secret.bytes();
    match how {
        "as it is" => secret.to_owned(),
        "in capitals" => secret.to_ascii_uppercase(),
        "percent" => bytes
            .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
            .collect(),
        "hex" => bytes.map(|b| format!("{b:02x}")).collect(),
        "base64" => base64(secret.as_bytes()),
        "quoted" => format!("&quot;{secret}&quot;"),
        other => unreachable!("no coding {other}"),
    }
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0_u32, |word, &b| word << 8 | u32::from(b)) << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            out.push(char::from(ALPHABET[(word >> (18 - 6 * place) & 63) as usize]));
        }
    }
    out
}

proptest! {
    #![proptest_config(cases(600))]

    #[test]
    fn no_echo_of_a_secret_is_shown(
        sent in "[A-Za-z0-9_./+~=-]{16,120}", before in "[a-z ]{0,30}", after in "[a-z ]{0,30}", place in 0_usize..8,
        how in select(vec!["as it is", "in capitals", "percent", "hex", "base64", "quoted"]),
        from in 0_usize..4, to in 0_usize..4, of_client: bool,
        status in select(vec![200_u16, 400, 401, 403, 429, 500]),
    ) {
        let secret = if of_client { CLIENT_SECRET } else { &sent };
        let echo = coded(&secret[from..secret.len() - to], how);
        let words = format!("{before}{echo}{after}");
        let body = match place {
            0 => json!({"error": "invalid_grant", "error_description": words}).to_string(),
            1 => json!({"error": words}).to_string(),
            2 => json!({"error": {"code": echo, "message": words}}).to_string(),
            3 => format!("<title>{words}</title>"),
            4 => json!({"errors": [{"errorType": words, "message": words}]}).to_string(),
            5 => format!("error={echo}&error_description={words}"),
            6 => json!({"data": {"refresh_token": secret, "message": words}, "message": words}).to_string(),
            _ => json!({"access_token": sent, "refresh_token": sent, "id_token": sent, "message": words}).to_string(),
        };
        let challenge = format!("Bearer error=\"{echo}\", error_description=\"{words}\"");
        let headers = vec![
            ("Content-Type".into(), format!("text/{echo}")),
            ("WWW-Authenticate".into(), challenge),
            ("X".into(), words),
        ];
        for body in [body, String::new()] {
            let mut exchange = Exchange::plain(status, headers.clone(), body.into(), false);
            exchange.sent_refresh_token = Some(Secret::from(sent.as_str()));
            exchange.client_secret = Some(Secret::from(CLIENT_SECRET));
            let evidence = hold(&exchange).evidence;
            let shown = [evidence.message, evidence.content_type, evidence.oauth_error];
            let shown = shown.into_iter().flatten().collect::<Vec<_>>().join("\n").to_ascii_lowercase();
            let echo = echo.to_ascii_lowercase();
            for part in echo.as_bytes().windows(PIECE_BYTES) {
                let part = std::str::from_utf8(part).unwrap();
                prop_assert!(!shown.contains(part), "{shown} shows {part}");
            }
        }
    }
}

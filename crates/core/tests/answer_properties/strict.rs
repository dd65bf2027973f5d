//! On valid JSON, core and a strict reader agree.

use proptest::collection::vec;
use proptest::prelude::*;
use renewd_core::Secret;
use serde_json::{Value, json};

use crate::cases;
use crate::draw::{OLD_REFRESH_TOKEN, escaped, granted, json, names, object, objects, texts, values};
use crate::promises::hold;
use crate::promises::strict::as_a_strict_reader;

/// Members as servers write them, each with the kinds of value that it comes with.
fn members() -> impl Strategy<Value = Vec<(String, Value)>> {
    let name = prop::sample::select(vec![
        "access_token",
        "refresh_token",
        "id_token",
        "token_type",
        "expires_in",
        "scope",
        "error",
        "user",
    ]);
    let value = prop_oneof![
        4 => "[!-~]{0,30}".prop_map(Value::from),
        1 => texts().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<u64>().prop_map(Value::from),
        1 => Just(Value::Null),
        1 => values(),
    ];
    vec((name.prop_map(String::from), value), 0..10)
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn duplicates_kinds_and_orders_are_read_as_they_are_meant(members in members(), style in 0_u8..3) {
        as_a_strict_reader(&object(&members, style));
    }

    #[test]
    fn any_json_is_read_as_it_stands(value in values(), object in objects(values()), name in names()) {
        as_a_strict_reader(&value.to_string());
        as_a_strict_reader(&json!({name: object}).to_string());
    }

    #[test]
    fn a_whole_grant_is_a_success(granted in granted()) {
        let text = granted.text.replace(",}", "}");
        as_a_strict_reader(&text);
        let judgement = hold(&json(200, granted.text.as_str()));
        let token = judgement.grant.as_ref().and_then(|grant| grant.access_token.expose_str());
        prop_assert_eq!(token, Some(granted.access_token.as_str()));
    }

    #[test]
    fn valid_json_is_read_as_a_strict_reader_reads_it(
        access_token in "[!-~]{1,60}", refresh_token: String, token_type in "[!-~]{1,20}", scope: String,
        expires_in in -1_000_000_000_i64..1_000_000_000, further in vec((any::<String>().prop_map(|name| format!("x{name}")), values()), 0..4),
        pretty: bool,
    ) {
        let mut value = json!({
            "access_token": access_token, "refresh_token": refresh_token, "token_type": token_type, "scope": scope,
            "expires_in": expires_in,
        });
        for (name, inner) in further {
            value[name] = inner;
        }
        let text = if pretty { serde_json::to_string_pretty(&value).unwrap() } else { value.to_string() };
        for text in [text.clone(), escaped(&text)] {
            let judgement = hold(&json(200, text));
            let grant = judgement.grant.as_ref().ok_or_else(|| TestCaseError::fail("no grant"))?;
            prop_assert_eq!(grant.access_token.expose_str(), Some(access_token.as_str()));
            prop_assert_eq!(&grant.token_type, &token_type);
            prop_assert_eq!(grant.expires_in, Some(expires_in));
            prop_assert_eq!(grant.scope.as_deref().unwrap_or_default(), scope.as_str());
            let kept = judgement.refresh_token.as_ref().and_then(Secret::expose_str).unwrap_or_default();
            prop_assert_eq!(kept, if refresh_token == OLD_REFRESH_TOKEN { "" } else { refresh_token.as_str() });
        }
    }
}

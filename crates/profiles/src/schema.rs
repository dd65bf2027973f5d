//! The JSON Schema of a profile, written from the list of keys: for editors that check and complete TOML while it is
//! typed. It says of each key what it may hold; what must hold between keys only the reader knows.

use serde_json::{Map, Value, json};

use crate::keys::{
    self, CONDITION_BYTES_MAX, ITEMS_MAX, Key, Kind, PAIR_BYTES_MAX, Pairs, REASON_BYTES_MAX, UrlUse,
};
use crate::text;

const DURATION: &str = "^([0-9]+(ms|s|m|h|d))+$";
const SLUG: &str = "^[a-z0-9]+(-[a-z0-9]+)*$";
const HOST: &str = r"^((\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])$";
const PATH: &str = r"^([^.\[\]]+|\[([0-9]{1,4}|\*)\])(\.[^.\[\]]+|\[([0-9]{1,4}|\*)\])*$";

/// The schema, as text that ends with a line break.
pub fn schema() -> String {
    let mut root = table(keys::PROFILE, &[]);
    root.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
    root.insert("title".into(), json!("A provider profile of renewd"));
    let text = serde_json::to_string_pretty(&Value::Object(root)).unwrap_or_default();
    text + "\n"
}

fn table(keys: &[Key], required: &[&str]) -> Map<String, Value> {
    let mut map = Map::new();
    map.insert("type".into(), json!("object"));
    map.insert("additionalProperties".into(), json!(false));
    if !required.is_empty() {
        map.insert("required".into(), json!(required));
    }
    let properties = keys.iter().map(|key| {
        let mut property = kind(key.kind);
        property.insert("description".into(), json!(key.about));
        (key.name.to_owned(), Value::Object(property))
    });
    map.insert("properties".into(), Value::Object(properties.collect()));
    map
}

fn kind(kind: Kind) -> Map<String, Value> {
    let value = match kind {
        Kind::Slug => json!({ "type": "string", "pattern": SLUG }),
        Kind::Line { most } => json!({ "type": "string", "minLength": 1, "maxLength": most }),
        Kind::Duration => json!({ "type": "string", "pattern": DURATION }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Choice(all) => json!({ "enum": all }),
        Kind::Choices(all) => list(json!({ "enum": all })),
        Kind::Url(usage) => url(usage),
        Kind::Sources => list(url(UrlUse::Documentation)),
        Kind::Hosts => list(json!({ "type": "string", "pattern": HOST })),
        Kind::Paths => list(json!({ "type": "string", "pattern": PATH })),
        Kind::Pairs(Pairs::Unsure) => {
            let why = json!({ "type": "string", "minLength": 1, "maxLength": REASON_BYTES_MAX });
            let inner = json!({ "type": "object", "additionalProperties": why });
            json!({ "type": "object", "additionalProperties": { "anyOf": [why, inner] } })
        }
        Kind::Pairs(Pairs::Names) => {
            let usual = format!("^({})$", text::RENAMED.join("|"));
            let name = json!({ "type": "string", "pattern": "^[A-Za-z0-9._-]+$", "maxLength": text::PARAMETER_NAME_BYTES_MAX });
            json!({ "type": "object", "propertyNames": { "pattern": usual }, "additionalProperties": name })
        }
        Kind::Pairs(_) => {
            let text = json!({ "type": "string", "maxLength": PAIR_BYTES_MAX });
            json!({ "type": "object", "additionalProperties": text, "maxProperties": ITEMS_MAX })
        }
        Kind::Statuses => {
            let one = json!({ "type": "integer", "minimum": 100, "maximum": 999 });
            let range = json!({ "type": "string", "pattern": "^[1-9][0-9]{2}-[1-9][0-9]{2}$" });
            list(json!({ "anyOf": [one, range] }))
        }
        Kind::Texts { least } => {
            list(json!({ "type": "string", "minLength": least, "maxLength": CONDITION_BYTES_MAX }))
        }
        Kind::Members => {
            let value = json!({ "type": ["string", "integer", "boolean"] });
            let values = json!({ "type": "array", "items": value, "maxItems": ITEMS_MAX });
            json!({
                "type": "object",
                "propertyNames": { "pattern": PATH },
                "additionalProperties": values,
                "maxProperties": ITEMS_MAX,
            })
        }
        Kind::Table(keys) => Value::Object(table(keys, &[])),
        Kind::Tables(keys) => {
            let item = Value::Object(table(keys, &["name", "verdict", "when"]));
            json!({ "type": "array", "items": item, "maxItems": ITEMS_MAX })
        }
    };
    if let Value::Object(map) = value { map } else { Map::new() }
}

fn url(usage: UrlUse) -> Value {
    let pattern = match usage {
        UrlUse::Documentation => "^https?://",
        UrlUse::Endpoint | UrlUse::Issuer => r"^(https://|http://(localhost|127\.|\[::1\]))[^#]*$",
    };
    json!({ "type": "string", "pattern": pattern })
}

fn list(items: Value) -> Value {
    json!({ "type": "array", "items": items, "maxItems": ITEMS_MAX, "uniqueItems": true })
}

//! A value against a JSON Schema (draft 2020-12), as far as ours goes. A keyword that is not known here fails, so that
//! none is passed over in silence.

use regex_lite::Regex;
use serde_json::Value;

/// What is wrong, each with the path of the value.
pub(crate) fn check(schema: &Value, value: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    at("", schema, value, &mut wrong);
    wrong
}

fn at(path: &str, schema: &Value, value: &Value, wrong: &mut Vec<String>) {
    let Some(keywords) = schema.as_object() else {
        return wrong.push(format!("{path}: the schema is no object"));
    };
    for (keyword, rule) in keywords {
        let holds = match keyword.as_str() {
            "$schema" | "title" | "description" => true,
            "type" => is_of(rule, value),
            "enum" => rule.as_array().is_some_and(|all| all.contains(value)),
            "pattern" => value.as_str().is_none_or(|text| matches(rule, text)),
            "minLength" => {
                value.as_str().is_none_or(|text| Some(text.chars().count() as u64) >= rule.as_u64())
            }
            "maxLength" => {
                value.as_str().is_none_or(|text| Some(text.chars().count() as u64) <= rule.as_u64())
            }
            "minimum" => value.as_i64().is_none_or(|number| Some(number) >= rule.as_i64()),
            "maximum" => value.as_i64().is_none_or(|number| Some(number) <= rule.as_i64()),
            "maxItems" => value.as_array().is_none_or(|all| Some(all.len() as u64) <= rule.as_u64()),
            "maxProperties" => value.as_object().is_none_or(|all| Some(all.len() as u64) <= rule.as_u64()),
            "uniqueItems" => {
                value.as_array().is_none_or(|all| all.iter().enumerate().all(|(i, a)| !all[..i].contains(a)))
            }
            "required" => value.as_object().is_none_or(|map| {
                rule.as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                    .all(|name| map.contains_key(name))
            }),
            "anyOf" => rule.as_array().into_iter().flatten().any(|one| check(one, value).is_empty()),
            "items" => {
                for (i, item) in value.as_array().into_iter().flatten().enumerate() {
                    at(&format!("{path}[{i}]"), rule, item, wrong);
                }
                true
            }
            "properties" => {
                for (name, value) in value.as_object().into_iter().flatten() {
                    if let Some(rule) = rule.get(name) {
                        at(&format!("{path}.{name}"), rule, value, wrong);
                    }
                }
                true
            }
            "additionalProperties" => {
                let named =
                    |name: &str| keywords.get("properties").is_some_and(|all| all.get(name).is_some());
                for (name, value) in value.as_object().into_iter().flatten().filter(|(name, _)| !named(name))
                {
                    let path = format!("{path}.{name}");
                    match rule.as_bool() {
                        Some(false) => wrong.push(format!("{path} is not known")),
                        Some(true) => {}
                        None => at(&path, rule, value, wrong),
                    }
                }
                true
            }
            "propertyNames" => {
                for name in value.as_object().into_iter().flat_map(|map| map.keys()) {
                    at(&format!("{path}.{name}"), rule, &Value::String(name.clone()), wrong);
                }
                true
            }
            _ => return wrong.push(format!("{path}: the keyword {keyword} is not known here")),
        };
        if !holds {
            wrong.push(format!("{path} = {value}: {keyword} {rule}"));
        }
    }
}

fn is_of(rule: &Value, value: &Value) -> bool {
    match rule {
        Value::Array(any) => any.iter().any(|rule| is_of(rule, value)),
        _ => match rule.as_str() {
            Some("object") => value.is_object(),
            Some("array") => value.is_array(),
            Some("string") => value.is_string(),
            Some("integer") => value.is_i64() || value.is_u64(),
            Some("boolean") => value.is_boolean(),
            _ => false,
        },
    }
}

fn matches(rule: &Value, text: &str) -> bool {
    rule.as_str().and_then(|pattern| Regex::new(pattern).ok()).is_some_and(|pattern| pattern.is_match(text))
}

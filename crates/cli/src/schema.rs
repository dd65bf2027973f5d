//! How the fields of our JSON are described in `docs/openapi.json`: as times, and as words from a list that grows.
//!
//! Only a test asks. The program itself carries the finished document and none of this.

use renewd_core::{Health, Phase, Status};
use schemars::{Schema, SchemaGenerator, json_schema};

/// A word from a list to which a later version may add: a reader takes one that it does not know by what stands beside it.
fn words(known: &[&str], unknown: &str) -> Schema {
    json_schema!({
        "type": "string",
        "x-extensible-enum": known,
        "description": format!("Later versions may know more of them. {unknown}"),
    })
}

/// `schema`: the version of every document here.
pub(crate) fn version(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "integer",
        "const": crate::json::SCHEMA,
        "description": "Fields are added and never changed; readers ignore those that they do not know.",
    })
}

/// A status.
pub(crate) fn status(_: &mut SchemaGenerator) -> Schema {
    words(&Status::ALL.map(Status::name), "Take an unknown one by its `health`.")
}

/// A health.
pub(crate) fn health(_: &mut SchemaGenerator) -> Schema {
    let known = [Health::Healthy, Health::Degraded, Health::Unhealthy];
    words(&known.map(Health::name), "Take an unknown one as `unhealthy`.")
}

/// A phase.
pub(crate) fn phase(_: &mut SchemaGenerator) -> Schema {
    words(&Phase::ALL.map(Phase::name), "It is for people; decide by `status`.")
}

/// A moment.
pub(crate) fn time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date-time", "description": "RFC 3339, UTC." })
}

/// A moment, where there is one.
pub(crate) fn maybe_time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "format": "date-time", "description": "RFC 3339, UTC." })
}

/// What became of one thing that the server was told of.
pub(crate) fn told(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": ["object", "null"],
        "required": ["done"],
        "properties": {
            "done": { "type": "boolean" },
            "why": { "type": "string", "description": "Why it may not have been." },
        },
    })
}

/// A scope in a question: one text of words, or a list of them.
pub(crate) fn scope(_: &mut SchemaGenerator) -> Schema {
    // RFC 6749 §3.3, and blanks between the words.
    let words = json_schema!({ "type": "string", "pattern": r"^[ !#-\[\]-~]*$", "maxLength": 2048 });
    json_schema!({ "anyOf": [words, { "type": "array", "items": words }] })
}

/// A resource in a question.
pub(crate) fn resource(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": ["string", "null"],
        "pattern": r#"^[A-Za-z][A-Za-z0-9+.\-]*:[!"$-~]*$"#,
        "maxLength": 2048,
        "description": "An absolute URI without a fragment (RFC 8707).",
    })
}

/// An audience in a question.
pub(crate) fn audience(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "pattern": "^[ -~]+$", "maxLength": 2048 })
}

/// A number of ours that JSON must carry: up to 2⁶⁴ − 1.
pub(crate) fn number(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": 0, "maximum": u64::MAX })
}

/// The same, where it may be left out.
pub(crate) fn maybe_number(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["integer", "null"], "minimum": 0, "maximum": u64::MAX })
}

//! Writes `docs/openapi.json`: from the table of operations, and from the types that their answers are written with.
//! What it says of them is held to the running agent by the end-to-end test `agent::openapi`.

use std::path::PathBuf;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::agent::ReloadDocument;
use crate::agent::about::AgentDocument;
use crate::agent::api::ReadyDocument;
use crate::agent::events::{Kept, LoginNeeded};
use crate::agent::operations::{Kind, OPERATIONS, Operation, Parameter, Question, Reach, Takes, Verb};
use crate::agent::rejected::RejectedDocument;
use crate::agent::stream::{Begin, Missed};
use crate::agent_client::{LoggedOutDocument, RejectedQuestion, TokenQuestion};
use crate::journal::{HistoryDocument, Shown};
use crate::json::{CredentialDocument, ErrorDocument, StatusDocument, TokenDocument};

/// What the names of credentials are made of; a test holds it to their type.
const NAME_PATTERN: &str = "^[A-Za-z0-9][A-Za-z0-9._-]*$";
const NAME_CHARS_MAX: usize = 64;

/// Writes the document anew where this is 1.
const UPDATE_ENV: &str = "RENEWD_UPDATE";

const ABOUT: &str = "HTTP/1.1 with JSON on the agent's Unix socket (`agent.json` beside it says where everything is). The loopback status \
    address, where there is one, serves the user who runs the agent those questions that are marked `owner` or `anyone`, and \
    other users and networks those marked `anyone`. A token is given on the socket alone. Every JSON object carries \
    `schema`; fields are added and never changed, and readers ignore those that they do not know. Questions are read \
    strictly: a key or parameter that is not known is refused.";

/// What comes with a status.
enum Content {
    /// JSON of a type.
    Json(Value),
    /// A text of that kind.
    Texts(&'static [&'static str]),
    /// Events, each of this schema.
    Events(Value),
}

/// An answer: its status, when it is given, what is in it.
type Answer = (u16, &'static str, Content);

/// Describes types, under one roof: what an agent answers is written, what it is asked is read.
struct Types {
    answers: SchemaGenerator,
    questions: SchemaGenerator,
}

impl Types {
    fn new() -> Self {
        let settings = || {
            let mut settings = SchemaSettings::draft2020_12();
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
            settings
        };
        Self {
            answers: settings().for_serialize().into_generator(),
            questions: settings().for_deserialize().into_generator(),
        }
    }

    fn schema<T: JsonSchema>(&mut self) -> Value {
        self.answers.subschema_for::<T>().to_value()
    }

    fn of<T: JsonSchema>(&mut self) -> Content {
        Content::Json(self.schema::<T>())
    }

    fn error(&mut self) -> Content {
        self.of::<ErrorDocument>()
    }

    fn all(mut self) -> Map<String, Value> {
        let mut all = self.questions.take_definitions(true);
        all.extend(self.answers.take_definitions(true));
        all
    }

    /// What a question takes, as its type says, without a key that is not in the table.
    fn question<T: JsonSchema>(&mut self, keys: &[&str]) -> Value {
        let schema = self.questions.root_schema_for::<T>().to_value();
        let mut known: Vec<_> =
            schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        let mut listed = keys.to_vec();
        known.sort_unstable();
        listed.sort_unstable();
        assert_eq!(known, listed, "the table lists other keys than {} has", T::schema_name());
        closed(schema)
    }
}

/// An object without further keys.
fn closed(mut schema: Value) -> Value {
    let object = schema.as_object_mut().unwrap();
    object.insert("additionalProperties".into(), false.into());
    object.remove("title");
    object.remove("$defs");
    schema
}

/// What answers a question when all is well.
fn answers(question: Question, types: &mut Types) -> Vec<Answer> {
    const OK: &str = "As asked.";
    let json = |content| vec![(200, OK, content)];
    match question {
        Question::Health => vec![(200, "The agent runs.", Content::Texts(&["text/plain"]))],
        Question::Ready => vec![
            (200, "No required credential is unhealthy.", types.of::<ReadyDocument>()),
            (503, "One is.", types.of::<ReadyDocument>()),
        ],
        Question::Metrics => {
            const KINDS: &[&str] = &["text/plain", "application/openmetrics-text"];
            let about = "Prometheus text, exposition format 0.0.4; OpenMetrics 1.0 where `Accept` names it.";
            vec![(200, about, Content::Texts(KINDS))]
        }
        Question::Description => json(Content::Json(json!({ "type": "object" }))),
        Question::About => json(types.of::<AgentDocument>()),
        Question::Credentials => json(types.of::<StatusDocument>()),
        Question::Credential | Question::Refresh | Question::Login | Question::Changed => {
            json(types.of::<CredentialDocument>())
        }
        Question::History => json(types.of::<HistoryDocument>()),
        Question::Events => {
            vec![(200, "What happens, until one of both ends it.", Content::Events(event(types)))]
        }
        Question::Token => json(types.of::<TokenDocument>()),
        Question::Rejected => json(types.of::<RejectedDocument>()),
        Question::Logout => json(types.of::<LoggedOutDocument>()),
        Question::LoginSettings => json(Content::Json(json!({
            "type": "object",
            "description": "As `renewd login` and the agent of one version know it; not for others.",
        }))),
        Question::Reload => json(types.of::<ReloadDocument>()),
    }
}

/// Why there may be no such answer.
fn refusals(operation: &Operation, types: &mut Types) -> Vec<Answer> {
    let mut all: Vec<(u16, &'static str)> = vec![
        (400, "The question cannot be understood: what is wrong stands in the error."),
        (403, "Not from there: another user, another site's page, another Host, or not on the socket."),
    ];
    let names = |parameter: &Parameter| parameter.kind == Kind::Name;
    if operation.path.contains("{name}") || operation.parameters.iter().any(names) {
        all.push((404, "No credential is called so."));
    }
    if operation.takes != Takes::Nothing {
        all.push((408, "The body did not come in time."));
        all.push((413, "The body is too large."));
        all.push((415, "The body says that it is no JSON."));
    }
    let does = matches!(operation.takes, Takes::Keys(_) | Takes::Login);
    if does
        || matches!(
            operation.question,
            Question::LoginSettings | Question::History | Question::Credential | Question::Events
        )
    {
        all.push((500, "A failure of the agent itself, or of its configuration."));
        all.push((503, "Not now: a login is needed, the server is out of reach, or the store is. `Retry-After` where the next attempt is known."));
    }
    if operation.question == Question::Rejected {
        all.push((409, "No such token was given out here."));
    }
    if operation.question == Question::Reload {
        all.push((422, "The configuration has a mistake: what was in force stays in force."));
    }
    if matches!(operation.question, Question::Token | Question::Rejected | Question::Refresh) {
        all.push((504, "There was none within `timeout_s`."));
    }
    all.into_iter().map(|(status, about)| (status, about, types.error())).collect()
}

fn response(about: &str, content: Content, status: u16) -> Value {
    let content = match content {
        Content::Json(schema) => json!({ "application/json": { "schema": schema } }),
        Content::Texts(kinds) => {
            kinds.iter().map(|kind| ((*kind).to_owned(), json!({ "schema": { "type": "string" } }))).collect()
        }
        Content::Events(schema) => json!({ "text/event-stream": { "schema": schema } }),
    };
    let mut response = json!({ "description": about, "content": content });
    if status == 503 {
        let seconds = json!({ "type": "integer", "minimum": 1 });
        response["headers"] =
            json!({ "Retry-After": { "description": "Whole seconds.", "schema": seconds } });
    }
    response
}

fn parameter(parameter: &Parameter) -> Value {
    let schema = match parameter.kind {
        Kind::Name => name(),
        Kind::Time => json!({ "type": "string", "format": "date-time" }),
        Kind::Count { default, max } => {
            json!({ "type": "integer", "minimum": 1, "maximum": max, "default": default })
        }
        Kind::Flag => json!({ "type": "boolean", "default": false }),
    };
    json!({ "name": parameter.name, "in": "query", "description": parameter.about, "schema": schema })
}

fn name() -> Value {
    json!({ "type": "string", "pattern": NAME_PATTERN, "minLength": 1, "maxLength": NAME_CHARS_MAX })
}

fn body(operation: &Operation, types: &mut Types) -> Option<Value> {
    let (schema, required) = match (operation.takes, operation.question) {
        (Takes::Nothing, _) => return None,
        (Takes::Login, _) => {
            (json!({ "type": "object", "description": "What `renewd login` hands over." }), true)
        }
        (Takes::Keys(keys), Question::Token) => (types.question::<TokenQuestion>(keys), false),
        (Takes::Keys(keys), Question::Rejected) => (types.question::<RejectedQuestion>(keys), true),
        (Takes::Keys(keys), _) => {
            let whole = types.question::<TokenQuestion>(&all_keys(Question::Token));
            let properties: Map<_, _> =
                keys.iter().map(|key| ((*key).to_owned(), whole["properties"][key].clone())).collect();
            (closed(json!({ "type": "object", "properties": properties })), false)
        }
    };
    Some(json!({ "required": required, "content": { "application/json": { "schema": schema } } }))
}

fn all_keys(question: Question) -> Vec<&'static str> {
    let found = OPERATIONS.iter().find(|operation| operation.question == question);
    match found.unwrap().takes {
        Takes::Keys(keys) => keys.to_vec(),
        other => panic!("{other:?}"),
    }
}

fn operation(operation: &Operation, types: &mut Types) -> Value {
    let mut parameters: Vec<Value> = operation.parameters.iter().map(parameter).collect();
    if operation.path.contains("{name}") {
        let name = json!({ "name": "name", "in": "path", "required": true, "schema": name(),
            "description": "The credential." });
        parameters.insert(0, name);
    }
    if operation.question == Question::Events {
        parameters.push(json!({ "name": "Last-Event-ID", "in": "header", "schema": { "type": "string" },
            "description": "The `id` of the last event that was heard: what came after it is told first." }));
    }
    let mut responses = Map::new();
    let mut given = answers(operation.question, types);
    given.extend(refusals(operation, types));
    for (status, about, content) in given {
        let old = responses.insert(status.to_string(), response(about, content, status));
        assert!(old.is_none(), "{} answers {status} twice", operation.path);
    }
    let reach = match operation.reach {
        Reach::Anyone => "anyone",
        Reach::Owner => "owner",
        Reach::Socket => "socket",
    };
    let mut described = json!({
        "operationId": snake(&format!("{:?}", operation.question)),
        "summary": operation.about,
        "x-reach": reach,
        "parameters": parameters,
        "responses": responses,
    });
    if let Some(body) = body(operation, types) {
        described["requestBody"] = body;
    }
    described
}

/// One event of the stream: before version 3.2 OpenAPI describes each of them where it describes a body.
fn event(types: &mut Types) -> Value {
    let whose = json!({ "type": "object", "required": ["credential"], "properties": {
        "credential": { "type": ["string", "null"], "description": "Null where it is the agent's own." } } });
    let entry = types.schema::<Shown>();
    let named = [
        ("begin", types.schema::<Begin>()),
        ("missed", types.schema::<Missed>()),
        ("credentials", types.schema::<Kept<'_>>()),
        ("login_needed", types.schema::<LoginNeeded<'_>>()),
    ];
    let data =
        |schema| json!({ "type": "string", "contentMediaType": "application/json", "contentSchema": schema });
    let names: Vec<&str> = named.iter().map(|(name, _)| *name).collect();
    let mut kinds: Vec<Value> = Vec::new();
    kinds.push(json!({
        "description": "An entry of the journal; others may be added.",
        "properties": { "event": { "not": { "enum": names } }, "data": data(json!({ "allOf": [entry, whose] })) },
    }));
    for (name, schema) in named {
        kinds.push(json!({ "properties": { "event": { "const": name }, "data": data(schema) } }));
    }
    json!({
        "type": "object",
        "required": ["event", "data"],
        "properties": {
            "event": { "type": "string" },
            "data": { "type": "string" },
            "id": { "type": "string", "description": "For `Last-Event-ID`." },
            "retry": { "type": "integer" },
        },
        "oneOf": kinds,
    })
}

fn snake(name: &str) -> String {
    let mut snake = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

fn document() -> Value {
    let mut types = Types::new();
    let mut paths = Map::new();
    for line in OPERATIONS {
        let described = operation(line, &mut types);
        let path = paths.entry(line.path).or_insert_with(|| json!({}));
        let verb = match line.verb {
            Verb::Get => "get",
            Verb::Post => "post",
        };
        path[verb] = described;
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "The API of the renewd agent",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
            "description": ABOUT,
        },
        "servers": [{ "url": "http://localhost", "description": "The Unix socket, or the status address." }],
        "paths": paths,
        "components": { "schemas": types.all() },
    })
}

#[test]
fn the_document_is_the_table_and_the_types() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let text = serde_json::to_string_pretty(&document()).unwrap() + "\n";
    if std::env::var_os(UPDATE_ENV).is_some_and(|value| value == "1") {
        std::fs::write(&path, &text).unwrap();
        return;
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == text, "docs/openapi.json is stale: {UPDATE_ENV}=1 cargo test -p renewd --lib openapi");
}

#[test]
fn the_statuses_are_marked_as_a_list_that_grows() {
    let document = document();
    let status = &document["components"]["schemas"]["CredentialStatus"]["properties"]["status"];
    assert_eq!(status["type"], "string");
    assert_eq!(status["x-extensible-enum"].as_array().unwrap().len(), renewd_core::Status::ALL.len());
    assert!(status["description"].as_str().unwrap().contains("`health`"), "{status}");
    assert_eq!(status.get("enum"), None);
}

#[test]
fn whatever_the_document_refers_to_is_in_it() {
    fn look(value: &Value, whole: &Value, seen: &mut usize) {
        match value {
            Value::Object(object) => {
                if let Some(Value::String(place)) = object.get("$ref") {
                    let pointer = place.strip_prefix('#').expect("it refers to itself");
                    assert!(whole.pointer(pointer).is_some(), "{place}");
                    *seen += 1;
                }
                object.values().for_each(|value| look(value, whole, seen));
            }
            Value::Array(list) => list.iter().for_each(|value| look(value, whole, seen)),
            _ => {}
        }
    }
    let (document, mut seen) = (document(), 0);
    look(&document, &document, &mut seen);
    assert!(seen > OPERATIONS.len(), "{seen}");
}

#[test]
fn the_names_of_the_document_are_those_that_a_credential_can_have() {
    let is_name = |name: &str| name.parse::<renewd_driver::CredentialName>().is_ok();
    let first = |c: char| c.is_ascii_alphanumeric();
    let later = |c: char| first(c) || "._-".contains(c);
    for c in ('\0'..='\u{ff}').chain(['ſ', '—']) {
        assert_eq!(is_name(&c.to_string()), first(c), "{c:?} first");
        assert_eq!(is_name(&format!("a{c}b")), later(c), "{c:?} later");
    }
    assert!(is_name(&"a".repeat(NAME_CHARS_MAX)) && !is_name(&"a".repeat(NAME_CHARS_MAX + 1)));
}

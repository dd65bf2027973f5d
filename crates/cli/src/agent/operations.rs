//! Every question that the agent answers, in one table: what is asked, where, by whom, with what. The dispatch reads it,
//! and `docs/openapi.json` is written from it, so that neither can know a question that the other does not.

use std::borrow::Cow;

use http::Method;

use super::history;
use super::query::decoded;
use crate::exit::Failure;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Question {
    Health,
    Ready,
    Metrics,
    Description,
    About,
    Credentials,
    Credential,
    History,
    Events,
    Token,
    Rejected,
    Refresh,
    Logout,
    LoginSettings,
    Login,
    Changed,
    Reload,
}

/// How it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    /// GET, and HEAD.
    Get,
    /// POST.
    Post,
}

/// Who may ask it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Whoever reaches a listener: a probe, a collector of metrics.
    Anyone,
    /// The user itself, on the socket or on the loopback status address: nothing in it is secret.
    Owner,
    /// The user itself on the socket: tokens and changes.
    Socket,
}

/// What a parameter of the query may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A credential's name.
    Name,
    /// A moment, RFC 3339.
    Time,
    /// A number from one to this, and what it is when it is not said.
    Count { default: usize, max: usize },
    /// `true` or `false`; false when it is not said.
    Flag,
}

/// A parameter of the query. All may be left out.
#[derive(Debug)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    #[cfg_attr(not(test), expect(dead_code, reason = "only the document says it"))]
    pub(super) kind: Kind,
    #[cfg_attr(not(test), expect(dead_code, reason = "only the document says it"))]
    pub(super) about: &'static str,
}

/// What the body of a question may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    /// Nothing: it only asks.
    Nothing,
    /// A JSON object with some of these keys.
    Keys(&'static [&'static str]),
    /// A login, with the tokens in it.
    Login,
}

/// One line of the table.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) question: Question,
    pub(super) verb: Verb,
    /// With `{name}` where a credential's name stands.
    pub(super) path: &'static str,
    pub(super) reach: Reach,
    pub(super) parameters: &'static [Parameter],
    pub(super) takes: Takes,
    /// One sentence.
    #[cfg_attr(not(test), expect(dead_code, reason = "only the document says it"))]
    pub(super) about: &'static str,
}

/// What a token is for, in the body of a question.
macro_rules! with_target {
    ($($key:literal),*) => { Takes::Keys(&[$($key,)* "scope", "resource", "audience"]) };
}

/// A question that only asks.
const fn ask(question: Question, path: &'static str, reach: Reach, about: &'static str) -> Operation {
    Operation { question, verb: Verb::Get, path, reach, parameters: &[], takes: Takes::Nothing, about }
}

/// A question that changes something, or has a token for its answer.
const fn act(question: Question, path: &'static str, takes: Takes, about: &'static str) -> Operation {
    Operation { question, verb: Verb::Post, path, reach: Reach::Socket, parameters: &[], takes, about }
}

const NO_KEYS: Takes = Takes::Keys(&[]);

/// All of them.
pub(super) static OPERATIONS: &[Operation] = &[
    ask(Question::Health, "/healthz", Reach::Anyone, "200 while the agent runs."),
    Operation {
        parameters: &[Parameter {
            name: "credential",
            kind: Kind::Name,
            about: "Ask for this credential instead, whether it is required or not.",
        }],
        ..ask(
            Question::Ready,
            "/readyz",
            Reach::Anyone,
            "200 while no required credential is unhealthy, else 503. `auth_retrying` is degraded and still ready.",
        )
    },
    ask(
        Question::Metrics,
        "/metrics",
        Reach::Anyone,
        "Prometheus text, or OpenMetrics where `Accept` names it.",
    ),
    ask(Question::Description, "/openapi.json", Reach::Owner, "This document."),
    ask(
        Question::About,
        "/v1/agent",
        Reach::Owner,
        "The agent itself: its version, and where its proxies are.",
    ),
    ask(Question::Credentials, "/v1/credentials", Reach::Owner, "Every credential: `renewd status --json`."),
    ask(Question::Credential, "/v1/credentials/{name}", Reach::Owner, "One credential."),
    Operation {
        parameters: &[
            Parameter { name: "since", kind: Kind::Time, about: "Events from this moment on." },
            Parameter {
                name: "limit",
                kind: Kind::Count { default: history::LIMIT_DEFAULT, max: history::LIMIT_MAX },
                about: "The newest so many of them; `left_out` says how many older ones there are.",
            },
        ],
        ..ask(
            Question::History,
            "/v1/credentials/{name}/history",
            Reach::Owner,
            "What happened, oldest first: `renewd history NAME --json`.",
        )
    },
    Operation {
        parameters: &[Parameter {
            name: "credential",
            kind: Kind::Name,
            about: "Events of this credential, and those of the agent itself.",
        }],
        ..ask(
            Question::Events,
            "/v1/events",
            Reach::Owner,
            "Server-sent events from now on, or from the `Last-Event-ID` on. Fetch the credentials after the event `begin`, and \
             again after each event `missed`: then no change can be missed.",
        )
    },
    act(
        Question::Token,
        "/v1/credentials/{name}/token",
        with_target!("min_validity_s", "timeout_s", "id_token"),
        "A valid token; one is fetched first where none is at hand.",
    ),
    act(
        Question::Rejected,
        "/v1/credentials/{name}/rejected",
        with_target!("epoch", "generation", "timeout_s"),
        "A resource server refused this token with 401: a newer one, where another may help.",
    ),
    act(
        Question::Refresh,
        "/v1/credentials/{name}/refresh",
        Takes::Keys(&["timeout_s"]),
        "One attempt now, in spite of `min_interval`.",
    ),
    act(
        Question::Logout,
        "/v1/credentials/{name}/logout",
        NO_KEYS,
        "A tombstone here, then revocation at the server.",
    ),
    ask(
        Question::LoginSettings,
        "/v1/credentials/{name}/login",
        Reach::Socket,
        "What the login was made with, nothing secret in it.",
    ),
    Operation {
        parameters: &[Parameter {
            name: "replace",
            kind: Kind::Flag,
            about: "Over a login of another server or client too.",
        }],
        ..act(
            Question::Login,
            "/v1/credentials/{name}/login",
            Takes::Login,
            "Keeps a login that `renewd login` made and cannot keep itself, as the next epoch of what stands.",
        )
    },
    act(
        Question::Changed,
        "/v1/credentials/{name}/changed",
        NO_KEYS,
        "Another process wrote the record (a login, a logout): it holds from this answer on.",
    ),
    act(
        Question::Reload,
        "/v1/reload",
        NO_KEYS,
        "Reads the configuration anew, and says what became of it. One with a mistake changes nothing.",
    ),
];

/// What stands at a path.
#[derive(Debug, Default)]
pub(super) struct At {
    operations: Vec<&'static Operation>,
    /// What stands for `{name}`, decoded.
    pub(super) name: Option<String>,
}

impl At {
    /// # Errors
    /// A path whose percent signs cannot be read.
    pub(super) fn path(path: &str) -> Result<Self, Failure> {
        let asked = path.split('/').map(decoded).collect::<Result<Vec<_>, _>>()?;
        let mut at = Self::default();
        for operation in OPERATIONS {
            if let Some(name) = fits(operation.path, &asked) {
                at.operations.push(operation);
                at.name = name;
            }
        }
        Ok(at)
    }

    /// Who may know that something is there; nobody, where nothing is.
    pub(super) fn reach(&self) -> Option<Reach> {
        self.operations.first().map(|operation| operation.reach)
    }

    /// What is asked with this method. HEAD asks what GET does.
    pub(super) fn with(&self, method: &Method) -> Option<&'static Operation> {
        let verb = match *method {
            Method::GET | Method::HEAD => Verb::Get,
            Method::POST => Verb::Post,
            _ => return None,
        };
        self.operations.iter().copied().find(|operation| operation.verb == verb)
    }

    /// The `Allow` field (RFC 9110 §10.2.1).
    pub(super) fn allow(&self) -> String {
        let methods = self.operations.iter().map(|operation| match operation.verb {
            Verb::Get => "GET, HEAD",
            Verb::Post => "POST",
        });
        methods.collect::<Vec<_>>().join(", ")
    }
}

/// The name in it, where a path is of that template.
#[expect(clippy::option_option, reason = "of the template or not; and a template may have no name")]
fn fits(template: &str, asked: &[Cow<'_, str>]) -> Option<Option<String>> {
    let mut name = None;
    let mut rest = asked.iter();
    for part in template.split('/') {
        let given = rest.next()?;
        match part {
            "{name}" => name = Some(given.clone().into_owned()),
            part if part == given => {}
            _ => return None,
        }
    }
    rest.next().is_none().then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(method: &Method, path: &str) -> Option<(Question, Option<String>)> {
        let at = At::path(path).unwrap();
        at.with(method).map(|operation| (operation.question, at.name))
    }

    #[test]
    fn a_path_and_a_method_ask_one_thing() {
        assert_eq!(asked(&Method::GET, "/healthz"), Some((Question::Health, None)));
        assert_eq!(asked(&Method::HEAD, "/v1/credentials"), Some((Question::Credentials, None)));
        let work = Some("work".to_owned());
        assert_eq!(asked(&Method::GET, "/v1/credentials/%77ork"), Some((Question::Credential, work.clone())));
        assert_eq!(
            asked(&Method::GET, "/v1/credentials/work/login"),
            Some((Question::LoginSettings, work.clone()))
        );
        assert_eq!(asked(&Method::POST, "/v1/credentials/work/login"), Some((Question::Login, work)));
        // A slash that is written as a percent sign belongs to the name.
        let slash = Some("a/token".to_owned());
        assert_eq!(asked(&Method::GET, "/v1/credentials/a%2Ftoken"), Some((Question::Credential, slash)));
        for (method, path) in [
            (Method::GET, "/"),
            (Method::GET, "//healthz"),
            (Method::GET, "/healthz/"),
            (Method::GET, "/v1"),
            (Method::DELETE, "/v1/credentials/work"),
            (Method::GET, "/v1/credentials/work/token"),
            (Method::POST, "/v1/credentials/work/dance"),
        ] {
            assert_eq!(asked(&method, path), None, "{method} {path}");
        }
        assert!(At::path("/v1/credentials/%f").is_err());
    }

    #[test]
    fn a_wrong_method_is_told_the_right_ones() {
        assert_eq!(At::path("/v1/credentials/work/login").unwrap().allow(), "GET, HEAD, POST");
        assert_eq!(At::path("/v1/reload").unwrap().allow(), "POST");
        assert_eq!(At::path("/v2").unwrap().reach(), None);
    }

    #[test]
    fn what_changes_something_or_gives_a_token_is_asked_on_the_socket_alone() {
        for operation in OPERATIONS {
            let asks = operation.verb == Verb::Get && operation.question != Question::LoginSettings;
            assert_eq!(operation.reach == Reach::Socket, !asks, "{}", operation.path);
        }
    }
}

//! From values to a profile, and what must hold between its keys.

use std::borrow::Cow;
use std::path::Path;

use renewd_core::{
    AsClass, BodyEncoding, ClientAuthMethod, Endpoints, FieldMap, Login, PATHS_MAX, Profile, Redirect,
    RefreshRequest, Span, Text,
};

use crate::keys;
use crate::overrides;
use crate::problem::{Problem, cut, nearest};
use crate::read::Rules;
use crate::value::Values;

/// Makes the profile; what is wrong goes to `problems`.
pub(crate) fn profile(name: &str, values: &Values, rules: Rules, problems: &mut Vec<Problem>) -> Profile {
    let profile = Profile {
        name: Cow::Owned(name.to_owned()),
        title: values.owned("title").unwrap_or_else(|| Cow::Owned(name.to_owned())),
        as_class: values.text("as_class").and_then(AsClass::from_name).unwrap_or_default(),
        grace: values.span("grace").unwrap_or(Span::ZERO),
        endpoints: values.table("endpoints").map_or(Endpoints::NONE, endpoints),
        client_auth: values
            .texts("client_auth")
            .iter()
            .filter_map(|method| ClientAuthMethod::from_name(method))
            .collect(),
        lifetime: values.span("lifetime"),
        min_interval: values.span("min_interval"),
        login: values.table("login").map_or(Login::PLAIN, login),
        refresh: values.table("refresh").map_or(RefreshRequest::PLAIN, refresh),
        fields: values.table("fields").map_or(FieldMap::STANDARD, fields),
        overrides: values
            .tables("override")
            .iter()
            .map(|one| overrides::build(one, rules, problems))
            .collect(),
        sources: values.list("sources"),
        unsure: unsure(values),
    };
    check(&profile, values, rules, problems);
    profile
}

fn endpoints(values: &Values) -> Endpoints {
    Endpoints {
        issuer: values.owned("issuer"),
        token: values.owned("token"),
        authorization: values.owned("authorization"),
        device_authorization: values.owned("device_authorization"),
        revocation: values.owned("revocation"),
        hosts: values.list("hosts"),
    }
}

fn login(values: &Values) -> Login {
    Login {
        scope: values.list("scope"),
        scope_separator: values.owned("scope_separator"),
        parameters: values.pair_list("parameters"),
        redirect: values.text("redirect").and_then(Redirect::from_name).unwrap_or_default(),
        pkce: values.flag("pkce").unwrap_or(true),
        client: values.owned("client"),
    }
}

fn refresh(values: &Values) -> RefreshRequest {
    RefreshRequest {
        scope: values.flag("scope").unwrap_or(false),
        parameters: values.pair_list("parameters"),
        headers: values.pair_list("headers"),
        names: values.pair_list("names"),
        encoding: match values.text("encoding") {
            Some("json") => BodyEncoding::Json,
            _ => BodyEncoding::Form,
        },
    }
}

fn fields(values: &Values) -> FieldMap {
    FieldMap {
        access_token: values.list("access_token"),
        refresh_token: values.list("refresh_token"),
        id_token: values.list("id_token"),
        token_type: values.list("token_type"),
        scope: values.list("scope"),
        expires_in: values.list("expires_in"),
        expires_at: values.list("expires_at"),
        issued_at: values.list("issued_at"),
        refresh_token_expires_in: values.list("refresh_token_expires_in"),
        error: values.list("error"),
        error_description: values.list("error_description"),
    }
}

/// What the profile says for itself, then what its overrides say of themselves.
fn unsure(values: &Values) -> renewd_core::List<(Text, Text)> {
    let mut all = values.pair_list("unsure").into_owned();
    for one in values.tables("override") {
        if let (Some(name), Some(why)) = (one.text("name"), one.owned("unsure")) {
            all.push((Cow::Owned(overrides::unsure_key(name)), why));
        }
    }
    all.into()
}

fn check(profile: &Profile, values: &Values, rules: Rules, problems: &mut Vec<Problem>) {
    check_class(profile, values, problems);
    check_names(profile, values, problems);
    check_paths(profile, values, problems);
    check_unsure(profile, values, problems);
    for (i, one) in profile.overrides.iter().enumerate() {
        if profile.overrides.iter().take(i).any(|earlier| earlier.name == one.name)
            && let Some(at) = values.tables("override").get(i)
        {
            let what = format!("two overrides are called {}; rules are told apart by their names", one.name);
            problems.push(Problem::new(at.line_of("name"), what));
        }
    }
    if rules == Rules::BuiltIn {
        for key in ["title", "sources"] {
            if !values.has(key) {
                problems.push(Problem::new(
                    values.line,
                    format!("a built-in profile needs {}", values.path_of(key)),
                ));
            }
        }
        for host in profile.endpoints.hosts.iter().filter(|host| !host.contains('.')) {
            let line = values.table("endpoints").map_or(values.line, |table| table.line_of("hosts"));
            problems
                .push(Problem::new(line, format!("a built-in profile cannot claim the local name {host}")));
        }
    }
}

/// A grace period is what makes a P3 (see [`Profile::settle`]): with another class it would hold for nothing, and a
/// P3 without one is a P2.
fn check_class(profile: &Profile, values: &Values, problems: &mut Vec<Problem>) {
    let (grace, class) = (values.path_of("grace"), values.path_of("as_class"));
    match (profile.as_class, profile.grace.is_zero()) {
        (AsClass::P3, true) => problems.push(
            Problem::new(
                values.line_of("as_class"),
                format!("{class} is P3, which is a grace period, but {grace} is not given"),
            )
            .advise("say how long a superseded refresh token still works, or leave as_class out"),
        ),
        (AsClass::P3, false) | (_, true) => {}
        (other, false) => problems.push(
            Problem::new(
                values.line_of("grace"),
                format!("{grace} holds with as_class = \"P3\" only, and this is {}", other.name()),
            )
            .advise("P1 needs none: its old token stays valid; P2 has none"),
        ),
    }
}

/// No name stands in a request twice (RFC 6749 §3.2).
fn check_names(profile: &Profile, values: &Values, problems: &mut Vec<Problem>) {
    let Some(table) = values.table("refresh") else { return };
    let RefreshRequest { names, parameters, .. } = &profile.refresh;
    for (i, (usual, name)) in names.iter().enumerate() {
        let at = table.path_of("names");
        if let Some((other, _)) = names.iter().take(i).find(|(_, earlier)| earlier == name) {
            let what = format!("{at} calls both {other} and {usual} {}", cut(name));
            problems.push(Problem::new(table.line_of("names"), what));
        }
        if parameters.iter().any(|(parameter, _)| parameter == name) {
            let what = format!("{at} calls {usual} {}, and so is one of the parameters called", cut(name));
            let problem = Problem::new(table.line_of("parameters"), what);
            problems.push(problem.advise(format!("leave it out of {}", table.path_of("parameters"))));
        }
    }
}

/// Core follows so many paths and no more.
fn check_paths(profile: &Profile, values: &Values, problems: &mut Vec<Problem>) {
    let fields: usize = values.table("fields").map_or(0, Values::count_texts);
    let members: usize = profile.overrides.iter().map(|one| one.when.members.len()).sum();
    if fields + members > PATHS_MAX {
        let (count, at) = (fields + members, values.path_of("fields"));
        let what = format!("{count} paths stand in {at} and in conditions; at most {PATHS_MAX} are followed");
        problems.push(Problem::new(values.line, what));
    }
}

fn check_unsure(profile: &Profile, values: &Values, problems: &mut Vec<Problem>) {
    let line = values.line_of("unsure");
    for (i, (key, _)) in profile.unsure.iter().enumerate() {
        let known = match key.strip_prefix(overrides::UNSURE) {
            Some(name) => profile.overrides.iter().any(|one| one.name == name),
            None => keys::can_be_unsure(key),
        };
        if !known {
            let mut all = keys::of_unsure();
            all.extend(profile.overrides.iter().map(|one| overrides::unsure_key(&one.name)));
            let what =
                format!("{} names {}, which is no key of a profile", values.path_of("unsure"), cut(key));
            let problem = Problem::new(line, what);
            let ending = all.iter().find(|k| k.ends_with(&format!(".{key}"))).map(String::as_str);
            problems.push(match ending.or_else(|| nearest(key, all.iter().map(String::as_str))) {
                Some(near) => problem.advise(format!("did you mean \"{near}\"?")),
                None => problem.advise("name a key, as in grace, \"endpoints.token\" or \"override.NAME\""),
            });
        }
        if profile.unsure.iter().take(i).any(|(earlier, _)| earlier == key) {
            problems.push(Problem::new(
                line,
                format!("{} says twice why {} is not sure", values.path_of("unsure"), cut(key)),
            ));
        }
    }
}

/// The name of a profile that stands in a file of its own: what its key says, else the file's stem.
///
/// # Errors
/// Half a sentence: the stem is no name.
pub(crate) fn name_of<'a>(values: &'a Values, file: &'a Path) -> Result<&'a str, String> {
    if let Some(name) = values.text("name") {
        return Ok(name);
    }
    let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    match crate::text::slug(stem) {
        Ok(()) => Ok(stem),
        Err(_) => {
            Err("the profile has no name: the file's name without its ending is no kebab-case name".into())
        }
    }
}

//! Profiles as Rust constants: only what differs from what holds where nothing is known, as one would write it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use renewd_core::{
    AsClass, BodyEncoding, ClientAuthMethod, Endpoints, FieldMap, Login, MemberIs, Override, Profile,
    RefreshRequest, Span, StatusRange, Text, Verdict, When,
};

const MADE: &str = "Made by `cargo xtask profiles` from `crates/core/profiles/`; not edited by hand.";

/// The module that names them all, in order.
pub(super) fn index(profiles: &[Profile]) -> String {
    let mut names: Vec<(&str, String)> =
        profiles.iter().map(|p| (&*p.name, format!("{}::{}", module(&p.name), constant(&p.name)))).collect();
    names.push((&*Profile::GENERIC.name, "Profile::GENERIC".into()));
    names.sort_unstable();
    let mut text = format!("//! The built-in profiles, by name.\n//!\n//! {MADE}\n\n");
    for module in modules(profiles).keys() {
        let _ = writeln!(text, "mod {module};");
    }
    text += "\nuse super::Profile;\n\npub(super) static PROFILES: &[Profile] = &[\n";
    for (_, path) in names {
        let _ = writeln!(text, "    {path},");
    }
    text + "];\n"
}

/// The modules beside it: file names and texts.
pub(super) fn table(profiles: &[Profile]) -> Vec<(String, String)> {
    modules(profiles)
        .into_iter()
        .map(|(name, profiles)| (format!("{name}.rs"), source(&name, &profiles)))
        .collect()
}

fn modules(profiles: &[Profile]) -> BTreeMap<String, Vec<&Profile>> {
    let mut modules: BTreeMap<String, Vec<&Profile>> = BTreeMap::new();
    for profile in profiles {
        modules.entry(module(&profile.name)).or_default().push(profile);
    }
    modules
}

/// One for each letter that names begin with.
fn module(name: &str) -> String {
    match name.chars().next() {
        Some(letter) if letter.is_ascii_alphabetic() => letter.to_string(),
        _ => "digits".into(),
    }
}

fn constant(name: &str) -> String {
    let upper = name.to_ascii_uppercase().replace('-', "_");
    if upper.starts_with(|c: char| c.is_ascii_digit()) { format!("N{upper}") } else { upper }
}

fn source(module: &str, profiles: &[&Profile]) -> String {
    let body: Vec<String> = profiles.iter().map(|profile| item(profile)).collect();
    let body = body.join("\n");
    let used = |all: &[&str]| -> Vec<String> {
        // A title may hold any of these words.
        let parts =
            || body.split('"').step_by(2).flat_map(|code| code.split(|c: char| !c.is_ascii_alphanumeric()));
        let stands = |name: &&&str| parts().any(|word| word == **name);
        all.iter().filter(stands).map(|name| (*name).to_owned()).collect()
    };
    let mut text = format!("//! Profiles whose names begin with `{module}`.\n//!\n//! {MADE}\n\n");
    text += "use alloc::borrow::Cow::Borrowed;\n\n";
    let parts = used(&[
        "AsClass",
        "BodyEncoding",
        "ClientAuthMethod",
        "Endpoints",
        "FieldMap",
        "Login",
        "MemberIs",
        "Override",
        "Profile",
        "Redirect",
        "RefreshRequest",
        "StatusRange",
        "When",
    ]);
    let _ = writeln!(text, "use crate::profile::{{{}}};", parts.join(", "));
    for (name, path) in [("Span", "crate::time::Span"), ("Verdict", "crate::verdict::Verdict")] {
        if !used(&[name]).is_empty() {
            let _ = writeln!(text, "use {path};");
        }
    }
    text + "\n" + &body
}

fn item(profile: &Profile) -> String {
    let base = Profile::GENERIC;
    let mut out = Fields::default();
    out.put("name", text(&profile.name));
    out.put("title", text(&profile.title));
    out.differing("as_class", &profile.as_class, &base.as_class, as_class);
    out.differing("grace", &profile.grace, &base.grace, span);
    out.differing("endpoints", &profile.endpoints, &base.endpoints, endpoints);
    out.differing("client_auth", &profile.client_auth, &base.client_auth, |all| list(all, method));
    out.differing("lifetime", &profile.lifetime, &base.lifetime, |some| option(some.as_ref(), span));
    out.differing("min_interval", &profile.min_interval, &base.min_interval, |some| {
        option(some.as_ref(), span)
    });
    out.differing("login", &profile.login, &base.login, login);
    out.differing("refresh", &profile.refresh, &base.refresh, refresh);
    out.differing("fields", &profile.fields, &base.fields, fields);
    out.differing("overrides", &profile.overrides, &base.overrides, |all| list(all, one_override));
    out.differing("sources", &profile.sources, &base.sources, |all| list(all, text));
    out.differing("unsure", &profile.unsure, &base.unsure, |all| list(all, pair));
    format!(
        "pub(super) const {}: Profile = {};\n",
        constant(&profile.name),
        out.of("Profile", "Profile::GENERIC")
    )
}

/// The fields of a struct literal.
#[derive(Default)]
struct Fields {
    text: String,
    /// Whether some are as in the base.
    rest: bool,
}

impl Fields {
    fn put(&mut self, name: &str, value: impl std::fmt::Display) {
        // Writing to a `String` cannot fail.
        let _ = writeln!(self.text, "{name}: {value},");
    }

    fn differing<T: PartialEq + ?Sized>(
        &mut self,
        name: &str,
        value: &T,
        base: &T,
        write: impl Fn(&T) -> String,
    ) {
        if value == base {
            self.rest = true;
        } else {
            self.put(name, write(value));
        }
    }

    fn of(self, name: &str, base: &str) -> String {
        let base = if self.rest { format!("..{base}\n") } else { String::new() };
        format!("{name} {{\n{}{base}}}", self.text)
    }
}

fn endpoints(all: &Endpoints) -> String {
    let base = Endpoints::NONE;
    let mut out = Fields::default();
    let some = |value: &Option<Text>| option(value.as_ref(), text);
    out.differing("issuer", &all.issuer, &base.issuer, some);
    out.differing("token", &all.token, &base.token, some);
    out.differing("authorization", &all.authorization, &base.authorization, some);
    out.differing("device_authorization", &all.device_authorization, &base.device_authorization, some);
    out.differing("revocation", &all.revocation, &base.revocation, some);
    out.differing("hosts", &all.hosts, &base.hosts, |all| list(all, text));
    out.of("Endpoints", "Endpoints::NONE")
}

fn refresh(all: &RefreshRequest) -> String {
    let base = RefreshRequest::PLAIN;
    let mut out = Fields::default();
    out.differing("scope", &all.scope, &base.scope, bool::to_string);
    out.differing("parameters", &all.parameters, &base.parameters, |all| list(all, pair));
    out.differing("headers", &all.headers, &base.headers, |all| list(all, pair));
    out.differing("encoding", &all.encoding, &base.encoding, |encoding| match encoding {
        BodyEncoding::Form => "BodyEncoding::Form".into(),
        BodyEncoding::Json => "BodyEncoding::Json".into(),
    });
    out.differing("names", &all.names, &base.names, |all| list(all, pair));
    out.of("RefreshRequest", "RefreshRequest::PLAIN")
}

fn login(all: &Login) -> String {
    let base = Login::PLAIN;
    let mut out = Fields::default();
    out.differing("scope", &all.scope, &base.scope, |all| list(all, text));
    out.differing("scope_separator", &all.scope_separator, &base.scope_separator, |some| {
        option(some.as_ref(), text)
    });
    out.differing("parameters", &all.parameters, &base.parameters, |all| list(all, pair));
    out.differing("redirect", &all.redirect, &base.redirect, |redirect| format!("Redirect::{redirect:?}"));
    out.differing("pkce", &all.pkce, &base.pkce, bool::to_string);
    out.differing("client", &all.client, &base.client, |some| option(some.as_ref(), text));
    out.of("Login", "Login::PLAIN")
}

fn fields(all: &FieldMap) -> String {
    let base = FieldMap::STANDARD;
    let mut out = Fields::default();
    for (name, paths, standard) in [
        ("access_token", &all.access_token, &base.access_token),
        ("refresh_token", &all.refresh_token, &base.refresh_token),
        ("id_token", &all.id_token, &base.id_token),
        ("token_type", &all.token_type, &base.token_type),
        ("scope", &all.scope, &base.scope),
        ("expires_in", &all.expires_in, &base.expires_in),
        ("expires_at", &all.expires_at, &base.expires_at),
        ("issued_at", &all.issued_at, &base.issued_at),
        ("refresh_token_expires_in", &all.refresh_token_expires_in, &base.refresh_token_expires_in),
        ("error", &all.error, &base.error),
        ("error_description", &all.error_description, &base.error_description),
    ] {
        out.differing(name, paths, standard, |all| list(all, text));
    }
    out.of("FieldMap", "FieldMap::STANDARD")
}

fn one_override(one: &Override) -> String {
    let mut out = Fields::default();
    out.put("name", text(&one.name));
    out.put("when", when(&one.when));
    out.put("verdict", verdict(one.verdict));
    out.put("may_have_rotated", one.may_have_rotated);
    out.put("retry_after", option(one.retry_after.as_ref(), span));
    out.put("message", text(&one.message));
    out.put("source", option(one.source.as_ref(), text));
    out.of("Override", "")
}

fn when(all: &When) -> String {
    let base = When::ANY;
    let mut out = Fields::default();
    out.differing("status", &all.status, &base.status, |all| list(all, status));
    out.differing("code", &all.code, &base.code, |all| list(all, text));
    out.differing("words", &all.words, &base.words, |all| list(all, text));
    out.differing("members", &all.members, &base.members, |all| list(all, member));
    out.differing("page", &all.page, &base.page, |all| list(all, text));
    out.of("When", "When::ANY")
}

fn status(range: &StatusRange) -> String {
    format!("StatusRange {{ from: {}, to: {} }}", range.from, range.to)
}

fn member(member: &MemberIs) -> String {
    let equals = if member.equals.is_empty() { "Borrowed(&[])".into() } else { list(&member.equals, text) };
    format!("MemberIs {{ path: {}, equals: {equals} }}", text(&member.path))
}

fn as_class(class: &AsClass) -> String {
    format!("AsClass::{}", class.name())
}

fn method(method: &ClientAuthMethod) -> String {
    format!("ClientAuthMethod::{method:?}")
}

fn verdict(verdict: Verdict) -> String {
    format!("Verdict::{verdict:?}")
}

/// In the largest unit that it is a whole number of.
fn span(span: &Span) -> String {
    let millis = span.as_millis();
    for (unit, name) in [(3_600_000, "hours"), (60_000, "mins"), (1000, "secs")] {
        if millis.is_multiple_of(unit) {
            return format!("Span::from_{name}({})", millis / unit);
        }
    }
    format!("Span::from_millis({millis})")
}

fn text(text: &Text) -> String {
    format!("Borrowed({})", literal(text))
}

fn pair((name, value): &(Text, Text)) -> String {
    format!("({}, {})", text(name), text(value))
}

/// Rust's own escapes, but letters of any script as they are.
fn literal(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out + "\""
}

fn list<T>(items: &[T], write: impl Fn(&T) -> String) -> String {
    let items: Vec<String> = items.iter().map(write).collect();
    format!("Borrowed(&[{}])", items.join(", "))
}

fn option<T>(value: Option<&T>, write: impl Fn(&T) -> String) -> String {
    value.map_or_else(|| "None".into(), |value| format!("Some({})", write(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(name: &'static str) -> Profile {
        Profile { name: name.into(), title: "T".into(), ..Profile::GENERIC }
    }

    #[test]
    fn only_what_differs_is_written() {
        let mut some = profile("a-b");
        some.lifetime = Some(Span::from_mins(90));
        some.unsure = vec![("lifetime".into(), "a \"guess\"".into())].into();
        let expect = "pub(super) const A_B: Profile = Profile {\nname: Borrowed(\"a-b\"),\ntitle: Borrowed(\"T\"),\n\
            lifetime: Some(Span::from_mins(90)),\n\
            unsure: Borrowed(&[(Borrowed(\"lifetime\"), Borrowed(\"a \\\"guess\\\"\"))]),\n..Profile::GENERIC\n};\n";
        assert_eq!(item(&some), expect);
    }

    #[test]
    fn the_index_is_by_name_with_the_generic_profile_in_its_place() {
        let profiles = [profile("3-legs"), profile("a-b"), profile("zoom")];
        let index = index(&profiles);
        let list = index.split("&[\n").nth(1).unwrap();
        assert_eq!(list, "    digits::N3_LEGS,\n    a::A_B,\n    Profile::GENERIC,\n    z::ZOOM,\n];\n");
        let files: Vec<String> = table(&profiles).into_iter().map(|(name, _)| name).collect();
        assert_eq!(files, ["a.rs", "digits.rs", "z.rs"]);
    }

    #[test]
    fn a_module_imports_what_it_uses() {
        let mut some = profile("a");
        some.grace = Span::from_millis(1500);
        let text = source("a", &[&some]);
        assert!(text.contains("use crate::profile::{Profile};\nuse crate::time::Span;\n\n"), "{text}");
        assert!(text.contains("grace: Span::from_millis(1500)"), "{text}");
    }
}

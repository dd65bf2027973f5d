//! What holds for any profile, and for any text that is taken for one.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use renewd_core::{
    AsClass, BodyEncoding, ClientAuthMethod, Endpoints, FieldMap, List, Login, MemberIs, Override, Profile,
    Redirect, RefreshRequest, Span, StatusRange, Text, Verdict, When,
};

use crate::{parse_file, to_toml};

fn text(pattern: &'static str) -> impl Strategy<Value = Text> {
    pattern.prop_map(Cow::Owned)
}

/// Each once, in some order.
fn texts(pattern: &'static str) -> impl Strategy<Value = List<Text>> {
    some_texts(pattern, 0)
}

/// At least so many drawn, each once, in some order.
fn some_texts(pattern: &'static str, least: usize) -> impl Strategy<Value = List<Text>> {
    vec(text(pattern), least..4).prop_map(|mut all| {
        let mut seen = BTreeSet::new();
        all.retain(|one| seen.insert(one.clone()));
        all.into()
    })
}

/// One line with what TOML has to escape.
const LINE: &str = "[a-zé公\"'\\\\#=\\[\\]{}.][a-zé公\"'\\\\#=\\[\\]{}. ]{0,20}[a-z]";
const PATH: &str = "[a-z\"\\\\ é_-]{1,8}(\\[([0-9]{1,3}|\\*)\\])?(\\.[a-z#=]{1,8}(\\[\\*\\])?){0,3}";
const SLUG: &str = "[a-z0-9]{1,8}(-[a-z0-9]{1,8}){0,2}";
const URL: &str =
    "https://(\\{[a-z][a-z0-9_]{0,5}\\}\\.)?[a-z]{1,8}\\.example(:[1-9][0-9]{2})?(/[a-z?=]{0,9}){0,2}";
const ISSUER: &str = "https://[a-z]{1,8}\\.example(/[a-z]{0,9}){0,2}";

fn span() -> impl Strategy<Value = Span> {
    prop_oneof![1..5000_u64, 1..100_000_000_u64].prop_map(Span::from_millis)
}

fn class() -> impl Strategy<Value = (AsClass, Span)> {
    let others = prop_oneof![
        Just(AsClass::P0),
        Just(AsClass::P1),
        Just(AsClass::P2),
        Just(AsClass::P4),
        Just(AsClass::P5),
        Just(AsClass::P6),
    ];
    prop_oneof![others.prop_map(|class| (class, Span::ZERO)), span().prop_map(|grace| (AsClass::P3, grace))]
}

fn endpoints() -> impl Strategy<Value = Endpoints> {
    let urls = (option::of(text(ISSUER)), proptest::array::uniform4(option::of(text(URL))));
    (urls, texts("(\\*\\.)?[a-z0-9]{1,5}\\.[a-z]{1,5}")).prop_map(|((issuer, urls), hosts)| {
        let [token, authorization, device_authorization, revocation] = urls;
        Endpoints { issuer, token, authorization, device_authorization, revocation, hosts }
    })
}

fn refresh() -> impl Strategy<Value = RefreshRequest> {
    let pairs = |names: &'static str, values: &'static str| {
        btree_map(text(names), text(values), 0..3)
            .prop_map(|map| List::from(map.into_iter().collect::<Vec<_>>()))
    };
    let encoding = prop_oneof![Just(BodyEncoding::Form), Just(BodyEncoding::Json)];
    (
        any::<bool>(),
        pairs("p_[a-z.\"]{1,8}", "[ -~é]{0,20}"),
        pairs("X-[a-z]{1,8}", "([!-~][ -~]{0,20})?[!-~]"),
        encoding,
        option::of(text("n_[a-z]{1,8}")),
    )
        .prop_map(|(scope, parameters, headers, encoding, id)| RefreshRequest {
            scope,
            parameters,
            headers,
            encoding,
            names: id.map(|name| (Text::from("client_id"), name)).into_iter().collect(),
        })
}

fn login() -> impl Strategy<Value = Login> {
    let pairs = btree_map(text("p_[a-z.\"]{1,8}"), text("[ -~é]{0,20}"), 0..3)
        .prop_map(|map| List::from(map.into_iter().collect::<Vec<_>>()));
    let redirect = prop_oneof![Just(Redirect::AnyPort), Just(Redirect::Registered), Just(Redirect::Https)];
    let separator = option::of(prop_oneof![Just(Text::Borrowed(",")), Just(Text::Borrowed("+"))]);
    (texts("[a-z:/._]{1,12}"), separator, pairs, redirect, any::<bool>(), option::of(text(ISSUER))).prop_map(
        |(scope, scope_separator, parameters, redirect, pkce, client)| Login {
            scope,
            scope_separator,
            parameters,
            redirect,
            pkce,
            client,
        },
    )
}

fn fields() -> impl Strategy<Value = FieldMap> {
    proptest::array::uniform11(texts(PATH)).prop_map(|all| {
        let [access_token, refresh_token, id_token, token_type, scope, expires_in, rest @ ..] = all;
        let [expires_at, issued_at, refresh_token_expires_in, error, error_description] = rest;
        FieldMap {
            access_token,
            refresh_token,
            id_token,
            token_type,
            scope,
            expires_in,
            expires_at,
            issued_at,
            refresh_token_expires_in,
            error,
            error_description,
        }
    })
}

fn when() -> impl Strategy<Value = When> {
    let status = (100..=999_u16, 0..300_u16)
        .prop_map(|(from, more)| StatusRange { from, to: from.saturating_add(more).min(999) });
    let equals = vec(text(LINE), 0..3).prop_map(List::from);
    let members = btree_map(text(PATH), equals, 0..3)
        .prop_map(|map| map.into_iter().map(|(path, equals)| MemberIs { path, equals }).collect::<Vec<_>>());
    // At least one condition, and one that is no status: any verdict may stand beside it.
    let code = some_texts(LINE, 1);
    (vec(status, 0..3), code, texts("[a-z\"\\\\]{3,9}"), members, texts("[a-z<>/\"]{3,9}")).prop_map(
        |(status, code, words, members, page)| When {
            status: status.into(),
            code,
            words,
            members: members.into(),
            page,
        },
    )
}

fn overrides() -> impl Strategy<Value = Vec<Override>> {
    let verdict = prop_oneof![
        Just(Verdict::Transient),
        Just(Verdict::RateLimited),
        Just(Verdict::PermanentGrant),
        Just(Verdict::PermanentClient),
        Just(Verdict::ProtocolErrorTransient),
        Just(Verdict::RetryImmediately),
    ];
    let message = prop_oneof![Just(Text::Borrowed("")), text(LINE)];
    let one = (when(), verdict, any::<bool>(), option::of(span()), message, option::of(text(ISSUER)));
    vec((text(SLUG), one), 0..4).prop_map(|all| {
        let mut overrides: Vec<Override> = Vec::new();
        for (name, (when, verdict, rotated, wait, message, source)) in all {
            if overrides.iter().any(|earlier| earlier.name == name) {
                continue;
            }
            let waits = !matches!(verdict, Verdict::PermanentGrant | Verdict::RetryImmediately);
            overrides.push(Override {
                name,
                when,
                verdict,
                may_have_rotated: rotated && verdict != Verdict::PermanentGrant,
                retry_after: wait.filter(|_| waits),
                message,
                source,
            });
        }
        overrides
    })
}

fn profile() -> impl Strategy<Value = Profile> {
    let methods = vec(
        prop_oneof![
            Just(ClientAuthMethod::None),
            Just(ClientAuthMethod::Basic),
            Just(ClientAuthMethod::Post),
            Just(ClientAuthMethod::PrivateKeyJwt),
        ],
        0..4,
    )
    .prop_map(|mut all| {
        all.sort_by_key(|method| method.name());
        all.dedup();
        all
    });
    let facts = (text(SLUG), text(LINE), class(), methods, option::of(span()), option::of(span()));
    let unsure = (any::<bool>(), any::<bool>(), any::<bool>(), text(LINE));
    let parts = (endpoints(), (login(), refresh()), fields(), overrides(), texts(ISSUER), unsure);
    (facts, parts).prop_map(
        |(
            (name, title, (as_class, grace), methods, lifetime, min_interval),
            (endpoints, (login, refresh), fields, overrides, sources, unsure),
        )| {
            let (plain, dotted, of_override, why) = unsure;
            let keys = [
                plain.then_some(Text::Borrowed("grace")),
                dotted.then_some(Text::Borrowed("endpoints.token")),
                overrides
                    .first()
                    .filter(|_| of_override)
                    .map(|one| Cow::Owned(format!("override.{}", one.name))),
            ];
            Profile {
                name,
                title,
                as_class,
                grace,
                endpoints,
                client_auth: methods.into(),
                lifetime,
                min_interval,
                login,
                refresh,
                fields,
                overrides: overrides.into(),
                sources,
                unsure: keys.into_iter().flatten().map(|key| (key, why.clone())).collect(),
            }
        },
    )
}

/// Lines that a profile could hold, and lines that it could not.
fn lines() -> impl Strategy<Value = String> {
    let key = prop_oneof![
        proptest::sample::select(vec![
            "name",
            "title",
            "as_class",
            "grace",
            "client_auth",
            "lifetime",
            "sources",
            "endpoints",
            "login",
            "login.scope",
            "login.parameters",
            "login.redirect",
            "refresh",
            "fields",
            "override",
            "unsure",
            "when",
            "endpoints.hosts",
            "endpoints.token",
            "refresh.headers",
            "fields.error",
            "verdict",
            "when.status",
            "when.members",
            "when.code",
            "unsure.override",
            "profile.a",
            "profile",
        ])
        .prop_map(str::to_owned),
        "[a-z.\"]{1,9}",
    ];
    let value = prop_oneof![
        Just("\"30s\"".to_owned()),
        Just("[]".to_owned()),
        Just("{}".to_owned()),
        Just("true".to_owned()),
        Just("[[1], {a = 2}, \"401-403\", 400, 1.5, 1979-05-27]".to_owned()),
        "-?0?[xob]?[0-9_]{1,25}",
        "\"[^\"\n\\\\]{0,30}\"",
        "\\{ ?\"?[a-z.\\[\\]]{1,5}\"? = \\[?\"[a-z{}:/*.@]{0,9}\"\\]? ?\\}",
        "\\[(\"[a-z{}:/*.@\\[\\]-]{0,12}\",?)*\\]",
    ];
    let line = prop_oneof![
        (key, value).prop_map(|(key, value)| format!("{key} = {value}")),
        proptest::sample::select(vec![
            "[endpoints]",
            "[login]",
            "[refresh]",
            "[fields]",
            "[[override]]",
            "[override.when]",
            "[unsure]",
            "[override]",
            "[[fields]]",
        ])
        .prop_map(str::to_owned),
    ];
    vec(line, 0..12).prop_map(|all| all.join("\n"))
}

proptest! {
    #[test]
    fn a_profile_that_is_written_reads_back_equal(profile in profile()) {
        let text = to_toml(&profile);
        let again = parse_file(Path::new("other.toml"), &text).map_err(|problems| format!("{problems}\n{text}"));
        prop_assert_eq!(again, Ok(profile));
    }

    #[test]
    fn any_text_is_read_to_its_end(text in "\\PC{0,200}") {
        super::profile(text.as_bytes());
    }

    #[test]
    fn any_bytes_are_read_to_their_end(bytes in vec(any::<u8>(), 0..200)) {
        super::profile(&bytes);
    }

    #[test]
    fn any_lines_are_read_to_their_end(text in lines()) {
        super::profile(text.as_bytes());
    }

    #[test]
    fn a_good_profile_with_a_hole_in_it_is_read_to_its_end(profile in profile(), from in 0..2000_usize, length in 0..40_usize) {
        let text: Vec<char> = to_toml(&profile).chars().collect();
        let (from, to) = (from.min(text.len()), (from + length).min(text.len()));
        let holed: String = text[..from].iter().chain(&text[to..]).collect();
        super::profile(holed.as_bytes());
    }
}

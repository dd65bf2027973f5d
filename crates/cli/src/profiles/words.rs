//! What a profile says, in words for people: the same ones in the table, in the explanation and in messages.

use renewd_core::{AsClass, MemberIs, Override, Profile, Span, StatusRange, When};

/// What stands where nothing is known.
pub(crate) const UNKNOWN: &str = "–";

/// What becomes of a refresh token that was used, in a few words for a table.
pub(crate) fn rotation(profile: &Profile) -> String {
    match profile.as_class {
        AsClass::P0 => "does not rotate".into(),
        AsClass::P1 => "rotates, old stays valid".into(),
        AsClass::P2 => "rotates, reuse ends login".into(),
        AsClass::P3 if profile.grace.is_zero() => "rotates, old works a while".into(),
        AsClass::P3 => format!("rotates, old works {}", profile.grace),
        AsClass::P4 => "rotates, old till new used".into(),
        AsClass::P5 => "rotates, may give older".into(),
        AsClass::P6 => "rotates, few live at once".into(),
    }
}

/// `P2`, or `P3 10m`.
pub(crate) fn class(profile: &Profile) -> String {
    match (profile.as_class, profile.grace.is_zero()) {
        (class @ AsClass::P3, false) => format!("{} {}", class.name(), profile.grace),
        (class, _) => class.name().into(),
    }
}

/// The usual way in which clients prove themselves, and how many others there are: `post +2`.
pub(crate) fn client_auth(profile: &Profile) -> String {
    match profile.client_auth.as_ref() {
        [] => UNKNOWN.into(),
        [only] => only.name().into(),
        [usual, others @ ..] => format!("{} +{}", usual.name(), others.len()),
    }
}

/// A span, or nothing.
pub(crate) fn span(span: Option<Span>) -> String {
    span.map_or_else(|| UNKNOWN.into(), |s| s.to_string())
}

/// What a server of that class does with a spent refresh token.
pub(crate) fn what_the_server_does(profile: &Profile) -> String {
    match profile.as_class {
        AsClass::P0 => "It does not rotate: the refresh token stays the same.".into(),
        AsClass::P1 => "Each refresh gives a new refresh token, and the old one stays valid.".into(),
        AsClass::P2 => "Each refresh gives a new refresh token. A spent one that is used again ends the login: the \
                        whole family is revoked."
            .into(),
        AsClass::P3 if profile.grace.is_zero() => {
            "Each refresh gives a new refresh token. A spent one works for a while more, nobody knows how long; \
             afterwards it ends the login."
                .into()
        }
        AsClass::P3 => format!(
            "Each refresh gives a new refresh token. A spent one that is used again within {} gives another; \
             afterwards it ends the login.",
            profile.grace
        ),
        AsClass::P4 => "Each refresh gives a new refresh token. The old one ends when the new one is first used; \
                        until then it gives the same new one again."
            .into(),
        AsClass::P5 => "Each refresh gives a new refresh token. A spent one that is used again may give an older \
                        one, which the server refuses later."
            .into(),
        AsClass::P6 => "Each refresh gives a new refresh token, and only so many of them may live at once: the \
                        oldest end first."
            .into(),
    }
}

/// What renewd does about it. After a crash or a lost answer nobody knows whether the server rotated; `wait` is how
/// long a request of unknown fate is waited out then.
pub(crate) fn what_renewd_does(profile: &Profile, wait: Span) -> String {
    let again = format!(
        "After a lost answer or a crash it waits {wait}, until the request can no longer take effect, and sends the \
         same refresh token again"
    );
    match profile.as_class {
        AsClass::P0 | AsClass::P1 => {
            format!("{again}; nothing is lost by it. A refusal means that the grant itself is over.")
        }
        AsClass::P3 if !profile.grace.is_zero() => {
            format!(
                "{again}, within the grace. A refusal after that is told as rotation_lost: a login is needed."
            )
        }
        AsClass::P4 => {
            format!("{again}, which brings the same new one. Nothing is lost unless the new one was used.")
        }
        AsClass::P2 | AsClass::P3 | AsClass::P5 | AsClass::P6 => format!(
            "It spends each refresh token once, in one process at a time, and writes that down before. {again}, since \
             there is no other. A refusal is told as rotation_lost: a login is needed."
        ),
    }
}

/// An override as a sentence: `400 with code invalid_request saying "…" → permanent_grant`.
pub(crate) fn sentence(one: &Override) -> String {
    let mut text = format!("{} → {}", condition(&one.when), one.verdict.name());
    if let Some(wait) = one.retry_after {
        text += &format!(", next attempt after {wait} where the answer does not say");
    }
    if one.may_have_rotated {
        text += ", and it may have rotated";
    }
    text
}

fn condition(when: &When) -> String {
    let mut parts = vec![statuses(&when.status)];
    if !when.code.is_empty() {
        parts.push(format!("with code {}", any_of(when.code.iter().map(|c| c.to_string()))));
    }
    if !when.words.is_empty() {
        parts.push(format!("saying {}", any_of(when.words.iter().map(|w| format!("\"{w}\"")))));
    }
    parts.extend((!when.members.is_empty()).then(|| {
        let members: Vec<String> = when.members.iter().map(member).collect();
        format!("where {}", members.join(" and "))
    }));
    if !when.page.is_empty() {
        parts.push(format!("with {} in its text", any_of(when.page.iter().map(|p| format!("\"{p}\"")))));
    }
    parts.join(" ")
}

fn statuses(all: &[StatusRange]) -> String {
    if all.is_empty() {
        return "any status".into();
    }
    any_of(all.iter().map(|range| match (range.from, range.to) {
        (from, to) if from == to => from.to_string(),
        (from, to) => format!("{from} to {to}"),
    }))
}

fn member(one: &MemberIs) -> String {
    if one.equals.is_empty() {
        return format!("{} is there", one.path);
    }
    format!("{} is {}", one.path, any_of(one.equals.iter().map(|v| v.to_string())))
}

/// `a`, `a or b`, `a, b or c`.
pub(crate) fn any_of(all: impl Iterator<Item = String>) -> String {
    match all.collect::<Vec<_>>().as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., end] => format!("{} or {end}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use renewd_core::Verdict;
    use std::borrow::Cow;

    #[test]
    fn an_override_is_one_sentence_with_all_of_its_conditions() {
        let when = When {
            status: Cow::Owned(vec![StatusRange { from: 400, to: 400 }, StatusRange { from: 401, to: 403 }]),
            code: Cow::Owned(vec!["invalid_request".into()]),
            words: Cow::Owned(vec!["token was invalid".into(), "gone".into()]),
            members: Cow::Owned(vec![
                MemberIs { path: "ok".into(), equals: Cow::Owned(vec!["false".into()]) },
                MemberIs { path: "errors[0]".into(), equals: Cow::default() },
            ]),
            page: Cow::Owned(vec!["<title>".into()]),
        };
        let mut one = Override {
            name: "x".into(),
            when,
            verdict: Verdict::PermanentGrant,
            may_have_rotated: false,
            retry_after: None,
            message: "".into(),
            source: None,
        };
        assert_eq!(
            sentence(&one),
            "400 or 401 to 403 with code invalid_request saying \"token was invalid\" or \"gone\" where ok is false \
             and errors[0] is there with \"<title>\" in its text → permanent_grant"
        );
        one = Override {
            when: When::ANY,
            verdict: Verdict::RateLimited,
            may_have_rotated: true,
            retry_after: Some(Span::from_mins(10)),
            ..one
        };
        assert_eq!(
            sentence(&one),
            "any status → rate_limited, next attempt after 10m where the answer does not say, and it may have rotated"
        );
    }

    #[test]
    fn each_class_has_its_own_words() {
        let classes =
            [AsClass::P0, AsClass::P1, AsClass::P2, AsClass::P3, AsClass::P4, AsClass::P5, AsClass::P6];
        let of = |as_class| Profile { as_class, ..Profile::GENERIC };
        for say in [rotation, what_the_server_does] {
            let said: std::collections::BTreeSet<String> = classes.iter().map(|c| say(&of(*c))).collect();
            assert_eq!(said.len(), classes.len(), "{said:?}");
        }
        let grace = Profile { grace: Span::from_mins(10), ..of(AsClass::P3) };
        assert_eq!(class(&grace), "P3 10m");
        assert!(rotation(&grace).contains("10m") && what_the_server_does(&grace).contains("10m"));
    }
}

//! The page that lists the built-in profiles, and the keys in the page that explains their format.

use std::fmt::Write as _;

use renewd_core::Profile;
use renewd_profiles::documented;

const BEGIN: &str = "<!-- keys: written by `cargo xtask profiles` -->\n";
const END: &str = "<!-- end of keys -->\n";

const HEAD: &str = "\
# The built-in profiles

Written by `cargo xtask profiles` from the files in `crates/core/profiles`. What the columns mean stands in
[Provider profiles](profiles.md); `renewd profiles show NAME` shows all of one: endpoints, conditions, sources, and why
something is not sure. `P2`, the strict class, is also what is assumed where nothing is known; `?` marks a class that is
not sure.

";

/// The page of providers.
pub(super) fn providers(profiles: &[Profile]) -> String {
    let mut text = String::from(HEAD);
    let _ = writeln!(
        text,
        "{} profiles, {} overrides; {} facts are marked as not sure.\n",
        profiles.len(),
        profiles.iter().map(|p| p.overrides.len()).sum::<usize>(),
        profiles.iter().map(|p| p.unsure.len()).sum::<usize>(),
    );
    text += "| profile | | class | grace | client | access token | chosen by host | overrides | not sure |\n";
    text += "|---|---|---|---|---|---|---|---|---|\n";
    for profile in profiles {
        let _ = writeln!(text, "{}", row(profile));
    }
    text
}

fn row(profile: &Profile) -> String {
    let sure = |key: &str| !profile.unsure.iter().any(|(k, _)| k == key);
    let class = format!("{}{}", profile.as_class.name(), if sure("as_class") { "" } else { "?" });
    let grace = if profile.grace.is_zero() { String::new() } else { profile.grace.to_string() };
    let client: Vec<&str> = profile.client_auth.iter().map(|method| method.name()).collect();
    let lifetime = profile.lifetime.map(|span| span.to_string()).unwrap_or_default();
    let hosts = code(profile.endpoints.hosts.iter().map(|host| &**host));
    let overrides = code(profile.overrides.iter().map(|one| &*one.name));
    let unsure = code(profile.unsure.iter().map(|(key, _)| &**key));
    let title = cell(&profile.title);
    let cells = [
        format!("`{}`", profile.name),
        title,
        class,
        grace,
        client.join(", "),
        lifetime,
        hosts,
        overrides,
        unsure,
    ];
    format!("| {} |", cells.join(" | "))
}

fn code<'a>(all: impl Iterator<Item = &'a str>) -> String {
    all.map(|one| format!("`{}`", cell(one))).collect::<Vec<_>>().join(" ")
}

/// A text that cannot end its cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// The page of the format with the keys of today between its marks.
pub(super) fn with_keys(page: &str) -> Result<String, String> {
    let (before, rest) = page.split_once(BEGIN).ok_or_else(|| format!("has no line {BEGIN:?}"))?;
    let (_, after) = rest.split_once(END).ok_or_else(|| format!("has no line {END:?}"))?;
    Ok(format!("{before}{BEGIN}{}{END}{after}", keys()))
}

fn keys() -> String {
    let mut text = String::new();
    let mut table = None;
    for key in documented() {
        if table.as_ref() != Some(&key.table) {
            let name = match key.table.as_str() {
                "" => "Of the profile".to_owned(),
                name => format!("`{name}`"),
            };
            let _ = writeln!(text, "\n**{name}**\n\n| key | holds | is |\n|---|---|---|");
            table = Some(key.table.clone());
        }
        let _ = writeln!(text, "| `{}` | {} | {} |", key.name, cell(&key.holds), cell(key.about));
    }
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_stand_between_their_marks_and_the_rest_is_left_alone() {
        let page = format!("# Format\n{BEGIN}old\n{END}after\n");
        let new = with_keys(&page).unwrap();
        assert!(new.starts_with(&format!("# Format\n{BEGIN}\n**Of the profile**\n")), "{new}");
        assert!(new.ends_with(&format!("{END}after\n")), "{new}");
        assert!(!new.contains("old\n"), "{new}");
        assert_eq!(with_keys(&new).unwrap(), new);
        assert!(with_keys("# Format\n").is_err());
    }

    #[test]
    fn a_row_says_what_is_known_and_what_is_not_sure() {
        let profile = Profile {
            name: "a".into(),
            title: "A | B".into(),
            unsure: vec![("as_class".into(), "why".into())].into(),
            ..Profile::GENERIC
        };
        assert_eq!(row(&profile), "| `a` | A \\| B | P2? |  |  |  |  |  | `as_class` |");
    }
}

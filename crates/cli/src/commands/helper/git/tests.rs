use renewd_core::{Secret, Wall};

use super::*;
use clap::Parser;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    git: Git,
}

fn git(more: &[&str]) -> Git {
    Line::parse_from(["git", "--credential", "forge", "get"].iter().chain(more)).git
}

fn token(text: &str) -> Obtained {
    Obtained {
        token_type: "bearer".into(),
        expires: Some(Wall::from_unix_millis(1_795_338_000_999)),
        generation: 42,
        ..Obtained::bearer(Secret::from(text))
    }
}

fn answered(more: &[&str], asked: &str) -> String {
    let asked = Attributes::read(asked.as_bytes());
    let second = asked.state(&"forge".parse().unwrap()).is_some();
    let bytes = answer(&git(more), &asked, &token("at-1"), "oauth2", second).unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

const BASIC: &str = "username=oauth2\npassword=at-1\npassword_expiry_utc=1795338000\n";
const BEARER: &str =
    "capability[]=authtype\nauthtype=Bearer\nephemeral=1\ncredential=at-1\npassword_expiry_utc=1795338000\n";

#[test]
fn the_token_is_a_password_for_whoever_asks_for_one_and_a_bearer_token_where_git_can_say_so() {
    for (asked, answer) in [
        ("", BASIC),
        ("wwwauth[]=Bearer realm=x\n", BASIC),
        ("capability[]=authtype\n", BEARER),
        ("capability[]=authtype\nwwwauth[]=Basic realm=x\n", BASIC),
        ("capability[]=authtype\nwwwauth[]=basic\n", BASIC),
        ("capability[]=authtype\nwwwauth[]=Basic realm=x\nwwwauth[]=bearer realm=x\n", BEARER),
        ("capability[]=authtype\nwwwauth[]=Negotiate\n", BEARER),
        ("capability[]=authtype\nwwwauth[]=Basic x\nwwwauth[]=\nwwwauth[]=Bearer\n", BEARER),
    ] {
        assert_eq!(answered(&[], asked), answer, "{asked}");
    }
    assert_eq!(answered(&["--authtype", "basic"], "capability[]=authtype\n"), BASIC);
    let basic = "capability[]=authtype\nwwwauth[]=Basic\n";
    assert_eq!(answered(&["--authtype", "bearer"], basic), BEARER);
    let old = answer(&git(&["--authtype", "bearer"]), &Attributes::default(), &token("at-1"), "o", false);
    assert!(old.unwrap_err().to_string().contains("2.46"));
}

#[test]
fn a_refusal_in_the_middle_comes_back_once_with_what_was_given() {
    let first = answered(&[], "capability[]=state\n");
    assert_eq!(first, format!("{BASIC}capability[]=state\nstate[]=renewd:1.42:forge\ncontinue=1\n"));
    let second = answered(&[], "capability[]=state\nstate[]=other:x\nstate[]=renewd:1.42:forge\n");
    assert_eq!(second, format!("{BASIC}capability[]=state\nstate[]=renewd:1.42:forge\n"));
    let state = |text: &str| Attributes::read(text.as_bytes()).state(&"forge".parse().unwrap());
    assert_eq!(state("state[]=renewd:1.42:forge\n"), Some((1, 42)));
    for strange in ["renewd:1.42:other", "renewd:1.42", "renewd:x:forge", "1.42:forge", ""] {
        assert_eq!(state(&format!("state[]={strange}\n")), None, "{strange}");
    }
}

#[test]
fn what_is_incomplete_or_strange_names_no_server() {
    let server = |text: &str| Attributes::read(text.as_bytes()).server().map(|host| host.to_string());
    assert_eq!(server("protocol=https\nhost=git.example\npath=a/b.git\n").as_deref(), Some("git.example"));
    assert_eq!(
        server("protocol=https\nhost=git.example\n\nhost=evil.example\n").as_deref(),
        Some("git.example")
    );
    for text in [
        "",
        "\n",
        "protocol=https\n",
        "host=git.example\n",
        "protocol=https\nhost=\n",
        "protocol=http\nhost=git.example\n",
        "protocol=ssh\nhost=git.example\n",
        "protocol=https\nhost=git.example\rhost=evil\n",
        "protocol=https\nhost=git.example\0\n",
        "protocol=https\nhost=git.example/evil\n",
        "protocol=https\nhost=user@git.example\n",
        "protocol=https\nhost=git.example\nwhat is this\n",
        "protocol=https\nhost=\u{433}it.example\n",
    ] {
        assert_eq!(server(text), None, "{text:?}");
    }
}

#[test]
fn a_token_that_could_begin_another_line_is_not_given() {
    for text in ["at\nhost=evil", "at\r", "a b", ""] {
        let answer = answer(&git(&[]), &Attributes::default(), &token(text), "oauth2", false);
        assert!(answer.is_err(), "{text:?}");
    }
}

#[test]
fn what_was_refused_is_the_credential_or_the_password() {
    let secret = |text: &str| Attributes::read(text.as_bytes()).secret().map(<[u8]>::to_vec);
    assert_eq!(secret("username=x\npassword=at=1\n").as_deref(), Some(&b"at=1"[..]));
    assert_eq!(secret("authtype=Bearer\ncredential=at-2\n").as_deref(), Some(&b"at-2"[..]));
    assert_eq!(secret("username=x\n"), None);
}

/// git writes each of them once. Where a line break came into one of them (CVE-2020-5260), the one that it goes by is not
/// known.
#[test]
fn a_server_that_is_named_twice_is_nobodys() {
    let server = |text: &str| Attributes::read(text.as_bytes()).server().map(|host| host.to_string());
    assert_eq!(server("protocol=https\nhost=git.example\n").as_deref(), Some("git.example"));
    for text in [
        "protocol=https\nhost=evil.example\nhost=git.example\n",
        "protocol=https\nhost=\nhost=git.example\n",
        "protocol=https\nhost=git.example\nhost=git.example\n",
        "protocol=http\nhost=git.example\nprotocol=https\n",
    ] {
        assert_eq!(server(text), None, "{text:?}");
    }
}

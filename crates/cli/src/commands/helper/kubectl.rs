//! The credential plugin of Kubernetes clients (KEP 541): an `ExecCredential` on standard output.
//!
//! The client says in `KUBERNETES_EXEC_INFO` which version of that object it wants, and keeps the token until
//! `expirationTimestamp`. It cannot say that a token was refused: it runs the plugin again and gets what there is.

use clap::Args;
use renewd_driver::CredentialName;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::app::App;
use crate::commands::token::{Format, write};
use crate::exit::Failure;
use crate::json::{exposed, line};
use crate::obtain::Obtained;
use crate::output::time::rfc3339;

use super::Wanted;
use super::ask::{Question, token};

/// Where the client says what it wants.
const INFO: &str = "KUBERNETES_EXEC_INFO";

/// The versions of the object that are known. They do not differ in what is written here.
const VERSIONS: [&str; 2] = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"];

/// What the object is called.
const KIND: &str = "ExecCredential";

/// Arguments of `helper kubectl`.
#[derive(Args, Debug)]
pub(super) struct Kubectl {
    /// Which credential
    name: CredentialName,
    #[command(flatten)]
    wanted: Wanted,
    /// Give the ID token, as clusters with OpenID Connect want it, instead of the access token
    #[arg(long)]
    id_token: bool,
}

/// What the client says. What it says besides, of the cluster and of whether somebody could be asked, changes nothing:
/// the token goes to whom the client's own configuration says, and nobody is asked here.
#[derive(Deserialize)]
struct Info {
    #[serde(rename = "apiVersion")]
    api_version: String,
    kind: String,
}

#[derive(Serialize)]
struct ExecCredential<'a> {
    #[serde(rename = "apiVersion")]
    api_version: &'a str,
    kind: &'a str,
    status: Status<'a>,
}

#[derive(Serialize)]
struct Status<'a> {
    #[serde(with = "exposed")]
    token: &'a renewd_core::Secret,
    #[serde(rename = "expirationTimestamp", skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
}

/// Answers.
///
/// # Errors
/// Why there is no token; a usage failure where the client wants a version that is not known.
pub(super) fn run(args: &Kubectl, app: &App) -> Result<(), Failure> {
    let version = version(app.env.text(INFO).as_deref())?;
    let question = if args.id_token { Question::IdToken } else { Question::Token(None) };
    let found = token(app, &args.name, &args.wanted, question)?;
    // What no header can carry is refused here.
    write(&args.name, &found, Format::Raw)?;
    app.output.data(&document(version, &found)?)
}

fn document(version: &str, found: &Obtained) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let status = Status { token: &found.access_token, expires: found.expires.map(rfc3339) };
    line(&ExecCredential { api_version: version, kind: KIND, status })
}

/// The version to answer in: the newest, where whoever asks says nothing.
fn version(info: Option<&str>) -> Result<&'static str, Failure> {
    let Some(text) = info else { return Ok(VERSIONS[0]) };
    let info: Info = serde_json::from_str(text)
        .map_err(|_| Failure::usage(format!("{INFO} is not what a Kubernetes client says to its plugin")))?;
    if info.kind != KIND {
        return Err(Failure::usage(format!("{INFO} is no {KIND}")));
    }
    VERSIONS.into_iter().find(|known| *known == info.api_version).ok_or_else(|| {
        Failure::usage(format!("{INFO} wants a version that is not known here"))
            .advise(format!("set apiVersion to {} in the user's exec entry of the kubeconfig", VERSIONS[0]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use renewd_core::{Secret, Wall};

    fn obtained(expires: Option<Wall>) -> Obtained {
        Obtained { expires, ..Obtained::bearer(Secret::from("at-1")) }
    }

    #[test]
    fn the_object_is_of_the_version_that_the_client_asks_for() {
        for version in VERSIONS {
            let info = format!(
                r#"{{"kind":"ExecCredential","apiVersion":"{version}","spec":{{"interactive":true,"cluster":{{"server":"https://k.example"}}}}}}"#
            );
            assert_eq!(super::version(Some(&info)).unwrap(), version);
        }
        assert_eq!(version(None).unwrap(), VERSIONS[0]);
        let of = |text: &str| version(Some(text)).unwrap_err().to_string();
        let alpha = r#"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1alpha1"}"#;
        assert!(of(alpha).contains("set apiVersion to client.authentication.k8s.io/v1 "), "{}", of(alpha));
        assert!(of("x").contains("KUBERNETES_EXEC_INFO"));
        assert!(of(r#"{"kind":"Pod","apiVersion":"v1"}"#).contains("no ExecCredential"));
    }

    #[test]
    fn the_object_holds_the_token_and_when_it_ends_where_that_is_known() {
        let at = Some(Wall::from_unix_millis(1_795_338_000_000));
        let bytes = document(VERSIONS[1], &obtained(at)).unwrap();
        assert_eq!(
            std::str::from_utf8(&bytes).unwrap(),
            "{\"apiVersion\":\"client.authentication.k8s.io/v1beta1\",\"kind\":\"ExecCredential\",\
             \"status\":{\"token\":\"at-1\",\"expirationTimestamp\":\"2026-11-22T09:00:00Z\"}}\n"
        );
        let bytes = document(VERSIONS[0], &obtained(None)).unwrap();
        assert!(!std::str::from_utf8(&bytes).unwrap().contains("expirationTimestamp"));
    }
}

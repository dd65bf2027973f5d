//! Where credentials lie already: files of other programs, in formats that those document.
//!
//! Nothing of a source is changed. A refresh token that its server replaces has one owner: whoever imports it is told what
//! becomes of the one before, and says so with `--take-over` ([`owner`]).

mod document;
mod gcloud;
mod issuer;
mod json;
mod kubeconfig;
mod oidc_agent;
pub(super) mod owner;
mod rclone;

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use renewd_core::{GrantType, Secret};
use zeroize::Zeroizing;

use super::{Checked, Import, issuer, text, url};
use crate::app::App;
use crate::environment::Environment;
use crate::exit::Failure;
use crate::input::file::read_checked;
use crate::input::stdin::read_body;

pub(super) use issuer::endpoints_of;
pub(super) use owner::Owner;

/// Largest source. An account's file has a few KiB; a kubeconfig of many clusters carries certificates.
const SOURCE_BYTES_MAX: usize = 1 << 20;

/// A program whose files are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Source {
    /// `application_default_credentials.json`: a user's, or a service account's key
    Gcloud,
    /// What `oidc-gen -p ACCOUNT` prints
    OidcAgent,
    /// A remote of `rclone.conf`
    Rclone,
    /// What `kubectl config view --raw -o json` prints
    Kubeconfig,
    /// A JSON document of your own
    File,
}

/// What was found in a source.
pub(super) struct Found {
    /// Where, for people.
    pub(super) place: String,
    /// Who has it.
    pub(super) owner: Owner,
    /// What it is renewed by; none where a key is.
    pub(super) refresh_token: Option<Secret>,
    /// How it is renewed.
    pub(super) grant_type: GrantType,
    /// The client's secret.
    pub(super) client_secret: Option<Secret>,
    /// The provider profile, by name.
    pub(super) profile: Option<String>,
    /// `client_id`; empty where the grant has none.
    pub(super) client_id: Option<String>,
    /// How the client proves itself.
    pub(super) client_auth: Option<String>,
    /// The issuer.
    pub(super) issuer: Option<String>,
    /// The token endpoint.
    pub(super) token_endpoint: Option<String>,
    /// The revocation endpoint.
    pub(super) revocation_endpoint: Option<String>,
    /// The resource (RFC 8707).
    pub(super) resource: Option<String>,
    /// The audience.
    pub(super) audience: Option<String>,
    /// What somebody should hear besides.
    pub(super) remarks: Vec<String>,
}

impl Found {
    /// A refresh token in that place, and nothing known of it yet.
    fn new(place: &str, owner: Owner, refresh_token: Option<Secret>) -> Self {
        Self {
            place: place.into(),
            owner,
            refresh_token,
            grant_type: GrantType::RefreshToken,
            client_secret: None,
            profile: None,
            client_id: None,
            client_auth: None,
            issuer: None,
            token_endpoint: None,
            revocation_endpoint: None,
            resource: None,
            audience: None,
            remarks: Vec::new(),
        }
    }

    /// Puts what was found where no flag says otherwise, checked as flags are.
    pub(super) fn fill(&self, checked: &mut Checked) -> Result<(), Failure> {
        let of = |key: &str| format!("{}: {key}", self.place);
        let or_url = |flag: &mut Option<String>, found: &Option<String>, key: &str| -> Result<(), Failure> {
            if flag.is_none() {
                *flag = url(found.as_deref(), &of(key))?;
            }
            Ok(())
        };
        or_url(&mut checked.token_endpoint, &self.token_endpoint, "token_endpoint")?;
        if checked.issuer.is_none() {
            checked.issuer = issuer(self.issuer.as_deref(), &of("issuer"))?;
        }
        or_url(&mut checked.revocation_endpoint, &self.revocation_endpoint, "revocation_endpoint")?;
        if checked.client_id.is_none() {
            checked.client_id = match self.client_id.as_deref() {
                // A grant by a key alone has no client.
                Some("") => Some(String::new()),
                other => text(other, &of("client_id"), true)?,
            };
        }
        if checked.resource.is_none() {
            checked.resource = text(self.resource.as_deref(), &of("resource"), false)?;
        }
        if checked.profile.is_none() {
            checked.profile.clone_from(&self.profile);
        }
        Ok(())
    }
}

/// Reads the source that the call names; none where it names none.
///
/// # Errors
/// A usage failure that says where and what is wrong, never what was read.
pub(super) fn read(args: &Import, app: &App) -> Result<Option<Found>, Failure> {
    let Some(source) = args.from else { return Ok(None) };
    let Text { place, bytes } = load(args, source, &app.env)?;
    let entry = args.entry.as_deref();
    match source {
        Source::Gcloud => gcloud::read(&place, &bytes, &args.scope),
        Source::OidcAgent => oidc_agent::read(&place, &bytes),
        Source::Rclone => rclone::read(&place, &bytes, entry),
        Source::Kubeconfig => kubeconfig::read(&place, &bytes, entry),
        Source::File => document::read(&place, &bytes),
    }
    .map(Some)
}

/// Whether the source is standard input.
pub(super) fn is_stdin(args: &Import) -> bool {
    match (args.from, args.path.as_deref()) {
        (None, _) => true,
        (Some(_), Some(path)) => path == Path::new("-"),
        (Some(Source::OidcAgent | Source::Kubeconfig), None) => true,
        (Some(_), None) => false,
    }
}

/// A source, as it was read.
struct Text {
    place: String,
    bytes: Zeroizing<Vec<u8>>,
}

fn load(args: &Import, source: Source, env: &Environment) -> Result<Text, Failure> {
    if is_stdin(args) {
        return Ok(Text { place: "standard input".into(), bytes: read_body(SOURCE_BYTES_MAX)? });
    }
    let path = match (&args.path, source) {
        (Some(path), _) => path.clone(),
        (None, Source::Gcloud) => usual(gcloud::folder(env), gcloud::FILE)?,
        (None, Source::Rclone) => match env.folder("RCLONE_CONFIG") {
            Some(path) => path,
            None => usual(rclone::folder(env), rclone::FILE)?,
        },
        (None, Source::File | Source::OidcAgent | Source::Kubeconfig) => {
            return Err(Failure::usage("--from file needs --path")
                .advise("name the JSON document, or - for standard input"));
        }
    };
    let place = path.display().to_string();
    let bytes = read_checked(&path, SOURCE_BYTES_MAX)
        .map_err(|error| Failure::usage(format!("{place} {}", error.text())))?;
    Ok(Text { place, bytes })
}

fn usual(folder: Option<PathBuf>, file: &str) -> Result<PathBuf, Failure> {
    folder
        .map(|folder| folder.join(file))
        .ok_or_else(|| Failure::usage(format!("nothing says where {file} is")).advise("name it with --path"))
}

/// No entry was named and there is not just one, or none has that name.
fn no_entry(place: &str, what: &str, names: &[String]) -> Failure {
    let failure = Failure::usage(match names.len() {
        0 => format!("{place}: no {what} in it has a token"),
        _ => format!("{place}: which {what}? It has {}", names.join(", ")),
    });
    if names.is_empty() { failure } else { failure.advise(format!("name the {what} with --entry")) }
}

#[cfg(test)]
mod tests;

//! A remote of `rclone.conf` whose `token` is an OAuth token.

use std::path::PathBuf;

use super::json::Object;
use super::{Found, Owner, no_entry};
use crate::environment::Environment;
use crate::exit::Failure;

/// The file's name in rclone's folder.
pub(super) const FILE: &str = "rclone.conf";

/// What an encrypted configuration says in its clear lines.
const ENCRYPTED: &str = "RCLONE_ENCRYPT_V";

/// Kinds of remotes whose provider has a profile with a token endpoint of its own.
const PROFILES: [(&str, &str); 6] = [
    ("drive", "google"),
    ("google cloud storage", "google"),
    ("google photos", "google"),
    ("dropbox", "dropbox"),
    ("box", "box"),
    ("yandex", "yandex"),
];

/// rclone's folder.
pub(super) fn folder(env: &Environment) -> Option<PathBuf> {
    env.folder("XDG_CONFIG_HOME")
        .or_else(|| env.folder("APPDATA").filter(|_| cfg!(windows)))
        .or_else(|| env.folder("HOME").map(|home| home.join(".config")))
        .map(|config| config.join("rclone"))
}

/// A remote: its name, and its keys with their lines.
struct Remote<'a> {
    name: &'a str,
    keys: Vec<(usize, &'a str, &'a str)>,
}

impl<'a> Remote<'a> {
    fn value(&self, key: &str) -> Option<(usize, &'a str)> {
        let found = self.keys.iter().find(|(_, name, value)| *name == key && !value.is_empty())?;
        Some((found.0, found.2))
    }

    fn text(&self, key: &str) -> Option<String> {
        self.value(key).map(|(_, value)| value.to_owned())
    }
}

pub(super) fn read(place: &str, bytes: &[u8], entry: Option<&str>) -> Result<Found, Failure> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| Failure::usage(format!("{place}: it is no text, so no rclone.conf")))?;
    if text.lines().any(|line| line.starts_with(ENCRYPTED)) {
        return Err(Failure::usage(format!(
            "{place}: it is encrypted, with a password that only rclone asks for"
        ))
        .advise("rclone config show | renewd import NAME --from rclone --path -"));
    }
    let remotes = remotes(place, text)?;
    let with_token: Vec<_> = remotes.iter().filter(|remote| remote.value("token").is_some()).collect();
    let names: Vec<String> = with_token.iter().map(|remote| remote.name.to_owned()).collect();
    let remote = match (entry, with_token.as_slice()) {
        (Some(wanted), all) => all
            .iter()
            .find(|remote| remote.name == wanted)
            .ok_or_else(|| no_entry(place, "remote", &names))?,
        (None, [only]) => only,
        (None, _) => return Err(no_entry(place, "remote", &names)),
    };
    found(place, remote)
}

fn found(place: &str, remote: &Remote<'_>) -> Result<Found, Failure> {
    let (line, token) = remote.value("token").unwrap_or_default();
    let at = format!("{place}: line {line}: [{}] token", remote.name);
    let token = Object::parse(&at, token.as_bytes())?;
    let name = format!("the rclone remote {}", remote.name);
    let stop = format!("`rclone config reconnect {}:` gives it a token of its own", remote.name);
    let refresh = token
        .secret("refresh_token")?
        .ok_or_else(|| token.wrong("refresh_token", "is missing: this remote has an access token only"))?;
    let mut found = Found::new(place, Owner { name, stop }, Some(refresh));
    found.client_id = remote.text("client_id");
    found.client_secret = match remote.value("client_secret") {
        None => None,
        Some((line, secret)) => Some(crate::input::secret::clean(secret.as_bytes()).map_err(|why| {
            Failure::usage(format!("{place}: line {line}: [{}] client_secret {why}", remote.name))
        })?),
    };
    found.token_endpoint = remote.text("token_url");
    let kind = remote.text("type").unwrap_or_default();
    found.profile = PROFILES.iter().find(|(own, _)| *own == kind).map(|(_, profile)| (*profile).to_owned());
    if found.client_id.is_none() {
        found.remarks.push(format!(
            "{} has no client_id of its own and uses rclone's: name that client with --client-id and \
             --client-secret-file, as its tokens are renewed by no other",
            remote.name
        ));
    }
    Ok(found)
}

fn remotes<'a>(place: &str, text: &'a str) -> Result<Vec<Remote<'a>>, Failure> {
    let mut all: Vec<Remote<'a>> = Vec::new();
    for (number, line) in text.lines().enumerate().map(|(number, line)| (number + 1, line.trim())) {
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            all.push(Remote { name, keys: Vec::new() });
            continue;
        }
        match (line.split_once('='), all.last_mut()) {
            (Some((key, value)), Some(remote)) => remote.keys.push((number, key.trim(), value.trim())),
            (Some(_), None) => {
                return Err(Failure::usage(format!("{place}: line {number}: it stands before any [remote]")));
            }
            (None, _) => {
                return Err(Failure::usage(format!(
                    "{place}: line {number}: it is neither [remote] nor key = value"
                )));
            }
        }
    }
    Ok(all)
}

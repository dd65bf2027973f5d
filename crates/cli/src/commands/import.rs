//! `renewd import`: a refresh token that was got elsewhere becomes a credential.
//!
//! The token is read from standard input, or with `--from` from another program's file; never from an argument: arguments
//! stand in the process list and in the shell's history.

mod from;
mod profile;

use std::path::PathBuf;

use clap::Args;
use renewd_blocking::block_on;
use renewd_core::{
    AsClass, GrantMaterial, GrantType, Identity, Loaded, Record, RecordState, Secret, Settings,
    StoreFaultKind,
};
use renewd_driver::system::SystemClock;
use renewd_driver::{Clock as _, CredentialName, CredentialStore, Expect};

use crate::app::App;
use crate::config::Config;
use crate::credential::{check_identity, open, store_failure, write_failure};
use crate::exit::Failure;
use crate::input::secret::SecretSource;
use crate::input::stdin::read_refresh_token;
use crate::input::url::{Url, UrlUse, same_place};
use crate::journal::What;
use crate::obtain::written;
use crate::profiles::{beside, revocation_beside};

use from::Found;
use profile::Named;

/// Longest of the short texts that a record pins, in bytes.
const TEXT_BYTES_MAX: usize = 1024;

/// Arguments of `import`.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  renewd import work --token-endpoint https://as.example/token --client-id ID < refresh-token\n  \
                        renewd import github --profile github --client-id ID < refresh-token\n\n\
                        \x20 renewd import gcp --from gcloud\n  oidc-gen -p ACCOUNT | renewd import egi --from oidc-agent --take-over\n\n\
                        With --replace, what is not given stays as the record has it."
)]
pub(crate) struct Import {
    /// What to call the credential
    name: CredentialName,
    /// Where the refresh token goes, and nowhere else [default: the profile's, where it is the same for everybody or the issuer tells]
    #[arg(long, value_name = "URL")]
    token_endpoint: Option<String>,
    /// The OAuth client
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// The client's secret: a file, or fd:N for an open descriptor
    #[arg(long, value_name = "PATH|fd:N")]
    client_secret_file: Option<SecretSource>,
    /// How the client proves itself: none, basic or post [default: the profile's; else post with a secret, else none]
    #[arg(long, value_name = "METHOD", value_parser = ["none", "basic", "post"], hide_possible_values = true)]
    client_auth: Option<String>,
    /// Scope to ask for on refresh; may be repeated
    #[arg(long, value_name = "S")]
    scope: Vec<String>,
    /// The resource the token is for (RFC 8707)
    #[arg(long, value_name = "URL")]
    resource: Option<String>,
    /// The issuer (RFC 8414), for the record
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// Where tokens are revoked on logout (RFC 7009)
    #[arg(long, value_name = "URL")]
    revocation_endpoint: Option<String>,
    /// The provider profile, of those that `renewd profiles` lists [default: by the server's host, else generic]
    #[arg(long, value_name = "P")]
    profile: Option<String>,
    /// How the server treats a spent refresh token: P0 to P6 [default: the profile's, else P2]
    #[arg(long, value_name = "CLASS")]
    as_class: Option<String>,
    /// Put it in the place of what NAME holds now
    #[arg(long)]
    replace: bool,
    /// Take it from what another program keeps, or from a JSON document of your own
    #[arg(long, value_name = "SOURCE", value_enum)]
    from: Option<from::Source>,
    /// The file to take it from, - for standard input [default: where gcloud and rclone keep theirs; else standard input]
    #[arg(long, value_name = "PATH", requires = "from")]
    path: Option<PathBuf>,
    /// Which entry of it, where there are several: an rclone remote, a kubeconfig user
    #[arg(long, value_name = "ENTRY", requires = "from")]
    entry: Option<String>,
    /// Take the refresh token away from the program that has it: that one must not use it any more
    #[arg(long, requires = "from")]
    take_over: bool,
}

/// Imports.
///
/// # Errors
/// What is wrong with the call, the configuration or the store.
pub(crate) fn run(args: &Import, app: &App) -> Result<(), Failure> {
    if from::is_stdin(args) && args.client_secret_file.as_ref().is_some_and(SecretSource::is_stdin) {
        return Err(Failure::usage(
            "two readers of standard input: the refresh token and --client-secret-file",
        )
        .advise("put the client secret into a file, or give it by another descriptor: 3< FILE and fd:3"));
    }
    let config = app.config()?;
    if from::is_stdin(args) && config.reads_stdin("store", "passphrase_fd") {
        return Err(Failure::usage("two readers of standard input: the refresh token and the passphrase")
            .advise("give the passphrase by another descriptor: --passphrase-fd 3 3< FILE"));
    }
    let mut checked = Checked::new(args)?;
    let found = from::read(args, app)?;
    if let Some(found) = &found {
        found.fill(&mut checked)?;
    }
    let store = open(&config).map_err(|failure| untouched(failure, &args.name))?;
    let (standing, expect) = standing(args, store.port.as_ref())?;
    let named = Named::find(checked.profile.as_deref(), &args.name, &config, standing.as_ref())?;
    if found.is_some() {
        ask_the_issuer(&mut checked, &config, &args.name, &named)?;
    }
    let identity = identity(&checked, &config, &args.name, standing.as_ref(), &named)?;
    check_identity(&config, &args.name, &identity)?;
    let settings = settings(args, &checked, &config, &identity, standing.as_ref(), found.as_ref())?;
    let mut words = Vec::new();
    let token = match &found {
        None => Some(read_refresh_token()?),
        Some(found) => {
            words.extend(found.remarks.iter().map(|remark| format!("{}: {remark}", args.name)));
            found.refresh_token.clone()
        }
    };
    if let Some(token) = &token {
        refuse_shared(store.port.as_ref(), token, &args.name)?;
        if let Some(found) = &found {
            let class = class(&checked, &config, &args.name, &identity);
            words.push(from::owner::share(&args.name, &found.place, &found.owner, class, args.take_over)?);
        }
    }
    let epoch = standing.as_ref().map_or(0, |r| r.epoch).saturating_add(1);
    let grant = GrantMaterial { refresh_token: token, ..GrantMaterial::default() };
    let record = Record::new(epoch, identity, settings, grant, SystemClock.now());
    block_on(store.port.put(&args.name, &record, expect)).map_err(|f| write_failure(f, "import"))?;
    let name = &args.name;
    written(&config, name, What::Imported { epoch });
    let written = checked.token_endpoint.is_some()
        || config.lookup("credential", "token_endpoint", Some(name)).is_some();
    if let Some(word) = named.filled_in(name, &record.identity).filter(|_| !written) {
        app.output.note(&word);
    }
    words.extend(profile::words(&config, name, &record, &named));
    for word in words {
        app.output.note(&word);
    }
    app.output.note(&format!(
        "{} {name}: imported into {}; `renewd token {name}` gives an access token",
        app.output.err.green("✓"),
        store.place
    ));
    Ok(())
}

/// The store does not open. Whoever piped a refresh token in must know that it is still theirs.
fn untouched(mut failure: Failure, name: &CredentialName) -> Failure {
    let kept = format!("nothing was imported as {name}: the refresh token was not read");
    failure.advice = Some(match failure.advice {
        Some(advice) => format!("{advice}\n  {kept}"),
        None => kept,
    });
    failure.about(name)
}

/// The arguments, each checked for itself.
struct Checked {
    profile: Option<String>,
    token_endpoint: Option<String>,
    issuer: Option<String>,
    revocation_endpoint: Option<String>,
    client_id: Option<String>,
    resource: Option<String>,
    scope: Option<String>,
    as_class: Option<AsClass>,
}

impl Checked {
    fn new(args: &Import) -> Result<Self, Failure> {
        let as_class = as_class(args.as_class.as_deref())?;
        Ok(Self {
            profile: args.profile.clone(),
            token_endpoint: url(args.token_endpoint.as_deref(), "--token-endpoint")?,
            issuer: issuer(args.issuer.as_deref(), "--issuer")?,
            revocation_endpoint: url(args.revocation_endpoint.as_deref(), "--revocation-endpoint")?,
            client_id: text(args.client_id.as_deref(), "--client-id", true)?,
            resource: text(args.resource.as_deref(), "--resource", false)?,
            scope: scope(&args.scope)?,
            as_class,
        })
    }
}

/// The class that a flag names.
pub(super) fn as_class(name: Option<&str>) -> Result<Option<AsClass>, Failure> {
    let unknown = || {
        Failure::usage("--as-class is none of P0, P1, P2, P3, P4, P5, P6")
            .advise("leave it out where you do not know: P2, the strictest, is assumed")
    };
    name.map(|name| AsClass::from_name(name).ok_or_else(unknown)).transpose()
}

pub(super) fn url(value: Option<&str>, flag: &str) -> Result<Option<String>, Failure> {
    value
        .map(|v| Url::parse(v, UrlUse::Endpoint).map(|u| u.to_string()))
        .transpose()
        .map_err(|why| Failure::usage(format!("{flag} {why}")))
}

/// Judged as an address and kept as it is written: a later login compares it to the letter (RFC 8414 section 3.3).
pub(super) fn issuer(value: Option<&str>, flag: &str) -> Result<Option<String>, Failure> {
    Ok(url(value, flag)?.and(value.map(String::from)))
}

pub(super) fn text(value: Option<&str>, flag: &str, spaces: bool) -> Result<Option<String>, Failure> {
    let Some(value) = value else { return Ok(None) };
    let why = if value.is_empty() {
        "is empty"
    } else if value.len() > TEXT_BYTES_MAX {
        "is longer than 1024 bytes"
    } else if !value.bytes().all(|b| b.is_ascii_graphic() || (spaces && b == b' ')) {
        "holds a space, a control character or a letter outside ASCII"
    } else {
        return Ok(Some(value.into()));
    };
    Err(Failure::usage(format!("{flag} {why}")))
}

/// Scope tokens as RFC 6749 §3.3 spells them, joined.
pub(super) fn scope(all: &[String]) -> Result<Option<String>, Failure> {
    let words: Vec<&str> = all.iter().flat_map(|s| s.split(' ')).filter(|w| !w.is_empty()).collect();
    let good = |w: &&str| w.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\');
    let joined = words.join(" ");
    if !words.iter().all(good) || joined.len() > TEXT_BYTES_MAX || (words.is_empty() && !all.is_empty()) {
        return Err(Failure::usage(
            "--scope must be words of visible ASCII without \" and \\ (RFC 6749 §3.3)",
        ));
    }
    Ok((!joined.is_empty()).then_some(joined))
}

/// What stands in the store under that name, and what must still stand there when the record is written.
fn standing(args: &Import, store: &dyn CredentialStore) -> Result<(Option<Record>, Expect), Failure> {
    match block_on(store.load(&args.name)) {
        Loaded::Absent => Ok((None, Expect::Absent)),
        // The damaged record was set aside; a login is how it is healed.
        Loaded::Fault(fault) if fault.kind == StoreFaultKind::Damaged => Ok((None, Expect::Absent)),
        Loaded::Fault(fault) => Err(store_failure(fault).about(&args.name)),
        Loaded::Record(record) | Loaded::RolledBack { record, .. } => {
            let logged_out = matches!(record.state, RecordState::Tombstone { .. });
            if !args.replace && !logged_out {
                let name = &args.name;
                return Err(Failure::usage(format!("credential {name} exists already"))
                    .advise("--replace puts the new refresh token in its place")
                    .about(name));
            }
            let (epoch, generation) = record.version();
            Ok((Some(*record), Expect::Version { epoch, generation }))
        }
    }
}

fn identity(
    checked: &Checked,
    config: &Config,
    name: &CredentialName,
    standing: Option<&Record>,
    named: &Named<'_>,
) -> Result<Identity, Failure> {
    let old = standing.map(|r| &r.identity);
    let configured = |key| config.text("credential", key, Some(name));
    let told = checked.issuer.clone().or_else(|| configured("issuer"));
    let token_endpoint = (checked.token_endpoint.clone())
        .or_else(|| configured("token_endpoint"))
        .or_else(|| named.instead_of(old, told.as_deref()))
        .or_else(|| old.map(|o| o.token_endpoint.clone()))
        .or_else(|| named.token_endpoint())
        .or_else(|| named.at_issuer(told.as_deref()))
        .ok_or_else(|| named.no_token_endpoint(name))?;
    // What belongs to another server is not carried over to this one.
    let old = old.filter(|o| same_place(&o.token_endpoint, &token_endpoint));
    let client_id = (checked.client_id.clone())
        .or_else(|| configured("client_id"))
        .or_else(|| old.map(|o| o.client_id.clone()))
        .ok_or_else(|| named.no_client_id(name))?;
    let pick = |given: &Option<String>, key, kept: Option<&String>| {
        given.clone().or_else(|| configured(key)).or_else(|| kept.cloned())
    };
    let issuer = pick(&checked.issuer, "issuer", old.and_then(|o| o.issuer.as_ref()));
    let profile = named.for_the_record(config, issuer.as_deref(), &token_endpoint, old);
    let known = config.profiles().named(&profile).map(|k| k.profile);
    Ok(Identity {
        issuer: issuer
            .or_else(|| known.and_then(|p| beside(p, &token_endpoint, p.endpoints.issuer.as_deref()))),
        revocation_endpoint: pick(
            &checked.revocation_endpoint,
            "revocation_endpoint",
            old.and_then(|o| o.revocation_endpoint.as_ref()),
        )
        .or_else(|| known.and_then(|p| revocation_beside(p, &token_endpoint))),
        resource: pick(&checked.resource, "resource", old.and_then(|o| o.resource.as_ref())),
        token_endpoint,
        client_id,
        profile,
    })
}

fn settings(
    args: &Import,
    checked: &Checked,
    config: &Config,
    identity: &Identity,
    standing: Option<&Record>,
    found: Option<&Found>,
) -> Result<Settings, Failure> {
    let same = |r: &&Record| {
        r.identity.client_id == identity.client_id
            && same_place(&r.identity.token_endpoint, &identity.token_endpoint)
    };
    let old = standing.filter(same).map(|r| &r.settings);
    let client_secret = match &args.client_secret_file {
        Some(source) => Some(source.read("the client secret")?),
        None => found
            .and_then(|found| found.client_secret.clone())
            .or_else(|| old.and_then(|s| s.client_secret.clone())),
    };
    let configured = config.path("credential", "client_secret_file", Some(&args.name)).is_some();
    if let Some(method @ ("basic" | "post")) = args.client_auth.as_deref()
        && client_secret.is_none()
        && !configured
    {
        return Err(Failure::usage(format!("--client-auth {method} needs a client secret"))
            .advise("name its file with --client-secret-file"));
    }
    let client_auth = (args.client_auth.clone())
        .or_else(|| found.and_then(|found| found.client_auth.clone()))
        .or_else(|| old.and_then(|s| s.client_auth.clone()));
    let grant_type = found.map_or(GrantType::RefreshToken, |found| found.grant_type.clone());
    Ok(Settings {
        client_auth,
        client_secret,
        // Where an assertion is signed, the scope stands in it.
        scope: (checked.scope.clone())
            .or_else(|| old.and_then(|s| s.scope.clone()))
            .filter(|_| grant_type.spends_refresh_token()),
        audience: found
            .and_then(|found| found.audience.clone())
            .or_else(|| old.and_then(|s| s.audience.clone())),
        grant_type,
        as_class: checked.as_class.or_else(|| old.and_then(|s| s.as_class)),
        grace: old.and_then(|s| s.grace),
        ..Settings::default()
    })
}

/// A source may name its issuer alone; where the provider's profile does not know the rest, the server does.
fn ask_the_issuer(
    checked: &mut Checked,
    config: &Config,
    name: &CredentialName,
    named: &Named<'_>,
) -> Result<(), Failure> {
    let known = checked.token_endpoint.is_some()
        || config.lookup("credential", "token_endpoint", Some(name)).is_some()
        || named.token_endpoint().is_some()
        || named.at_issuer(checked.issuer.as_deref()).is_some();
    if let Some(issuer) = checked.issuer.clone().filter(|_| !known) {
        let (token, revocation, issuer) = from::endpoints_of(config, name, &issuer, named.or_generic())?;
        checked.token_endpoint = Some(token);
        checked.revocation_endpoint = checked.revocation_endpoint.take().or(revocation);
        checked.issuer = Some(issuer);
    }
    Ok(())
}

/// How the server treats a spent refresh token: what the call says, else the configuration, else the profile.
fn class(checked: &Checked, config: &Config, name: &CredentialName, identity: &Identity) -> AsClass {
    let configured = config.text("credential", "as_class", Some(name));
    let profile = config.profiles().named(&identity.profile).map(|known| known.profile.as_class);
    (checked.as_class)
        .or_else(|| configured.and_then(|class| AsClass::from_name(&class)))
        .or(profile)
        .unwrap_or_default()
}

/// Two records of one refresh token would lose it: each rotation makes the other's a spent one.
fn refuse_shared(store: &dyn CredentialStore, token: &Secret, name: &CredentialName) -> Result<(), Failure> {
    match block_on(store.holder_of(token, Some(name))).map_err(store_failure)? {
        None => Ok(()),
        Some(holder) => {
            Err(Failure::usage(format!("this refresh token belongs to credential {holder} already"))
                .advise(format!("use `renewd token {holder}`, or log in once more for a token of its own"))
                .about(name))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_may_be_repeated_or_joined_and_nothing_else() {
        let given = |all: &[&str]| scope(&all.iter().map(|s| s.to_string()).collect::<Vec<_>>());
        assert_eq!(given(&[]).unwrap(), None);
        assert_eq!(given(&["repo", "user email"]).unwrap().as_deref(), Some("repo user email"));
        for bad in [&[""][..], &["a\"b"], &["a\nb"], &["\u{fc}"]] {
            assert!(given(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn short_texts_are_checked_and_never_repeated() {
        let long = "x".repeat(2000);
        for value in ["", "a\x1b", "\u{fc}", &long] {
            let error = text(Some(value), "--client-id", true).unwrap_err();
            assert!(
                error.message.starts_with("--client-id ") && error.message.len() < 100,
                "{}",
                error.message
            );
        }
        assert_eq!(text(Some("Iv1.x y"), "--client-id", true).unwrap().as_deref(), Some("Iv1.x y"));
    }
}

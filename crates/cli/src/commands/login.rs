//! `renewd login`: from nothing to a living credential.
//!
//! What is asked for is put together first, from flags, the configuration and the login that stands ([`wanted`]); then the
//! server is found, the client is settled ([`client`]), a way is chosen that fits the place ([`way`]), and what was granted is
//! kept where the credential lives ([`place`]). Only a person who runs this command starts any of it.

mod client;
mod done;
mod place;
mod screen;
mod wanted;
mod way;
mod whose;

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use renewd_blocking::{ThreadTimer, block_on};
use renewd_core::{Profile, RequestPolicy};
use renewd_driver::system::SystemClock;
use renewd_driver::{Clock as _, CredentialName};
use renewd_login::{LoginError, LoginErrorKind, Plan, Ports, Server, discover};
use renewd_signer::KeySigner;
use renewd_ureq::{UreqWeb, Workers};

use crate::app::App;
use crate::config::Config;
use crate::credential::{check_identity, check_transport, policy, refuse_other, transport};
use crate::exit::{Exit, Failure};
use crate::input::secret::SecretSource;
use crate::interrupt::Interrupts;

use client::{KeySource, Settled};
use place::Place;
use screen::Screen;
use wanted::Wanted;
use way::Way;

/// Arguments of `login`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  renewd login github --client-id ID\n  \
                        renewd login work --issuer https://as.example --client-id ID --scope offline_access\n  \
                        renewd login notes --resource https://mcp.example/mcp\n  \
                        renewd login ci --issuer https://as.example --client-id ci --client-secret-file cs --grant client-credentials\n  \
                        renewd login work\n\n\
                        What is not given is taken from the configuration and from the login that stands: the last line logs in again.")]
pub(crate) struct Login {
    /// What to call the credential
    name: CredentialName,
    /// The authorization server, by its issuer (RFC 8414, OpenID Connect Discovery)
    #[arg(long, value_name = "URL", help_heading = "Where")]
    issuer: Option<String>,
    /// A provider, of those that `renewd profiles` lists
    #[arg(long, value_name = "P", help_heading = "Where")]
    profile: Option<String>,
    /// What the token is for; without an issuer or a profile its authorization server is found (RFC 9728)
    #[arg(long, value_name = "URL", help_heading = "Where")]
    resource: Option<String>,
    /// The token endpoint, of a server that tells nothing of itself
    #[arg(long, value_name = "URL", help_heading = "Where")]
    token_endpoint: Option<String>,
    /// The same, where a browser login begins
    #[arg(long, value_name = "URL", help_heading = "Where")]
    authorization_endpoint: Option<String>,
    /// The same, where a device login begins
    #[arg(long, value_name = "URL", help_heading = "Where")]
    device_authorization_endpoint: Option<String>,
    /// The same, where a logout revokes
    #[arg(long, value_name = "URL", help_heading = "Where")]
    revocation_endpoint: Option<String>,
    /// The OAuth client, or the https address of its metadata document
    #[arg(long, value_name = "ID", help_heading = "By which client")]
    client_id: Option<String>,
    /// The client's secret: a file, or fd:N for an open descriptor
    #[arg(long, value_name = "PATH|fd:N", help_heading = "By which client")]
    client_secret_file: Option<SecretSource>,
    /// The client's private key, PEM or JWK: a file, fd:N, or keyring:ITEM; kept in the record
    #[arg(long, value_name = "PATH|fd:N|keyring:ITEM", help_heading = "By which client")]
    client_key_file: Option<KeySource>,
    /// The name by which the server knows the key
    #[arg(long, value_name = "KID", help_heading = "By which client")]
    client_key_id: Option<String>,
    /// ES256, RS256 or EdDSA [default: by the key]
    #[arg(long, value_name = "ALG", value_parser = ["ES256", "RS256", "EdDSA"], hide_possible_values = true, help_heading = "By which client")]
    client_key_algorithm: Option<String>,
    /// How the client proves itself: none, basic, post or private_key_jwt [default: the profile's; else by what is given]
    #[arg(long, value_name = "METHOD", value_parser = ["none", "basic", "post", "private_key_jwt"], hide_possible_values = true, help_heading = "By which client")]
    client_auth: Option<String>,
    /// Have the server make a client (RFC 7591); done without asking where it offers that and no client is given
    #[arg(long, help_heading = "By which client")]
    register: bool,
    /// The token with which clients may be registered there: a file, or fd:N
    #[arg(long, value_name = "PATH|fd:N", requires = "register", help_heading = "By which client")]
    registration_token_file: Option<SecretSource>,
    /// Scope to ask for; may be repeated
    #[arg(long, value_name = "S", help_heading = "For what")]
    scope: Vec<String>,
    /// The audience, for servers that know resources by names of their own
    #[arg(long, value_name = "A", help_heading = "For what")]
    audience: Option<String>,
    /// Bind the tokens to a key that never leaves this machine (RFC 9449)
    #[arg(long, help_heading = "For what")]
    dpop: bool,
    /// A further parameter of the request that begins the login; may be repeated
    #[arg(long, value_name = "NAME=VALUE", help_heading = "For what")]
    parameter: Vec<String>,
    /// How the server treats a spent refresh token: P0 to P6 [default: the profile's, else P2]
    #[arg(long, value_name = "CLASS", help_heading = "For what")]
    as_class: Option<String>,
    /// In a browser that is opened here
    #[arg(long, conflicts_with_all = ["device", "no_browser", "grant"], help_heading = "How")]
    browser: bool,
    /// In a browser of yours: print the address
    #[arg(long, conflicts_with_all = ["device", "grant"], help_heading = "How")]
    no_browser: bool,
    /// On any device: a code is shown here and entered there (RFC 8628)
    #[arg(long, conflicts_with = "grant", help_heading = "How")]
    device: bool,
    /// Where the browser comes back to, as it was registered [default: http://127.0.0.1:PORT/callback, any port]
    #[arg(long, value_name = "URL", help_heading = "How")]
    redirect_uri: Option<String>,
    /// Without a person: client-credentials, token-exchange or jwt-bearer
    #[arg(long, value_name = "GRANT", hide_possible_values = true, help_heading = "Without a person")]
    grant: Option<GrantName>,
    /// What is exchanged (RFC 8693): a file that is read anew for each request
    #[arg(long, value_name = "PATH", help_heading = "Without a person")]
    subject_token_file: Option<PathBuf>,
    /// What kind of token that is [default: urn:ietf:params:oauth:token-type:access_token]
    #[arg(long, value_name = "URI", help_heading = "Without a person")]
    subject_token_type: Option<String>,
    /// Who acts
    #[arg(long, value_name = "PATH", help_heading = "Without a person")]
    actor_token_file: Option<PathBuf>,
    /// What kind of token that is
    #[arg(long, value_name = "URI", requires = "actor_token_file", help_heading = "Without a person")]
    actor_token_type: Option<String>,
    /// What kind of token is asked for
    #[arg(long, value_name = "URI", help_heading = "Without a person")]
    requested_token_type: Option<String>,
    /// An assertion that somebody else makes (RFC 7523): a file that is read anew for each request
    #[arg(
        long,
        value_name = "PATH",
        conflicts_with = "assertion_key_file",
        help_heading = "Without a person"
    )]
    assertion_file: Option<PathBuf>,
    /// The key of an assertion that is signed here for each request; kept in the record
    #[arg(long, value_name = "PATH|fd:N|keyring:ITEM", help_heading = "Without a person")]
    assertion_key_file: Option<KeySource>,
    /// Its iss [default: the client's id]
    #[arg(long, value_name = "ISS", help_heading = "Without a person")]
    assertion_issuer: Option<String>,
    /// Its sub
    #[arg(long, value_name = "SUB", help_heading = "Without a person")]
    assertion_subject: Option<String>,
    /// Its aud [default: the token endpoint]
    #[arg(long, value_name = "AUD", help_heading = "Without a person")]
    assertion_audience: Option<String>,
    /// A further claim in it; may be repeated
    #[arg(long, value_name = "NAME=VALUE", help_heading = "Without a person")]
    assertion_claim: Vec<String>,
    /// Put it in the place of another login that NAME holds now
    #[arg(long)]
    replace: bool,
    /// For programs: a line for each thing that happens
    #[arg(long)]
    pub(crate) json: bool,
}

/// A grant that needs no person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GrantName {
    ClientCredentials,
    TokenExchange,
    JwtBearer,
}

impl GrantName {
    /// As the configuration has it.
    const fn name(self) -> &'static str {
        match self {
            Self::ClientCredentials => "client_credentials",
            Self::TokenExchange => "token_exchange",
            Self::JwtBearer => "jwt_bearer",
        }
    }
}

/// Logs in.
///
/// # Errors
/// What is wrong with the call, the configuration, the store or the server; what the person or the server refused.
pub(crate) fn run(args: &Login, app: &App) -> Result<(), Failure> {
    let config = app.config()?;
    one_reader(args, &config)?;
    let name = &args.name;
    check_transport(&config, name)?;
    let place = Place::find(&config, name)?;
    if let Some(why) = place.told() {
        app.output.note(&format!("renewd: {why}"));
    }
    let standing = place.standing(name)?;
    let wanted = Wanted::new(args, &config, standing.record.as_deref())?;
    if let Some(told) = &wanted.told {
        app.output.note(&format!("renewd: {told}"));
    }
    let interrupts =
        Interrupts::begin().map_err(|e| Failure::internal(format!("signals cannot be heard: {e}")))?;
    let screen = Screen::new(app, args.json, name);
    let login = async {
        let ports = ports(&config, name)?;
        let requests = config.policy(Some(name)).request;
        let server = found(&ports, &wanted, &requests).await?;
        screen.server(&server, wanted.dpop);
        whose::check(args, &config, &wanted, &server)?;
        let profile = wanted.profile_of(&config, &server)?;
        let way = Way::choose(args, &wanted, &server, &profile)?;
        let by = way.name();
        let settled =
            Settled::client(args, &config, &wanted, &standing, &server, &profile, &way, &place, &ports)
                .await?;
        let plan = plan(args, &config, name, &wanted, server, profile, &settled)?;
        let identity = plan.identity().map_err(|e| failed(name, &e))?;
        check_identity(&config, name, &identity)?;
        refuse_other(name, &standing, &identity, args.replace || settled.is_new)?;
        screen.begins(&plan, &way, &settled);
        let granted = way
            .run(&ports, &plan, &settled, &screen)
            .await
            .map_err(|e| settled.advise(name, failed(name, &e)))?;
        let record = granted
            .record(0, &plan, settled.settings(&wanted), SystemClock.now())
            .map_err(|e| failed(name, &e))?;
        Ok::<_, Failure>((granted, plan, settled, record, by))
    };
    let ended = block_on(async {
        tokio::select! {
            ended = login => Some(ended),
            () = interrupts.first() => None,
        }
    });
    let Some(ended) = ended else {
        app.output.note(&format!("renewd: {name}: interrupted; nothing was kept"));
        interrupts.have_their_way();
        return Err(Failure::new(Exit::Timeout, format!("{name}: interrupted")).about(name));
    };
    let (granted, plan, settled, record, by) = ended?;
    // From here on it is kept, whatever a signal says: the server may have spent what stood before.
    let kept = place.keep(&config, name, record, args.replace || settled.is_new, by)?;
    let shown = done::show(app, args, &place, &plan, &granted, &kept);
    interrupts.have_their_way();
    shown
}

/// Only one of those that are given can have standard input.
fn one_reader(args: &Login, config: &Config) -> Result<(), Failure> {
    let key = |source: &Option<KeySource>| source.as_ref().is_some_and(KeySource::is_stdin);
    let secret = |source: &Option<SecretSource>| source.as_ref().is_some_and(SecretSource::is_stdin);
    let readers = [
        ("--client-secret-file", secret(&args.client_secret_file)),
        ("--client-key-file", key(&args.client_key_file)),
        ("--registration-token-file", secret(&args.registration_token_file)),
        ("--assertion-key-file", key(&args.assertion_key_file)),
        ("the passphrase", config.reads_stdin("store", "passphrase_fd")),
    ];
    let mut named = readers.iter().filter(|(_, reads)| *reads).map(|(flag, _)| *flag);
    match (named.next(), named.next()) {
        (Some(first), Some(second)) => {
            Err(Failure::usage(format!("two readers of standard input: {first} and {second}"))
                .advise("give one of them by another descriptor: 3< FILE and fd:3"))
        }
        _ => Ok(()),
    }
}

/// Whether something else than a person is read from standard input.
fn stdin_is_taken(args: &Login) -> bool {
    args.client_secret_file.as_ref().is_some_and(SecretSource::is_stdin)
        || args.registration_token_file.as_ref().is_some_and(SecretSource::is_stdin)
        || [&args.client_key_file, &args.assertion_key_file]
            .into_iter()
            .any(|source| source.as_ref().is_some_and(KeySource::is_stdin))
}

fn ports(config: &Config, name: &CredentialName) -> Result<Ports, Failure> {
    let clock = Arc::new(SystemClock);
    let web = Arc::new(UreqWeb::new(transport(config, name), Workers::default(), clock.clone()));
    let timer = ThreadTimer::new(clock.clone())
        .map_err(|e| Failure::internal(format!("no thread can be started: {e}")))?;
    Ok(Ports::new(web, Arc::new(KeySigner::new()), clock, Arc::new(timer)))
}

async fn found(ports: &Ports, wanted: &Wanted, requests: &RequestPolicy) -> Result<Server, Failure> {
    discover(ports, &wanted.start, &wanted.profile, requests).await.map_err(|e| failed(&wanted.name, &e))
}

fn plan(
    args: &Login,
    config: &Config,
    name: &CredentialName,
    wanted: &Wanted,
    server: Server,
    profile: Profile,
    settled: &Settled,
) -> Result<Plan, Failure> {
    let policy = policy(config, name, &profile);
    let parameters = wanted.parameters(args, config)?;
    let client = settled.as_client(config, name, wanted, &server)?;
    let dpop_thumbprint = settled.dpop_thumbprint(name)?;
    Ok(Plan { server, client, profile, policy, parameters, dpop_thumbprint })
}

/// A login that did not come about, with the exit code of the contract.
fn failed(name: &CredentialName, error: &LoginError) -> Failure {
    let exit = match error.kind() {
        LoginErrorKind::Configuration | LoginErrorKind::Ambiguous => Exit::Usage,
        LoginErrorKind::Temporary => Exit::Unavailable,
        LoginErrorKind::TimedOut => Exit::Timeout,
        LoginErrorKind::System => Exit::Internal,
        _ => Exit::LoginNeeded,
    };
    let mut failure = Failure::new(exit, format!("{name}: {error}"));
    failure.code = format!("login_{}", error.kind().name()).into();
    failure.about.cause = error.reason().map(str::to_owned);
    failure.about(name)
}

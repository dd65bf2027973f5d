//! `renewd explain`: what an answer of a token endpoint means, by the rules that refreshes go by; what renewd would do
//! next, and when; and what a person could do.
//!
//! The answer comes in flags, or as tools print it. What is shown of it is what evidence shows: no secret, none that a
//! request shows which was printed with it, no control characters.

mod chunks;
mod failure;
mod input;
mod meaning;
mod next;
mod raw;
mod report;
mod request;
mod trace;

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use renewd_blocking::block_on;
use renewd_core::{
    Grant, Judgement, Loaded, Policy, Profile, Record, RequestContext, Secret, Span, Verdict, judge,
};
use renewd_driver::CredentialName;
use renewd_profiles::nearest;

use crate::app::App;
use crate::config::Config;
use crate::credential::{self, By};
use crate::exit::{Exit, Failure};
use crate::input::secret::SecretSource;
use crate::json::{ExplainDocument, SCHEMA, line};
use crate::profiles::GENERIC;

/// What a raw answer is read as, and what is told of it; or why it is none, and what to do: for the promises of
/// `crate::fuzzing`.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn raw_answer(
    bytes: &[u8],
) -> Result<(renewd_core::Response, Vec<String>), (&'static str, String)> {
    let raw = raw::read(bytes).map_err(|no| (no.why, no.advice))?;
    let body = Secret::copy_of(&raw.body);
    let (status, headers) = (raw.status, raw.headers);
    Ok((renewd_core::Response { status, headers, body, truncated: raw.cut }, raw.notes))
}

/// What stands for the refresh token that was sent, where none is given.
const PLACEHOLDER: &str = "<RT_OLD>";

/// Arguments of `explain`.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  curl -i … | renewd explain\n  renewd explain --token-endpoint https://github.com/login/oauth/access_token answer.txt\n  \
                  renewd explain --status 403 --header 'Content-Type: text/html' --body page.html\n  renewd explain --failure timeout --sent\n  \
                  renewd explain --rule grant-refused\n\n\
                  A body that holds <RT_OLD> as its refresh token counts as not rotated."
)]
pub(crate) struct Explain {
    /// The whole answer as `curl -i` prints it: a file, or - for standard input
    #[arg(value_name = "ANSWER", conflicts_with_all = ["status", "failure", "rule"])]
    answer: Option<PathBuf>,
    /// The HTTP status
    #[arg(long, value_name = "N", conflicts_with_all = ["failure", "rule"])]
    status: Option<u16>,
    /// A header of the answer; may be repeated
    #[arg(long = "header", value_name = "K: V", requires = "status")]
    headers: Vec<String>,
    /// The body: a file, or - for standard input
    #[arg(long, value_name = "FILE|-", requires = "status")]
    body: Option<PathBuf>,
    /// No answer came: how the transport failed
    #[arg(long, value_name = "KIND", conflicts_with = "rule")]
    failure: Option<failure::Kind>,
    /// With --failure: bytes of the request had left
    #[arg(long, requires = "failure")]
    sent: bool,
    /// Explain a rule by its name, as status NAME, history NAME and logs show it
    #[arg(long, value_name = "NAME", conflicts_with_all = ["json", "sent_refresh_token_file"])]
    rule: Option<String>,
    /// The provider profile [default: by the host of --token-endpoint or --issuer, else generic]
    #[arg(long, value_name = "P")]
    profile: Option<String>,
    /// Where the answer came from: chooses the profile
    #[arg(long, value_name = "URL")]
    token_endpoint: Option<String>,
    /// Whose answer it is: chooses the profile
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// As for this credential: its settings and its profile
    #[arg(long, value_name = "NAME")]
    credential: Option<CredentialName>,
    /// The refresh token that was sent: a file, or fd:N
    #[arg(long, value_name = "PATH|fd:N")]
    sent_refresh_token_file: Option<SecretSource>,
    /// For programs
    #[arg(long)]
    pub(crate) json: bool,
}

/// Explains.
///
/// # Errors
/// What is wrong with the call.
pub(crate) fn run(args: &Explain, app: &App) -> Result<(), Failure> {
    let by = Standpoint::new(args, app)?;
    if let Some(rule) = &args.rule {
        return explain_rule(rule, &by.profile, app);
    }
    let asked = input::read(args)?;
    let shown = &asked.request;
    let sent = match (&args.sent_refresh_token_file, &shown.refresh_token) {
        (Some(source), _) => source.read("the sent refresh token")?,
        (None, Some(shown)) => Secret::copy_of(shown.expose()),
        (None, None) => Secret::from(PLACEHOLDER),
    };
    let now = app.now().wall;
    let context = RequestContext {
        sent_refresh_token: Some(&sent),
        client_secret: None,
        sent: &shown.others,
        now,
        profile: &by.profile,
    };
    let judgement = judge(&asked.answer, &context);
    let secrets: Vec<&Secret> = [Some(&sent), judgement.refresh_token.as_ref()]
        .into_iter()
        .chain(judgement.grant.iter().flat_map(|g| [Some(&g.access_token), g.id_token.as_ref()]))
        .flatten()
        .chain(&shown.others)
        .collect();
    if args.json {
        for note in &asked.notes {
            app.output.note(note);
        }
        return app.output.data(&line(&document(&judgement, &secrets))?);
    }
    let circumstances =
        next::Circumstances { policy: &by.policy, profile: &by.profile, now, unsettled: asked.unsettled() };
    let report = report::Report {
        judgement: &judgement,
        secrets: &secrets,
        profile: by.why,
        meaning: &meaning::of_answer(&judgement.evidence, judgement.verdict, &by.profile),
        next: &next::step(&judgement, &circumstances),
        notes: &asked.notes,
    };
    app.output.data(report.text(app.output.out).as_bytes())
}

/// Whose answer it is taken for: the profile and the numbers that count.
struct Standpoint {
    profile: Profile,
    /// The profile's name and why it was chosen.
    why: String,
    policy: Policy,
}

impl Standpoint {
    fn new(args: &Explain, app: &App) -> Result<Self, Failure> {
        let needed = args.profile.is_some()
            || args.credential.is_some()
            || args.token_endpoint.is_some()
            || args.issuer.is_some();
        let config = match app.config() {
            Ok(config) => config,
            // What an answer means does not hang on a file that it has nothing to do with.
            Err(failure) if !needed && failure.exit == Exit::Configuration => {
                app.output.warn(&format!("{}; the defaults count here", failure.message));
                return Ok(Self {
                    profile: Profile::generic(),
                    why: GENERIC.into(),
                    policy: Policy::default(),
                });
            }
            Err(failure) => return Err(failure),
        };
        let (profile, why) = choose(args, app, &config)?;
        let policy = match &args.credential {
            Some(name) => credential::policy(&config, name, &profile),
            None => by_profile(config.policy(None), &config, &profile),
        };
        Ok(Self { profile, why, policy })
    }
}

fn choose(args: &Explain, app: &App, config: &Arc<Config>) -> Result<(Profile, String), Failure> {
    if let Some(name) = &args.profile {
        return app.profile(name).map(|p| (p, format!("{name}, as told")));
    }
    let server = args.token_endpoint.as_deref().unwrap_or_default();
    for (flag, url) in [("--token-endpoint", &args.token_endpoint), ("--issuer", &args.issuer)] {
        if url.as_ref().is_some_and(|url| !url.contains("://")) {
            let why = format!("{flag} is no URL");
            return Err(Failure::usage(why).advise("write all of it: https://HOST/PATH"));
        }
    }
    if args.token_endpoint.is_some() || args.issuer.is_some() {
        if let Some(found) = config.profiles().for_server(args.issuer.as_deref(), server) {
            return Ok((found.clone(), format!("{}, by the host", found.name)));
        }
        let why = "generic: no profile claims that host alone (renewd profiles)";
        return app.profile(GENERIC).map(|p| (p, why.into()));
    }
    if let Some(name) = &args.credential {
        return of_credential(name, app, config);
    }
    let why = "generic: the rules that hold everywhere (--profile, --token-endpoint or --credential chooses another)";
    app.profile(GENERIC).map(|p| (p, why.into()))
}

/// The profile that refreshes of this credential go by: its login may name one. Where that cannot be read, an answer can
/// be explained all the same.
fn of_credential(name: &CredentialName, app: &App, config: &Config) -> Result<(Profile, String), Failure> {
    let seen = login(name, config);
    let record = seen.as_ref().ok().and_then(Option::as_ref);
    let chosen = credential::chosen(config, name, record)?;
    let profile = credential::effective(config, name, record, chosen.profile);
    let why = match (&seen, chosen.by) {
        (_, By::Configuration(_)) => format!("{}, as the configuration has it for {name}", profile.name),
        (Err(why), _) => {
            app.output.warn(&format!("the login of {name} is not looked at: {why}"));
            format!("{}, by the configuration of {name} alone", profile.name)
        }
        (Ok(_), By::Login) => format!("{}, as the login of {name} has it", profile.name),
        (Ok(_), By::Host) => format!("{}, by the host of {name}'s server", profile.name),
        (Ok(Some(_)), By::Nobody) => format!("{}: {name} names none", profile.name),
        (Ok(None), By::Nobody) => {
            format!("{}: there is no login {name}, and the configuration names none", profile.name)
        }
    };
    Ok((profile, why))
}

/// The record of a credential, where there is one; else why nobody can tell.
fn login(name: &CredentialName, config: &Config) -> Result<Option<Record>, String> {
    if config.reads_stdin("store", "passphrase_fd") {
        return Err("its passphrase would come by standard input, where the answer may come from".into());
    }
    let Some(store) = credential::open_existing(config).map_err(|failure| failure.message)? else {
        return Ok(None);
    };
    match block_on(store.port.load(name)) {
        Loaded::Record(record) | Loaded::RolledBack { record, .. } => Ok(Some(*record)),
        Loaded::Absent => Ok(None),
        Loaded::Fault(fault) => Err(fault.message),
    }
}

/// The program's numbers, with the provider's where the configuration says nothing.
fn by_profile(mut policy: Policy, config: &Config, profile: &Profile) -> Policy {
    let unsaid = |table, key| config.lookup(table, key, None).is_none();
    if let Some(lifetime) = profile.lifetime.filter(|_| unsaid("lifetime", "default")) {
        policy.lifetime_default = lifetime;
    }
    policy
}

fn explain_rule(name: &str, profile: &Profile, app: &App) -> Result<(), Failure> {
    let Some(facts) = meaning::general(name) else {
        return explain_override(name, profile, app);
    };
    let meaning = meaning::of(facts.name, facts.verdict, profile);
    app.output.data(report::rule(&facts, &meaning, app.output.out).as_bytes())
}

/// `PROFILE/OVERRIDE`, as evidence names it.
fn explain_override(rule: &str, chosen: &Profile, app: &App) -> Result<(), Failure> {
    let unknown = || {
        let near = meaning::near(rule);
        let known = if near.is_empty() {
            "status NAME, history NAME and explain show the names of rules; docs/answers.md lists them"
                .to_owned()
        } else {
            format!("perhaps: {}", near.join(", "))
        };
        Failure::usage("--rule: there is no such rule").advise(known)
    };
    let (profile, name) = match rule.split_once('/') {
        Some((profile, name)) => (app.profile(profile)?, name),
        None => (chosen.clone(), rule),
    };
    let over = profile.overrides.iter().find(|over| over.name == name).ok_or_else(|| {
        match nearest(name, profile.overrides.iter().map(|over| over.name.as_ref())) {
            Some(near) => unknown().advise(format!("perhaps: {}/{near}", profile.name)),
            None if rule.contains('/') => {
                unknown().advise(format!("`renewd profiles show {}` shows its rules", profile.name))
            }
            None => unknown(),
        }
    })?;
    let full = format!("{}/{}", profile.name, over.name);
    let meaning = meaning::of(&full, over.verdict, &profile);
    app.output.data(report::of_override(&full, over, &meaning, app.output.out).as_bytes())
}

fn document(judgement: &Judgement, secrets: &[&Secret]) -> ExplainDocument {
    let success = judgement.verdict == Verdict::Success;
    let rotated = judgement.refresh_token.is_some();
    let given = judgement.grant.as_ref().filter(|g| g.token_type_given);
    ExplainDocument {
        schema: SCHEMA,
        verdict: judgement.verdict.name(),
        retry_after_s: judgement.retry_after.map(|s| s.as_secs_ceil()),
        may_have_rotated: judgement.may_have_rotated,
        // As it counts: what gives no lifetime (zero, negative, unreadable) is null.
        expires_in: judgement.grant.as_ref().and_then(Grant::lifetime).map(Span::as_secs),
        rotated: (success || rotated).then_some(rotated),
        token_type: given.map(|g| report::token_type(g, secrets)),
        oauth_error: judgement.evidence.oauth_error.clone(),
        rule: judgement.evidence.rule.clone().into_owned(),
        message: judgement.evidence.message.clone(),
    }
}

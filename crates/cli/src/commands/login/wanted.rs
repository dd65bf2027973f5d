//! What a login is to be: flag › configuration › what the login that stands was made with › profile.

use std::path::PathBuf;

use renewd_core::RESERVED_LOGIN_PARAMETERS;
use renewd_core::{
    AsClass, AssertionClaims, GrantType, Identity, JwtBearer, Profile, Record, Redirect as RedirectRule,
    SigningKey, TokenExchange,
};
use renewd_driver::CredentialName;
use renewd_login::{GivenEndpoints, Redirect, Server, Start};
use renewd_profiles::OWN_PARAMETERS;

use super::{GrantName, Login};
use crate::commands::import::{as_class, scope, text, url};
use crate::config::Config;
use crate::credential::{ASSERTION_LIFETIME, TOKEN_TYPE, configured_grant, source};
use crate::exit::Failure;
use crate::input::url::same_place;
use crate::profiles::words::any_of;
use crate::profiles::{GENERIC, GENERIC_AS_TOLD, is_template};

/// What is wanted, as far as it is known before the server was asked.
pub(super) struct Wanted {
    pub(super) name: CredentialName,
    pub(super) start: Start,
    pub(super) profile: Profile,
    /// Somebody named the profile.
    is_named: bool,
    /// What was taken that nobody said in so many words, for people.
    pub(super) told: Option<String>,
    pub(super) client_id: Option<String>,
    pub(super) scope: Option<String>,
    pub(super) audience: Option<String>,
    pub(super) as_class: Option<AsClass>,
    pub(super) dpop: bool,
    redirect_uri: Option<String>,
    /// Which of the grants that need no person, where it is one.
    pub(super) grant: Option<GrantName>,
    /// The login that stands, where this one is to be the same again.
    pub(super) old: Option<Record>,
}

impl Wanted {
    /// Puts it together.
    ///
    /// # Errors
    /// A usage failure for a flag, a configuration failure for a profile that is not there.
    pub(super) fn new(args: &Login, config: &Config, standing: Option<&Record>) -> Result<Self, Failure> {
        let name = &args.name;
        let given = Given::new(args)?;
        let configured = |key| config.text("credential", key, Some(name));
        let old = standing.filter(|record| given.may_be(&record.identity, args.profile.as_deref()));
        let identity = old.map(|record| &record.identity);
        let issuer = given.issuer.clone().or_else(|| configured("issuer"));
        let resource = given
            .resource
            .clone()
            .or_else(|| configured("resource"))
            .or_else(|| identity.and_then(|i| i.resource.clone()));
        let token = given.token.clone().or_else(|| configured("token_endpoint"));
        let (mut profile, mut is_named) = named(args, config, identity)?;
        let mut told_of = None;
        if profile.is_none() && old.is_none() && given.says_no_place() {
            let nowhere = [&issuer, &resource, &token].into_iter().all(Option::is_none);
            if nowhere && configured("authorization_endpoint").is_none() {
                let found = of_its_name(name, config)?;
                told_of = Some(format!(
                    "nothing else says where to log {name} in: at {} (profile {name})",
                    found.title
                ));
                (profile, is_named) = (Some(found), true);
            }
        }
        let profile = match profile {
            Some(profile) => profile,
            None => {
                let (issuer, token) = (issuer.as_deref(), token.as_deref());
                let of_host = config.profiles().for_server(issuer, token.unwrap_or_default());
                of_host
                    .or_else(|| config.profiles().named(GENERIC).map(|k| k.profile))
                    .cloned()
                    .unwrap_or(Profile::GENERIC)
            }
        };
        let start = Start {
            issuer: issuer.or_else(|| old_issuer(identity, &profile)),
            resource,
            endpoints: GivenEndpoints {
                // What no issuer tells must be known: what the login was pinned to.
                token: token.or_else(|| old_token_endpoint(identity, &profile)),
                authorization: given.authorization.clone().or_else(|| configured("authorization_endpoint")),
                device_authorization: given
                    .device
                    .clone()
                    .or_else(|| configured("device_authorization_endpoint")),
                revocation: given.revocation.clone().or_else(|| configured("revocation_endpoint")),
            },
        };
        let told = old.map(|record| &record.settings);
        let flag = |key| config.lookup("credential", key, Some(name)).and_then(|e| e.value.as_flag());
        let words = config.lookup("credential", "scope", Some(name));
        let class = configured("as_class").and_then(|class| AsClass::from_name(&class));
        Ok(Self {
            name: name.clone(),
            start,
            is_named,
            told: told_of,
            client_id: given
                .client_id
                .clone()
                .or_else(|| configured("client_id"))
                .or_else(|| identity.map(|i| i.client_id.clone()).filter(|_| !args.register)),
            scope: given
                .scope
                .clone()
                .or_else(|| words.and_then(|e| e.value.as_words().map(|w| w.join(" "))))
                .or_else(|| told.and_then(|s| s.scope.clone())),
            audience: given
                .audience
                .clone()
                .or_else(|| configured("audience"))
                .or_else(|| told.and_then(|s| s.audience.clone())),
            as_class: given.as_class.or(class).or_else(|| told.and_then(|s| s.as_class)),
            dpop: args.dpop || flag("dpop").unwrap_or(told.is_some_and(|s| s.dpop_key.is_some())),
            redirect_uri: args.redirect_uri.clone().or_else(|| configured("redirect_uri")),
            grant: args.grant.or_else(|| {
                let told = told.map(|s| crate::credential::grant_name(&s.grant_type));
                of_name(&configured("grant").or_else(|| told.map(String::from))?)
            }),
            old: old.cloned(),
            profile,
        })
    }

    /// The profile of the server that was found: what was named, else whose server it is.
    ///
    /// # Errors
    /// None yet; a provider of one's own may come to be refused.
    pub(super) fn profile_of(&self, config: &Config, server: &Server) -> Result<Profile, Failure> {
        if self.is_named {
            return Ok(self.for_the_record(self.profile.clone()));
        }
        let token = server.token_endpoint().map_err(|e| super::failed(&self.name, &e))?;
        let issuer = server.issuer.as_ref().map(|issuer| issuer.value.as_str());
        let found = config.profiles().for_server(issuer, token.value.as_str());
        Ok(found.cloned().unwrap_or_else(|| self.profile.clone()))
    }

    /// The generic profile, where somebody asked for it by name, is not replaced by whose the server is later.
    fn for_the_record(&self, mut profile: Profile) -> Profile {
        if profile.name == GENERIC {
            profile.name = GENERIC_AS_TOLD.into();
        }
        profile
    }

    /// Where the browser comes back to.
    ///
    /// # Errors
    /// A usage failure for an address that is none, or where the provider takes none that can be listened on.
    pub(super) fn redirect(&self, registered: &[String], profile: &Profile) -> Result<Redirect, Failure> {
        let parse = |text: &str| Redirect::parse(text).map_err(|e| super::failed(&self.name, &e));
        if let Some(text) = &self.redirect_uri {
            return parse(text);
        }
        if let Some(text) = registered.first() {
            return parse(text);
        }
        match profile.login.redirect {
            RedirectRule::AnyPort => Ok(Redirect::default()),
            RedirectRule::Registered => parse(REGISTERED_REDIRECT),
            RedirectRule::Https => Err(Failure::usage(format!(
                "{} takes no address on this machine to come back to (profile {})",
                profile.title, profile.name
            ))
            .advise(
                "register an https address of yours there, and give it with --redirect-uri: the browser ends at it, and \
                 you paste what stands in its address bar",
            )
            .about(&self.name)),
        }
    }

    /// The user's own parameters of the first request: a flag's before the configuration's. The profile's come behind them.
    ///
    /// # Errors
    /// A usage failure for a flag.
    pub(super) fn parameters(&self, args: &Login, config: &Config) -> Result<Vec<(String, String)>, Failure> {
        let mut all = pairs(&args.parameter, "--parameter", |name| {
            let name = name.to_ascii_lowercase();
            !RESERVED_LOGIN_PARAMETERS.contains(&name.as_str()) && !OWN_PARAMETERS.contains(&name.as_str())
        })?;
        for (name, value) in
            config.credential(&self.name).map(|e| e.login_parameters.clone()).unwrap_or_default()
        {
            if all.iter().all(|(taken, _)| *taken != name) {
                all.push((name, value));
            }
        }
        Ok(all)
    }

    /// The scope to ask for: what was said, else what the resource wants, else what the profile's logins ask for.
    pub(super) fn scope_at(&self, server: &Server, profile: &Profile) -> Option<String> {
        let join = |words: &[String]| (!words.is_empty()).then(|| words.join(" "));
        self.scope
            .clone()
            .or_else(|| server.scopes.as_deref().and_then(join))
            .or_else(|| {
                let words: Vec<String> = profile.login.scope.iter().map(ToString::to_string).collect();
                join(&words).filter(|_| self.grant.is_none())
            })
            .filter(|scope| !scope.is_empty())
    }

    /// The grant that is run for each token.
    ///
    /// # Errors
    /// What it lacks.
    pub(super) fn grant_type(
        &self,
        args: &Login,
        config: &Config,
        client_id: &str,
        token_endpoint: &str,
    ) -> Result<GrantType, Failure> {
        let Some(grant) = self.grant else { return Ok(GrantType::RefreshToken) };
        let given = args.subject_token_file.is_some()
            || args.assertion_file.is_some()
            || args.assertion_key_file.is_some();
        // What was signed or kept for one server is shown to no other: it could spend an assertion there.
        let old = self.old.as_ref().filter(|r| r.identity.token_endpoint == token_endpoint);
        let kept = old.map(|r| r.settings.grant_type.clone());
        let kept = kept.filter(|kept| crate::credential::grant_name(kept) == grant.name());
        if !given {
            let configured = configured_grant(config, &self.name, client_id, token_endpoint)?;
            let configured = configured.filter(|found| crate::credential::grant_name(found) == grant.name());
            if let Some(found) = configured.or(kept) {
                return Ok(found);
            }
        }
        match grant {
            GrantName::ClientCredentials => Ok(GrantType::ClientCredentials),
            GrantName::TokenExchange => self.exchange(args),
            GrantName::JwtBearer => self.assertion(args, config, client_id, token_endpoint),
        }
    }

    fn exchange(&self, args: &Login) -> Result<GrantType, Failure> {
        let Some(subject) = &args.subject_token_file else {
            return Err(Failure::usage("--grant token-exchange needs --subject-token-file")
                .advise("the file holds the token that is exchanged, and is read anew for each request")
                .about(&self.name));
        };
        let typed = |flag: &Option<String>| flag.clone().unwrap_or_else(|| TOKEN_TYPE.into());
        let actor = args.actor_token_file.as_ref().map(|path| source(&whole(path)));
        Ok(GrantType::TokenExchange(TokenExchange {
            subject: source(&whole(subject)),
            subject_type: typed(&args.subject_token_type),
            actor: actor.map(|actor| (actor, typed(&args.actor_token_type))),
            requested_type: args.requested_token_type.clone(),
        }))
    }

    fn assertion(
        &self,
        args: &Login,
        config: &Config,
        client_id: &str,
        token_endpoint: &str,
    ) -> Result<GrantType, Failure> {
        if let Some(path) = &args.assertion_file {
            return Ok(GrantType::JwtBearer(JwtBearer::Given(source(&whole(path)))));
        }
        let Some(key) = &args.assertion_key_file else {
            return Err(Failure::usage(
                "--grant jwt-bearer needs --assertion-file, or --assertion-key-file to sign one here",
            )
            .about(&self.name));
        };
        let claims = pairs(&args.assertion_claim, "--assertion-claim", |name| {
            !["iss", "sub", "aud", "exp", "nbf", "iat", "jti"].contains(&name)
        })?;
        Ok(GrantType::JwtBearer(JwtBearer::Signed(AssertionClaims {
            key: SigningKey {
                material: key.read(config, "the assertion's key")?,
                key_id: None,
                algorithm: None,
            },
            issuer: args.assertion_issuer.clone().unwrap_or_else(|| client_id.into()),
            subject: args.assertion_subject.clone(),
            audience: args.assertion_audience.clone().unwrap_or_else(|| token_endpoint.into()),
            claims,
            lifetime: ASSERTION_LIFETIME,
        })))
    }
}

/// What is registered where a provider wants a port and a path to the letter.
pub(super) const REGISTERED_REDIRECT: &str = "http://127.0.0.1:8765/callback";

fn of_name(name: &str) -> Option<GrantName> {
    [GrantName::ClientCredentials, GrantName::TokenExchange, GrantName::JwtBearer]
        .into_iter()
        .find(|grant| grant.name() == name)
}

/// A relative path of a flag counts from here, and not from wherever an agent runs.
fn whole(path: &std::path::Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn pairs(all: &[String], flag: &str, may: impl Fn(&str) -> bool) -> Result<Vec<(String, String)>, Failure> {
    all.iter()
        .map(|pair| match pair.split_once('=') {
            Some((name, _)) if !may(name) => {
                Err(Failure::usage(format!("{flag} {name} cannot be set: renewd sets it itself")))
            }
            Some((name, value))
                if !name.is_empty()
                    && name.bytes().all(|b| b.is_ascii_graphic())
                    && !value.chars().any(char::is_control) =>
            {
                Ok((name.to_owned(), value.to_owned()))
            }
            _ => Err(Failure::usage(format!("{flag} takes NAME=VALUE, on one line"))),
        })
        .collect()
}

/// The flags, each checked for itself.
struct Given {
    issuer: Option<String>,
    resource: Option<String>,
    token: Option<String>,
    authorization: Option<String>,
    device: Option<String>,
    revocation: Option<String>,
    client_id: Option<String>,
    scope: Option<String>,
    audience: Option<String>,
    as_class: Option<AsClass>,
}

impl Given {
    fn new(args: &Login) -> Result<Self, Failure> {
        let as_class = as_class(args.as_class.as_deref())?;
        // An issuer is compared to the letter (RFC 8414 §3.3): it stays as it was written.
        url(args.issuer.as_deref(), "--issuer")?;
        Ok(Self {
            issuer: args.issuer.clone(),
            resource: text(args.resource.as_deref(), "--resource", false)?,
            token: url(args.token_endpoint.as_deref(), "--token-endpoint")?,
            authorization: url(args.authorization_endpoint.as_deref(), "--authorization-endpoint")?,
            device: url(args.device_authorization_endpoint.as_deref(), "--device-authorization-endpoint")?,
            revocation: url(args.revocation_endpoint.as_deref(), "--revocation-endpoint")?,
            client_id: text(args.client_id.as_deref(), "--client-id", true)?,
            scope: scope(&args.scope)?,
            audience: text(args.audience.as_deref(), "--audience", false)?,
            as_class,
        })
    }

    /// No flag says where.
    const fn says_no_place(&self) -> bool {
        self.authorization.is_none() && self.device.is_none() && self.revocation.is_none()
    }

    /// Whether what the flags say of the server fits to a login that stands. Otherwise nothing of that is taken over.
    fn may_be(&self, old: &Identity, profile: Option<&str>) -> bool {
        let fits = |flag: &Option<String>, old: Option<&str>| match (flag, old) {
            (None, _) => true,
            (Some(flag), Some(old)) => same_place(flag, old),
            (Some(_), None) => false,
        };
        let of_profile =
            |named: &str| named == old.profile || (named == GENERIC && old.profile == GENERIC_AS_TOLD);
        fits(&self.issuer, old.issuer.as_deref())
            && fits(&self.resource, old.resource.as_deref())
            && fits(&self.token, Some(&old.token_endpoint))
            && profile.is_none_or(of_profile)
    }
}

/// The profile that a flag, the configuration or the login that stands names.
fn named(args: &Login, config: &Config, old: Option<&Identity>) -> Result<(Option<Profile>, bool), Failure> {
    let configured = config.text("credential", "profile", Some(&args.name));
    let told = old.map(|i| i.profile.clone()).filter(|p| p != GENERIC && !p.is_empty());
    let told = told.map(|p| if p == GENERIC_AS_TOLD { GENERIC.to_owned() } else { p });
    let Some(wanted) = args.profile.clone().or(configured).or(told) else { return Ok((None, false)) };
    match config.profiles().named(&wanted) {
        Some(known) => Ok((Some(known.profile.clone()), true)),
        None => {
            let (message, advice) = config.profiles().unknown(&wanted);
            Err(Failure::usage(message).advise(advice).about(&args.name))
        }
    }
}

/// The provider that is called as the credential is: where nothing else says where to log in, that does.
fn of_its_name(name: &CredentialName, config: &Config) -> Result<Profile, Failure> {
    let profiles = config.profiles();
    if let Some(known) = profiles.named(name.as_str()).filter(|known| known.profile.name != GENERIC) {
        return Ok(known.profile.clone());
    }
    let near = profiles.near(name.as_str());
    let meant = match near.as_slice() {
        [] => String::new(),
        near => format!("; did you mean {}?", any_of(near.iter().cloned())),
    };
    Err(Failure::usage(format!("{name}: nothing says where to log in, and no provider is called {name}"))
        .advise(format!(
            "name the server with --issuer URL, what is wanted with --resource URL, or a provider with --profile P, of \
             those that `renewd profiles` lists{meant}"
        ))
        .about(name))
}

/// The issuer of the login that stands, unless the profile says the same and more.
fn old_issuer(old: Option<&Identity>, profile: &Profile) -> Option<String> {
    let issuer = old?.issuer.clone()?;
    let of_profile = profile.endpoints.issuer.as_deref() == Some(&*issuer)
        && profile.endpoints.token.as_deref().is_some_and(|token| !is_template(token));
    (!of_profile).then_some(issuer)
}

/// The token endpoint of the login that stands, where nothing else tells it.
fn old_token_endpoint(old: Option<&Identity>, profile: &Profile) -> Option<String> {
    let old = old?;
    let of_profile = profile.endpoints.token.as_deref().is_some_and(|token| !is_template(token));
    (old.issuer.is_none() && !of_profile).then(|| old.token_endpoint.clone())
}

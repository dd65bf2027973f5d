//! How a person logs in here: in a browser, in a browser of theirs somewhere else, or with a code on another device. Or not
//! at all, where the grant needs none.

use std::io::{BufReader, IsTerminal as _};
use std::sync::Arc;

use renewd_core::Profile;
use renewd_login::{
    Browser, CodeOptions, Granted, LoginError, Plan, Ports, Server, SystemBrowser, by_code, by_device,
    by_grant,
};

use super::client::Settled;
use super::screen::Screen;
use super::wanted::Wanted;
use super::{GrantName, Login, stdin_is_taken};
use crate::exit::Failure;

/// A way, and why it is this one.
pub(super) struct Way {
    how: How,
    /// In a few words; none where somebody asked for it.
    pub(super) because: Option<String>,
    /// What the browser ends at may be pasted here.
    may_paste: bool,
}

enum How {
    Browser(Arc<dyn Browser>),
    OwnBrowser,
    Device,
    Grant(GrantName),
}

impl Way {
    /// For the journal.
    pub(super) fn name(&self) -> &'static str {
        match self.how {
            How::Browser(_) | How::OwnBrowser => "browser",
            How::Device => "device",
            How::Grant(_) => "no person needed",
        }
    }

    /// Chooses.
    ///
    /// # Errors
    /// What was asked for and cannot be had.
    pub(super) fn choose(
        args: &Login,
        wanted: &Wanted,
        server: &Server,
        profile: &Profile,
    ) -> Result<Self, Failure> {
        let may_paste = !stdin_is_taken(args) && (std::io::stdin().is_terminal() || args.no_browser);
        let way =
            |how, because: Option<&str>| Ok(Self { how, because: because.map(str::to_owned), may_paste });
        if let Some(grant) = wanted.grant {
            return way(How::Grant(grant), None);
        }
        let (code, device) =
            (server.authorization_endpoint.is_some(), server.device_authorization_endpoint.is_some());
        let lacks = |what: &str, flag: &str| {
            let title = if profile.title.is_empty() { "the server" } else { &profile.title };
            Failure::usage(format!("{title} names no endpoint for {what}"))
                .advise(format!("take another way, or name it with {flag}"))
                .about(&wanted.name)
        };
        if args.device {
            return if device {
                way(How::Device, None)
            } else {
                Err(lacks("device logins", "--device-authorization-endpoint"))
            };
        }
        if args.browser || args.no_browser {
            if !code {
                return Err(lacks("logins in a browser", "--authorization-endpoint"));
            }
            if args.no_browser {
                return way(How::OwnBrowser, None);
            }
            let browser = SystemBrowser::find_anyway().map_err(|why| {
                Failure::usage(format!("no browser can be opened: {why}"))
                    .advise("--no-browser prints the address, --device shows a code")
                    .about(&wanted.name)
            })?;
            return way(How::Browser(Arc::new(browser)), None);
        }
        match (SystemBrowser::find(), code, device) {
            (Ok(browser), true, _) => {
                way(How::Browser(Arc::new(browser)), Some("a browser can be opened here"))
            }
            (Ok(_), false, true) => way(How::Device, Some("the server knows no other")),
            (Err(why), _, true) => way(How::Device, Some(&why)),
            (Err(why), true, false) => way(How::OwnBrowser, Some(&why)),
            (_, false, false) => Err(lacks("logins of people", "--authorization-endpoint")),
        }
    }

    /// Whether a redirect address is needed.
    pub(super) fn is_code(&self) -> bool {
        matches!(self.how, How::Browser(_) | How::OwnBrowser)
    }

    /// Whether it is the device grant.
    pub(super) fn is_device(&self) -> bool {
        matches!(self.how, How::Device)
    }

    /// What a client is registered for.
    pub(super) fn grant_types(&self) -> &'static [&'static str] {
        match self.how {
            How::Browser(_) | How::OwnBrowser => &["authorization_code", "refresh_token"],
            How::Device => &["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
            How::Grant(GrantName::ClientCredentials) => &["client_credentials"],
            How::Grant(GrantName::TokenExchange) => &["urn:ietf:params:oauth:grant-type:token-exchange"],
            How::Grant(GrantName::JwtBearer) => &["urn:ietf:params:oauth:grant-type:jwt-bearer"],
        }
    }

    /// In words: "in a browser".
    pub(super) fn words(&self) -> &'static str {
        match self.how {
            How::Browser(_) => "in the browser",
            How::OwnBrowser => "in a browser of yours",
            How::Device => "with a code on any device",
            How::Grant(GrantName::ClientCredentials) => "by client credentials",
            How::Grant(GrantName::TokenExchange) => "by token exchange",
            How::Grant(GrantName::JwtBearer) => "by an assertion",
        }
    }

    /// Goes it.
    ///
    /// # Errors
    /// Why it led nowhere.
    pub(super) async fn run(
        self,
        ports: &Ports,
        plan: &Plan,
        settled: &Settled,
        screen: &Screen<'_>,
    ) -> Result<Granted, LoginError> {
        let (browser, no_browser) = match self.how {
            How::Device => return by_device(ports, plan, screen).await,
            How::Grant(_) => return by_grant(ports, plan, screen).await,
            How::Browser(browser) => (Some(browser), None),
            How::OwnBrowser => (None, self.because),
        };
        let paste = self.may_paste || !settled.redirect.is_loopback();
        let options = CodeOptions {
            redirect: settled.redirect.clone(),
            browser,
            no_browser,
            paste: if paste { Some(Box::new(BufReader::new(std::io::stdin()))) } else { None },
            is_strangers: Some(renewd_proxy::is_strangers_tcp),
            ..CodeOptions::default()
        };
        by_code(ports, plan, options, screen).await
    }
}

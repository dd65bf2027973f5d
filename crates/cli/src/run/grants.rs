//! What the child is given: private proxies, a token file, a token.

use std::ffi::OsStr;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;
use std::time::Duration;

use renewd_core::{Publication, Secret, Wall};
use renewd_driver::system::SystemClock;
use renewd_driver::{Clock as _, CredentialName, Lease};
use renewd_proxy::{Listen, Proxy, ProxyConfig, ProxyHandle, Upstream};
use tokio::sync::watch;

use super::keeping::Kept;
use super::token_file::{TokenFile, keep_fresh};
use super::{Plan, Variable};
use crate::app::App;
use crate::config::Config;
use crate::exit::Failure;
use crate::input::file::plain;
use crate::json::login_command;
use crate::obtain::Obtained;
use crate::output::time::{brief, local};

/// Requests of what the child left running end within this.
const END: Duration = Duration::from_secs(1);

/// The wall clock is looked at so often: a suspend does not count on the timer's.
const LOOK: Duration = Duration::from_secs(30);

/// What stands ready for the child.
pub(super) struct Grants {
    /// Until the child has them.
    variables: Vec<(String, Secret)>,
    proxies: Vec<ProxyHandle>,
    file: Option<FreshFile>,
    aging: Option<Aging>,
}

struct FreshFile {
    file: TokenFile,
    name: CredentialName,
    first: Lease,
    published: watch::Receiver<Option<Publication>>,
}

/// A token in a variable grows old there.
struct Aging {
    variables: String,
    expires: Wall,
}

impl Grants {
    /// Makes what was asked for. A proxy can wait for its first token, a file and a variable cannot.
    ///
    /// # Errors
    /// Why there is no token, or what could not be made.
    pub(super) async fn make(plan: &Plan, app: &App, config: &Config, kept: &Kept) -> Result<Self, Failure> {
        let mut grants = Self { variables: Vec::new(), proxies: Vec::new(), file: None, aging: None };
        if !plan.files.is_empty() || !plan.tokens.is_empty() {
            let first = kept.first_token(config).await?;
            grants.give_file(&plan.files, config, kept, &first)?;
            grants.give_token(&plan.tokens, app, &first)?;
        }
        for (variable, upstream) in &plan.proxies {
            grants.give_proxy(variable, upstream, plan, config, kept).await?;
        }
        Ok(grants)
    }

    fn give_file(
        &mut self,
        variables: &[Variable],
        config: &Config,
        kept: &Kept,
        first: &Lease,
    ) -> Result<(), Failure> {
        if variables.is_empty() {
            return Ok(());
        }
        let file = TokenFile::make(config)?;
        let path = file.path();
        file.write(kept.name(), &Obtained::from(first)).map_err(|e| {
            Failure::internal(format!("the token file {} cannot be written: {}", path.display(), plain(&e)))
        })?;
        let place = Secret::copy_of(path.as_os_str().as_bytes());
        self.variables.extend(variables.iter().map(|v| (v.as_str().into(), place.clone())));
        self.file = Some(FreshFile {
            file,
            name: kept.name().clone(),
            first: first.clone(),
            published: kept.published(),
        });
        Ok(())
    }

    fn give_token(&mut self, variables: &[Variable], app: &App, first: &Lease) -> Result<(), Failure> {
        if variables.is_empty() {
            return Ok(());
        }
        let token = first.access_token();
        if token.expose_str().is_none_or(|text| text.contains('\0')) {
            return Err(Failure::internal("the token is not text"));
        }
        self.variables.extend(variables.iter().map(|v| (v.as_str().into(), token.clone())));
        let names = variables.iter().map(Variable::as_str).collect::<Vec<_>>().join(", ");
        let (now, expires) = (SystemClock.now().wall, first.expires());
        app.output.note(&format!(
            "renewd: the token in {names} is not renewed there; it expires {} (in {})",
            local(expires, now),
            brief(expires.since(now))
        ));
        self.aging = Some(Aging { variables: names, expires });
        Ok(())
    }

    async fn give_proxy(
        &mut self,
        variable: &Variable,
        upstream: &Upstream,
        plan: &Plan,
        config: &Config,
        kept: &Kept,
    ) -> Result<(), Failure> {
        let listen = Listen::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let mut ready = ProxyConfig::new(listen, upstream.clone(), plan.name.clone());
        // Whoever is to use it knows its address from the child: that is more exact than the user.
        ready.access = renewd_proxy::Access::PathSecret(None);
        ready.login_command = Some(login_command(plan.name.as_str()));
        ready.signer = renewd_proxy::ProofSigner::new(renewd_signer::KeySigner::new());
        if let Some(patience) = config.span("", "demand_timeout", Some(&plan.name)) {
            ready.demand_timeout = patience.into();
        }
        let proxy = Proxy::bind(ready, Arc::new(kept.keeper()))
            .await
            .map_err(|e| Failure::internal(format!("no proxy for {}: {e}", variable.as_str())))?;
        self.variables.push((variable.as_str().into(), proxy.client_url()));
        self.proxies.push(proxy);
        Ok(())
    }

    /// The variables, with their values.
    pub(super) fn variables(&self) -> impl Iterator<Item = (&str, &OsStr)> {
        self.variables.iter().map(|(name, value)| (name.as_str(), OsStr::from_bytes(value.expose())))
    }

    /// The child has its variables: what they hold is not kept for as long as it lives.
    pub(super) fn forget_variables(&mut self) {
        self.variables.clear();
    }

    /// What goes on beside the child: the file is kept fresh, and a token that expired in a variable is named.
    pub(super) async fn beside(&self, app: &App) {
        let file = async {
            if let Some(fresh) = &self.file {
                keep_fresh(&fresh.file, &fresh.name, &fresh.first, fresh.published.clone(), app).await;
            }
        };
        let notice = async {
            if let Some(aging) = &self.aging {
                aging.tell(app).await;
            }
        };
        tokio::join!(file, notice);
    }

    /// Ends the proxies and removes the file.
    pub(super) async fn end(self) {
        for proxy in self.proxies {
            proxy.shutdown(END).await;
        }
    }
}

impl Aging {
    async fn tell(&self, app: &App) {
        loop {
            let left = self.expires.since(SystemClock.now().wall);
            if left.is_zero() {
                break;
            }
            tokio::time::sleep(LOOK.min(left.into())).await;
        }
        app.output
            .warn(&format!("the token in {} has expired; --proxy and --file stay fresh", self.variables));
    }
}

//! The driver's port, for everybody: one signer for all credentials, since each proof brings its own key.

use async_trait::async_trait;
use renewd_core::{ProofSpec, Secret, TokenRequest, TokenSource};
use renewd_driver::{ResourceProof, Signer};

use crate::body::add_parameter;
use crate::error::KeyError;
use crate::{assertion, dpop, token_file};

/// Makes every proof that a request can ask for.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeySigner;

impl KeySigner {
    /// It has no state.
    pub const fn new() -> Self {
        Self
    }
}

#[async_trait]
impl Signer for KeySigner {
    async fn prove(&self, request: &mut TokenRequest) -> Result<(), String> {
        for spec in std::mem::take(&mut request.proofs) {
            fill(request, spec).await?;
        }
        Ok(())
    }

    fn resource_proof(&self, proof: &ResourceProof<'_>) -> Result<Secret, String> {
        let &ResourceProof { key, token, method, url, nonce, at } = proof;
        dpop::proof(key, &dpop::Claims { method, url, token: Some(token), nonce, at })
    }
}

async fn fill(request: &mut TokenRequest, spec: ProofSpec) -> Result<(), String> {
    match spec {
        ProofSpec::ClientAssertion { key, client_id, audience, at } => {
            let assertion =
                assertion::client_assertion(&key, &client_id, &audience, at).map_err(of_client)?;
            add_parameter(request, "client_assertion_type", assertion::CLIENT_ASSERTION_TYPE.as_bytes())?;
            add_parameter(request, "client_assertion", assertion.expose())
        }
        ProofSpec::Assertion { claims, at } => {
            let assertion = assertion::grant_assertion(&claims, at)
                .map_err(|error| format!("the key of the assertion: {error}"))?;
            add_parameter(request, "assertion", assertion.expose())
        }
        ProofSpec::Token { parameter, source } => {
            let token = match source {
                TokenSource::Kept(token) => token,
                TokenSource::File(path) => token_file::read(&path).await?,
                _ => return Err(format!("{parameter}: a source that this signer does not know")),
            };
            add_parameter(request, parameter, token.expose())
        }
        ProofSpec::Dpop { key, nonce, at } => {
            let claims =
                dpop::Claims { method: "POST", url: &request.url, token: None, nonce: nonce.as_deref(), at };
            let proof = dpop::proof(&key, &claims)?;
            request.headers.push(("DPoP".into(), proof));
            Ok(())
        }
        other => Err(format!("this signer cannot make {}", other.name())),
    }
}

fn of_client(error: KeyError) -> String {
    format!("the client's key: {error}")
}

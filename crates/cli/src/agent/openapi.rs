//! `GET /openapi.json`: what the agent answers, as a document (OpenAPI 3.1). It is `docs/openapi.json`, which a test writes
//! from the table of operations and the types of their answers; the program carries it as it is.

use bytes::Bytes;
use http::{Response, StatusCode};

use super::http::{Body, answer};

/// Read at build time: a document that is not of this version cannot be served.
static DOCUMENT: &[u8] = include_bytes!("../../../../docs/openapi.json");

/// The document.
pub(super) fn document() -> Response<Body> {
    answer(StatusCode::OK, "application/json", Bytes::from_static(DOCUMENT))
}

#[cfg(test)]
mod generated;

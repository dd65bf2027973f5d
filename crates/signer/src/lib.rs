//! Signs for OAuth 2.0 clients: client assertions and JWT grants (RFC 7523), DPoP proofs (RFC 9449).

//! The members of a grant (RFC 6749 §5.1), by every name that is in use for them.

use alloc::string::String;

use super::fields::Slot;

/// The members of one object that grant something.
#[derive(Default)]
pub(super) struct Tokens {
    pub(super) access_token: Slot,
    pub(super) refresh_token: Slot,
    pub(super) id_token: Slot,
    pub(super) token_type: Slot,
    pub(super) scope: Slot,
    /// A scope that came as an array, joined.
    pub(super) scope_list: Option<String>,
    /// Seconds.
    pub(super) expires_in: Slot,
    /// Seconds, by an older name.
    pub(super) expires: Slot,
    /// Seconds or milliseconds since the Unix epoch, or a date.
    pub(super) expires_at: Slot,
    /// What `expires_at` is measured from, in the same shapes; without a profile by one name alone.
    pub(super) issued_at: Slot,
    /// The profile names `expires_at` and not `expires_in`.
    pub(super) expires_at_first: bool,
    /// Seconds.
    pub(super) refresh_expires_in: Slot,
}

impl Tokens {
    /// By the names of the standard, and those that came before it and beside it.
    pub(super) fn standard(&mut self, name: &[u8]) -> Option<&mut Slot> {
        Some(match name {
            b"access_token" => &mut self.access_token,
            b"refresh_token" => &mut self.refresh_token,
            b"id_token" => &mut self.id_token,
            b"token_type" => &mut self.token_type,
            b"scope" => &mut self.scope,
            b"expires_in" => &mut self.expires_in,
            b"expires" => &mut self.expires,
            b"expires_at" | b"expires_on" | b".expires" => &mut self.expires_at,
            b".issued" => &mut self.issued_at,
            b"refresh_token_expires_in" | b"refresh_expires_in" | b"x_refresh_token_expires_in" => {
                &mut self.refresh_expires_in
            }
            _ => return None,
        })
    }

    /// By the same names in the spelling of those who never read the standard.
    pub(super) fn camel_case(&mut self, name: &[u8]) -> Option<&mut Slot> {
        Some(match name {
            b"accessToken" => &mut self.access_token,
            b"refreshToken" => &mut self.refresh_token,
            b"idToken" => &mut self.id_token,
            b"tokenType" => &mut self.token_type,
            b"expiresIn"
            | b"expireIn"
            | b"expire_in"
            | b"access_token_expires_in"
            | b"accessTokenExpiresIn" => &mut self.expires_in,
            b"expiresAt" => &mut self.expires_at,
            b"refreshTokenExpiresIn" | b"refreshExpiresIn" => &mut self.refresh_expires_in,
            _ => return None,
        })
    }

    /// Takes from another object what this one lacks.
    pub(super) fn fill_from(&mut self, other: Self) {
        let pairs = [
            (&mut self.access_token, other.access_token),
            (&mut self.refresh_token, other.refresh_token),
            (&mut self.id_token, other.id_token),
            (&mut self.token_type, other.token_type),
            (&mut self.scope, other.scope),
            (&mut self.refresh_expires_in, other.refresh_expires_in),
        ];
        for (own, other) in pairs {
            if own.is_absent() {
                *own = other;
            }
        }
        self.scope_list = self.scope_list.take().or(other.scope_list);
        // All of a lifetime comes from one object: half of it means something else beside the other half.
        if self.expires_in.is_absent() && self.expires.is_absent() && self.expires_at.is_absent() {
            self.expires_in = other.expires_in;
            self.expires = other.expires;
            self.expires_at = other.expires_at;
        }
    }

    pub(super) const fn secrets(&self) -> [&Slot; 3] {
        [&self.access_token, &self.refresh_token, &self.id_token]
    }
}

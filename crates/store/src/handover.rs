//! A record on its way from the process in which a person logged in to the one that keeps it.
//!
//! It is written in clear, for a socket that only this user can connect to; whoever keeps it seals it. The epoch does
//! not travel: who keeps the record knows the one that it follows.

use renewd_core::{RECORD_FORMAT, Record};
use zeroize::Zeroizing;

use crate::payload;

/// Most bytes of a record that is handed over. The tokens of the largest answer that is read fit many times.
pub const HANDOVER_BYTES_MAX: usize = 256 << 10;

/// A record as bytes: JSON, with everything secret in it.
///
/// # Errors
/// One that is too large; half a sentence for people.
pub fn encode_handover(record: &Record) -> Result<Zeroizing<Vec<u8>>, String> {
    let bytes = payload::encode(record).map_err(|error| format!("cannot be written down: {error}"))?;
    if bytes.len() > HANDOVER_BYTES_MAX {
        return Err(format!("takes more than {HANDOVER_BYTES_MAX} bytes"));
    }
    Ok(bytes)
}

/// The record in those bytes, of epoch 0.
///
/// # Errors
/// Where it is, never what: half a sentence for people.
pub fn decode_handover(bytes: &[u8]) -> Result<Record, String> {
    if bytes.len() > HANDOVER_BYTES_MAX {
        return Err(format!("takes more than {HANDOVER_BYTES_MAX} bytes"));
    }
    payload::decode(bytes, RECORD_FORMAT, (0, 0)).map_err(|why| format!("cannot be read: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use renewd_core::{GrantMaterial, Identity, Now, Secret, Settings};

    #[test]
    fn what_is_handed_over_arrives_whole_but_for_its_epoch() {
        let identity = Identity { client_id: "c".into(), ..Identity::default() };
        let settings = Settings { dpop_key: Some(Secret::from("key")), ..Settings::default() };
        let grant = GrantMaterial { refresh_token: Some(Secret::from("rt-1")), ..GrantMaterial::default() };
        let record = Record::new(7, identity, settings, grant, Now::default());
        let arrived = decode_handover(&encode_handover(&record).unwrap()).unwrap();
        assert_eq!(arrived.version(), (0, 0));
        assert_eq!(arrived.identity, record.identity);
        assert!(arrived.grant.refresh_token.is_some_and(|token| token.same_as(b"rt-1")));
        assert!(arrived.settings.dpop_key.is_some_and(|key| key.same_as(b"key")));
    }

    #[test]
    fn what_is_no_record_is_refused_without_being_repeated() {
        let error = decode_handover(b"{\"grant\":\"hunter2\"}").err().unwrap();
        assert!(error.contains("cannot be read") && !error.contains("hunter2"), "{error}");
        assert!(decode_handover(&vec![b' '; HANDOVER_BYTES_MAX + 1]).err().unwrap().contains("more than"));
    }
}

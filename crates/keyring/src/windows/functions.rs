//! The credential functions of Windows: each call, and nothing else.

use std::ptr::null_mut;
use std::slice;

use renewd_core::Secret;
use windows_sys::Win32::Foundation::{ERROR_INVALID_PARAMETER, GetLastError};
use windows_sys::Win32::Security::Credentials::{
    CRED_PERSIST_LOCAL_MACHINE, CRED_TYPE_GENERIC, CREDENTIALW, CredDeleteW, CredFree, CredReadW, CredWriteW,
};
use zeroize::Zeroize;

use super::Functions;

/// This Windows.
pub(crate) struct System;

impl Functions for System {
    fn read(&self, target: &[u16]) -> Result<Secret, u32> {
        ended(target)?;
        let mut credential: *mut CREDENTIALW = null_mut();
        #[expect(unsafe_code, reason = "CredReadW has no safe form")]
        // SAFETY: `target` ends with a zero and outlives the call, which fills `credential` where it succeeds.
        let done = unsafe { CredReadW(target.as_ptr(), CRED_TYPE_GENERIC, 0, &raw mut credential) };
        if done == 0 {
            return Err(last_error());
        }
        let found = Found(credential);
        Ok(found.secret())
    }

    fn write(&self, target: &[u16], value: &[u8]) -> Result<(), u32> {
        ended(target)?;
        let bytes = u32::try_from(value.len()).map_err(|_| ERROR_INVALID_PARAMETER)?;
        let credential = CREDENTIALW {
            Type: CRED_TYPE_GENERIC,
            TargetName: target.as_ptr().cast_mut(),
            CredentialBlobSize: bytes,
            CredentialBlob: value.as_ptr().cast_mut(),
            Persist: CRED_PERSIST_LOCAL_MACHINE,
            ..CREDENTIALW::default()
        };
        #[expect(unsafe_code, reason = "CredWriteW has no safe form")]
        // SAFETY: the name ends with a zero, the size is that of the bytes, all of it outlives the call, which only
        // reads it; every other field is zero, which means "none".
        let done = unsafe { CredWriteW(&raw const credential, 0) };
        if done == 0 { Err(last_error()) } else { Ok(()) }
    }

    fn delete(&self, target: &[u16]) -> Result<(), u32> {
        ended(target)?;
        #[expect(unsafe_code, reason = "CredDeleteW has no safe form")]
        // SAFETY: `target` ends with a zero and outlives the call.
        let done = unsafe { CredDeleteW(target.as_ptr(), CRED_TYPE_GENERIC, 0) };
        if done == 0 { Err(last_error()) } else { Ok(()) }
    }
}

/// Where a name has no end, Windows would read beyond it.
fn ended(target: &[u16]) -> Result<(), u32> {
    if target.last() == Some(&0) { Ok(()) } else { Err(ERROR_INVALID_PARAMETER) }
}

fn last_error() -> u32 {
    #[expect(unsafe_code, reason = "GetLastError has no safe form")]
    // SAFETY: it takes nothing and cannot fail.
    unsafe {
        GetLastError()
    }
}

/// What `CredReadW` gave: one block of memory that it allocated, and that is given back to it.
struct Found(*mut CREDENTIALW);

impl Found {
    fn secret(&self) -> Secret {
        Secret::copy_of(self.blob())
    }

    fn blob(&self) -> &[u8] {
        #[expect(unsafe_code, reason = "the answer is a pointer")]
        // SAFETY: a CredReadW that succeeded points to a credential, ours until CredFree.
        let credential = unsafe { &*self.0 };
        if credential.CredentialBlob.is_null() {
            return &[];
        }
        #[expect(unsafe_code, reason = "the bytes are a pointer and a length")]
        // SAFETY: they are within the block that CredReadW allocated, and nobody writes to it.
        unsafe {
            slice::from_raw_parts(credential.CredentialBlob, credential.CredentialBlobSize as usize)
        }
    }
}

impl Drop for Found {
    /// Overwrites the secret: CredFree does not promise to.
    fn drop(&mut self) {
        #[expect(unsafe_code, reason = "the block is Windows' own, and is overwritten where it lies")]
        // SAFETY: as in `blob`; nothing else refers to the block any more, and it is given back once.
        unsafe {
            let credential = &*self.0;
            if !credential.CredentialBlob.is_null() {
                slice::from_raw_parts_mut(credential.CredentialBlob, credential.CredentialBlobSize as usize)
                    .zeroize();
            }
            CredFree(self.0.cast_const().cast());
        }
    }
}

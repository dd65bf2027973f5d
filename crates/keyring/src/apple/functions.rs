//! The keychain functions of macOS: each call, and nothing else.

use std::ffi::c_void;
use std::ptr::null_mut;
use std::{mem, slice};

use core_foundation::base::TCFType;
use renewd_core::Secret;
use security_framework::base::Error;
use security_framework::item::{ItemClass, ItemSearchOptions};
use security_framework::os::macos::keychain::{KeychainUserInteractionLock, SecKeychain};
use security_framework_sys::base::errSecParam;
use security_framework_sys::keychain::SecKeychainFindGenericPassword;
use security_framework_sys::keychain_item::SecKeychainItemFreeContent;
use zeroize::Zeroize;

use super::Functions;

/// What every item of renewd says of itself, for people and for whoever lists the keychain.
const SERVICE: &str = "renewd";

#[link(name = "Security", kind = "framework")]
#[expect(unsafe_code, reason = "security-framework has no form of it")]
unsafe extern "C" {
    fn SecKeychainGetStatus(keychain: *const c_void, status: *mut u32) -> i32;
}

/// This macOS.
pub(crate) struct System;

impl Functions for System {
    fn allow_interaction(&self, allowed: bool) -> Result<(), i32> {
        if allowed {
            // What ends the state is the end of the value that stands for it.
            drop(KeychainUserInteractionLock);
            return Ok(());
        }
        // It ends with the next call that allows it, and not in the middle of one that another thread makes.
        SecKeychain::disable_user_interaction().map(mem::forget).map_err(code)
    }

    fn status(&self) -> Result<u32, i32> {
        let keychain = keychain()?;
        let mut status = 0;
        #[expect(unsafe_code, reason = "security-framework has no form of it")]
        // SAFETY: the reference is alive until the end of this function, and the call writes one word.
        let code = unsafe { SecKeychainGetStatus(keychain.as_CFTypeRef(), &raw mut status) };
        if code == 0 { Ok(status) } else { Err(code) }
    }

    fn find(&self, account: &str) -> Result<Secret, i32> {
        let keychain = keychain()?;
        let mut found = Found { bytes: null_mut(), len: 0 };
        #[expect(
            unsafe_code,
            reason = "security-framework's own form takes an empty item for a slice at null"
        )]
        // SAFETY: the names are given with their lengths, all of it outlives the call, and `found` owns what it makes.
        let code = unsafe {
            SecKeychainFindGenericPassword(
                keychain.as_CFTypeRef(),
                length(SERVICE)?,
                SERVICE.as_ptr().cast(),
                length(account)?,
                account.as_ptr().cast(),
                &raw mut found.len,
                &raw mut found.bytes,
                null_mut(),
            )
        };
        if code == 0 { Ok(Secret::copy_of(found.bytes_mut())) } else { Err(code) }
    }

    fn add(&self, account: &str, value: &[u8]) -> Result<(), i32> {
        keychain()?.add_generic_password(SERVICE, account, value).map_err(code)
    }

    fn replace(&self, account: &str, value: &[u8]) -> Result<(), i32> {
        let (_, mut item) = keychain()?.find_generic_password(SERVICE, account).map_err(code)?;
        item.set_password(value).map_err(code)
    }

    fn delete(&self, account: &str) -> Result<(), i32> {
        let mut search = ItemSearchOptions::new();
        search.keychains(&[keychain()?]).class(ItemClass::generic_password());
        search.service(SERVICE).account(account).delete().map_err(code)
    }
}

/// The content of an item: memory that the keychain allocated, and that is given back to it.
struct Found {
    bytes: *mut c_void,
    len: u32,
}

impl Found {
    fn bytes_mut(&mut self) -> &mut [u8] {
        if self.bytes.is_null() {
            return &mut [];
        }
        #[expect(unsafe_code, reason = "the content is a pointer and a length")]
        // SAFETY: the keychain filled in both, and the memory is ours alone until it is given back.
        unsafe {
            slice::from_raw_parts_mut(self.bytes.cast(), self.len as usize)
        }
    }
}

impl Drop for Found {
    /// Overwrites the secret: giving it back does not promise to.
    fn drop(&mut self) {
        self.bytes_mut().zeroize();
        if !self.bytes.is_null() {
            #[expect(unsafe_code, reason = "the memory is the keychain's")]
            // SAFETY: it came from a find, and is given back once.
            unsafe {
                SecKeychainItemFreeContent(null_mut(), self.bytes);
            }
        }
    }
}

fn length(name: &str) -> Result<u32, i32> {
    u32::try_from(name.len()).map_err(|_| errSecParam)
}

fn keychain() -> Result<SecKeychain, i32> {
    SecKeychain::default().map_err(code)
}

fn code(error: Error) -> i32 {
    error.code()
}

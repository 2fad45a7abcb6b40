//! The system's own keyring.

use std::error::Error as _;

use oauth_core::seal::{KeyringError, Unsealed};

use crate::keyring::{KeyringAccess, KeyringItem};

/// The system's own keyring: [which one](crate::keyring#which-keyring) it is. It may hang.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemKeyring;

impl KeyringAccess for SystemKeyring {
    fn read(&self, item: &KeyringItem) -> Result<Option<Unsealed>, KeyringError> {
        match entry(item)?.get_secret() {
            Ok(secret) => Ok(Some(secret.into())),
            Err(keyring_core::Error::NoEntry) => Ok(None),
            Err(error) => Err(told(&error)),
        }
    }

    fn write(&self, item: &KeyringItem, secret: &[u8]) -> Result<(), KeyringError> {
        entry(item)?.set_secret(secret).map_err(|error| told(&error))
    }
}

#[cfg(any(target_os = "linux", target_os = "macos", windows))]
fn entry(item: &KeyringItem) -> Result<keyring_core::Entry, KeyringError> {
    use keyring_core::api::CredentialStoreApi as _;

    #[cfg(target_os = "macos")]
    use apple_native_keyring_store::keychain::Store;
    #[cfg(windows)]
    use windows_native_keyring_store::Store;
    #[cfg(target_os = "linux")]
    use zbus_secret_service_keyring_store::Store;

    // Where there is none, it shows here.
    let store = Store::new().map_err(|error| KeyringError::Missing { why: text(&error) })?;
    store.build(item.service(), item.account(), None).map_err(|error| told(&error))
}

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
fn entry(_: &KeyringItem) -> Result<keyring_core::Entry, KeyringError> {
    Err(KeyringError::Missing { why: "no keyring of this system is known".into() })
}

/// What an error means. Never its `Debug`: some have what was read.
fn told(error: &keyring_core::Error) -> KeyringError {
    let why = text(error);
    match error {
        // Not allowed, and there is nobody to ask; locked; another program's.
        keyring_core::Error::NoStorageAccess(_) | keyring_core::Error::PlatformFailure(_)
            if cfg!(target_os = "macos") =>
        {
            KeyringError::Refused { why }
        }
        // The Secret Service is there, and no keyring is the one for new secrets.
        keyring_core::Error::NoStorageAccess(_) if why.contains("result not returned") => {
            KeyringError::Missing { why: "no keyring is the default one".into() }
        }
        // There is no session of the user's, as for some services.
        keyring_core::Error::NoStorageAccess(_) if cfg!(windows) => KeyringError::Missing { why },
        keyring_core::Error::NoStorageAccess(_) => KeyringError::Locked { why },
        keyring_core::Error::PlatformFailure(_) if is_locked(&why) => KeyringError::Locked { why },
        _ => KeyringError::Failed { why },
    }
}

/// The Secret Service says so in several ways: `object locked`, and `IsLocked` by its own name.
fn is_locked(why: &str) -> bool {
    why.contains("locked") || why.contains("IsLocked")
}

/// What the system says, without what the crate says before it.
fn text(error: &keyring_core::Error) -> Box<str> {
    let said = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    said.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// They hold what was read.
    #[test]
    fn no_error_tells_a_secret() {
        let planted = b"planted".to_vec();
        let shown = [
            keyring_core::Error::BadEncoding(planted.clone()),
            keyring_core::Error::BadDataFormat(planted.clone(), "cut off".into()),
        ]
        .map(|error| format!("{:?}", told(&error)));
        for shown in shown {
            assert!(
                !shown.contains("planted") && !shown.contains(&format!("{planted:?}")),
                "{shown}"
            );
            assert!(shown.contains("Failed"), "{shown}");
        }
    }
}

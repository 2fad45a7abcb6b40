//! `seal`: what rests, encrypted.

use clap::Args;
use oauth_tokio::{Blocking, KeyringMode};

use crate::home::{APPLICATION, Home, keyring};
use crate::outcome::Failure;
use crate::said::say;

/// Encrypt all logins, with a key in this system's keyring
#[derive(Debug, Args)]
pub(crate) struct Seal {}

impl Seal {
    pub(crate) async fn run(self, home: &Home) -> Result<(), Failure> {
        let keyring = keyring(KeyringMode::Keyring);
        let (store, _) = Blocking::new(home.files()?).sealed_by(&keyring).await?;
        let sealed = match store.seal_anew(APPLICATION).await? {
            0 => "Nothing was plain".to_owned(),
            1 => "Sealed one record".to_owned(),
            count => format!("Sealed {count} records"),
        };
        Ok(say(format_args!(
            "{sealed}; whatever is stored from now on will be sealed, too.\n\
             The key is in this system's keyring, as \"{APPLICATION}\": who deletes it has to log in again."
        ))?)
    }
}

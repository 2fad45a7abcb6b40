//! `seal`: what rests, encrypted.

use clap::Args;
use oauth_tokio::{Blocking, KeyringMode};

use crate::home::{APPLICATION, Home, keyring};
use crate::outcome::Failure;
use crate::said::say;

/// Encrypt all logins, with a key in this system's keyring
#[derive(Debug, Args)]
pub(crate) struct Seal {
    /// Delete the logins that are sealed instead, and store plainly from then on: for when the key is lost
    #[arg(long)]
    discard: bool,
}

impl Seal {
    pub(crate) async fn run(self, home: &Home) -> Result<(), Failure> {
        let keyring = keyring(KeyringMode::Keyring);
        if self.discard {
            let files = Blocking::new(home.files()?);
            let discarded = match files.discard_sealed(APPLICATION, &keyring).await? {
                0 => "Nothing was sealed".to_owned(),
                1 => "Deleted one record".to_owned(),
                count => format!("Deleted {count} records"),
            };
            return Ok(say(format_args!(
                "{discarded}; whatever is stored from now on will be plain."
            ))?);
        }
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

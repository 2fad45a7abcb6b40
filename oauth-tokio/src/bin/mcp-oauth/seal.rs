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
            let discarded = files.discard_sealed(APPLICATION, &keyring).await?;
            let discarded = told(discarded, "Nothing was sealed", "Deleted");
            return Ok(say(format_args!(
                "{discarded}; whatever is stored from now on will be plain."
            ))?);
        }
        let (store, _) = Blocking::new(home.files()?).sealed_by(&keyring).await?;
        let sealed = told(store.seal_anew(APPLICATION).await?, "Nothing was plain", "Sealed");
        Ok(say(format_args!(
            "{sealed}; whatever is stored from now on will be sealed, too.\n\
             The key is in this system's keyring, as \"{APPLICATION}\": who deletes it has to log in again."
        ))?)
    }
}

fn told(count: u64, nothing: &str, done: &str) -> String {
    match count {
        0 => nothing.to_owned(),
        1 => format!("{done} one record"),
        count => format!("{done} {count} records"),
    }
}

//! Where the logins are.

use std::path::PathBuf;
use std::sync::OnceLock;

use clap::Args;
use oauth_tokio::{
    Blocking, FileTokenStorage, GrantQuery, Keyring, KeyringMode, Records as _, StorageError,
    StoredGrant,
};

/// Which logins are meant.
#[derive(Debug, Args)]
pub(crate) struct Home {
    /// A directory for the logins, in the place of the user's own
    #[arg(
        long,
        global = true,
        value_name = "DIRECTORY",
        env = "MCP_OAUTH_HOME",
        hide_env_values = true
    )]
    home: Option<PathBuf>,
    /// Once it was opened.
    #[arg(skip)]
    opened: OnceLock<FileTokenStorage>,
}

impl Home {
    /// The store: sealed if [`seal`](crate::seal) was called. May wait for the keyring's user, so it is made before
    /// anything else goes on, and once.
    ///
    /// # Errors
    ///
    /// As [`Self::files`], and as [`FileTokenStorage::sealed_by`]. Of a key that is not there, each call says so that
    /// needs it.
    pub(crate) fn store(&self) -> Result<Blocking<FileTokenStorage>, StorageError> {
        let files = match self.opened.get() {
            Some(files) => files,
            None => {
                let (files, _) = self.files()?.sealed_by(&keyring(KeyringMode::AsBefore))?;
                self.opened.get_or_init(|| files)
            }
        };
        Ok(Blocking::new(files.clone()))
    }

    /// All logins.
    ///
    /// # Errors
    ///
    /// As [`Self::store`]; one that cannot be opened.
    pub(crate) async fn logins(&self) -> Result<Vec<StoredGrant>, StorageError> {
        self.store()?.list_all(&GrantQuery::new(APPLICATION)).await
    }

    /// Where the files are: in the directory that was said, or in that of this program.
    ///
    /// # Errors
    ///
    /// [`StorageError::NoDirectory`]: the environment names no place for a user's files.
    pub(crate) fn files(&self) -> Result<FileTokenStorage, StorageError> {
        match &self.home {
            Some(directory) => Ok(FileTokenStorage::in_dir(directory)),
            None => FileTokenStorage::new(APPLICATION),
        }
    }
}

pub(crate) fn keyring(mode: KeyringMode) -> Keyring {
    Keyring::new(APPLICATION).mode(mode)
}

/// What the logins belong to, and what servers show their users.
pub(crate) const APPLICATION: &str = "mcp-oauth";

//! Where the logins are.

use std::path::PathBuf;

use clap::Args;
use oauth_tokio::{Blocking, FileTokenStorage, StorageError};

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
}

impl Home {
    /// The store in files: in the directory that was said, or in that of this program.
    ///
    /// # Errors
    ///
    /// [`StorageError::NoDirectory`]: the environment names no place for a user's files.
    pub(crate) fn store(&self) -> Result<Blocking<FileTokenStorage>, StorageError> {
        let files = match &self.home {
            Some(directory) => FileTokenStorage::in_dir(directory),
            None => FileTokenStorage::new(APPLICATION)?,
        };
        Ok(Blocking::new(files))
    }
}

/// What the logins belong to, and what servers show their users.
pub(crate) const APPLICATION: &str = "mcp-oauth";

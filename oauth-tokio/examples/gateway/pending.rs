//! Logins that wait for their users, where all processes of the gateway find them.
//!
//! A file for each, named after the `state` of its connect URL. Whoever takes it renames it first, so
//! that of two redirects with the same `state`, at whatever processes, one gets it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use oauth_tokio::{AuthenticationError, PendingLogin};
use tokio::fs;
use tokio::io::AsyncWriteExt as _;

use crate::error::GatewayError;

/// A directory that only its owner can enter: what is in it is as secret as the tokens.
pub(crate) struct PendingLogins {
    directory: PathBuf,
}

impl PendingLogins {
    pub(crate) async fn in_dir(directory: &Path) -> Result<Self, GatewayError> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        builder.mode(0o700);
        builder.create(directory).await?;
        Ok(Self { directory: directory.into() })
    }

    /// Keeps a login until its redirect comes, or it is too late.
    pub(crate) async fn keep(&self, login: &AuthenticationError) -> Result<(), GatewayError> {
        if self.sweep().await? >= MAX_WAITING {
            return Err(GatewayError::Crowded);
        }
        let path = self.file(login.connect_url.state()).ok_or(GatewayError::Damaged)?;
        let text = serde_json::to_vec(&login.pending).map_err(|_| GatewayError::Damaged)?;
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        options.mode(0o600);
        match options.open(path).await {
            Ok(mut file) => {
                file.write_all(&text).await?;
                Ok(file.flush().await?)
            }
            // Calls that waited at the same time are handed the same login.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The login that this `state` belongs to: once.
    pub(crate) async fn take(&self, state: &str) -> Result<PendingLogin, GatewayError> {
        self.sweep().await?;
        let path = self.file(state).ok_or(GatewayError::NotWaiting)?;
        let taken = path.with_extension("taken");
        fs::rename(&path, &taken).await.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => GatewayError::NotWaiting,
            _ => GatewayError::Files(error),
        })?;
        let text = fs::read(&taken).await?;
        fs::remove_file(&taken).await?;
        serde_json::from_slice(&text).map_err(|_| GatewayError::Damaged)
    }

    /// Removes what nobody came back for, since it can be finished no more; how many still wait.
    async fn sweep(&self) -> io::Result<usize> {
        let mut entries = fs::read_dir(&self.directory).await?;
        let mut waiting = 0;
        while let Some(entry) = entries.next_entry().await? {
            // Another process may take or sweep it right now.
            let Ok(metadata) = entry.metadata().await else { continue };
            if metadata.modified()?.elapsed().is_ok_and(|age| age > LIFETIME) {
                let _ = fs::remove_file(entry.path()).await;
            } else {
                waiting += 1;
            }
        }
        Ok(waiting)
    }

    /// `None` if no login can have this `state`. It comes from outside: in hexadecimal digits it is a
    /// file name and nothing else, in whatever letters it is written.
    fn file(&self, state: &str) -> Option<PathBuf> {
        if state.is_empty() || state.len() > MAX_STATE {
            return None;
        }
        let digits: String = state.bytes().map(|byte| format!("{byte:02x}")).collect();
        Some(self.directory.join(digits).with_extension("json"))
    }
}

/// How long a login waits for its user.
pub(crate) const LIFETIME: Duration = Duration::from_secs(10 * 60);

/// How many logins may wait: agents that call in a loop shall not fill the disk.
const MAX_WAITING: usize = 1000;

/// The longest `state`, in bytes: ours have 43, and a file name has 255 at most.
const MAX_STATE: usize = 100;

//! Sessions in files, for processes of one machine.

use std::io;
use std::path::{Path, PathBuf};

use tokio::fs;
use tokio::io::AsyncWriteExt as _;

use super::{Kept, LIFETIME};

/// A directory that only its owner can enter: whoever has the name of a file is its user.
pub(crate) struct Files(PathBuf);

impl Kept {
    pub(crate) async fn in_dir(directory: &Path) -> io::Result<Self> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        builder.mode(0o700);
        builder.create(directory).await?;
        Ok(Self::Files(Files(directory.into())))
    }
}

impl Files {
    pub(super) async fn put(&self, id: &str, user: &str) -> io::Result<()> {
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        options.mode(0o600);
        let mut file = options.open(self.0.join(id)).await?;
        file.write_all(user.as_bytes()).await?;
        file.flush().await
    }

    pub(super) async fn find(&self, id: &str) -> io::Result<Option<String>> {
        let path = self.0.join(id);
        let Some(metadata) = found(fs::metadata(&path).await)? else { return Ok(None) };
        if metadata.modified()?.elapsed().unwrap_or_default() > LIFETIME {
            self.remove(id).await?;
            return Ok(None);
        }
        found(fs::read_to_string(path).await)
    }

    pub(super) async fn remove(&self, id: &str) -> io::Result<()> {
        found(fs::remove_file(self.0.join(id)).await).map(drop)
    }

    pub(super) async fn remove_all(&self, user: &str) -> io::Result<()> {
        let mut entries = fs::read_dir(&self.0).await?;
        while let Some(entry) = entries.next_entry().await? {
            let path = entry.path();
            if found(fs::read_to_string(&path).await)?.as_deref() == Some(user) {
                found(fs::remove_file(path).await)?;
            }
        }
        Ok(())
    }
}

/// Another process may have removed it.
fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}

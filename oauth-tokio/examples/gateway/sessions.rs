//! Who sits at which browser: sessions of the gateway's own, where all its processes find them.
//!
//! A file for each, named after the secret in the browser's cookie. A gateway that has sessions already
//! uses those.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::COOKIE;
use tokio::fs;
use tokio::io::AsyncWriteExt as _;

use crate::error::GatewayError;

/// A directory that only its owner can enter: whoever has a session's name is its user.
pub(crate) struct Sessions {
    directory: PathBuf,
    /// Whether browsers come by https: then they send the cookie in no other way.
    is_secure: bool,
}

impl Sessions {
    pub(crate) async fn in_dir(directory: &Path, is_secure: bool) -> Result<Self, GatewayError> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        builder.mode(0o700);
        builder.create(directory).await?;
        Ok(Self { directory: directory.into(), is_secure })
    }

    /// Begins a session, and gives the cookie for it. `Lax` because users come back from another site.
    pub(crate) async fn begin(&self, user: &str) -> Result<String, GatewayError> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(|_| GatewayError::NoRandomness)?;
        let name: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        options.mode(0o600);
        let mut file = options.open(self.directory.join(&name)).await?;
        file.write_all(user.as_bytes()).await?;
        file.flush().await?;
        let (lifetime, secure) = (LIFETIME.as_secs(), if self.is_secure { "; Secure" } else { "" });
        Ok(format!("{NAME}={name}; Path=/; Max-Age={lifetime}; HttpOnly; SameSite=Lax{secure}"))
    }

    /// Whose browser sends this.
    pub(crate) async fn user(&self, headers: &HeaderMap) -> Result<String, GatewayError> {
        let path = self.file(headers).ok_or(GatewayError::SignedOut)?;
        let age = match fs::metadata(&path).await {
            Ok(metadata) => metadata.modified()?.elapsed().unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(GatewayError::SignedOut);
            }
            Err(error) => return Err(error.into()),
        };
        if age > LIFETIME {
            let _ = fs::remove_file(path).await;
            return Err(GatewayError::SignedOut);
        }
        Ok(fs::read_to_string(path).await?)
    }

    /// The file that the one session cookie names. It comes from outside: nothing but the digits that we
    /// give out are a file name.
    fn file(&self, headers: &HeaderMap) -> Option<PathBuf> {
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let pairs = cookies.flat_map(|value| value.split("; ")).filter_map(|it| it.split_once('='));
        let mut names = pairs.filter(|(name, _)| *name == NAME).map(|(_, value)| value);
        let name = names.next().filter(|_| names.next().is_none())?;
        let is_ours = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_ours.then(|| self.directory.join(name))
    }
}

const NAME: &str = "gateway-session";

/// How long a user stays signed in.
const LIFETIME: Duration = Duration::from_secs(8 * 60 * 60);

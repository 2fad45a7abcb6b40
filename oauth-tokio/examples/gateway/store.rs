//! Where grants, logins that wait, and sessions are kept: what all processes of the gateway share.

use std::path::Path;

use oauth_tokio::{FileTokenStorage, SharedStorage};

use crate::error::GatewayError;
use crate::failure::Failure;
use crate::sessions::Kept;

/// A store of both.
pub(crate) struct Store {
    pub(crate) grants: SharedStorage,
    pub(crate) sessions: Kept,
}

impl Store {
    /// The database of `DATABASE_URL` if it is set, and otherwise this directory.
    pub(crate) async fn open(files: &Path) -> Result<Self, Failure> {
        match database_url()? {
            #[cfg(feature = "postgres")]
            Some(url) => {
                let (grants, connection) = crate::database::open(&url).await?;
                Ok(Self { grants: grants.into(), sessions: Kept::Rows(connection) })
            }
            _ => Self::in_dir(files).await.map_err(Failure::Setup),
        }
    }

    async fn in_dir(directory: &Path) -> Result<Self, GatewayError> {
        Ok(Self {
            grants: FileTokenStorage::in_dir(directory.join("tokens")).into(),
            sessions: Kept::in_dir(&directory.join("sessions")).await?,
        })
    }
}

/// Where the database is, if there is one. Without a driver that is an error: with files in its place each machine would
/// keep to itself, and nobody would notice.
pub(crate) fn database_url() -> Result<Option<String>, Failure> {
    match std::env::var("DATABASE_URL") {
        Err(std::env::VarError::NotPresent) => Ok(None),
        Ok(url) if url.is_empty() => Ok(None),
        #[cfg(not(feature = "postgres"))]
        _ => Err(Failure::NoDatabase),
        #[cfg(feature = "postgres")]
        url => url.map(Some).map_err(|_| Failure::DatabaseUrl),
    }
}

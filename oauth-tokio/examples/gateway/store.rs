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
            Some(url) => database(&url).await,
            None => Self::in_dir(files).await.map_err(Failure::Setup),
        }
    }

    async fn in_dir(directory: &Path) -> Result<Self, GatewayError> {
        Ok(Self {
            grants: FileTokenStorage::in_dir(directory.join("tokens")).into(),
            sessions: Kept::in_dir(&directory.join("sessions")).await?,
        })
    }
}

/// Where the database is, if there is one.
pub(crate) fn database_url() -> Result<Option<String>, Failure> {
    match std::env::var("DATABASE_URL") {
        Ok(url) => Ok(Some(url).filter(|url| !url.is_empty())),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(Failure::DatabaseUrl),
    }
}

#[cfg(feature = "postgres")]
async fn database(url: &str) -> Result<Store, Failure> {
    let (grants, connection) = crate::database::open(url).await?;
    Ok(Store { grants: grants.into(), sessions: Kept::Rows(connection) })
}

/// Not files in its place: each process would keep to itself, and nobody would notice.
#[cfg(not(feature = "postgres"))]
async fn database(_: &str) -> Result<Store, Failure> {
    Err(Failure::NoDatabase)
}

//! Who sits at which browser: sessions of the gateway's own, where all its processes find them.
//!
//! A gateway that has sessions already uses those.

#[cfg(feature = "postgres")]
mod rows;

mod files;

use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::COOKIE;

use crate::error::GatewayError;

/// Sessions, each named by the secret in the browser's cookie.
pub(crate) struct Sessions {
    kept: Kept,
    /// Whether browsers come by https: then they send the cookie in no other way.
    is_secure: bool,
}

/// Where they are kept.
pub(crate) enum Kept {
    Files(files::Files),
    #[cfg(feature = "postgres")]
    Rows(std::sync::Arc<oauth_tokio::postgres::Reconnecting>),
}

impl Sessions {
    pub(crate) fn new(kept: Kept, is_secure: bool) -> Self {
        Self { kept, is_secure }
    }

    /// Begins a session, and gives the cookie for it. `Lax` because users come back from another site.
    pub(crate) async fn begin(&self, user: &str) -> Result<String, GatewayError> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(|_| GatewayError::NoRandomness)?;
        let id: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        match &self.kept {
            Kept::Files(files) => files.put(&id, user).await?,
            #[cfg(feature = "postgres")]
            Kept::Rows(connection) => rows::put(connection, &id, user).await?,
        }
        Ok(self.cookie(&id, LIFETIME))
    }

    /// Whose browser sends this.
    pub(crate) async fn user(&self, headers: &HeaderMap) -> Result<String, GatewayError> {
        let id = id(headers).ok_or(GatewayError::SignedOut)?;
        let user = match &self.kept {
            Kept::Files(files) => files.find(id).await?,
            #[cfg(feature = "postgres")]
            Kept::Rows(connection) => rows::find(connection, id).await?,
        };
        user.ok_or(GatewayError::SignedOut)
    }

    /// Ends the session of this browser, and gives the cookie that takes the place of its own.
    pub(crate) async fn end(&self, headers: &HeaderMap) -> Result<String, GatewayError> {
        if let Some(id) = id(headers) {
            match &self.kept {
                Kept::Files(files) => files.remove(id).await?,
                #[cfg(feature = "postgres")]
                Kept::Rows(connection) => rows::remove(connection, id).await?,
            }
        }
        Ok(self.cookie("", Duration::ZERO))
    }

    /// Ends all sessions of a user, at all browsers.
    pub(crate) async fn end_all(&self, user: &str) -> Result<(), GatewayError> {
        match &self.kept {
            Kept::Files(files) => Ok(files.remove_all(user).await?),
            #[cfg(feature = "postgres")]
            Kept::Rows(connection) => Ok(rows::remove_all(connection, user).await?),
        }
    }

    fn cookie(&self, id: &str, lifetime: Duration) -> String {
        let (lifetime, secure) = (lifetime.as_secs(), if self.is_secure { "; Secure" } else { "" });
        format!("{NAME}={id}; Path=/; Max-Age={lifetime}; HttpOnly; SameSite=Lax{secure}")
    }
}

/// What the one session cookie says. It comes from outside: nothing but the digits that we give out are a name.
fn id(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = cookies.flat_map(|value| value.split("; ")).filter_map(|it| it.split_once('='));
    let mut ids = pairs.filter(|(name, _)| *name == NAME).map(|(_, id)| id);
    let id = ids.next().filter(|_| ids.next().is_none())?;
    let is_ours = id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_ours.then_some(id)
}

const NAME: &str = "gateway-session";

/// How long a user stays signed in.
const LIFETIME: Duration = Duration::from_secs(8 * 60 * 60);

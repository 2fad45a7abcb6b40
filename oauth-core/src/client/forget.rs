//! Deletes what is stored for one server and profile.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;

use crate::Plain;
use crate::client::host::{Host, Runtime as _};
use crate::client::shared::{Client, Outcome};
use crate::client::storage::{GrantQuery, Loaded};
use crate::flow::Binding;
use crate::session::{KeyKind, Lock, Record, Session};
use crate::wire::RegistrationKind;

/// What `OAuth::forget` has deleted, and what it could not: that is elsewhere, or others'.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Forgotten {
    /// The authorization server of the grant; `None` if nothing was stored.
    pub issuer: Option<Box<str>>,
    /// Whether there were tokens. They live on at the server until they expire: `logout` before would
    /// have ended them.
    pub tokens: bool,
    /// The client that the server registered, by its id. It stays registered there.
    pub client_id: Option<Box<str>>,
    /// How many other profiles have a grant for the same server. Theirs stay.
    pub other_profiles: usize,
}

/// One line for people.
impl fmt::Display for Forgotten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(issuer) = &self.issuer else { return f.write_str("nothing was stored") };
        f.write_str("forgotten")?;
        if self.tokens {
            write!(f, "; the tokens live until they expire at {}", Plain(issuer))?;
        }
        if let Some(client_id) = &self.client_id {
            let (id, issuer) = (Plain(client_id), Plain(issuer));
            write!(f, "; the client {id} stays registered at {issuer}")?;
        }
        match self.other_profiles {
            0 => Ok(()),
            1 => f.write_str("; another profile stays logged in"),
            others => write!(f, "; {others} other profiles stay logged in"),
        }
    }
}

impl<H: Host> Client<H> {
    /// Deletes the record, and the client that was registered for it.
    ///
    /// # Errors
    ///
    /// Why it is still stored.
    pub async fn forget(self: &Arc<Self>) -> Outcome<Forgotten, H> {
        let mut session = self.host.runtime().take().await;
        let client = Arc::clone(self);
        let forget = async move {
            let outcome = client.delete_all().await;
            // What it knew is gone, also if a part of what is stored is not.
            drop(client.take_missing());
            *session = Session::new(Arc::clone(&client.settings));
            client.show(client.seen(session.snapshot()));
            outcome
        };
        self.host.runtime().run_to_completion(forget).await
    }

    async fn delete_all(&self) -> Outcome<Forgotten, H> {
        self.migrate().await?;
        // Who refreshes would write it again.
        let held = match self.try_lock(&self.key, Lock::Refresh).await? {
            Some(held) => held,
            None => self.lock_refresh(self.patience()).await?,
        };
        let record = match self.store().load(&self.key).await? {
            Loaded::Record(record) => Some(*record),
            Loaded::Nothing | Loaded::Damaged { .. } => None,
        };
        let client_key = record.as_ref().and_then(|record| record.client_key(&self.settings));
        // Whose a client is that the host brings is not this server's to forget.
        if let Some(key) = client_key.filter(|key| key.kind == KeyKind::Client) {
            let of_client = self.lock_client(&key, self.patience()).await?;
            let erased = self.store().erase(&key).await;
            self.unlock(&key, Some(of_client)).await;
            erased?;
        }
        let erased = self.store().erase(&self.key).await;
        self.unlock(&self.key, Some(held)).await;
        erased?;
        let all = GrantQuery::new(&self.key.application);
        let grants = self.store().list_all(&all).await?;
        // One profile may have a user's grant and a token without a user.
        let others = grants.iter().filter(|grant| {
            grant.key.server_url == self.key.server_url && grant.key.profile != self.key.profile
        });
        Ok(Forgotten { other_profiles: others.count(), ..Forgotten::of(record.as_ref()) })
    }
}

impl Forgotten {
    fn of(record: Option<&Record>) -> Self {
        let binding = record.map(Record::binding);
        let registered = binding
            .map(Binding::client)
            .filter(|client| client.kind() == RegistrationKind::Dynamic);
        Self {
            issuer: binding.map(|binding| binding.server().issuer().as_str().into()),
            tokens: record.is_some_and(|record| record.tokens().is_some()),
            client_id: registered.map(|client| client.client_id().into()),
            other_profiles: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;

    #[test]
    fn what_stays_is_said() {
        let nothing = Forgotten::of(None);
        assert_eq!(nothing.to_string(), "nothing was stored");
        let all = Forgotten {
            issuer: Some("https://as.example".into()),
            tokens: true,
            client_id: Some("c\n1".into()),
            other_profiles: 2,
        };
        let said = "forgotten; the tokens live until they expire at https://as.example; the client \
                    c\\n1 stays registered at https://as.example; 2 other profiles stay logged in";
        assert_eq!(all.to_string(), said);
        let after_logout = Forgotten { tokens: false, client_id: None, other_profiles: 1, ..all };
        assert_eq!(after_logout.to_string(), "forgotten; another profile stays logged in");
    }
}

//! No token is spent for a record that could not be sealed.

use oauth_core::seal::{Seal, SealContext, SealError, Sealing, Unsealed};
use oauth_tokio::{Leases as _, Spend, TokenStorage as _};

use super::{Server as _, each, refused, taken};
use crate::database::Database;
use crate::sample::key;

/// A seal whose key is gone.
struct Gone;

impl Seal for Gone {
    fn key_id(&self) -> Box<str> {
        "gone".into()
    }

    fn seal(&self, _: &[u8], _: &SealContext<'_>, _: [u8; 24]) -> Result<Vec<u8>, SealError> {
        Err(why())
    }

    fn open(&self, _: &[u8], _: &SealContext<'_>) -> Result<Unsealed, SealError> {
        Err(why())
    }
}

fn why() -> SealError {
    SealError::Unavailable("it is gone".into())
}

/// It is plain still, so that it is read: that nothing new can be stored shows before its token is spent.
#[tokio::test]
async fn a_token_whose_successor_could_not_be_sealed_is_not_spent() {
    for server in each().await {
        let (plain, key) = (server.open().await, key(""));
        let spend = Spend::new(server.saved(&key).await.generation(), 4096);
        let store = Database::sealed(plain.clone(), Sealing::with(Gone));
        let mut lease = taken(&store, &key).await.unwrap();
        assert_eq!(refused(store.reserve(&key, &mut lease, spend).await), why());
        assert_eq!(store.spending(&key).await, Ok(None));
        store.release(&key, lease).await;
        let mut lease = taken(&plain, &key).await.unwrap();
        assert_eq!(plain.reserve(&key, &mut lease, spend).await, Ok(true));
    }
}

//! Tokens that a program brings and takes away by itself.

use crate::client::storage::nonblocking::TokenStorage as _;
use crate::client::storage_contract::bench::{Bench, soon};
use crate::client::storage_contract::finding::{Kept, ensure};
use crate::client::storage_contract::sample::{URL, record};
use crate::client::storage_contract::stage::Stage;

pub(in super::super) async fn tokens_are_those_of_the_default_profile<S: Stage>(
    bench: &Bench<'_, S>,
) -> Kept {
    let (store, stage, name) = (bench.open().await?, bench.stage, bench.application);
    let load = async || soon(stage, "load_tokens", store.store().load_tokens(name, URL)).await;
    let delete =
        async || soon(stage, "delete_tokens", store.store().delete_tokens(name, URL)).await;
    let (another, theirs) = (bench.key("another"), record("theirs", 0)?);
    store.saves(&another, &theirs, 0).await?;
    ensure!(load().await?.is_none(), "There are tokens before any were saved.");
    for brought in ["a", "b"] {
        // Its number is another than the stored one, and that does not matter.
        let record = record(brought, 0)?;
        let save = store.store().save_tokens(name, URL, record.clone());
        soon(stage, "save_tokens", save).await?;
        let loaded = load().await?;
        ensure!(loaded.as_ref() == record.tokens(), "Tokens were not saved, or are others now.");
        let stored = store.load(&bench.key("")).await?.into_tokens();
        ensure!(stored == loaded, "Tokens are not in the record of the default profile.");
    }
    delete().await?;
    ensure!(load().await?.is_none(), "There are tokens after they were deleted.");
    store.holds_nothing(&bench.key("")).await?;
    delete().await?;
    store.holds(&another, &theirs).await
}

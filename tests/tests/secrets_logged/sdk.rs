//! The MCP SDK on top of the tokio adapter, and what it logs in its turn.

use oauth_blocking::MemoryTokenStorage;
use oauth_tests::guard::Guarded;
use oauth_tests::world::{Damage, Fault, Knobs};
use oauth_tokio::{LoopbackBrowser, OAuth};
use rmcp::ServiceExt as _;
use tokio::runtime::Runtime;

use crate::person::Person;
use crate::search::Search;

/// A session with a refresh in it, and one that cannot begin.
pub(crate) fn a_session(search: &mut Search, knobs: Knobs) {
    Runtime::new().unwrap().block_on(async {
        let guarded = Guarded::start(knobs).await.unwrap();
        let client = || {
            let browser: LoopbackBrowser = Person::Consents.browser().unwrap();
            let builder = OAuth::new(&guarded.server_url()).unwrap();
            builder.token_storage(MemoryTokenStorage::new()).user_agent(browser).build().unwrap()
        };
        let service = ().serve(client().transport()).await.unwrap();
        search.print(format!("{:?}", service.list_all_tools().await));
        guarded.advance(3600);
        search.print(format!("{:?}", service.list_all_tools().await));
        search.print(format!("{:?}", service.cancel().await));
        guarded.world().knobs.token_damage = Damage::always(Fault::BrokenJson);
        let error = ().serve(client().transport()).await.unwrap_err();
        search.print(format!("{error}\n{error:?}\n{error:#?}"));
        search.plant(&guarded);
    });
}

//! Both adapters as one kind of client, which prints all that it gives back.

use std::time::Duration;

use oauth_blocking::{ClientError, MemoryTokenStorage, NoUserAgent, Policy, Record, RedirectUri};
use oauth_core::client::{Adapter, Builder};
use oauth_tests::serve::Served;
use oauth_tests::world::{PRE_CLIENT_ID, PRE_CLIENT_SECRET};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::person::{Person, query_of_the_redirect};

/// How a client is set up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) person: Person,
    /// The client that is registered already.
    pub(crate) is_known: bool,
}

/// What a host does with a client. Everything that comes back is printed in every way there is.
pub(crate) trait Client: Sized {
    fn new(served: &Served, store: &MemoryTokenStorage, setup: Setup) -> Self;
    fn call(&self, url: &str, method: &str) -> String;
    fn refresh(&self) -> String;
    fn log_out(&self) -> String;
    fn diagnose(&self) -> String;
    /// The key that the tokens are bound to, as it is stored.
    fn stored_key(&self) -> Option<String>;
    /// Has a login handed out, and finishes it with what becomes of the redirect's query.
    fn resume(&self, served: &Served, become_: fn(String) -> String) -> String;
}

fn set_up<A: Adapter>(builder: Builder<A>, setup: Setup) -> Builder<A> {
    let builder = builder.wait(Duration::from_secs(1));
    match setup.is_known {
        true => builder.client_id(PRE_CLIENT_ID).client_secret(PRE_CLIENT_SECRET),
        false => builder,
    }
}

fn printed<T: std::fmt::Debug, H: std::error::Error>(result: Result<T, ClientError<H>>) -> String {
    match result {
        Ok(value) => format!("{value:?}\n{value:#?}"),
        Err(error) => {
            let mut text = format!("{error}\n{error:?}\n{error:#?}\n{}", error.explain());
            let mut next: Option<&dyn std::error::Error> = Some(&error);
            while let Some(source) = next {
                text += &format!("\n{source}");
                next = source.source();
            }
            text
        }
    }
}

fn body(method: &str) -> String {
    let params = json!({"name": "add", "arguments": {"a": 19, "b": 23}});
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string()
}

fn private_half(record: &Record) -> Option<String> {
    Some(record.binding().dpop_key()?.secret()?.expose().into())
}

fn elsewhere() -> NoUserAgent {
    NoUserAgent::new(RedirectUri::parse("https://host.example.com/callback").unwrap())
}

impl Client for oauth_blocking::OAuth {
    fn new(served: &Served, store: &MemoryTokenStorage, setup: Setup) -> Self {
        let builder = Self::with_policy(&served.server_url(), Policy::default()).unwrap();
        let builder = set_up(builder.token_storage(store.clone()), setup);
        match setup.person.browser() {
            Some(browser) => builder.user_agent(browser),
            None => builder.user_agent(elsewhere()),
        }
        .build()
        .unwrap()
    }

    fn call(&self, url: &str, method: &str) -> String {
        use oauth_blocking::ureq::http::Request;
        let result = self.send(|| {
            Request::post(url).header("content-type", "application/json").body(body(method))
        });
        let record = self.record();
        format!("{self:?} {record:?} {}", printed(result.map(|answer| answer.status())))
    }

    fn refresh(&self) -> String {
        printed(self.refresh_token())
    }

    fn log_out(&self) -> String {
        printed(self.logout())
    }

    fn diagnose(&self) -> String {
        let diagnosis = oauth_blocking::OAuth::diagnose(self);
        diagnosis.as_ref().map_or_else(ToString::to_string, ToString::to_string)
            + &printed(diagnosis)
    }

    fn stored_key(&self) -> Option<String> {
        private_half(&self.record()?)
    }

    fn resume(&self, served: &Served, become_: fn(String) -> String) -> String {
        let error = self.authenticate().unwrap_err();
        let text = printed::<(), _>(Err(error));
        let Err(oauth_blocking::Error::Authentication(login)) = self.authenticate() else {
            panic!("not handed out: {text}")
        };
        let query = become_(query_of_the_redirect(served, login.connect_url.as_str()));
        text + &printed(oauth_blocking::OAuth::resume(self, login.pending, &query))
    }
}

/// The tokio client with a runtime of its own.
pub(crate) struct OnTokio {
    runtime: Runtime,
    oauth: oauth_tokio::OAuth,
}

impl Client for OnTokio {
    fn new(served: &Served, store: &MemoryTokenStorage, setup: Setup) -> Self {
        let builder = oauth_tokio::OAuth::new(&served.server_url()).unwrap();
        let builder = set_up(builder.token_storage(store.clone()), setup);
        let builder = match setup.person.browser() {
            Some(browser) => builder.user_agent(browser),
            None => builder.user_agent(elsewhere()),
        };
        Self { runtime: Runtime::new().unwrap(), oauth: builder.build().unwrap() }
    }

    fn call(&self, url: &str, method: &str) -> String {
        let result = self.runtime.block_on(self.oauth.send(|http| {
            http.post(url).header("content-type", "application/json").body(body(method))
        }));
        let record = self.oauth.record();
        format!("{:?} {record:?} {}", self.oauth, printed(result.map(|answer| answer.status())))
    }

    fn refresh(&self) -> String {
        printed(self.runtime.block_on(self.oauth.refresh_token()))
    }

    fn log_out(&self) -> String {
        printed(self.runtime.block_on(self.oauth.logout()))
    }

    fn diagnose(&self) -> String {
        let diagnosis = self.runtime.block_on(self.oauth.diagnose());
        diagnosis.as_ref().map_or_else(ToString::to_string, ToString::to_string)
            + &printed(diagnosis)
    }

    fn stored_key(&self) -> Option<String> {
        private_half(&self.oauth.record()?)
    }

    fn resume(&self, served: &Served, become_: fn(String) -> String) -> String {
        let error = self.runtime.block_on(self.oauth.authenticate()).unwrap_err();
        let text = printed::<(), _>(Err(error));
        let Err(oauth_tokio::Error::Authentication(login)) =
            self.runtime.block_on(self.oauth.authenticate())
        else {
            panic!("not handed out: {text}")
        };
        let query = become_(query_of_the_redirect(served, login.connect_url.as_str()));
        text + &printed(self.runtime.block_on(self.oauth.resume(login.pending, &query)))
    }
}

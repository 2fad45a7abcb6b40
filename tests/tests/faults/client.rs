//! One client, of either adapter.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use oauth_blocking::{
    Adapter as Built, BearerAuth, Builder, ClientError, Event, FileTokenStorage, LoggedOut,
    OAuthClientProvider, UserAgentError,
};
use oauth_blocking::{RedirectUri, UserAgentFn, ureq};
use oauth_core::Endpoint;
use oauth_core::wire::AuthorizationUrl;
use oauth_tests::drive::head;
use oauth_tokio::{Blocking, HttpClient};
use tokio::runtime::Runtime;

use crate::tokio_common::common::{APPLICATION, PATIENCE};

/// Which adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Adapter {
    Threads,
    Tasks,
}

impl Adapter {
    pub(crate) const ALL: [Self; 2] = [Self::Threads, Self::Tasks];
}

/// What a client is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// A token, for which the user may be asked to log in.
    LogIn,
    /// A token that needs no user.
    Token,
    /// A token for a wider scope.
    StepUp,
    LogOut,
}

/// What a client is made of.
pub(crate) struct Parts<'a> {
    pub(crate) server_url: &'a str,
    pub(crate) store: &'a FileTokenStorage,
    pub(crate) redirect_uri: &'a str,
    /// The limit of the host's HTTP client for one request.
    pub(crate) limit: Option<Duration>,
    /// An authorization server that the host knows beforehand.
    pub(crate) provider: Option<OAuthClientProvider>,
    pub(crate) user: User,
    pub(crate) watch: Arc<Watch>,
}

/// Goes to the page, and gives the redirect's query.
pub(crate) type User = Box<dyn Fn(&AuthorizationUrl) -> String + Send + Sync>;

/// Sees what the client tells its host.
#[derive(Default)]
pub(crate) struct Watch {
    seen: Mutex<Seen>,
    /// Is told of each request that was answered or failed, before the next one is sent.
    after: Option<Box<dyn Fn(Endpoint) + Send + Sync>>,
}

#[derive(Default)]
struct Seen {
    text: String,
    failures: Vec<String>,
}

impl Watch {
    /// One that tells this.
    pub(crate) fn then(after: Box<dyn Fn(Endpoint) + Send + Sync>) -> Self {
        Self { after: Some(after), ..Self::default() }
    }

    /// All events as a host would log them, without the URL that is for the user.
    pub(crate) fn text(&self) -> String {
        self.seen.lock().unwrap().text.clone()
    }

    /// What the HTTP client said of requests that were not answered.
    pub(crate) fn failures(&self) -> Vec<String> {
        self.seen.lock().unwrap().failures.clone()
    }

    fn see(&self, event: &Event<'_>) {
        if !matches!(event, Event::Opening { .. }) {
            writeln!(self.seen.lock().unwrap().text, "{event:?}").unwrap();
        }
        if let Event::Exchange { endpoint, outcome, .. } = event {
            if let Err(error) = outcome {
                let text = all_words(*error);
                self.seen.lock().unwrap().failures.push(text);
            }
            if let Some(after) = &self.after {
                after(*endpoint);
            }
        }
    }
}

/// A client, and the runtime on which it lives if it needs one.
pub(crate) enum Client {
    Threads(oauth_blocking::OAuth),
    Tasks(oauth_tokio::OAuth, Runtime),
}

/// What a call brings.
#[derive(Debug)]
pub(crate) enum Answer {
    Token,
    LoggedOut(LoggedOut),
}

/// An error, and all that a host could print of it.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) error: Option<oauth_core::Error>,
    pub(crate) text: String,
}

impl Client {
    pub(crate) fn new(adapter: Adapter, parts: Parts<'_>) -> Self {
        match adapter {
            Adapter::Threads => {
                let builder = oauth_blocking::OAuth::new(parts.server_url).unwrap();
                let builder = limited(builder.application(APPLICATION), parts.limit);
                let builder = builder.token_storage(parts.store.clone());
                let builder = builder.http_client(ureq::Agent::new_with_defaults());
                let user = visitor(parts.redirect_uri, parts.user);
                Self::Threads(finished(builder.user_agent(user), parts.provider, parts.watch))
            }
            Adapter::Tasks => {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let builder = oauth_tokio::OAuth::new(parts.server_url).unwrap();
                let builder = limited(builder.application(APPLICATION), parts.limit);
                let builder = builder.token_storage(parts.store.clone());
                let user = Blocking::new(visitor(parts.redirect_uri, parts.user));
                let builder =
                    builder.http_client(HttpClient::new(|http| http).unwrap()).user_agent(user);
                Self::Tasks(finished(builder, parts.provider, parts.watch), runtime.unwrap())
            }
        }
    }

    /// Makes a call, and waits for what it leaves to be done aside.
    pub(crate) fn call(&self, call: Call) -> Result<Answer, Failed> {
        match self {
            Self::Threads(oauth) => match call {
                Call::LogIn => token(oauth.authenticate()),
                Call::Token => token(oauth.token()),
                Call::StepUp => {
                    let at_hand = oauth.token().unwrap();
                    more(oauth.refused(&at_hand, 403, &head(&[MORE])))
                }
                Call::LogOut => oauth.logout().map(Answer::LoggedOut).map_err(failed),
            },
            Self::Tasks(oauth, runtime) => runtime.block_on(async {
                let answer = match call {
                    Call::LogIn => token(oauth.authenticate().await),
                    Call::Token => token(oauth.token().await),
                    Call::StepUp => {
                        let at_hand = oauth.token().await.unwrap();
                        more(oauth.refused(&at_hand, 403, &head(&[MORE])).await)
                    }
                    Call::LogOut => oauth.logout().await.map(Answer::LoggedOut).map_err(failed),
                };
                assert!(oauth.shutdown(PATIENCE).await, "something never ends");
                answer
            }),
        }
    }
}

fn limited<A: Built>(builder: Builder<A>, limit: Option<Duration>) -> Builder<A> {
    match limit {
        Some(limit) => builder.request_limit(limit),
        None => builder,
    }
}

fn visitor(
    redirect_uri: &str,
    user: User,
) -> UserAgentFn<impl Fn(&AuthorizationUrl) -> Result<String, UserAgentError> + Send + Sync + 'static>
{
    UserAgentFn::new(RedirectUri::parse(redirect_uri).unwrap(), move |url| Ok(user(url)))
}

fn finished<A: Built>(
    mut builder: Builder<A>,
    provider: Option<OAuthClientProvider>,
    watch: Arc<Watch>,
) -> A {
    if let Some(provider) = provider {
        builder = builder.provider(provider);
    }
    let built = builder.wait(PATIENCE).on_event(move |event| watch.see(event)).build();
    built.unwrap_or_else(|_| panic!("the settings are in order"))
}

fn token<H: std::error::Error>(
    result: Result<BearerAuth, ClientError<H>>,
) -> Result<Answer, Failed> {
    result.map(|_| Answer::Token).map_err(failed)
}

fn more<H: std::error::Error>(
    result: Result<Option<BearerAuth>, ClientError<H>>,
) -> Result<Answer, Failed> {
    let token = result.map_err(failed)?;
    assert!(token.is_some(), "the refusal is not the application's");
    Ok(Answer::Token)
}

fn failed<H: std::error::Error>(error: ClientError<H>) -> Failed {
    let text = format!("{error:?} {} {}", all_words(&error), error.advice());
    let error = match error {
        ClientError::OAuth { error, .. } => Some(error),
        _ => None,
    };
    Failed { error, text }
}

/// An error and everything behind it, in the words of each.
fn all_words(error: &dyn std::error::Error) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source());
    chain.map(|error| format!("{error} {error:?}; ")).collect()
}

/// The server wants more than it granted.
const MORE: &str = r#"Bearer error="insufficient_scope", scope="mcp:basic mcp:write""#;

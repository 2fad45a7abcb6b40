//! Clients that ask for themselves, at a server that nobody here wrote.

use oauth_blocking::{Builder, MemoryTokenStorage, SoftwareKey};
use oauth_core::client::Adapter as Built;
use tokio::runtime::Runtime;

use crate::client::{APPLICATION, Adapter, Client};
use crate::server::Server;

/// How a service shows who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Credential {
    Secret,
    Key,
}

/// One token request for a token, which another client with the same store uses as well, and a logout after which
/// another token is asked for.
pub(crate) fn live(adapter: Adapter, credential: Credential, options: &[&str]) {
    let jwks = key().public_jwk_set();
    let server = Server::oidc_provider(&[options, &["--jwks", &jwks]].concat());
    let store = MemoryTokenStorage::new();
    let nonces = options.contains(&"--nonces");
    let asked = |first, then| if nonces { vec![first, then] } else { vec![then] };
    let token = asked("POST /token 400", "POST /token 200");
    let call = asked("POST /mcp 401", "POST /mcp 200");
    let expect = |leg: &str, requests: &[&[&str]]| {
        assert_eq!(
            server.requests(),
            requests.concat(),
            "{leg}, {adapter:?}, {credential:?}, {options:?}"
        );
    };
    let service = client(adapter, credential, &server.url, &store);
    service.call(&server.url, "tools/list").unwrap();
    expect("first call", &[crate::DISCOVERY, &token, &call]);
    service.call(&server.url, "tools/list").unwrap();
    expect("second call", &[&["POST /mcp 200"]]);
    let other = client(adapter, credential, &server.url, &store);
    other.call(&server.url, "tools/list").unwrap();
    expect("call after a restart", &[&call]);
    other.log_out();
    expect("logout", &[&["POST /token/revocation 200"]]);
    other.call(&server.url, "tools/list").unwrap();
    expect("call after a logout", &[&token, &["POST /mcp 200"]]);
}

fn client(
    adapter: Adapter,
    credential: Credential,
    url: &str,
    store: &MemoryTokenStorage,
) -> Client {
    match adapter {
        Adapter::Blocking => {
            let builder = set(oauth_blocking::OAuth::new(url).unwrap(), credential);
            Client::Blocking(builder.token_storage(store.clone()).build().unwrap())
        }
        Adapter::Tokio => {
            let builder = set(oauth_tokio::OAuth::new(url).unwrap(), credential);
            let oauth = builder.token_storage(store.clone()).build().unwrap();
            Client::Tokio(oauth, Runtime::new().unwrap())
        }
    }
}

fn set<A: Built>(builder: Builder<A>, credential: Credential) -> Builder<A> {
    let builder = builder.application(APPLICATION);
    match credential {
        Credential::Secret => builder.client_credentials("service", "a secret that is long enough"),
        Credential::Key => builder.client_credentials_with_key("service-with-key", key()),
    }
}

fn key() -> SoftwareKey {
    SoftwareKey::es256(&[7; 32]).unwrap()
}

//! What a host puts into a store itself, and what it takes out of it: both adapters, over sockets.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "tokio_common.rs"]
mod tokio_common;

use std::time::SystemTime;

use oauth_blocking::{
    GrantPage, GrantQuery, Key, KeyKind, Lease, Leases, Loaded, Lock, MemoryTokenStorage, OAuth,
    Record, Records, Spend, StorageError, TokenStorage, UnixTime, Written,
};
use oauth_core::error::{Misuse, PeerIncompatible};
use oauth_core::flow::Settings;
use oauth_core::wire::RegistrationKind;
use oauth_core::{AuthMethod, ClientRegistrationResponse, Error, ServerOAuthMetadata};
use oauth_tests::serve::Served;
use oauth_tests::world::{Knobs, PRE_CLIENT_ID, PRE_CLIENT_SECRET, PrmLocation, PrmResource, What};
use oauth_tokio::{Blocking, TokenStorage as _};
use serde_json::{Value, json};
use tokio_common::Directory;
use tokio_common::common::{
    self, APPLICATION, HOUR, LIST, assert_sound, key, logins, refreshes, registrations, serve,
    stored,
};

/// What another program knows of the server: the world's own metadata.
fn issuer(served: &Served) -> ServerOAuthMetadata {
    let issuer = served.world().issuer();
    let base = issuer.trim_end_matches('/');
    serde_json::from_value(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{base}/authorize"),
        "token_endpoint": format!("{base}/token"),
        "revocation_endpoint": format!("{base}/revoke"),
        "code_challenge_methods_supported": ["S256"],
    }))
    .unwrap()
}

/// The tokens of a login as another program has kept them, and its client.
fn of_another_program(served: &Served) -> (ClientRegistrationResponse, Value) {
    let theirs = MemoryTokenStorage::new();
    drop(common::logged_in(served, &theirs));
    let record = stored(&theirs, &key(served)).unwrap();
    let (client, tokens) = (record.binding().client(), record.tokens().unwrap());
    let redirect_uris = [client.redirect_uri()];
    let client = json!({"client_id": client.client_id(), "redirect_uris": redirect_uris});
    let tokens = json!({
        "access_token": tokens.access_token.token(),
        "token_type": "Bearer",
        "expires_at": tokens.expires_at,
        "refresh_token": tokens.refresh_token.as_ref().unwrap().expose(),
        "scope": "mcp:basic",
    });
    (serde_json::from_value(client).unwrap(), tokens)
}

fn brought(served: &Served) -> Record {
    let settings = Settings::new(&served.server_url()).unwrap();
    let (client, tokens) = of_another_program(served);
    let tokens = serde_json::from_value(tokens).unwrap();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let now = UnixTime::from_secs(now);
    Record::brought(&settings, &issuer(served), &client, tokens, now).unwrap()
}

#[test]
fn tokens_of_another_program_are_used_refreshed_and_revoked() {
    let (served, directory) = (serve(Knobs::default()), Directory::new());
    let url = served.server_url();
    let files = directory.store();
    let memory = MemoryTokenStorage::new();
    let stores: [(&dyn TokenStorage, OAuth); 2] =
        [(&files, common::client(&served, &files)), (&memory, common::client(&served, &memory))];
    for (store, oauth) in stores {
        assert_eq!(store.load_tokens(APPLICATION, &url).unwrap(), None);
        let record = brought(&served);
        assert_eq!(record.binding().client().kind(), RegistrationKind::Dynamic);
        assert_eq!(record.scopes().unwrap().as_str(), "mcp:basic");
        store.save_tokens(APPLICATION, &url, record.clone()).unwrap();
        let tokens = store.load_tokens(APPLICATION, &url).unwrap();
        assert_eq!(tokens.as_ref(), record.tokens());
        assert_eq!(common::call(&oauth, &served, LIST).unwrap(), 200);
        served.advance(HOUR);
        assert_eq!(common::call(&oauth, &served, LIST).unwrap(), 200);
        assert_eq!((logins(&served), refreshes(&served), registrations(&served)), (0, 1, 0));
        assert!(oauth.logout().unwrap().is_complete());
        assert_eq!(served.world().count(What::Revoke), 2);

        // In place of what is there, which nobody has to know.
        store.save_tokens(APPLICATION, &url, brought(&served)).unwrap();
        assert_eq!(common::call(&oauth, &served, LIST).unwrap(), 200);
        assert_eq!((logins(&served), refreshes(&served)), (0, 0));
        store.delete_tokens(APPLICATION, &url).unwrap();
        assert_eq!(store.load_tokens(APPLICATION, &url).unwrap(), None);
    }
    assert_sound(&served);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_another_program_are_used_refreshed_and_revoked_on_tokio() {
    let served = serve(Knobs::default());
    let (url, memory) = (served.server_url(), MemoryTokenStorage::new());
    let store = Blocking::new(memory.clone());
    for _ in 0..2 {
        let record = brought(&served);
        store.save_tokens(APPLICATION, &url, record.clone()).await.unwrap();
        let tokens = store.load_tokens(APPLICATION, &url).await.unwrap();
        assert_eq!(tokens.as_ref(), record.tokens());
        let oauth = tokio_common::client(&served, &memory);
        assert_eq!(tokio_common::call(&oauth, &served, LIST).await.unwrap(), 200);
        served.advance(HOUR);
        assert_eq!(tokio_common::call(&oauth, &served, LIST).await.unwrap(), 200);
        assert_eq!((logins(&served), refreshes(&served), registrations(&served)), (0, 1, 0));
    }
    store.delete_tokens(APPLICATION, &url).await.unwrap();
    assert_eq!(store.load_tokens(APPLICATION, &url).await.unwrap(), None);
    assert_sound(&served);
}

/// Where only the server's URL is known, a look ahead finds the rest, also what is not as the URL says.
#[test]
fn tokens_of_another_program_are_brought_to_the_server_that_a_look_ahead_finds() {
    let origin = Knobs {
        prm_location: PrmLocation::Root,
        prm_resource: PrmResource::Origin,
        ..Knobs::default()
    };
    let served = serve(origin);
    let (url, memory) = (served.server_url(), MemoryTokenStorage::new());
    let (client, tokens) = of_another_program(&served);
    let tokens = || serde_json::from_value(tokens.clone()).unwrap();
    let oauth = common::client(&served, &memory);
    let record = oauth.diagnose().unwrap().brought(&client, tokens(), NOW).unwrap();
    assert_eq!(
        url.strip_suffix("/mcp").unwrap(),
        record.binding().resource().trim_end_matches('/')
    );
    assert_eq!(record.binding().client().kind(), RegistrationKind::Dynamic);
    memory.save_tokens(APPLICATION, &url, record).unwrap();
    served.advance(HOUR);
    assert_eq!(common::call(&oauth, &served, LIST).unwrap(), 200);
    assert_eq!((logins(&served), refreshes(&served), registrations(&served)), (0, 1, 0));
    assert_sound(&served);

    // What is set up counts as for a login.
    let own = OAuth::new(&url).unwrap().client_id(&client.client_id);
    let own = own.token_storage(MemoryTokenStorage::new()).build().unwrap();
    let record = own.diagnose().unwrap().brought(&client, tokens(), NOW).unwrap();
    assert_eq!(record.binding().client().kind(), RegistrationKind::PreRegistered);
    let nowhere = OAuth::new("http://127.0.0.1:1/mcp").unwrap();
    let nowhere = nowhere.token_storage(MemoryTokenStorage::new()).build().unwrap();
    let error = nowhere.diagnose().unwrap().brought(&client, tokens(), NOW).unwrap_err();
    assert!(matches!(error, Error::Unreachable(_)), "{error:?}");
}

const NOW: UnixTime = UnixTime::from_secs(1_900_000_000);

/// Others write without an end.
#[derive(Clone, Default)]
struct Contended(MemoryTokenStorage);

impl Records for Contended {
    fn load(&self, key: &Key) -> Result<Loaded, StorageError> {
        self.0.load(key)
    }

    fn save(&self, _: &Key, _: &Record, expected: u64) -> Result<Written, StorageError> {
        Ok(Written::Conflict { stored: expected + 1 })
    }

    fn delete(&self, key: &Key, expected: u64) -> Result<Written, StorageError> {
        self.0.delete(key, expected)
    }

    fn list(&self, query: &GrantQuery) -> Result<GrantPage, StorageError> {
        self.0.list(query)
    }
}

impl Leases for Contended {
    fn try_lock(&self, key: &Key, lock: Lock) -> Result<Option<Lease>, StorageError> {
        self.0.try_lock(key, lock)
    }

    fn extend(&self, key: &Key, lease: &mut Lease) -> Result<bool, StorageError> {
        self.0.extend(key, lease)
    }
}

impl TokenStorage for Contended {
    fn reserve(&self, key: &Key, lease: &mut Lease, it: Spend<'_>) -> Result<bool, StorageError> {
        self.0.reserve(key, lease, it)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_others_are_always_faster_than_are_not_stored() {
    let served = serve(Knobs::default());
    let (url, record) = (served.server_url(), brought(&served));
    let store = Contended::default();
    let error = store.save_tokens(APPLICATION, &url, record.clone()).unwrap_err();
    assert_eq!(error, StorageError::Contended);
    assert!(error.is_retryable());
    let store = Blocking::new(store);
    let error = store.save_tokens(APPLICATION, &url, record).await.unwrap_err();
    assert_eq!(error, StorageError::Contended);
}

#[test]
fn a_client_that_cannot_be_brings_no_record() {
    let served = serve(Knobs::default());
    let settings = || Settings::new(&served.server_url()).unwrap();
    let (_, tokens) = of_another_program(&served);
    let bring = |settings: Settings, issuer: &ServerOAuthMetadata, client: Value| {
        let client = serde_json::from_value(client).unwrap();
        let tokens = serde_json::from_value(tokens.clone()).unwrap();
        Record::brought(&settings, issuer, &client, tokens, UnixTime::from_secs(1))
    };
    let metadata = issuer(&served);
    let fails = |client| bring(settings(), &metadata, client).unwrap_err();
    assert_eq!(fails(json!({"client_id": ""})), Misuse::EmptyClientId.into());
    let basic = json!({"client_id": "c", "token_endpoint_auth_method": "client_secret_basic"});
    let no_secret = Misuse::MethodNeedsSecret { method: "client_secret_basic".into() };
    assert_eq!(fails(basic), no_secret.into());
    let unknown = json!({"client_id": "c", "token_endpoint_auth_method": "tls_client_auth"});
    let error = fails(unknown);
    let no_method = PeerIncompatible::NoClientAuthentication { issuer: metadata.issuer.clone() };
    assert_eq!(error, no_method.into());
    let elsewhere =
        ServerOAuthMetadata { token_endpoint: "ftp://as.example/".into(), ..metadata.clone() };
    let error = bring(settings(), &elsewhere, json!({"client_id": "c"})).unwrap_err();
    assert!(matches!(error, Error::PeerMisbehaved(_)), "{error:?}");

    // What is good for a login is good for a record.
    let secret = json!({"client_id": "c", "client_secret": "s", "client_secret_expires_at": 0});
    let record = bring(settings(), &metadata, secret.clone()).unwrap();
    let client = record.binding().client();
    assert_eq!(client.auth_method(), AuthMethod::ClientSecretBasic);
    assert_eq!(client.kind(), RegistrationKind::PreRegistered);
    let post = settings().token_endpoint_auth_method(AuthMethod::ClientSecretPost);
    let record = bring(post, &metadata, secret).unwrap();
    assert_eq!(record.binding().client().auth_method(), AuthMethod::ClientSecretPost);
}

/// Where the client of the grant is stored that profiles share.
fn client_key(served: &Served, record: &Record) -> Key {
    let settings = Settings::new(&served.server_url()).unwrap();
    let key = record.client_key(&settings.application(APPLICATION).client_records()).unwrap();
    assert_eq!(key.kind, KeyKind::Client);
    key
}

#[test]
fn what_is_forgotten_is_gone_with_its_client_and_others_stay() {
    let (served, directory) = (serve(Knobs::default()), Directory::new());
    let store = directory.store();
    let oauth = common::client(&served, &store);
    assert_eq!(oauth.forget().unwrap().to_string(), "nothing was stored");
    let other = oauth.for_profile("other");
    for oauth in [&oauth, &other] {
        assert_eq!(common::call(oauth, &served, LIST).unwrap(), 200);
    }
    let record = stored(&store, &key(&served)).unwrap();
    let client = client_key(&served, &record);
    assert!(stored(&store, &client).is_some());
    served.world().log.clear();

    let forgotten = oauth.forget().unwrap();
    assert_eq!(forgotten.issuer.as_deref(), Some(&*served.world().issuer()));
    assert_eq!(forgotten.client_id.as_deref(), Some(record.binding().client().client_id()));
    assert_eq!((forgotten.tokens, forgotten.other_profiles), (true, 1));
    assert_eq!((stored(&store, &key(&served)), stored(&store, &client)), (None, None));
    assert_eq!((oauth.authorization(), oauth.initialize().unwrap()), (None, None));
    assert_eq!(served.world().log.len(), 0);
    assert_eq!(common::call(&other, &served, LIST).unwrap(), 200);
    assert_eq!((logins(&served), registrations(&served)), (0, 0));
    assert_eq!(common::call(&oauth, &served, LIST).unwrap(), 200);
    assert_eq!((logins(&served), registrations(&served)), (1, 1));

    oauth.logout().unwrap();
    let forgotten = oauth.forget().unwrap();
    assert_eq!((forgotten.tokens, forgotten.other_profiles), (false, 1));
    assert_sound(&served);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_forgotten_is_gone_with_its_client_and_others_stay_on_tokio() {
    let served = serve(Knobs::default());
    let store = MemoryTokenStorage::new();
    let oauth = tokio_common::logged_in(&served, &store).await;
    let other = oauth.for_profile("other");
    assert_eq!(tokio_common::call(&other, &served, LIST).await.unwrap(), 200);
    let client = client_key(&served, &stored(&store, &key(&served)).unwrap());
    assert!(stored(&store, &client).is_some());
    served.world().log.clear();
    let forgotten = oauth.forget().await.unwrap();
    assert_eq!((forgotten.tokens, forgotten.other_profiles), (true, 1));
    assert_eq!((stored(&store, &key(&served)), stored(&store, &client)), (None, None));
    assert_eq!((oauth.authorization(), oauth.record()), (None, None));
    assert_eq!(tokio_common::call(&other, &served, LIST).await.unwrap(), 200);
    assert_eq!((logins(&served), registrations(&served)), (0, 0));
    assert_eq!(tokio_common::call(&oauth, &served, LIST).await.unwrap(), 200);
    assert_eq!((logins(&served), registrations(&served)), (1, 1));
    assert_sound(&served);
}

/// Whose a client is that the host brings counts for all servers.
#[test]
fn a_client_that_the_host_brings_is_not_forgotten() {
    let (served, store) = (serve(Knobs::default()), MemoryTokenStorage::new());
    let builder = common::builder(&served, &store).user_agent(common::visitor());
    let oauth = builder.client_id(PRE_CLIENT_ID).client_secret(PRE_CLIENT_SECRET).build().unwrap();
    assert_eq!(common::call(&oauth, &served, LIST).unwrap(), 200);
    let kind = KeyKind::ClientIssuer;
    let whose = Key { kind, ..Key::grant(APPLICATION, PRE_CLIENT_ID, "") };
    assert!(stored(&store, &whose).is_some());
    let forgotten = oauth.forget().unwrap();
    assert_eq!((forgotten.tokens, forgotten.client_id), (true, None));
    assert_eq!(stored(&store, &key(&served)), None);
    assert!(stored(&store, &whose).is_some());
}

//! How the servers behave: one knob per behaviour.
//!
//! The default is a well-behaved world of the 2026-07-28 revision. A test turns one knob:
//!
//! ```
//! use oauth_tests::world::{Consent, Knobs, World};
//!
//! let world = World::new(Knobs { consent: Consent::Deny, ..Knobs::default() });
//! assert_eq!(world.server_url(), "https://mcp.example.com/mcp");
//! ```

mod authorization;
mod bound;
mod discovery;
mod front;
mod machine;
mod registration;
mod resource;

pub use authorization::{
    CodeParameter, Consent, IssParameter, PkceSupport, RefreshTokens, Reuse, Rotation,
    StateParameter, TokenForm,
};
pub use bound::{Dpop, Nonces, ResourceDpop};
pub use discovery::{
    Challenge, IssuerPath, Legacy, MetadataForm, MetadataLocation, PrmLocation, PrmResource,
    PrmServers,
};
pub use front::{DeviceForm, DeviceUser, Par, ParForm};
pub use machine::{AssertionAudience, IdpForm};
pub use registration::{AuthMethod, RegisteredScopes, Registration, RegistrationForm};
pub use resource::{BadToken, ScopePolicy, StepUpChallenge};

use std::sync::LazyLock;

use super::{Damage, Fault, Grant, Key, PublicKey};

/// All knobs of a [`World`](super::World).
#[derive(Clone, Debug)]
pub struct Knobs {
    /// The form of `WWW-Authenticate` on a 401.
    pub challenge: Challenge,
    /// The `scope` in a 401 challenge; default `mcp:basic`.
    pub challenge_scope: Option<String>,
    /// The `resource_metadata` in challenges instead of the true one.
    pub challenge_url: Option<String>,
    /// Whether a 401 says `error="invalid_token"` even to a request without a token.
    pub eager_error: bool,
    /// Where the resource metadata is.
    pub prm_location: PrmLocation,
    /// Its `resource`.
    pub prm_resource: PrmResource,
    /// Its `authorization_servers`.
    pub prm_servers: PrmServers,
    /// Its `scopes_supported`; default `mcp:basic` and `mcp:write`.
    pub prm_scopes: Option<Vec<String>>,
    /// Its `bearer_methods_supported`; default `header`.
    pub prm_bearer_methods: Option<Vec<String>>,
    /// Whether it says `dpop_bound_access_tokens_required`.
    pub prm_dpop_required: bool,
    /// What is wrong with the answers of its endpoint.
    pub prm_damage: Damage<Fault>,
    /// The path of both issuers.
    pub issuer_path: IssuerPath,
    /// Where the authorization servers have their metadata.
    pub metadata_location: MetadataLocation,
    /// What is wrong in that metadata.
    pub metadata_form: Damage<MetadataForm>,
    /// What is wrong with the answers of its endpoint.
    pub metadata_damage: Damage<Fault>,
    /// Makes every metadata endpoint, of all servers, answer 404.
    pub metadata_off: bool,
    /// Whether the MCP server is its own authorization server, as in 2025-03-26.
    pub legacy: Legacy,
    /// What `code_challenge_methods_supported` says.
    pub pkce: PkceSupport,
    /// Whether the authorization endpoint has a query of its own, which the client must keep.
    pub authorize_query: bool,
    /// How clients become known.
    pub registration: Registration,
    /// What the scopes of a registration mean.
    pub registered_scopes: RegisteredScopes,
    /// What `grant_types_supported` says; `None` is absent. A registration that asks for others is refused.
    pub grant_types: Option<Vec<String>>,
    /// The initial access token that a registration needs (RFC 7591 §3); `None` needs none, and none may come.
    pub registration_permit: Option<String>,
    /// What `registration_endpoint` says instead of the truth.
    pub registration_url: Option<String>,
    /// What is wrong with the answer of the registration endpoint.
    pub registration_form: Damage<RegistrationForm>,
    /// What is wrong with it below OAuth.
    pub registration_damage: Damage<Fault>,
    /// The method given to every client that registers; `None` is the one it asked for, or the
    /// first of [`token_auth_methods`](Self::token_auth_methods) if those lack it.
    pub assigned_method: Option<AuthMethod>,
    /// The method of the pre-registered client.
    pub pre_method: AuthMethod,
    /// For how many seconds a secret is valid; `None` is for ever.
    pub secret_lifetime: Option<u64>,
    /// Whether secrets contain `s:e%c+r t&=é`.
    pub awkward_secret: bool,
    /// Whether a registered loopback redirect URI may come with another port (RFC 8252 §7.3).
    pub any_loopback_port: bool,
    /// What `token_endpoint_auth_methods_supported` says; `None` is absent.
    pub token_auth_methods: Option<Vec<AuthMethod>>,
    /// Methods that get `invalid_client`, whatever is listed and registered: at servers of the Python SDK
    /// Basic does, because they look for the client id in the body only.
    pub refused_methods: Vec<AuthMethod>,
    /// What the user does.
    pub consent: Consent,
    /// The `iss` of the authorization response, errors included.
    pub iss: IssParameter,
    /// Whether the metadata promises `iss`.
    pub iss_advertised: bool,
    /// The `state` of the authorization response.
    pub state: StateParameter,
    /// The `code` of the authorization response.
    pub code: CodeParameter,
    /// For how many seconds a code is valid; default 600.
    pub code_lifetime: u64,
    /// Whether the authorization servers know `offline_access`; asking an ignorant one is a violation.
    pub offline_access: bool,
    /// When refresh tokens are given.
    pub refresh_tokens: RefreshTokens,
    /// What happens to a refresh token when it is used.
    pub rotation: Rotation,
    /// What happens when one that was rotated away comes again.
    pub reuse: Reuse,
    /// For how many seconds a refresh token is valid; `None` is for ever.
    pub refresh_lifetime: Option<u64>,
    /// For how many seconds an access token is valid; default 3600.
    pub access_lifetime: u64,
    /// What is wrong in the token answer.
    pub token_form: Damage<TokenForm>,
    /// What is wrong with it below OAuth.
    pub token_damage: Damage<Fault>,
    /// Whether there is a revocation endpoint.
    pub revocation: bool,
    /// Whether it revokes access tokens (RFC 7009 §2).
    pub revokes_access_tokens: bool,
    /// What is wrong with its answers.
    pub revocation_damage: Damage<Fault>,
    /// Whether every client is set up for a grant without a user: a registration, an authorization request
    /// and a refresh are violations, whatever the metadata offers.
    pub machines_only: bool,
    /// Whether the metadata has an `authorization_endpoint`, and with it `response_types_supported`.
    pub authorization_endpoint: bool,
    /// The keys of clients that use `private_key_jwt` and are not registered; default [`Key::p256`] of 1, named `key-1`.
    pub client_keys: Vec<PublicKey>,
    /// What `token_endpoint_auth_signing_alg_values_supported` says; default `ES256` and `EdDSA`.
    pub signing_algs: Vec<String>,
    /// The `aud` of assertions, those of workloads as well.
    pub assertion_audience: AssertionAudience,
    /// The `typ` of client assertions; default `client-authentication+jwt`.
    pub assertion_typ: String,
    /// Whether `client_id` must stand beside a client assertion.
    pub client_id_with_assertion: bool,
    /// The `client_id` of a workload; `None`, the default, is that it sends none.
    pub workload_client_id: Option<String>,
    /// Whether grants without a user come with a refresh token (against RFC 6749 §4.4.3). Using it is a violation.
    pub decoy_refresh_tokens: bool,
    /// Where the identity provider has its metadata; both OpenID places are the same there.
    pub idp_metadata: MetadataLocation,
    /// How its one client authenticates there.
    pub idp_method: AuthMethod,
    /// Whether it exchanges its refresh tokens too.
    pub idp_takes_refresh_tokens: bool,
    /// For how many seconds an ID-JAG is valid; default 300.
    pub id_jag_lifetime: u64,
    /// The `client_id` in ID-JAGs; `None`, the default, is [`PRE_CLIENT_ID`](super::PRE_CLIENT_ID).
    pub id_jag_client_id: Option<String>,
    /// What is wrong in the answer of the identity provider.
    pub idp_form: Damage<IdpForm>,
    /// What is wrong with it below OAuth.
    pub idp_damage: Damage<Fault>,
    /// What the authorization servers do about DPoP.
    pub dpop: Dpop,
    /// The algorithms of proofs that all servers take; default `ES256` and `EdDSA`.
    pub dpop_algs: Vec<String>,
    /// The nonces that the authorization servers and the identity provider want.
    pub server_nonces: Nonces,
    /// The nonces that the MCP server wants.
    pub resource_nonces: Nonces,
    /// What the MCP server does about DPoP.
    pub resource_dpop: ResourceDpop,
    /// What the authorization servers do about pushed requests.
    pub par: Par,
    /// For how many seconds one waits for its user; default 60.
    pub par_lifetime: u64,
    /// What is wrong in the answer of their endpoint.
    pub par_form: Damage<ParForm>,
    /// What is wrong with it below OAuth.
    pub par_damage: Damage<Fault>,
    /// Whether there is a device authorization endpoint.
    pub device: bool,
    /// How many seconds it wants between two polls; `None`, the default, says nothing and means 5.
    pub device_interval: Option<u64>,
    /// For how many seconds a device code is valid; default 300.
    pub device_lifetime: u64,
    /// What the user with the other device does.
    pub device_user: DeviceUser,
    /// What is wrong in the answer of the device authorization endpoint.
    pub device_form: Damage<DeviceForm>,
    /// What is wrong with it below OAuth.
    pub device_damage: Damage<Fault>,
    /// Which scope each MCP method needs.
    pub scopes: ScopePolicy,
    /// What the 403 of a step-up carries.
    pub step_up_challenge: StepUpChallenge,
    /// Whether `initialize` and notifications are answered without a token.
    pub open_initialize: bool,
    /// Whether every MCP request gets a bare 403, as for a bad `Origin`.
    pub plain_403: bool,
    /// For how many seconds the MCP server refuses a token after it was issued; default 0.
    pub young_for: u64,
    /// Whether `tools/call` is answered like that whatever the token, while other methods take it.
    pub refuses_calls: bool,
    /// How an expired, revoked or unknown access token is answered.
    pub bad_token: BadToken,
    /// After this many MCP requests with a valid token, the server moves to the second authorization server.
    pub migrate_after: Option<u32>,
    /// What is wrong with the answers of the MCP endpoint.
    pub mcp_damage: Damage<Fault>,
}

impl Default for Knobs {
    fn default() -> Self {
        Self {
            challenge: Challenge::Full,
            challenge_scope: Some("mcp:basic".into()),
            challenge_url: None,
            eager_error: false,
            prm_location: PrmLocation::Path,
            prm_resource: PrmResource::Exact,
            prm_servers: PrmServers::One,
            prm_scopes: Some(vec!["mcp:basic".into(), "mcp:write".into()]),
            prm_bearer_methods: Some(vec!["header".into()]),
            prm_dpop_required: false,
            prm_damage: Damage::none(),
            issuer_path: IssuerPath::Root,
            metadata_location: MetadataLocation::Rfc8414,
            metadata_form: Damage::none(),
            metadata_damage: Damage::none(),
            metadata_off: false,
            legacy: Legacy::Off,
            pkce: PkceSupport::S256,
            authorize_query: false,
            registration: Registration::Dcr,
            registered_scopes: RegisteredScopes::Free,
            grant_types: Some(vec!["authorization_code".into(), "refresh_token".into()]),
            registration_permit: None,
            registration_url: None,
            registration_form: Damage::none(),
            registration_damage: Damage::none(),
            assigned_method: None,
            pre_method: AuthMethod::Basic,
            secret_lifetime: None,
            awkward_secret: false,
            any_loopback_port: false,
            token_auth_methods: Some(vec![AuthMethod::None, AuthMethod::Basic, AuthMethod::Post]),
            refused_methods: Vec::new(),
            consent: Consent::Grant,
            iss: IssParameter::Right,
            iss_advertised: true,
            state: StateParameter::Right,
            code: CodeParameter::Right,
            code_lifetime: 600,
            offline_access: false,
            refresh_tokens: RefreshTokens::Always,
            rotation: Rotation::Rotate,
            reuse: Reuse::EndsGrant,
            refresh_lifetime: None,
            access_lifetime: 3600,
            token_form: Damage::none(),
            token_damage: Damage::none(),
            revocation: true,
            revokes_access_tokens: true,
            revocation_damage: Damage::none(),
            machines_only: false,
            authorization_endpoint: true,
            client_keys: vec![DEFAULT_KEY.clone()],
            signing_algs: vec!["ES256".into(), "EdDSA".into()],
            assertion_audience: AssertionAudience::Issuer,
            assertion_typ: "client-authentication+jwt".into(),
            client_id_with_assertion: false,
            workload_client_id: None,
            decoy_refresh_tokens: false,
            idp_metadata: MetadataLocation::OidcAppended,
            idp_method: AuthMethod::None,
            idp_takes_refresh_tokens: true,
            id_jag_lifetime: 300,
            id_jag_client_id: None,
            idp_form: Damage::none(),
            idp_damage: Damage::none(),
            dpop: Dpop::Unknown,
            dpop_algs: vec!["ES256".into(), "EdDSA".into()],
            server_nonces: Nonces::None,
            resource_nonces: Nonces::None,
            resource_dpop: ResourceDpop::Unknown,
            par: Par::Unknown,
            par_lifetime: 60,
            par_form: Damage::none(),
            par_damage: Damage::none(),
            device: false,
            device_interval: None,
            device_lifetime: 300,
            device_user: DeviceUser::Waits,
            device_form: Damage::none(),
            device_damage: Damage::none(),
            scopes: ScopePolicy::Basic,
            step_up_challenge: StepUpChallenge::Full,
            open_initialize: false,
            plain_403: false,
            young_for: 0,
            refuses_calls: false,
            bad_token: BadToken::Challenged,
            migrate_after: None,
            mcp_damage: Damage::none(),
        }
    }
}

impl Knobs {
    /// A world without users, whose servers offer these grants, and as a decoy registration.
    pub fn machines(grants: &[Grant]) -> Self {
        Self {
            machines_only: true,
            authorization_endpoint: false,
            pkce: PkceSupport::Absent,
            grant_types: Some(grants.iter().map(|grant| grant.as_str().into()).collect()),
            ..Self::default()
        }
    }

    /// A world whose resource takes bound tokens only, and whose authorization servers give no others.
    pub fn bound() -> Self {
        Self {
            dpop: Dpop::Required,
            resource_dpop: ResourceDpop::Required,
            prm_dpop_required: true,
            ..Self::default()
        }
    }

    /// A world whose authorization servers know devices, and say so.
    pub fn devices() -> Self {
        let grants = [Grant::Code, Grant::Refresh, Grant::Device];
        Self {
            device: true,
            grant_types: Some(grants.iter().map(|grant| grant.as_str().into()).collect()),
            ..Self::default()
        }
    }

    /// A world of the 2025-03-26 revision: bare 401s, no resource metadata, no scopes.
    pub fn legacy(legacy: Legacy) -> Self {
        Self {
            legacy,
            challenge: Challenge::Bare,
            challenge_scope: None,
            prm_location: PrmLocation::Nowhere,
            prm_scopes: None,
            ..Self::default()
        }
    }
}

/// Worlds are made by the thousand, and a public key takes a while.
static DEFAULT_KEY: LazyLock<PublicKey> = LazyLock::new(|| Key::p256(1).public().named("key-1"));

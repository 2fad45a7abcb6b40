//! Settings and logins, chosen by letters.

use std::sync::{Arc, LazyLock};

use oauth_core::flow::{
    Dpop, Flow, GrantKind, IdentityProvider, Login, Par, RedirectUri, Settings,
};
use oauth_core::wire::{KeyDescription, ResourceChallenge};
use oauth_core::{BearerAuth, Error, OAuthClientProvider, Policy, SigningAlgorithm, Tolerance};

use crate::servers::server_document;
use crate::{NOW, entropy};

/// Where the MCP server is, if no letter says otherwise.
pub const SERVER: &str = "https://mcp.example.com/mcp";

/// The authorization server that good answers name.
pub const ISSUER: &str = "https://auth.example.com";

/// The token endpoint of the identity provider that enterprises have.
pub const IDENTITY_PROVIDER: &str = "https://idp.example.com/token";

/// Where redirects come back to.
pub const CALLBACK: &str = "http://127.0.0.1:49152/callback";

/// Settings; see the code for what the letters mean.
///
/// # Panics
///
/// They contradict the core's rules.
pub fn settings(letters: &str) -> Settings {
    build(letters).expect("the settings are sound")
}

fn build(letters: &str) -> Result<Settings, Error> {
    let has = |letter| letters.contains(letter);
    let mut policy = if has('x') { Policy::strict() } else { Policy::default() };
    if has('a') {
        policy = policy.tolerate(Tolerance::UnlistedS256);
    }
    if has('l') {
        policy = policy.tolerate(Tolerance::Legacy20250326);
    }
    let mut settings = Settings::with_policy(server_url(letters), policy)?;
    if has('p') {
        settings = settings.client_id("client-p", Some("planted-secret-p".into()))?;
    }
    if has('u') {
        settings = settings.client_id("client-u", None)?;
    }
    if has('i') {
        settings = settings.client_issuer(ISSUER);
    }
    if has('m') {
        settings = settings.client_metadata_url("https://app.example.com/client.json")?;
    }
    if has('o') {
        settings = settings.scope("own other")?;
    }
    if has('s') {
        let algorithms = SigningAlgorithm::Es256.into();
        settings = settings.signing_key(KeyDescription { key_id: None, algorithms });
    }
    if has('n') {
        settings = settings.dpop(Dpop::Required);
    }
    if has('g') {
        settings = settings.par(Par::IfOffered);
    }
    if has('d') {
        settings = settings.device_code();
    }
    settings = without_user(settings, letters)?;
    if has('k') {
        settings = settings.provider(&PROVIDER)?.without_discovery();
    }
    if has('b') {
        let token = BearerAuth::new("planted-bearer").map_err(Error::from)?;
        settings = settings.bearer(token);
    }
    Ok(settings)
}

/// A grant that no user is asked for, if a letter names one.
fn without_user(settings: Settings, letters: &str) -> Result<Settings, Error> {
    Ok(match letters {
        _ if letters.contains('c') => settings.client_credentials(),
        _ if letters.contains('w') => settings.workload_identity(),
        _ if letters.contains('e') => {
            let secret = Some("planted-provider-secret".into());
            settings.enterprise_managed(IdentityProvider::new(IDENTITY_PROVIDER, "i", secret)?)
        }
        _ => settings,
    })
}

fn server_url(letters: &str) -> &'static str {
    match letters {
        _ if letters.contains('h') => "http://localhost:8080/mcp",
        _ if letters.contains('/') => "https://mcp.example.com/mcp/",
        _ if letters.contains('q') => "https://mcp.example.com/v1/mcp?tenant=7",
        _ => SERVER,
    }
}

/// Read once: that takes as long as a few steps of a login.
static PROVIDER: LazyLock<OAuthClientProvider> = LazyLock::new(|| {
    let metadata = server_document(ISSUER).to_string();
    let metadata = serde_json::from_str(&metadata).expect("the document is sound");
    OAuthClientProvider { id: "known".into(), display_name: "Known".into(), metadata }
});

/// A first login with these settings and the answer's `WWW-Authenticate`.
///
/// # Errors
///
/// Why it does not start.
pub fn first_login(settings: Settings, challenge: &str) -> Result<Flow, Error> {
    let settings = Arc::new(settings);
    let mut login = match settings.grant_kind() {
        GrantKind::AuthorizationCode | GrantKind::DeviceCode => {
            Login::new(settings, RedirectUri::parse(CALLBACK)?, entropy(1), NOW)
        }
        _ => Login::without_user(settings, NOW)?,
    };
    if let Some(challenge) = ResourceChallenge::select([challenge]) {
        login = login.challenge(challenge);
    }
    Flow::login(login)
}

/// A login that waits for its user: everything before is known.
///
/// # Panics
///
/// It does not come that far.
pub fn at_consent(letters: &str) -> Flow {
    let flow = first_login(settings(&format!("kp{letters}")), "").expect("nothing is asked");
    assert!(flow.authorization_url().is_some());
    flow
}

/// A login that waits for the answer of the registration endpoint.
///
/// # Panics
///
/// It does not come that far.
pub fn at_registration(letters: &str) -> Flow {
    first_login(settings(&format!("k{letters}")), "").expect("nothing is asked before")
}

/// A login that waits for the answer of the endpoint that requests are pushed to.
///
/// # Panics
///
/// It does not come that far.
pub fn at_push(letters: &str) -> Flow {
    first_login(settings(&format!("kpig{letters}")), "").expect("nothing is asked before")
}

/// A login that waits for the answer of the device authorization endpoint.
///
/// # Panics
///
/// It does not come that far.
pub fn at_codes(letters: &str) -> Flow {
    first_login(settings(&format!("kpid{letters}")), "").expect("nothing is asked before")
}

/// A challenge that names a place for the resource's metadata.
pub fn challenge_with(url: &str) -> String {
    let quoted = url.replace('\\', "\\\\").replace('"', "\\\"");
    format!("Bearer resource_metadata=\"{quoted}\"")
}

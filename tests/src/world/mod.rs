//! An MCP server, three authorization servers and an identity provider as one pure, deterministic function.
//!
//! [`World::handle`] takes a request with an absolute URI and gives the answer of whichever server
//! owns the authority. There are no sockets, threads, clocks or random numbers: time is
//! [`World::now`], and every token, code and id comes from a counter.
//!
//! What the servers do is set by [`Knobs`], which may be changed between any two requests. What the
//! client does wrong is answered as a real server would and also recorded in [`World::violations`],
//! so that a test ends with `assert_eq!(world.violations, [""; 0])`. Everything that happened is
//! in [`World::log`].
//!
//! ```
//! use oauth_tests::world::{Knobs, What, World};
//!
//! let mut world = World::new(Knobs::default());
//! let request = http::Request::post(world.server_url()).body(Vec::new()).unwrap();
//! let answer = world.handle(&request);
//! assert_eq!(answer.status(), 401);
//! assert_eq!(world.count(What::Mcp(String::new())), 1);
//! ```
//!
//! Clients without a user are served as well: with client credentials, with the JWT of a workload, with what
//! the identity provider exchanged. What a host brings for that, the world makes: [`World::workload_jwt`],
//! [`World::id_token`]. Keys are [`Key`]s, and every signature is verified.
//!
//! What a client may use once is noted when it comes, before any fault: client assertions, assertions and
//! proofs. A second one of the same `jti` is a violation, whatever was answered to the first.
//!
//! Left out: signed metadata, signed and encrypted requests, mTLS, and every other grant.

mod answer;
mod assertion;
mod authorize;
mod challenge;
mod client_auth;
mod clients;
mod damage;
mod device;
mod dpop;
mod form;
mod grants;
mod idp;
mod judge;
mod jwt;
mod keys;
mod knobs;
mod leaks;
mod log;
mod machine;
mod metadata;
mod minted;
mod picture;
mod places;
mod push;
mod redirect;
mod register;
mod resource;
mod revoke;
mod token;

pub use damage::{Damage, Fault};
pub use judge::World;
pub use keys::{Key, PublicKey};
pub use knobs::{
    AssertionAudience, AuthMethod, BadToken, Challenge, CodeParameter, Consent, DeviceForm,
    DeviceUser, Dpop, IdpForm, IssParameter, IssuerPath, Knobs, Legacy, MetadataForm,
    MetadataLocation, Nonces, Par, ParForm, PkceSupport, PrmLocation, PrmResource, PrmServers,
    RefreshTokens, RegisteredScopes, Registration, RegistrationForm, ResourceDpop, Reuse, Rotation,
    ScopePolicy, StateParameter, StepUpChallenge, TokenForm,
};
pub use log::{Exchange, Grant, Party, What};
pub(crate) use picture::Escaped;
pub use places::{IDP_CLIENT_ID, IDP_CLIENT_SECRET, Origins, PRE_CLIENT_ID, PRE_CLIENT_SECRET};

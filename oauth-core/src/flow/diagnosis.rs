//! A look ahead: what a login to a server would do, or a request for a token without a user, found out without either.

use alloc::boxed::Box;
use core::fmt;

use crate::error::Error;
use crate::flow::grant_kind::GrantKind;
use crate::flow::login::Login;
use crate::flow::login_plan::LoginPlan;
use crate::flow::machine::{Flow, HttpReply, Step};
use crate::flow::probe::Probe;
use crate::flow::settings::Settings;
use crate::flow::state::State;
use crate::http::{Endpoint, Request};
use crate::keys::{DpopKey, PublicJwk};
use crate::plain::Plain;
use crate::signing_algorithm::SigningAlgorithms;
use crate::timeline::Timeline;
use crate::wire::RegistrationKind;

/// Discovery as a login would do it, up to where something would change: nothing is registered or pushed, nobody is
/// sent anywhere, and no token is asked for.
///
/// Drive [`step`](Self::step) until it is done. `Display` then prints for people what a login would do, or
/// why it cannot be done and what would help, and how that was found out.
#[derive(Debug)]
pub struct Diagnosis {
    flow: Result<Flow, Error>,
    server: Box<str>,
    grant: GrantKind,
    /// The status with which the MCP server answered who has no token, if it did not ask for a login.
    open: Option<u16>,
    /// What came before the flow.
    timeline: Timeline,
}

impl Diagnosis {
    /// A look ahead at this login, after the MCP server was asked what it says to who has no token.
    #[must_use]
    pub fn new(login: Login, probe: &Probe) -> Self {
        let server = login.settings.server.as_str().into();
        let grant = login.settings.grant_kind();
        let (open, timeline) = (probe.status_without_login(), probe.timeline().clone());
        Self { server, grant, open, flow: Flow::login(login.probed(probe)), timeline }
    }

    /// The next request, if there is one; asking changes nothing.
    pub fn step(&mut self) -> Option<(Request, HttpReply<'_>)> {
        let flow = self.flow.as_mut().ok()?;
        if let Ok(Step::Key(reply)) = flow.step() {
            let key = stand_in(reply.algorithms())?;
            reply.given(key);
        }
        match flow.step() {
            Ok(Step::Http { request, reply }) if only_reads(request.endpoint()) => {
                Some((request, reply))
            }
            _ => None,
        }
    }

    /// What a login would do, once there is no next request.
    ///
    /// # Errors
    ///
    /// Why it could not be done; [`Error::LoginRequired`] as long as that is not known.
    pub fn login_plan(&self) -> Result<LoginPlan<'_>, Error> {
        let flow = self.flow.as_ref().map_err(Error::clone)?;
        let binding = match flow.state()? {
            State::Register(it) => {
                let (settings, terms) = (flow.settings(), &it.errand.terms);
                return Ok(LoginPlan {
                    grant: self.grant,
                    server: &it.server,
                    client: RegistrationKind::Dynamic,
                    client_id: None,
                    authentication: it.method,
                    resource: &terms.resource,
                    requested: terms.requested.as_ref(),
                    requested_by: terms.requested_by,
                    profile: settings.profile_of(&it.server).map(|it| it.display_name),
                    pushed_to: settings.push_endpoint(&it.server)?,
                    is_bound: terms.possession.is_some(),
                    identity_provider: None,
                });
            }
            State::Push(it) => {
                let pushed_to = Some(&it.endpoint);
                return Ok(LoginPlan { pushed_to, ..LoginPlan::of(&it.consent.binding) });
            }
            State::Exchange(it) => {
                let identity_provider = Some(it.endpoint());
                return Ok(LoginPlan { identity_provider, ..LoginPlan::of(&it.binding) });
            }
            State::Consent(it) => &it.binding,
            State::AskDevice(it) => &it.binding,
            State::ClientCredentials(it) => &it.binding,
            State::JwtBearer(it) => &it.binding,
            _ => return Err(Error::LoginRequired),
        };
        Ok(LoginPlan::of(binding))
    }

    /// What the login would be made with.
    pub(crate) fn settings(&self) -> Result<&Settings, Error> {
        self.flow.as_ref().map(Flow::settings).map_err(Error::clone)
    }

    /// By which grant tokens are got. Without a user, what is said of logins here is meant of requests for tokens: no
    /// page is opened.
    #[must_use]
    pub fn grant(&self) -> GrantKind {
        self.grant
    }

    /// The status with which the MCP server answered a request without a token, if that was neither a refusal nor a
    /// redirect, nor one that says "not now". Other requests may need a token all the same.
    #[must_use]
    pub fn status_without_login(&self) -> Option<u16> {
        self.open
    }

    /// What was found out on the way.
    #[must_use]
    pub fn timeline(&self) -> Timeline {
        let mut whole = self.timeline.clone();
        if let Ok(flow) = &self.flow {
            whole.append(flow.timeline().clone());
        }
        whole
    }
}

/// Whether a request there changes nothing: all others end a look ahead.
fn only_reads(endpoint: Endpoint) -> bool {
    matches!(endpoint, Endpoint::ResourceMetadata | Endpoint::ServerMetadata)
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (timeline, server) = (self.timeline(), Plain(&self.server));
        match self.login_plan() {
            Ok(login_plan) => {
                match self.grant.has_user() {
                    true => writeln!(f, "A login to {server} can begin.")?,
                    false => writeln!(f, "A token for {server} can be asked for.")?,
                }
                write!(f, "\n{login_plan}")?;
                write!(f, "\nHow that was found out:\n{timeline}")
            }
            Err(error) => {
                match self.grant.has_user() {
                    true => writeln!(f, "A login to {server} cannot begin.\n")?,
                    false => writeln!(f, "No token for {server} can be asked for.\n")?,
                }
                error.explain(&timeline).fmt(f)
            }
        }
    }
}

/// A key where a login would have one made. Nothing is signed with it: who has its private half does not matter.
fn stand_in(algorithms: SigningAlgorithms) -> Option<DpopKey> {
    let key = |json| PublicJwk::parse(json).ok().map(DpopKey::new);
    let of_p256 = key(P256)?;
    match of_p256.algorithms().common(algorithms).is_empty() {
        false => Some(of_p256),
        true => key(ED25519),
    }
}

/// RFC 9449 §4.1.
const P256: &str = r#"{"kty":"EC","crv":"P-256","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs","y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"}"#;

/// RFC 8037 §A.2.
const ED25519: &str =
    r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

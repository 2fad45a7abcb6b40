//! A look ahead: what a login to a server would do, found out without logging in.

use alloc::boxed::Box;
use core::fmt;

use crate::error::Error;
use crate::flow::binding::{Binding, ScopeSource};
use crate::flow::login::Login;
use crate::flow::machine::{Flow, HttpReply, Step};
use crate::flow::probe::Probe;
use crate::flow::state::State;
use crate::http::{Endpoint, Request};
use crate::plain::Plain;
use crate::scope::Scopes;
use crate::timeline::Timeline;
use crate::tolerance::Tolerance;
use crate::url::HttpUrl;
use crate::wire::{Provenance, RegistrationKind, ServerMetadata};

/// Discovery as a login would do it, up to where something would change: nothing is registered or pushed, and
/// nobody is sent anywhere.
///
/// Drive [`step`](Self::step) until it is done. `Display` then prints for people what a login would do, or
/// why it cannot be done and what would help, and how that was found out.
#[derive(Debug)]
pub struct Diagnosis {
    flow: Result<Flow, Error>,
    server: Box<str>,
    /// The status with which the MCP server answered who has no token, if it did not ask for a login.
    open: Option<u16>,
    /// What came before the flow.
    timeline: Timeline,
}

/// What a login would do.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct LoginPlan<'a> {
    /// The authorization server.
    pub server: &'a ServerMetadata,
    /// How the client would become known to it; dynamically, it would be registered by the login.
    pub client: RegistrationKind,
    /// The resource that the tokens would be for.
    pub resource: &'a str,
    /// The scopes that would be asked for; `None` leaves them to the server.
    pub requested: Option<&'a Scopes>,
    /// Who wants them.
    pub requested_by: Option<ScopeSource>,
    /// The provider whose profile would be applied, by its name for people.
    pub profile: Option<&'a str>,
    /// Where the request would be pushed to (RFC 9126); `None` if the browser would show it.
    pub pushed_to: Option<&'a HttpUrl>,
}

impl Diagnosis {
    /// A look ahead at this login, after the MCP server was asked what it says to who has no token.
    #[must_use]
    pub fn new(login: Login, probe: &Probe) -> Self {
        let server = login.settings.server.as_str().into();
        let (open, timeline) = (probe.status_without_login(), probe.timeline().clone());
        Self { server, open, flow: Flow::login(login.probed(probe)), timeline }
    }

    /// The next request, if there is one; asking changes nothing.
    pub fn step(&mut self) -> Option<(Request, HttpReply<'_>)> {
        match self.flow.as_mut().ok()?.step() {
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
        match flow.state()? {
            State::Register(it) => Ok(LoginPlan {
                server: &it.server,
                client: RegistrationKind::Dynamic,
                resource: &it.errand.terms.resource,
                requested: it.errand.terms.requested.as_ref(),
                requested_by: it.errand.terms.requested_by,
                profile: flow.settings().profile_of(&it.server).map(|it| it.display_name),
                pushed_to: flow.settings().push_endpoint(&it.server)?,
            }),
            State::Push(it) => Ok(LoginPlan::of(&it.consent.binding, Some(&it.endpoint))),
            State::Consent(it) => Ok(LoginPlan::of(&it.binding, None)),
            State::AskDevice(it) => Ok(LoginPlan::of(&it.binding, None)),
            _ => Err(Error::LoginRequired),
        }
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

impl<'a> LoginPlan<'a> {
    fn of(binding: &'a Binding, pushed_to: Option<&'a HttpUrl>) -> Self {
        let Binding { server, client, resource, requested, requested_by, .. } = binding;
        Self {
            server,
            client: client.kind,
            resource,
            requested: requested.as_ref(),
            requested_by: *requested_by,
            profile: binding.profile(),
            pushed_to,
        }
    }
}

/// Whether a request there changes nothing: all others end a look ahead.
fn only_reads(endpoint: Endpoint) -> bool {
    matches!(endpoint, Endpoint::ResourceMetadata | Endpoint::ServerMetadata)
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let timeline = self.timeline();
        match self.login_plan() {
            Ok(login_plan) => {
                write!(f, "A login to {} can begin.\n\n{login_plan}", Plain(&self.server))?;
                write!(f, "\nHow that was found out:\n{timeline}")
            }
            Err(error) => {
                writeln!(f, "A login to {} cannot begin.\n", Plain(&self.server))?;
                error.explain(&timeline).fmt(f)
            }
        }
    }
}

impl fmt::Display for LoginPlan<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { server, client, resource, requested, requested_by, profile, pushed_to } = self;
        let from = match server.provenance {
            Provenance::Discovered => "found through its metadata",
            Provenance::Provided => "set up with `provider`",
            Provenance::Known => "known beforehand: it publishes no metadata",
            Provenance::Legacy => "assumed, as the 2025-03-26 specification has it",
        };
        writeln!(f, "  authorization server  {} ({from})", Plain(server.issuer.as_str()))?;
        if let Some(name) = profile {
            writeln!(f, "  provider              {name}: what is known of it is applied")?;
        }
        let how = match client {
            RegistrationKind::PreRegistered => "the one that was set up with `client_id`",
            RegistrationKind::MetadataDocument => "the document set up with `client_metadata_url`",
            RegistrationKind::Dynamic => "registers itself when the login begins",
        };
        writeln!(f, "  client                {how}")?;
        writeln!(f, "  resource              {}", Plain(resource))?;
        let by = match requested_by {
            Some(ScopeSource::Settings) => " (set up with `scope`)",
            Some(ScopeSource::Challenge) => " (the server asks for them)",
            Some(ScopeSource::ResourceMetadata) => " (from the resource metadata)",
            Some(ScopeSource::EarlierLogin) => " (as the last login)",
            Some(ScopeSource::Provider) => " (for a refresh token)",
            None => "",
        };
        let scopes = requested.map_or("whatever the server gives", Scopes::as_str);
        writeln!(f, "  scopes                {scopes}{by}")?;
        if let Some(endpoint) = server.device_endpoint() {
            let at = endpoint.without_query();
            // What is read for devices alone has no page.
            let or = if server.authorization_endpoint.is_some() { "in a browser, or " } else { "" };
            writeln!(f, "  login                 {or}on another device, with a code of {at}")?;
        }
        if let Some(endpoint) = pushed_to {
            let endpoint = endpoint.without_query();
            writeln!(
                f,
                "  request               is pushed to {endpoint}, not shown in the browser"
            )?;
        }
        if let Some(endpoint) = &server.revocation_endpoint {
            writeln!(
                f,
                "  logout                revokes the tokens at {}",
                endpoint.without_query()
            )
        } else {
            writeln!(f, "  logout                forgets the tokens; the server cannot revoke them")
        }?;
        if server.tolerated.contains(Tolerance::UnconfirmedIssuer) {
            writeln!(
                f,
                "  client secret         goes there on the MCP server's word alone; `client_issuer` confirms it"
            )?;
        }
        for tolerance in server.tolerated.iter() {
            writeln!(f, "  tolerated             {tolerance}")?;
        }
        Ok(())
    }
}

//! The start of a login: what is known, and where the machine goes from there.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::entropy::{Entropy, RandomBytes};
use crate::error::{Error, Misuse, PeerIncompatible};
use crate::flow::binding::{Binding, KnownClient, ScopeSource};
use crate::flow::not_asked::NotAsked;
use crate::flow::options::AuthorizationOptions;
use crate::flow::possession::Possession;
use crate::flow::redirect_uri::RedirectUri;
use crate::flow::settings::{MachineGrant, Settings};
use crate::profile::RefreshTokens;
use crate::scope::{OFFLINE_ACCESS, Scopes};
use crate::time::UnixTime;
use crate::wire::{Issuer, ResourceChallenge, Scheme, ServerMetadata};

/// What a login starts from.
#[derive(Debug, Serialize, Deserialize)]
pub struct Login {
    pub(crate) settings: Arc<Settings>,
    pub(crate) way: Way,
    pub(crate) started: UnixTime,
    /// What the server said when it refused a request.
    pub(crate) challenge: Option<Box<ResourceChallenge>>,
    /// What it answered instead, if it was asked.
    #[serde(default)]
    pub(crate) not_asked: Option<Box<NotAsked>>,
    pub(crate) before: Option<Box<PreviousLogin>>,
    /// What tokens were bound to that are to be replaced: nothing has to be found again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) renews: Option<Box<Binding>>,
    /// What was missing when no login was begun for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) missing: Option<Scopes>,
    /// What the host wants of this login. Boxed, because it is rare.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) options: Option<Box<AuthorizationOptions>>,
    /// Who wants the scopes that are asked for.
    pub(crate) requested_by: Option<ScopeSource>,
    /// The key that the tokens will be bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) possession: Option<Box<Possession>>,
}

/// Who is asked for a token.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Way {
    /// A user, who comes back with a code.
    User(Visit),
    /// Nobody.
    Machine(MachineGrant),
}

/// What makes the redirect and the code of a user's visit this login's.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Visit {
    pub(crate) redirect_uri: RedirectUri,
    pub(crate) verifier: RandomBytes,
    pub(crate) state: RandomBytes,
}

/// What earlier logins to the same server leave to the next one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousLogin {
    pub(crate) binding: Binding,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) elsewhere: Vec<KnownClient>,
    pub(crate) client_is_gone: bool,
}

impl PreviousLogin {
    /// The last login was bound to this. Its registration is used again if the authorization server is
    /// the same, and the scopes it asked for are asked for again.
    #[must_use]
    pub fn new(binding: Binding) -> Self {
        Self { binding, elsewhere: Vec::new(), client_is_gone: false }
    }

    /// With what the client is to authorization servers of still earlier logins: registrations that are
    /// used again if the resource moves back.
    #[must_use]
    pub fn elsewhere(mut self, clients: Vec<KnownClient>) -> Self {
        self.elsewhere = clients;
        self
    }

    /// The authorization server does not know the last login's client any more: a dynamic one is
    /// registered anew.
    #[must_use]
    pub fn client_is_gone(mut self) -> Self {
        self.client_is_gone = true;
        self
    }

    /// Whether the last login was by the way that is set up.
    pub(crate) fn is_by(&self, settings: &Settings) -> bool {
        let Binding { grant, server, .. } = &self.binding;
        match settings.goes_either_way() {
            // What was found for a login on another device alone has no page.
            true => grant.has_user() && server.authorization_endpoint.is_some(),
            false => *grant == settings.grant_kind(),
        }
    }

    /// Where the server of the last login stands among these, or else one where the client is known.
    pub(crate) fn first_known(&self, issuers: &[impl AsRef<str>]) -> Option<usize> {
        let position =
            |is_it: &dyn Fn(&str) -> bool| issuers.iter().position(|it| is_it(it.as_ref()));
        let last = position(&|it| self.binding.server.is_of(it));
        let position = |known: &KnownClient| position(&|it| known.issuer.is_same(it));
        last.or_else(|| self.elsewhere.iter().find_map(position))
    }
}

impl Login {
    /// A first login. `entropy` is used up by it.
    #[must_use]
    pub fn new(
        settings: Arc<Settings>,
        redirect_uri: RedirectUri,
        entropy: Entropy,
        now: UnixTime,
    ) -> Self {
        let Entropy { verifier, state } = entropy;
        Self::by(Way::User(Visit { redirect_uri, verifier, state }), settings, now)
    }

    /// The same without a user, as the settings say: nobody is sent to a page, and nothing is registered.
    ///
    /// # Errors
    ///
    /// [`Misuse::NoMachineGrant`] if the settings name no such grant.
    pub fn without_user(settings: Arc<Settings>, now: UnixTime) -> Result<Self, Error> {
        let grant = settings.machine_grant().cloned().ok_or(Misuse::NoMachineGrant)?;
        Ok(Self::by(Way::Machine(grant), settings, now))
    }

    fn by(way: Way, settings: Arc<Settings>, now: UnixTime) -> Self {
        Self {
            settings,
            way,
            started: now,
            challenge: None,
            not_asked: None,
            before: None,
            renews: None,
            missing: None,
            options: None,
            requested_by: None,
            possession: None,
        }
    }

    /// With what the server said in its 401 or 403: where its metadata is, which scopes it wants.
    #[must_use]
    pub fn challenge(mut self, challenge: ResourceChallenge) -> Self {
        self.challenge = Some(Box::new(challenge));
        self
    }

    /// In the place of tokens that were bound to this: nothing is looked for again. Only without a user.
    #[must_use]
    pub fn renewing(mut self, binding: Binding) -> Self {
        self.renews = Some(Box::new(binding));
        self
    }

    /// With what the host wants of this one login.
    #[must_use]
    pub fn options(mut self, options: AuthorizationOptions) -> Self {
        self.options = Some(Box::new(options));
        self
    }

    /// With what earlier logins to the same server leave.
    #[must_use]
    pub fn before(mut self, before: PreviousLogin) -> Self {
        self.before = Some(Box::new(before));
        self
    }

    /// The scopes to ask for: those set up, else those challenged, else those of the resource; with
    /// those asked for before, because servers name only what is missing (MCP 2026-07-28, Scope
    /// Selection Strategy); and `offline_access` if the server offers it.
    pub(crate) fn scopes(
        &mut self,
        before: Option<Scopes>,
        resource_scopes: Option<Scopes>,
        server: &ServerMetadata,
    ) -> Result<Option<Scopes>, PeerIncompatible> {
        let options = self.options.as_deref();
        let only = options.and_then(|options| options.scope.as_ref());
        let more = options.and_then(|options| options.more_scope.as_ref());
        let challenged = self.challenge.as_ref().and_then(|challenge| challenge.scope.as_ref());
        let own = only.or(self.settings.scope.as_ref());
        let missing = challenged.filter(|_| self.lacks_scope() && only.is_none());
        let missing_before = self.missing.as_ref().filter(|_| only.is_none());
        let is_step_up = missing.is_some() || missing_before.is_some();
        self.requested_by = match (own, challenged, &resource_scopes, &before) {
            _ if is_step_up => Some(ScopeSource::Challenge),
            _ if more.is_some() => Some(ScopeSource::Settings),
            (Some(_), ..) => Some(ScopeSource::Settings),
            (None, Some(_), ..) => Some(ScopeSource::Challenge),
            (None, None, Some(_), _) => Some(ScopeSource::ResourceMetadata),
            (None, None, None, Some(_)) => Some(ScopeSource::EarlierLogin),
            (None, None, None, None) => None,
        };
        let wanted = own.or(challenged).cloned().or(resource_scopes);
        // Scopes that were set up are what is asked for; only what is missing or wanted as well joins them.
        let widens = only.is_none() && (is_step_up || more.is_some());
        let mut all = before.filter(|_| own.is_none() || widens);
        for more in [wanted.as_ref(), missing, missing_before, more].into_iter().flatten() {
            match &mut all {
                Some(all) => all.extend(more)?,
                None => all = Some(more.clone()),
            }
        }
        // Alone it would replace the server's default scopes, so it only joins others.
        let has_user = matches!(self.way, Way::User(_));
        if server.offline_access
            && has_user
            && let Some(all) = &mut all
        {
            all.insert(OFFLINE_ACCESS)?;
        }
        let profile = self.settings.profile_of(server).filter(|_| own.is_none() && has_user);
        if profile.is_some_and(|it| it.refresh_tokens == RefreshTokens::WithOfflineAccess) {
            match &mut all {
                Some(all) => all.insert(OFFLINE_ACCESS)?,
                None => {
                    self.requested_by = Some(ScopeSource::Provider);
                    all = Scopes::parse(SCOPES_FOR_REFRESH);
                }
            }
        }
        Ok(all)
    }

    /// Whether a client or a grant of this server is at hand. A client id that was set up without an
    /// issuer may be one of the first server's, until a login has shown whose it is.
    pub(crate) fn holds(&self, issuer: &Issuer) -> bool {
        let known = |before: &PreviousLogin| before.first_known(&[issuer.as_str()]).is_some();
        let is_own = match &self.settings.client_issuer {
            Some(own) => issuer.is_same(own),
            None => self.before.is_none(),
        };
        self.before.as_deref().is_some_and(known)
            || self.settings.pre_registered.is_some() && is_own
    }

    /// Whether the resource takes only tokens that are bound to a key, and those of this login were not.
    pub(crate) fn wants_key(&self) -> bool {
        let is_wanted = self.challenge.as_ref().is_some_and(|it| it.scheme == Scheme::Dpop);
        is_wanted && self.before.as_ref().is_some_and(|it| it.binding.possession.is_none())
    }

    pub(crate) fn lacks_scope(&self) -> bool {
        self.challenge.as_ref().is_some_and(|challenge| challenge.is_insufficient_scope())
    }
}

/// What a provider needs to give a refresh token where nothing else is asked for.
const SCOPES_FOR_REFRESH: &str = "openid offline_access";

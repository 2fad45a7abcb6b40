//! The rows of the matrix: every request that is sent for a login, a refresh or a logout.

use std::time::Duration;

use oauth_core::Endpoint;
use oauth_tests::world::{Damage, Fault, Grant, Knobs, Party, PrmServers, What};

use crate::client::Call;

/// A request that a fault befalls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Asks the MCP server without a token, for its challenge.
    Challenge,
    /// The resource metadata.
    ResourceMetadata,
    /// The metadata of the only authorization server.
    ServerMetadata,
    /// The metadata of the first of two authorization servers.
    FirstOfTwo,
    /// Dynamic registration.
    Registration,
    /// A code, at the token endpoint.
    Code,
    /// A code for a wider scope, while a narrower token is at work.
    StepUp,
    /// A refresh token, with an access token that has expired.
    Refresh,
    /// A refresh token, with an access token that has not quite expired.
    EarlyRefresh,
    /// The end of a refresh token, the first request of a logout.
    RevokeRefresh,
    /// The end of an access token, the second one.
    RevokeAccess,
}

/// When the fault begins: what comes before it has to be in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    Start,
    /// After the answer to the first request to this endpoint.
    After(Endpoint),
    /// When the user has consented.
    Consent,
}

impl Request {
    pub(crate) const ALL: [Self; 11] = [
        Self::Challenge,
        Self::ResourceMetadata,
        Self::ServerMetadata,
        Self::FirstOfTwo,
        Self::Registration,
        Self::Code,
        Self::StepUp,
        Self::Refresh,
        Self::EarlyRefresh,
        Self::RevokeRefresh,
        Self::RevokeAccess,
    ];

    pub(crate) fn call(self) -> Call {
        match self {
            Self::StepUp => Call::StepUp,
            Self::Refresh | Self::EarlyRefresh => Call::Token,
            Self::RevokeRefresh | Self::RevokeAccess => Call::LogOut,
            _ => Call::LogIn,
        }
    }

    /// How long the stored access token lives when the call is made; `None` is its hour.
    pub(crate) fn token_lives(self) -> Option<Duration> {
        match self.call() {
            Call::LogIn => Some(Duration::ZERO),
            Call::Token if self == Self::Refresh => Some(Duration::ZERO),
            Call::Token => Some(Duration::from_secs(30)),
            Call::StepUp | Call::LogOut => None,
        }
    }

    pub(crate) fn begins(self) -> Moment {
        match self {
            Self::Registration => Moment::After(Endpoint::ServerMetadata),
            Self::Code | Self::StepUp => Moment::Consent,
            Self::RevokeAccess => Moment::After(Endpoint::Revocation),
            _ => Moment::Start,
        }
    }

    /// The endpoint after whose answer, or silence, the fault ends while the call still runs.
    pub(crate) fn ends_after(self) -> Option<Endpoint> {
        (self == Self::RevokeRefresh).then_some(Endpoint::Revocation)
    }

    /// Where the request goes.
    pub(crate) fn server(self) -> Party {
        match self {
            Self::Challenge | Self::ResourceMetadata => Party::McpServer,
            _ => Party::AuthServer,
        }
    }

    /// The request as the world writes it down.
    pub(crate) fn what(self) -> What {
        match self {
            Self::Challenge => What::Mcp("tools/list".into()),
            Self::ResourceMetadata => What::ResourceMetadata,
            Self::ServerMetadata | Self::FirstOfTwo => What::ServerMetadata,
            Self::Registration => What::Register,
            Self::Code | Self::StepUp => What::Token(Grant::Code),
            Self::Refresh | Self::EarlyRefresh => What::Token(Grant::Refresh),
            Self::RevokeRefresh | Self::RevokeAccess => What::Revoke,
        }
    }

    /// Sets up the servers.
    pub(crate) fn prepare(self, knobs: &mut Knobs) {
        if self == Self::FirstOfTwo {
            knobs.prm_servers = PrmServers::Both;
        }
    }

    /// The knob that breaks its answers.
    pub(crate) fn break_answers(self, knobs: &mut Knobs, fault: Fault) {
        let damage = Damage::always(fault);
        match self {
            Self::Challenge => knobs.mcp_damage = damage,
            Self::ResourceMetadata => knobs.prm_damage = damage,
            Self::ServerMetadata => knobs.metadata_damage = damage,
            Self::FirstOfTwo => knobs.metadata_damage = damage.only(Party::AuthServer),
            Self::Registration => knobs.registration_damage = damage,
            Self::Code | Self::StepUp | Self::Refresh | Self::EarlyRefresh => {
                knobs.token_damage = damage;
            }
            Self::RevokeRefresh | Self::RevokeAccess => knobs.revocation_damage = damage,
        }
    }

    /// Its name in the table.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Challenge => "challenge",
            Self::ResourceMetadata => "resource",
            Self::ServerMetadata => "server",
            Self::FirstOfTwo => "1st of 2",
            Self::Registration => "register",
            Self::Code => "code",
            Self::StepUp => "step-up",
            Self::Refresh => "refresh",
            Self::EarlyRefresh => "early",
            Self::RevokeRefresh => "revoke R",
            Self::RevokeAccess => "revoke A",
        }
    }
}

//! What can go wrong, and how often it does in a run.

use super::Dice;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// A host ends, and starts again with nothing but the store.
    Crash,
    /// A host ends, and goes on from its serialized session. Its locks died with it.
    Restart,
    /// The same with a session that was serialized some time ago.
    OldCopy,
    /// A request does not arrive.
    RequestLost,
    /// A request arrives, its answer does not.
    AnswerLost,
    /// A request arrives twice.
    Twice,
    /// 5xx, and nothing has happened.
    ServerError,
    /// 502, and the server has acted.
    GatewayError,
    /// 429.
    TooMany,
    /// A host is not scheduled for a while.
    Sleep,
    /// A lock is a lease, which may end before its holder is done.
    Lease,
    /// A lock keeps nobody out.
    LockIgnored,
    /// Who waits for a lock gives up.
    LockTimeout,
    /// Somebody writes the same record again, without a lock and with a later generation.
    Meddler,
    /// The store cannot be read.
    LoadFails,
    /// The store cannot be written.
    SaveFails,
    /// The store was written, and says that it was not.
    SaveUnreported,
    /// The store cannot be written for some time.
    DiskFull,
    /// A host's clock jumps.
    ClockJump,
    /// The MCP server changes its authorization server.
    Moves,
    /// The authorization servers forget their clients.
    ForgetsClients,
    /// Tokens live for a shorter time than before.
    Shortens,
    /// The authorization servers stop to issue refresh tokens, or begin again.
    NoRefreshTokens,
    /// All access tokens are revoked.
    RevokesAccess,
    /// All grants are revoked.
    EndsGrants,
}

/// How often each fault strikes, per mille of its opportunities.
#[derive(Clone, Debug)]
pub(super) struct Menu {
    chances: [u16; Fault::ALL.len()],
}

impl Menu {
    /// Nothing goes wrong.
    #[must_use]
    pub(super) const fn none() -> Self {
        Self { chances: [0; Fault::ALL.len()] }
    }

    /// One run in eight has no faults, three have one to three kinds of them, often; the others have
    /// all, seldom.
    #[must_use]
    pub(super) fn of(dice: &mut Dice) -> Self {
        let mut menu = Self::none();
        match dice.below(8) {
            0 => {}
            1..=3 => {
                for _ in 0..=dice.below(3) {
                    let fault = dice.pick(&Fault::ALL);
                    menu.chances[fault as usize] = fault.often() * dice.pick(&[1, 2, 3]);
                }
            }
            _ => {
                let divisor = dice.pick(&[1, 2, 4, 8]);
                menu.chances = Fault::ALL.map(|fault| fault.often().div_ceil(divisor));
            }
        }
        menu
    }

    /// Whether anything goes wrong.
    #[must_use]
    pub(super) fn any(&self) -> bool {
        self.chances.iter().any(|chance| *chance > 0)
    }

    /// How often a fault strikes, per mille.
    #[must_use]
    pub(super) const fn chance(&self, fault: Fault) -> u16 {
        self.chances[fault as usize]
    }
}

impl Fault {
    /// All of them.
    pub(super) const ALL: [Self; 25] = [
        Self::Crash,
        Self::Restart,
        Self::OldCopy,
        Self::RequestLost,
        Self::AnswerLost,
        Self::Twice,
        Self::ServerError,
        Self::GatewayError,
        Self::TooMany,
        Self::Sleep,
        Self::Lease,
        Self::LockIgnored,
        Self::LockTimeout,
        Self::Meddler,
        Self::LoadFails,
        Self::SaveFails,
        Self::SaveUnreported,
        Self::DiskFull,
        Self::ClockJump,
        Self::Moves,
        Self::ForgetsClients,
        Self::Shortens,
        Self::NoRefreshTokens,
        Self::RevokesAccess,
        Self::EndsGrants,
    ];

    /// Per mille of opportunities: few for what has one at every step, many for what needs a request.
    const fn often(self) -> u16 {
        match self {
            Self::Moves | Self::ForgetsClients | Self::Shortens | Self::NoRefreshTokens => 3,
            Self::RevokesAccess | Self::EndsGrants | Self::DiskFull => 4,
            Self::Crash | Self::Restart | Self::OldCopy | Self::Sleep | Self::ClockJump => 12,
            Self::LockIgnored | Self::LockTimeout | Self::Meddler | Self::Lease => 80,
            _ => 100,
        }
    }
}

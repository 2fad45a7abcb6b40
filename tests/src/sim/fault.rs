//! What can go wrong, and how often it does in a run.

use super::{Cast, Dice, Extended};

/// Names all faults, with how often each strikes, per mille of its opportunities: few for what has one at
/// every step, many for what needs a request or a turn.
macro_rules! faults {
    (
        all { $($(#[$doc:meta])* $name:ident $often:literal,)* }
        of_machines { $($(#[$own_doc:meta])* $own:ident $own_often:literal,)* }
        extended { $($(#[$new_doc:meta])* $new:ident $new_often:literal,)* }
        of_leases { $($(#[$lease_doc:meta])* $lease:ident $lease_often:literal,)* }
    ) => {
        /// A kind of fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Fault {
            $($(#[$doc])* $name,)*
            $($(#[$own_doc])* $own,)*
            $($(#[$new_doc])* $new,)*
            $($(#[$lease_doc])* $lease,)*
        }

        impl Fault {
            /// Those of all runs. What is added here changes the history of every seed.
            pub(super) const ALL: [Self; [$($often),*].len()] = [$(Self::$name),*];

            /// Those of runs of machines only.
            pub(super) const OF_MACHINES: [Self; [$($own_often),*].len()] = [$(Self::$own),*];

            /// Those of runs that have more than bearer tokens and a browser.
            pub(super) const EXTENDED: [Self; [$($new_often),*].len()] = [$(Self::$new),*];

            /// Those of runs with a store over a network.
            pub(super) const OF_LEASES: [Self; [$($lease_often),*].len()] = [$(Self::$lease),*];

            const fn often(self) -> u16 {
                match self {
                    $(Self::$name => $often,)*
                    $(Self::$own => $own_often,)*
                    $(Self::$new => $new_often,)*
                    $(Self::$lease => $lease_often,)*
                }
            }
        }
    };
}

faults! {
    all {
        // Hosts.
        /// A host ends, and starts again with nothing but the store.
        Crash 12,
        /// A host ends, and goes on from its serialized session. Its locks died with it.
        Restart 12,
        /// The same with a session that was serialized some time ago.
        OldCopy 8,
        /// A host is not scheduled for a while. What it has sent may be answered meanwhile.
        Sleep 12,
        /// A host's clock jumps.
        ClockJump 12,
        // The way to the servers.
        /// A request does not arrive.
        RequestLost 100,
        /// A request arrives, its answer does not.
        AnswerLost 60,
        /// A request arrives twice.
        Twice 60,
        /// 502, and the server has acted.
        GatewayError 60,
        // Servers.
        /// 5xx, and nothing has happened.
        ServerError 100,
        /// 429, and nothing has happened.
        TooMany 100,
        /// A token request is answered with an error of the server's own, or with no token at all.
        Stumbles 100,
        /// A refresh token is rotated, and no access token comes with it.
        HalfAnswer 60,
        /// The MCP server changes its authorization server.
        Moves 3,
        /// The authorization servers forget their clients.
        ForgetsClients 3,
        /// Tokens live for a shorter time than before.
        Shortens 3,
        /// The authorization servers stop to issue refresh tokens, or begin again.
        NoRefreshTokens 3,
        /// All access tokens are revoked.
        RevokesAccess 4,
        /// The MCP server takes no token any more, or takes them again.
        RefusesTokens 6,
        /// All grants are revoked.
        EndsGrants 3,
        // Locks.
        /// A lock is a lease, which may end before its holder is done.
        Lease 80,
        /// A lock keeps nobody out.
        LockIgnored 60,
        /// Who waits for a lock gives up.
        LockTimeout 80,
        /// The lock is gone when its holder is about to spend something.
        LockLost 100,
        // The store.
        /// Somebody writes the same record again, without a lock and with a later generation.
        Meddler 80,
        /// The store cannot be read.
        LoadFails 100,
        /// The store shows what it held before the last write.
        StaleRead 40,
        /// The store cannot be written.
        SaveFails 150,
        /// The store was written, and says that it was not.
        SaveUnreported 80,
        /// The store says that it could not be written, and does it later.
        LateWrite 80,
        /// The store forgets what it said was written.
        LostWrite 40,
        /// There is no room for what a refresh will bring.
        NoRoom 150,
        /// Nothing can be written for some time but where room was reserved.
        DiskFull 5,
        /// Nothing can be read, locked or written for some time.
        Down 5,
        /// A record is deleted, or so damaged that it counts as none.
        Deleted 2,
    }
    of_machines {
        // What a host brings.
        /// A key signs nothing, a source has nothing.
        GiftFails 150,
        /// A key or a source takes minutes, or for ever.
        GiftStalls 60,
        /// What a source brings has expired.
        GiftIsOld 100,
        // Servers.
        /// 503 with a time, and nothing has happened.
        Busy 80,
        /// The MCP server wants a scope that no token has, or wants it no more.
        WantsTooMuch 6,
        /// The MCP server starts to require something that it did not require before.
        Demands 4,
    }
    extended {
        /// The MCP server begins to take only tokens that are bound to a key.
        WantsKeys 3,
        /// An authorization server finds that it is asked about a device code too often.
        SlowDown 150,
        /// The answer to a push gets lost.
        PushLost 150,
    }
    of_leases {
        /// The store loses a lease.
        LeaseDropped 8,
        /// A lease is not given back, since nobody hears of it.
        ReleaseLost 80,
        /// The store's clock is set.
        StoreClock 4,
        /// The holder of a refresh lock is stopped.
        Stopped 120,
        /// The same, and its clock that never goes back is, too.
        Suspended 80,
    }
}

/// How often each fault strikes, per mille of its opportunities.
#[derive(Clone, Debug)]
pub(super) struct Menu {
    chances: [u16; FAULTS],
}

impl Menu {
    /// Nothing goes wrong.
    #[must_use]
    pub(super) const fn none() -> Self {
        Self { chances: [0; FAULTS] }
    }

    /// One run in eight has no faults, four have one to four kinds of them, often; the others have all,
    /// seldom.
    #[must_use]
    pub(super) fn of(dice: &mut Dice) -> Self {
        let mut menu = Self::none();
        match dice.below(8) {
            0 => {}
            1..=4 => {
                for _ in 0..=dice.below(4) {
                    let fault = dice.pick(&Fault::ALL);
                    menu.chances[fault as usize] = fault.often() * dice.pick(&[1, 2, 3]);
                }
            }
            _ => {
                let divisor = dice.pick(&[1, 2, 4, 8]);
                for fault in Fault::ALL {
                    menu.chances[fault as usize] = fault.often().div_ceil(divisor);
                }
            }
        }
        menu
    }

    /// The same with what goes wrong for machines only: nothing, one or two kinds of it, or all.
    pub(super) fn add_of_machines(&mut self, dice: &mut Dice) {
        match dice.below(4) {
            0 => {}
            1..=2 => {
                for _ in 0..=dice.below(2) {
                    let fault = dice.pick(&Fault::OF_MACHINES);
                    self.chances[fault as usize] = fault.often() * dice.pick(&[1, 2, 3]);
                }
            }
            _ => {
                let divisor = dice.pick(&[1, 2, 4]);
                for fault in Fault::OF_MACHINES {
                    self.chances[fault as usize] = fault.often().div_ceil(divisor);
                }
            }
        }
    }

    /// Nothing goes wrong but that what was acknowledged is forgotten.
    pub(super) const fn of_failover() -> Self {
        let mut menu = Self::none();
        menu.chances[Fault::LostWrite as usize] = 200;
        menu
    }

    /// The same with what goes wrong where locks are leases: one to three kinds of it, or all.
    pub(super) fn add_of_leases(&mut self, dice: &mut Dice) {
        if dice.chance(500) {
            for _ in 0..=dice.below(3) {
                let fault = dice.pick(&Fault::OF_LEASES);
                self.chances[fault as usize] = fault.often() * dice.pick(&[1, 2, 3]);
            }
            return;
        }
        let divisor = dice.pick(&[1, 2, 4]);
        for fault in Fault::OF_LEASES {
            self.chances[fault as usize] = fault.often().div_ceil(divisor);
        }
    }

    /// The same with what goes wrong for keys and for users with another device: a server begins to require keys where
    /// that is what the run is about, and in two of three runs the rest.
    pub(super) fn add_extended(&mut self, cast: Cast, dice: &mut Dice, extended: &Extended) {
        if extended.may_switch() {
            self.chances[Fault::WantsKeys as usize] =
                Fault::WantsKeys.often() * dice.pick(&[1, 2, 3]);
        }
        if dice.below(3) == 0 {
            return;
        }
        let divisor = dice.pick(&[1, 2, 4]);
        for fault in [Fault::GiftFails, Fault::GiftStalls, Fault::SlowDown, Fault::PushLost] {
            self.chances[fault as usize] = fault.often().div_ceil(divisor);
        }
        if cast == Cast::Users {
            // They are asked for far fewer signatures than machines.
            self.chances[Fault::GiftStalls as usize] *= 3;
        }
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

const FAULTS: usize =
    Fault::ALL.len() + Fault::OF_MACHINES.len() + Fault::EXTENDED.len() + Fault::OF_LEASES.len();

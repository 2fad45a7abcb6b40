//! Kills, at any moment and at those that matter.

use std::time::{Duration, Instant};

use crate::fleet::Fleet;
use crate::sockets;

/// What is to come, and what was.
#[derive(Default)]
pub(crate) struct Kills {
    plan: Option<Plan>,
    pub(crate) all: Vec<Killed>,
}

/// A process that was killed.
#[derive(Debug)]
pub(crate) struct Killed {
    pub(crate) number: usize,
    /// The users whose token it may have spent, and which generation it was of.
    pub(crate) spending: Vec<(String, u64)>,
    /// How many leases it left.
    pub(crate) leases: usize,
}

impl Killed {
    pub(crate) fn of_users(&self) -> impl Iterator<Item = (usize, String, u64)> {
        self.spending.iter().map(|(user, generation)| (self.number, user.clone(), *generation))
    }
}

/// Kills the next who says this, a moment later; anyone if it is nothing.
struct Plan {
    word: &'static str,
    victim: Option<usize>,
    at: Instant,
}

impl Kills {
    pub(crate) fn heard(&mut self, slot: usize, word: &str, dice: u8) {
        if let Some(plan) = &mut self.plan
            && plan.victim.is_none()
            && plan.word == word
            && plan.at <= Instant::now()
        {
            plan.victim = Some(slot);
            plan.at = Instant::now() + MOMENT * dice.into() / 256;
        }
    }
}

impl Fleet {
    pub(crate) fn plan_kill(&mut self) {
        let word = ["", "reserved", "saving", "locked"][usize::from(self.roll() % 4)];
        let at = Instant::now() + BETWEEN * self.roll().into() / 256;
        let anyone = usize::from(self.roll()) % self.replicas.len();
        let victim = word.is_empty().then_some(anyone);
        self.kills.plan = Some(Plan { word, victim, at });
    }

    pub(crate) fn end_kills(&mut self) {
        self.kills.plan = None;
    }

    pub(crate) async fn kill_who_is_due(&mut self) {
        if let Some(Plan { victim: Some(slot), at, .. }) = self.kills.plan
            && at <= Instant::now()
        {
            self.kill(slot).await;
            self.plan_kill();
        }
    }

    /// Kills a process, lets its leases end when all that it has sent is done, and starts another one.
    async fn kill(&mut self, slot: usize) {
        let number = self.replicas[slot].number;
        self.replicas[slot].kill();
        self.hear_until_end(number).await;
        let ports = self.groups.iter().flat_map(|group| group.served.ports()).collect();
        sockets::settle(&ports).await;
        self.place.settle(number).await;
        let leases = self.place.end_leases(number).await;
        let spending = std::mem::take(&mut self.replicas[slot].spending).into_iter().collect();
        self.kills.all.push(Killed { number, spending, leases });
        self.replicas[slot] = self.new_replica();
        self.tell_calls(slot, None);
    }
}

/// The longest time until the next kill is looked for.
const BETWEEN: Duration = Duration::from_millis(250);

/// About as long as a refresh takes from one step to the next.
const MOMENT: Duration = Duration::from_millis(20);

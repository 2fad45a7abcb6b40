//! What must have happened: what the server noted of each refresh token and what the database stored are one chain for
//! each user.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::load::{Killed, Load, WAIT};
use crate::audit::Stored;
use crate::server;

/// What came of a run.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// Refreshes that brought tokens.
    pub(super) refreshes: usize,
    /// Those whose tokens were never stored.
    lost: usize,
    /// Records that the processes wrote.
    writes: usize,
}

/// A token answer, as the server notes it. The tokens are told by their hashes.
#[derive(Debug, Clone, Deserialize)]
struct Spent {
    /// In milliseconds, before the answer was held back.
    at: u64,
    /// The refresh token that it was got with.
    from: Option<String>,
    /// The one that it brings.
    to: Option<String>,
    error: Option<String>,
}

/// All of them.
struct History {
    spent: Vec<Spent>,
}

impl History {
    /// What a refresh token was sent for, one time after the other.
    fn of(&self, token: &str) -> Vec<&Spent> {
        self.spent.iter().filter(|spent| spent.from.as_deref() == Some(token)).collect()
    }

    fn is_from_login(&self, token: &str) -> bool {
        let is = |spent: &&Spent| spent.to.as_deref() == Some(token);
        self.spent.iter().find(is).is_some_and(|spent| spent.from.is_none())
    }
}

impl Load<'_> {
    /// Judges all users. A refresh token may come twice if a process was killed that had spent it and had not stored
    /// what it brought; nobody else has to log in.
    pub(super) async fn judge(&self) -> Verdict {
        let url = self.server.url.replace("/mcp", "/spent");
        let history = History { spent: serde_json::from_str(&server::get(&url)).unwrap() };
        let (mut verdict, mut named) = (Verdict::default(), BTreeSet::new());
        let mut unstored: BTreeSet<_> =
            history.spent.iter().filter_map(|spent| spent.to.clone()).collect();
        for user in &self.users {
            let stored = self.place.stored(user).await;
            verdict.writes += stored.iter().filter(|it| it.is_by_replica).count();
            let chain = chain(&stored);
            unstored.retain(|token| !chain.contains(token));
            if let Some(lost) = self.judge_chain(user, &chain, &history) {
                assert!(unstored.remove(&lost), "{user}: {lost} is stored");
                named.insert(user.clone());
            }
        }
        assert_eq!(unstored, BTreeSet::new(), "tokens that were issued, and lost without a kill");
        for user in self.out.symmetric_difference(&named) {
            self.show(user, &history).await;
        }
        assert_eq!(self.out, named, "who has to log in, and whose token was lost by a kill");
        let brought = history.spent.iter().filter(|it| it.from.is_some() && it.error.is_none());
        verdict.refreshes = brought.count();
        verdict.lost = named.len();
        println!("{verdict:?}, {} users are logged out by a kill", named.len());
        assert!(verdict.refreshes >= self.users.len() * LEAST, "too few to judge by");
        self.judge_answers();
        verdict
    }

    /// Each refresh token was spent once, for the next one that is stored. The successor that a kill has lost, if one
    /// has.
    fn judge_chain(&self, user: &str, chain: &[String], history: &History) -> Option<String> {
        assert!(history.is_from_login(&chain[0]), "{user}");
        for pair in chain.windows(2) {
            let spent = history.of(&pair[0]);
            assert!(spent.len() == 1, "{user}: a refresh token was spent twice: {spent:?}");
            assert_eq!(spent[0].to.as_ref(), Some(&pair[1]), "{user}");
        }
        match &*history.of(chain.last().unwrap()) {
            [] => None,
            [first, again] => {
                let kill = self.kills.iter().find(|kill| kill.has_lost(user, first));
                let kill =
                    kill.unwrap_or_else(|| panic!("{user}: {first:?} came twice: {again:?}"));
                assert_eq!(again.error.as_deref(), Some("invalid_grant"), "{user}");
                println!(
                    "{user} is logged out: replica {} was killed {} ms after the server had spent the refresh token, and \
                     before its successor was stored; it came again {} ms after the kill",
                    kill.number,
                    i128::from(kill.at) - i128::from(first.at),
                    again.at - kill.at,
                );
                first.to.clone()
            }
            others => panic!("{user}: {others:?}"),
        }
    }

    /// What there is to know of a user.
    async fn show(&self, user: &str, history: &History) {
        let stored = self.place.stored(user).await;
        stored
            .iter()
            .for_each(|it| eprintln!("{user}: stored {} by {}", it.generation, it.is_by_replica));
        for token in chain(&stored) {
            eprintln!("{user}: {token} {:?}", history.of(&token));
        }
        self.said(user).iter().for_each(|line| eprintln!("{line}"));
    }

    fn judge_answers(&self) {
        let mut took = self.answers.took.clone();
        took.sort_unstable();
        let at = |percent: usize| took[(took.len() - 1) * percent / 100];
        println!(
            "{} calls, {} good, {} waited in vain, {} broke; half within {:?}, 99 % within {:?}, the longest {:?}",
            took.len(),
            self.answers.good,
            self.answers.busy,
            self.answers.broken,
            at(50),
            at(99),
            at(100)
        );
        assert_eq!(self.answers.without_reason, [""; 0], "who was disturbed by nobody");
        assert!(self.answers.broken * 100 <= took.len(), "connections break");
        assert!(at(100) <= WAIT + REQUEST, "a call took {:?}", at(100));
    }
}

impl Killed {
    /// Whether it had this refresh token of a user in its hands, by what the database says. What it had sent may have
    /// been read a moment after the kill.
    fn has_lost(&self, user: &str, first: &Spent) -> bool {
        let is_left = self.left.iter().any(|held| held.user == user && held.is_spending);
        is_left && first.error.is_none() && first.at <= self.at + 1000
    }
}

/// The hashes of the refresh tokens that were stored, in order.
fn chain(stored: &[Stored]) -> Vec<String> {
    let tokens = stored.iter().filter_map(|it| it.refresh.as_deref());
    let hash = |token| Sha256::digest(token).iter().map(|byte| format!("{byte:02x}")).collect();
    let mut chain: Vec<String> = tokens.map(hash).collect();
    chain.dedup();
    chain
}

/// How often each user's token is refreshed at least, on average.
const LEAST: usize = 8;

/// What comes after the wait: one refresh, and the calls with the tokens before and after it.
const REQUEST: Duration = Duration::from_secs(5);

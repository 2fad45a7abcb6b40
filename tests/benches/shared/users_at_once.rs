//! The tokens of many users expire at once: how long it takes until the last of them has a new one.

use std::time::Duration;

use crate::Size;
use crate::lines::grouped;
use crate::prepared::runtime;
use crate::rows::Row;
use crate::storm_of_users::{Round, Users};

pub(crate) fn measure(size: Size) -> Vec<Row> {
    let runtime = runtime();
    let mut rows = Vec::new();
    for count in USERS.into_iter().filter(|count| *count <= size.tasks) {
        let mut users = Users::new(count);
        let (mut ours, mut by_hand) = (Vec::new(), Vec::new());
        for _ in 0..size.storms_of_users {
            ours.push(users.storm(&runtime));
            by_hand.push(users.by_hand(&runtime));
        }
        let numbers = |number: fn(&Round) -> usize| ours.iter().map(number).collect::<Vec<_>>();
        let times = |all: &[Round]| all.iter().map(|it| it.took).collect::<Vec<_>>();
        let name =
            format!("{} users, expired, memory store: refresh requests", grouped(count as u64));
        rows.push(Row::exactly(name, count, &numbers(|round| round.refreshes)));
        rows.push(Row::exactly("… users who have a token", count, &numbers(|round| round.served)));
        rows.push(Row::within_besides(LAST, limit(count), &times(&ours), &times(&by_hand)));
    }
    rows
}

const LAST: &str = "… last has a token, from the start";

/// How much later than by hand.
fn limit(users: usize) -> Duration {
    Duration::from_millis(5) + Duration::from_micros(50) * users as u32
}

const USERS: [usize; 3] = [1, 100, 1_000];

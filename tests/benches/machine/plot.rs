//! How cost grows, as a picture: `cargo bench -p oauth-costs -- --plot PATH`.

use std::fs;
use std::process::ExitCode;

use tokio::runtime::Builder;

use crate::cases::growth::{self, Sizes};
use crate::cases::{handles, kept};
use crate::measure::{Meter, instructions_by_machine};
use crate::storm_of_users::Users;
use crate::svg::{Line, Panel, picture};

/// Measures everything and writes the picture.
pub(crate) fn write(path: Option<&String>) -> ExitCode {
    let Some(path) = path else {
        eprintln!("--plot wants a path");
        return ExitCode::FAILURE;
    };
    if Meter::for_this_machine() == Meter::Time {
        eprintln!("without valgrind nobody counts instructions: install it");
        return ExitCode::FAILURE;
    }
    let panels = [held(), grants(), users(), bodies()];
    match fs::write(path, picture(&panels)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{path}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn held() -> Panel {
    let total = |of: fn(usize) -> u64| {
        COUNTS.map(|count| (count as f64, (count as u64 * of(count)) as f64))
    };
    let lines = vec![
        Line::new(
            "handles of oauth-tokio",
            total(|count| handles::idle_in_tokio(count, handles::tokens()).bytes),
        ),
        Line::new("sessions of the core", total(|count| kept::idle_sessions(count).bytes)),
    ];
    Panel { title: "Heap, in bytes", across: "held at the same time, idle", lines }
}

fn grants() -> Panel {
    let lines = vec![instructions("refresh of one grant", growth::GRANTS)];
    Panel {
        title: "Instructions of a refresh",
        across: "grants in the same store in memory",
        lines,
    }
}

fn users() -> Panel {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("there are threads on this machine");
    let (mut ours, mut by_hand) = (Vec::new(), Vec::new());
    for count in &COUNTS[..4] {
        let mut users = Users::new(*count);
        let (mut times, mut bare) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            for (round, times) in
                [(users.storm(&runtime), &mut times), (users.by_hand(&runtime), &mut bare)]
            {
                assert_eq!((round.refreshes, round.served), (*count, *count));
                times.push(round.took.as_secs_f64() * 1_000.0);
            }
        }
        for (times, line) in [(times, &mut ours), (bare, &mut by_hand)] {
            line.push((*count as f64, median(times)));
        }
    }
    let lines = vec![Line::new("oauth-tokio", ours), Line::new("the requests by hand", by_hand)];
    Panel {
        title: "Milliseconds until the last one has a token",
        across: "users whose tokens expire at once (the server takes 20 ms)",
        lines,
    }
}

fn bodies() -> Panel {
    let lines = vec![
        instructions("server document", growth::SERVER_DOCUMENTS),
        instructions("refresh, token answer", growth::TOKEN_ANSWERS),
    ];
    Panel { title: "Instructions", across: "bytes of what the server says", lines }
}

fn instructions(name: &'static str, sizes: Sizes) -> Line {
    let works: Vec<_> = sizes.iter().map(|(_, name, work)| (*name, *work)).collect();
    let counted = instructions_by_machine(&works);
    let point = |((size, name, _), count): (&(usize, &str, _), Option<u64>)| {
        (*size as f64, count.unwrap_or_else(|| panic!("valgrind did not count {name}")) as f64)
    };
    Line::new(name, sizes.iter().zip(counted).map(point))
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_unstable_by(f64::total_cmp);
    times[times.len() / 2]
}

const COUNTS: [usize; 5] = [1, 10, 100, 1_000, 10_000];

const ROUNDS: usize = 7;

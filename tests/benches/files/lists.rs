//! Lists of all grants, and what a directory holds beside them.

use std::fs;
use std::time::{Duration, Instant};

use oauth_blocking::Records as _;
use oauth_core::client::GrantQuery;
use oauth_tokio::FileTokenStorage;

use crate::Size;
use crate::directory::{APPLICATION, Directory};
use crate::table::{Row, median};

pub(crate) fn measure(size: Size) -> Vec<Row> {
    let grants = size.grants[2];
    let directory = Directory::new("list");
    directory.fill(0..grants);
    let (mut pages, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        pages.push(timed(|| all(&directory.store(), grants)));
        bare.push(timed(|| read_all(&directory)));
    }
    vec![
        Row::within("list, all pages", LIMIT, median(pages), Some(median(bare))),
        Row::exactly("files", grants as u64, directory.files() as u64),
    ]
}

fn timed(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

/// As a host would: page by page.
fn all(store: &FileTokenStorage, grants: usize) {
    let (mut found, mut query) = (0, GrantQuery::new(APPLICATION));
    loop {
        let page = store.list(&query).expect("the store works");
        found += page.grants.len();
        let Some(next) = page.next else { break };
        query = query.after(next);
    }
    assert_eq!(found, grants);
}

/// Reads all files, and looks at nothing in them.
fn read_all(directory: &Directory) {
    let mut bytes = 0;
    for shard in fs::read_dir(directory.tokens()).expect("it is there") {
        for file in fs::read_dir(shard.expect("it can be read").path()).expect("it is there") {
            bytes += fs::read(file.expect("it can be read").path()).expect("it is there").len();
        }
    }
    assert!(bytes > 0);
}

const ROUNDS: usize = 5;

const LIMIT: Duration = Duration::from_millis(150);

//! Prints the matrix.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::cell::Cell;
use crate::client::Adapter;
use crate::failures::Failure;
use crate::requests::Request;

/// Where a cell stands: line, column, and which of the two in it.
pub(crate) type Place = (usize, usize, usize);

/// Where a cell stands in the table.
pub(crate) fn place(cell: Cell) -> Place {
    let line = Failure::ALL.iter().position(|it| *it == cell.failure).unwrap();
    let column = Request::ALL.iter().position(|it| *it == cell.request).unwrap();
    (line, column, usize::from(cell.adapter == Adapter::Tasks))
}

/// A line for each failure, a column for each request. `None` is a cell that is not as it has to be.
pub(crate) fn print(played: &BTreeMap<Place, Option<String>>) -> String {
    let mut text = format!("{:23}", "");
    for request in Request::ALL {
        write!(text, "{:9} ", request.title()).unwrap();
    }
    for (line, failure) in Failure::ALL.iter().enumerate() {
        write!(text, "\n{:23}", failure.title()).unwrap();
        for column in 0..Request::ALL.len() {
            let shown = |adapter| match played.get(&(line, column, adapter)) {
                Some(Some(outcome)) => outcome.as_str(),
                Some(None) => "WRONG",
                None => "-",
            };
            let (threads, tasks) = (shown(0), shown(1));
            let both = if threads == tasks { threads.into() } else { format!("{threads}/{tasks}") };
            write!(text, "{both:9} ").unwrap();
        }
    }
    format!("{text}\n\n{LEGEND}")
}

const LEGEND: &str = "\
One word where both adapters agree, threads/tasks where they do not.
  ok        the call does what it is for (the request can be done without, or the answer can be read)
  down      Unreachable, try again later; with the status, and with the pause the server asks for
  none      there is no metadata: the next place is asked, and here there is no other
  m:…       Malformed, with the defect: moved (a redirect), page, empty, json, large
  log in    LoginRequired; the refresh token is kept
challenge: GET of the MCP server. 1st of 2: metadata of the first of two authorization servers.
step-up: code for a wider scope. early: refresh of a token that is still good. revoke R, A: refresh token,
access token; what they show is what became of that token, the logout itself always works here.";

//! Who runs statements: a client, a pool, or another driver.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use crate::postgres::error::StatementError;

/// Runs statements on a database that can be written: the primary.
///
/// # The contract
///
/// 1. Each statement is a transaction of its own, and is committed when it is answered. None is run twice.
/// 2. An error never has the URL of the database, its password, or a value in it.
/// 3. The future may be dropped: the statement was run then, or not. A connection that was waited for in vain is not
///    used again.
pub trait Statements: Send + Sync + 'static {
    /// Runs a statement with parameters `$1`, `$2` and so on, and reads all of its rows.
    fn run<'a>(&'a self, statement: &'a str, parameters: &'a [Parameter<'a>]) -> Answer<'a>;
}

impl<S: Statements + ?Sized> Statements for Arc<S> {
    fn run<'a>(&'a self, statement: &'a str, parameters: &'a [Parameter<'a>]) -> Answer<'a> {
        (**self).run(statement, parameters)
    }
}

/// The rows of a statement, when they have come.
pub type Answer<'a> = Pin<Box<dyn Future<Output = Result<Vec<Row>, StatementError>> + Send + 'a>>;

/// A value that goes into a statement. All statements name its type as well, for drivers that ask the server.
#[derive(Clone, Copy)]
pub enum Parameter<'a> {
    /// A `bigint`.
    Number(i64),
    /// A `text`; there is no U+0000 in it.
    Text(&'a str),
    /// A `bytea`.
    Bytes(&'a [u8]),
}

/// Without what it is.
impl fmt::Debug for Parameter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Number(_) => "Number",
            Self::Text(_) => "Text",
            Self::Bytes(_) => "Bytes",
        })
    }
}

/// A value that comes out of one.
#[derive(Clone)]
pub enum Cell {
    /// Nothing, of any type.
    Null,
    /// A `bigint`.
    Number(i64),
    /// A `text`.
    Text(String),
    /// A `bytea`.
    Bytes(Vec<u8>),
}

/// Without what it is.
impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "Null",
            Self::Number(_) => "Number",
            Self::Text(_) => "Text",
            Self::Bytes(_) => "Bytes",
        })
    }
}

/// The values of a row, in the order of the statement's columns.
#[derive(Debug, Clone)]
pub struct Row(Vec<Cell>);

impl Row {
    /// A row of these values.
    #[must_use]
    pub fn new(cells: Vec<Cell>) -> Self {
        Self(cells)
    }

    /// The values, in the order of the columns: for a host whose own tables are in the same database.
    #[must_use]
    pub fn cells(&self) -> &[Cell] {
        &self.0
    }

    pub(super) fn number(&self, column: usize) -> Result<i64, StatementError> {
        match self.0.get(column) {
            Some(Cell::Number(number)) => Ok(*number),
            _ => Err(unexpected(column)),
        }
    }

    pub(super) fn bytes(&self, column: usize) -> Result<&[u8], StatementError> {
        match self.0.get(column) {
            Some(Cell::Bytes(bytes)) => Ok(bytes),
            _ => Err(unexpected(column)),
        }
    }
}

fn unexpected(column: usize) -> StatementError {
    let number = column + 1;
    StatementError::refused(format!(
        "column {number} of an answer has another type than was asked for"
    ))
}

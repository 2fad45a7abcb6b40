//! Grants in PostgreSQL: a store that many machines share.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use oauth_tokio::OAuth;
//! use oauth_tokio::postgres::{PostgresStorage, Reconnecting, tokio_postgres};
//!
//! let mut config: tokio_postgres::Config = std::env::var("DATABASE_URL")?.parse()?;
//! config.application_name("gateway");
//! // A database on another machine wants TLS, such as that of `tokio-postgres-rustls`.
//! let store = PostgresStorage::new(Reconnecting::to(config, tokio_postgres::NoTls));
//! let oauth = OAuth::new("https://mcp.example.com/mcp")?.token_storage(store).build()?;
//! # Ok(())
//! # }
//! ```
//!
//! It wants PostgreSQL 11 or newer, and the tables of [`MIGRATION`], which the host makes with its own tool for
//! that, or [`PostgresStorage::create_tables`] in tests and examples.
//!
//! # How it works
//!
//! - Every call is one statement that commits itself; only a conflict asks once more what is stored. No connection is
//!   held between calls, and no transaction is open while a token is refreshed.
//! - Records are replaced by compare-and-swap over their generation. Locks are rows with an owner, drawn anew for each
//!   taking, and an end by the database's clock.
//! - There are no advisory locks, no `LISTEN`, no named prepared statements and no settings of a session, so that any
//!   pooler does: PgBouncer in transaction mode, for instance.
//!
//! # Contracts
//!
//! - **Durability.** What is answered is on the disk of the primary: where `synchronous_commit` is `off`, each
//!   statement that writes turns it on for its own commit. `fsync = off` is the host's own decision.
//! - **Failover.** A replica that takes over must have what the primary has acknowledged, so it has to be a synchronous
//!   one (`synchronous_standby_names`, and `synchronous_commit` not `local`). An asynchronous one may miss the last
//!   saves and locks: then a refresh token is spent twice, and servers that take this for theft end the grant. The user
//!   logs in once more. Statements go to the primary, never to a replica that reads; one that cannot be written is an
//!   error that passes.
//! - **Rights.** The role needs `select`, `insert`, `update` and `delete` on the four tables, nothing else. It need not
//!   own them. Row security on `app` keeps programs apart that share a table; they find only their own grants
//!   anyway.
//! - **TLS.** [`Reconnecting::to`] refuses to talk in the clear to another machine, unless the host says so
//!   (`sslmode=disable`). A client of the host's own has the host's own TLS.
//! - **Secrets.** Tokens lie in `body` as they are, or [sealed](PostgresStorage::sealed); then `key_id` says with which
//!   key, for people, and [`PostgresStorage::seal_anew`] changes it. No error has the URL of the database, its
//!   password, or what is in a row.
//! - **Rows.** What cannot be read is moved to the table of damaged rows, and what a later version wrote is left
//!   alone. Nothing ends by itself but locks. The rows of locks that nobody released stay until they are taken again; a host
//!   may delete those whose `until` has passed.
//!
//! # With another driver or a pool
//!
//! The store needs somebody who runs a [statement](Statements). A pool of clients of `tokio-postgres` lends one to it,
//! and its connection goes back with the answer:
//!
//! ```
//! # use std::io::Error;
//! # use std::sync::Arc;
//! # struct Pool;
//! # impl Pool {
//! #     async fn get(&self) -> Result<Arc<tokio_postgres::Client>, Error> { Err(Error::other("")) }
//! # }
//! # use oauth_tokio::postgres::tokio_postgres;
//! use oauth_tokio::postgres::{Answer, Parameter, StatementError, Statements};
//!
//! struct Pooled(Pool);
//!
//! impl Statements for Pooled {
//!     fn run<'a>(&'a self, statement: &'a str, parameters: &'a [Parameter<'a>]) -> Answer<'a> {
//!         Box::pin(async move {
//!             let client = self.0.get().await.map_err(|error| {
//!                 StatementError::unreachable(format!("no connection is free: {error}"))
//!             })?;
//!             client.run(statement, parameters).await
//!         })
//!     }
//! }
//! ```

mod anew;
mod client;
mod error;
mod reconnecting;
mod records;
mod sql;
mod statement;
mod storage;
mod tables;

pub use tokio_postgres;

pub use error::StatementError;
pub use reconnecting::Reconnecting;
pub use statement::{Answer, Cell, Parameter, Row, Statements};
pub use storage::PostgresStorage;
pub use tables::{InvalidName, MIGRATION, Tables};

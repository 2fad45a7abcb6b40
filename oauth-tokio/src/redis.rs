//! Grants in Redis or Valkey: a store that many machines share.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//!
//! use oauth_tokio::OAuth;
//! use oauth_tokio::redis::{RedisStorage, Terms, redis};
//! use redis::aio::{ConnectionManager, ConnectionManagerConfig};
//!
//! // A server on another machine wants TLS (`rediss://`), for which `redis` has features.
//! let client = redis::Client::open(std::env::var("REDIS_URL")?)?;
//! // Longer than a disk takes at its worst.
//! let patience = ConnectionManagerConfig::new().set_response_timeout(Some(Duration::from_secs(10)));
//! let connection = ConnectionManager::new_with_config(client, patience).await?;
//! let store = RedisStorage::open(connection, Terms::strict()).await?;
//! let oauth = OAuth::new("https://mcp.example.com/mcp")?.token_storage(store).build()?;
//! # Ok(())
//! # }
//! ```
//!
//! It wants Redis 6.2 or newer, or Valkey, that keeps what it acknowledges:
//!
//! ```text
//! appendonly yes
//! appendfsync always
//! maxmemory-policy noeviction
//! ```
//!
//! # How it works
//!
//! - Every write is one script, which is sent by its hash, and with its text where the server does not have it. A first
//!   save also enters the id of the record into the sets that [lists](crate::Records::list) are made from.
//! - Records are replaced by compare-and-swap over their generation. Locks are keys with an owner, drawn anew for each
//!   taking, and an end by the server's clock.
//! - What belongs to a record is in one slot of a cluster, and the sets of a program are in another one. No command looks
//!   at all keys.
//!
//! # Contracts
//!
//! - **Durability.** [`RedisStorage::open`] asks the server, and refuses one whose crash would lose what it has
//!   acknowledged, or which throws records away to have room, unless the host accepts that in its [`Terms`]. By default
//!   Redis keeps nothing but a snapshot now and then. What is lost is an error for nobody: the record before comes
//!   back, its refresh token is spent for the second time, and servers that take this for theft end the grant. A lease
//!   that is lost is another's. The server is asked when the store is opened, not again, and of a cluster one node is: all
//!   have to be configured alike.
//! - **Failover.** Replicas of Redis are asynchronous. One that takes over may miss the last saves and locks, with the
//!   same consequence, whatever the disk of the first one has. `min-replicas-to-write` and `WAIT` make this rarer, and do
//!   not end it. Who cannot have it takes [PostgreSQL](crate#features) with a synchronous replica, or lets the
//!   primary come back from its disk.
//! - **An answer that is lost** says nothing about what was asked: it is an error that passes, and nothing is sent again
//!   by the store. A client that saves looks at what is stored before it saves once more. A `ClusterConnection` repeats
//!   commands by itself; each of them does the same when it comes twice, or is a conflict, but a login that waits may be
//!   taken out in vain: then its user begins anew.
//! - **Rights.** The user needs `evalsha`, `eval`, `set`, `del`, and within scripts `get`, `hget`, `hmget`, `hset`, `hdel`,
//!   `exists`, `pexpire`, `rename`, `zadd`, `zrem`, `zrangebylex` and `time`, on keys of the store's prefix; and
//!   `config|get` unless the host vouches for the server.
//! - **TLS** is that of the host's connection.
//! - **Secrets.** Tokens lie in the field `body` as they are, or [sealed](RedisStorage::sealed); then `key_id` says with
//!   which key, for people, and [`RedisStorage::seal_anew`] changes it. No error has the URL of the server, its
//!   password, or what is stored.
//! - **Keys.** They begin with [a prefix](RedisStorage::prefix). `PREFIX:{ID}:record` is a hash with the record and whose
//!   it is, where `ID` is [the key's](oauth_core::session::Key::id). What cannot be read is renamed to
//!   `PREFIX:{ID}:damaged:NUMBER`, and what a later version wrote is left alone. Nothing ends by itself but locks and
//!   logins that wait.

mod anew;
mod connection;
mod error;
mod index;
mod keys;
mod records;
mod scripts;
mod storage;
mod terms;

pub use ::redis;

pub use error::CommandError;
pub use keys::InvalidPrefix;
pub use storage::RedisStorage;
pub use terms::{OpenError, Terms};

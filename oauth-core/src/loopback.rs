//! The bytes of the listener that a login's redirect comes to (RFC 8252 §7.3). It opens no sockets.
//!
//! A host binds a loopback address, makes the redirect URI from the port it got, and has a
//! [`Loopback`] that knows what is waited for. Each connection that comes in gets a [`Connection`],
//! which is fed what is read and says what to write:
//!
//! ```text
//! accept ──▶ Connection::receive ──▶ Partial: read on, receive again
//!                    │
//!                    ├──▶ Answer: write it, close the connection, keep listening
//!                    └──▶ Redirect: stop listening, go on with the login; then write
//!                                   the page of its Outcome, close the connection
//! ```
//!
//! 1. Only a GET to the very path of the redirect URI, with the very `state`, ends the wait. Favicons,
//!    second tabs, pages that guess and errors with another `state` are answered, and no more.
//! 2. Connections are independent: a browser opens some ahead and sends nothing. A host serves them at
//!    the same time, or closes those that are silent; here they cost nothing.
//! 3. `Host` must be that of the redirect URI, so that a web page cannot come in by a name of its own
//!    (DNS rebinding).
//! 4. Pages show nothing of the request and load nothing, and all refusals look alike. Each takes the
//!    query out of the address bar, by a script that its policy allows by its hash; so does a page of the host's own
//!    ([`Outcome::page_with`]).
//! 5. The page says what came of the login, so it is written when that is known: [`Outcome`]. If that takes
//!    long, it says that the application goes on.
//! 6. Cookies of all other programs on this machine come along, whatever their ports: they are read,
//!    and dropped at once.
//!
//! It reads as much of HTTP/1 (RFC 9112) as this takes: no bodies, one request for each connection,
//! no folded header fields. Lines may end without a carriage return.
//!
//! # Security
//!
//! Bind the [addresses](CallbackUrl::addresses) of the redirect URI, never others, and only while a login
//! is under way (RFC 8252 §8.3).

mod callback_url;
mod connection;
mod outcome;
mod page;
mod request;

pub use callback_url::CallbackUrl;
pub use connection::{Connection, Loopback, Received};
pub use outcome::{MAX_OWN_PAGE, Outcome};

//! Before a refresh token is spent: the lock is still held, and what comes of it can be kept.
//!
//! ```text
//!  Lock ─▶ Load ─▶ Reserve ─┬─ reserved ─▶ Http (refresh) ─▶ Save ─▶ Unlock
//!                           ├─ lost ─────▶ Unlock ─▶ Load: somebody else has the lock by now
//!                           └─ failed ───▶ a living token, or the store's error: nothing was spent
//! ```
//!
//! Servers that rotate refresh tokens end the grant of who sends one twice. So a token is spent only where
//! its successor can be stored: a full disk is found out before, and not after.

use crate::secret::SecretBuffer;
use crate::session::event::Event;
use crate::session::record::Record;
use crate::session::reply::ReserveReply;
use crate::time::UnixTime;

/// A refresh token that is about to be spent: what a store has to know about it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Spend<'a> {
    /// The [generation](Record::generation) of the record whose refresh token it is.
    pub generation: u64,
    room: Room<'a>,
}

/// Room for the record that comes of it.
#[derive(Debug, Clone, Copy)]
enum Room<'a> {
    Bytes(usize),
    /// As much as this one takes, and what may be added to it.
    Like(Option<&'a Record>),
}

impl Spend<'_> {
    /// The refresh token of this generation, for a record of so many bytes.
    #[must_use]
    pub fn new(generation: u64, room: usize) -> Self {
        Self { generation, room: Room::Bytes(room) }
    }

    /// How long the JSON of the record may be that comes of it, in bytes.
    ///
    /// The present record is written down to find that out: who needs it asks once.
    #[must_use]
    pub fn room(&self) -> usize {
        match self.room {
            Room::Bytes(bytes) => bytes,
            Room::Like(record) => {
                let json = record.map(|record| SecretBuffer(record.to_json()));
                json.map_or(0, |json| json.0.len()) + MARGIN
            }
        }
    }
}

impl ReserveReply<'_> {
    /// What is about to be spent, and the room that its result needs.
    #[must_use]
    pub fn spend(&self) -> Spend<'_> {
        let known = &self.session.known;
        Spend { generation: known.generation(), room: Room::Like(known.held.record.as_ref()) }
    }

    /// The lock is still held, and the room is there: the request leaves next.
    pub fn reserved(self) {
        self.session.handle(Event::Reserved);
    }

    /// The lock is not held any more. Nothing is spent: the session looks again what there is.
    pub fn lost(self, now: UnixTime) {
        self.session.handle(Event::Lost(now));
    }

    /// The store failed, or has no room, and nothing is spent. True if the token still lives and is used for now;
    /// false if the host has to stop with the store's error. The lock is no longer held, either way.
    #[must_use = "false means that the host stops"]
    pub fn failed(self, now: UnixTime) -> bool {
        self.session.handle(Event::Failed(now))
    }
}

/// How much longer the next record may be than the present one, in bytes: tokens that hold claims grow with
/// them, and 8 KiB are what servers take in a header.
const MARGIN: usize = 16 * 1024;

//! What lies under a key: the numbers of formats and kinds, the record, and how it is read.

use oauth_core::client::{Loaded, StorageError};
use oauth_core::seal::{Envelope, Sealing};
use oauth_core::session::{Key, KeyKind, Record};

use crate::remote::MOST_TRIES;

/// The number of this format of rows: the record as JSON, plain or sealed. It is counted up when what is in `body` may be
/// another, the format of records included: the store compares it, so that nothing newer is replaced.
pub(crate) const FORMAT: i64 = 1;

/// What is stored.
const ALL_KINDS: [KeyKind; 4] =
    [KeyKind::Grant, KeyKind::Machine, KeyKind::Client, KeyKind::ClientIssuer];

/// These numbers never change.
pub(crate) fn kind(kind: KeyKind) -> i64 {
    match kind {
        KeyKind::Grant => 1,
        KeyKind::Machine => 2,
        KeyKind::Client => 3,
        KeyKind::ClientIssuer => 4,
    }
}

/// Reads `body`, which is that of a record with this generation; `None` if it is damaged. A record of another
/// generation is damage: nobody could replace it.
///
/// # Errors
///
/// [`StorageError::Newer`] and [`StorageError::Sealed`]: it stays where it is.
pub(crate) fn read(
    sealing: &Sealing,
    key: &Key,
    (format, generation): (i64, i64),
    body: &[u8],
    place: &str,
) -> Result<Option<Record>, StorageError> {
    if format > FORMAT {
        let found = format.try_into().unwrap_or(u32::MAX);
        return Err(StorageError::Newer { place: place.into(), found });
    }
    let Ok(generation) = u64::try_from(generation) else { return Ok(None) };
    let record = sealing.from_store(key, body, Some(generation), place)?;
    Ok(record.filter(|_| format == FORMAT))
}

/// The id of the key that a body is sealed with, empty if it is plain: for people and their tools. What counts is what stands in the
/// body.
pub(crate) fn key_id(body: &[u8]) -> &str {
    Envelope::parse(body).map_or("", |sealed| sealed.key_id())
}

/// The key that stands beside a body: `None` if it is no text, or of no kind that there is.
pub(crate) fn key(number: i64, parts: [&[u8]; 3]) -> Option<Key> {
    let text = |bytes| std::str::from_utf8(bytes).ok().map(Box::from);
    let [application, profile, server_url] = parts;
    Some(Key {
        kind: ALL_KINDS.into_iter().find(|it| kind(*it) == number)?,
        application: text(application)?,
        profile: text(profile)?,
        server_url: text(server_url)?,
    })
}

/// What lies under an id.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) id: [u8; 32],
    /// The key that stands beside it, if that is one.
    pub(crate) key: Option<Key>,
    pub(crate) format: i64,
    /// 0 if it is none.
    pub(crate) generation: i64,
    pub(crate) body: Vec<u8>,
}

impl Found {
    /// The key, if it is the one of this id: what lies under another one is found by nobody.
    pub(crate) fn own_key(&self) -> Option<&Key> {
        self.key.as_ref().filter(|key| *key.id().as_bytes() == self.id)
    }

    pub(crate) fn numbers(&self) -> (i64, i64) {
        (self.format, self.generation)
    }
}

/// A store of bodies with their numbers and keys, each under its id.
pub(crate) trait Rows: Sync {
    fn sealing(&self) -> &Sealing;

    /// Where a record is, to be shown.
    fn place(&self, key: &Key) -> String;

    /// What lies under a key.
    fn find(&self, key: &Key) -> impl Future<Output = Result<Option<Found>, StorageError>> + Send;

    /// Moves exactly this to where damaged ones are kept: where that is, or `None` if it is another one by now.
    fn set_aside(
        &self,
        key: &Key,
        found: &Found,
    ) -> impl Future<Output = Result<Option<String>, StorageError>> + Send;

    /// Some of a program's records of all kinds, in the order of their ids, that come after one; and the last id that was
    /// looked at, if there may be more.
    fn walk(
        &self,
        application: &str,
        after: &[u8],
    ) -> impl Future<Output = Result<(Vec<Found>, Option<Vec<u8>>), StorageError>> + Send;

    /// Puts the same record anew in the place of exactly this; false if it is another one by now.
    fn put_anew(
        &self,
        found: &Found,
        body: &[u8],
    ) -> impl Future<Output = Result<bool, StorageError>> + Send;
}

/// Reads the record under a key. What is damaged is set aside.
pub(crate) async fn load(store: &impl Rows, key: &Key) -> Result<Loaded, StorageError> {
    for _ in 0..MOST_TRIES {
        let Some(found) = store.find(key).await? else { return Ok(Loaded::Nothing) };
        let numbers = found.numbers();
        let record = read(store.sealing(), key, numbers, &found.body, &store.place(key))?;
        // It may be of another key, by what stands beside it: somebody has changed that.
        if let Some(record) = record.filter(|_| found.key.as_ref() == Some(key)) {
            return Ok(Loaded::Record(Box::new(record)));
        }
        // Somebody may have replaced it meanwhile: what is set aside has to be what was read.
        if let Some(kept) = store.set_aside(key, &found).await? {
            return Ok(Loaded::Damaged { kept: kept.into() });
        }
    }
    Err(StorageError::Contended)
}

#[cfg(test)]
mod tests {
    use oauth_core::session::RecordDefect;

    use super::*;

    /// Otherwise a statement could replace a record that this version cannot read.
    #[test]
    fn the_format_is_counted_up_with_that_of_records() {
        let of = |format: i64| format!("{{\"format\":{format}}}");
        assert_eq!(Record::from_json(of(FORMAT).as_bytes()), Err(RecordDefect::Damaged));
        let found = (FORMAT + 1).try_into().expect("small");
        let newer = Err(RecordDefect::Format { found });
        assert_eq!(Record::from_json(of(FORMAT + 1).as_bytes()), newer);
        let key = Key::grant("", "", "");
        let read = |format| read(&Sealing::none(), &key, (format, 1), b"{}", "row");
        assert_eq!(read(FORMAT + 1), Err(StorageError::Newer { place: "row".into(), found }));
        assert_eq!(read(FORMAT), Ok(None));
    }
}

//! The statements.
//!
//! Numbers go in and come out as `bigint`, and the types of parameters are named, so that any driver does. The clock is
//! that of the moment (`clock_timestamp()`), which is right inside a transaction as well.

use oauth_core::client::LEASE_LENGTH;
use oauth_core::session::KeyKind;

use crate::postgres::tables::{DAMAGED, GRANT, LEASE, LOGIN, Tables};
use crate::remote::{self, FORMAT};

/// The statements for tables of these names.
pub(super) struct Sql {
    /// `$1` id, `$2` kind, `$3` application, `$4` profile, `$5` URL: generation, format, body, and 1 if they are the row's.
    pub(super) load: String,
    /// `$1` id: generation and format.
    pub(super) state: String,
    /// `$1` to `$5` as in `load`, `$6` generation, `$7` body, `$8` id of its seal's key, empty if it is plain: a row if
    /// there was none.
    pub(super) insert: String,
    /// `$1` id, `$2` expected, `$3` generation, `$4` body, `$5` id of its seal's key, as above: a row if it was replaced.
    pub(super) update: String,
    /// `$1` id, `$2` expected: a row if it was deleted.
    pub(super) delete: String,
    /// `$1` id, `$2` generation, `$3` body: its number, if it was moved.
    pub(super) set_aside: String,
    /// `$1` application, `$2` after which id, `$3` how many: id, format, generation, body, kind, application, profile, URL.
    pub(super) list: String,
    /// The same with `$4` profile.
    pub(super) list_of_profile: String,
    /// As `list`, with records of all kinds and formats.
    pub(super) walk: String,
    /// `$1` id, `$2` generation, `$3` body, `$4` the same record anew, `$5` id of its seal's key: a row if it was replaced.
    pub(super) seal_anew: String,
    /// `$1` id, `$2` lock, `$3` owner, `$4` owners that may be replaced: a row if it was taken.
    pub(super) take: String,
    /// `$1` id, `$2` lock, `$3` owner: a row if it was still held.
    pub(super) extend: String,
    /// The same with `$4` generation, 0 for no record.
    pub(super) reserve: String,
    /// `$1` id, `$2` lock, `$3` owner.
    pub(super) release: String,
    /// `$1` id, `$2` body, `$3` until when, in seconds.
    pub(super) put_login: String,
    /// `$1` id, `$2` now, in seconds: body, if its end has not come.
    pub(super) find_login: String,
    /// The same: a row if it was deleted.
    pub(super) take_login: String,
    /// Deletes those whose end has come long ago, by the clock of the database.
    pub(super) sweep_logins: String,
    /// `$1` id, `$2` lock: 1 if it is held, and since when its token is spent, in seconds; 0 if it is not.
    pub(super) held: String,
}

impl Sql {
    pub(super) fn new(tables: &Tables) -> Self {
        let [grant, lease, damaged, login] =
            [GRANT, LEASE, DAMAGED, LOGIN].map(|table| tables.name(table));
        let columns =
            "id, kind, app, profile, server_url, generation, format, key_id, body, changed";
        let grants = GRANT_KINDS.map(|it| remote::kind(it).to_string()).join(", ");
        let list = |of_which: &str| {
            format!(
                "select id, format::bigint, generation, body, kind::bigint, app, profile, server_url from {grant} \
                 where sha256(app) = sha256($1::bytea) and app = $1::bytea and id > $2::bytea{of_which} \
                 order by id limit $3::bigint"
            )
        };
        let listed = format!(" and kind in ({grants}) and format <= {FORMAT}");
        let of_profile = " and sha256(profile) = sha256($4::bytea) and profile = $4::bytea";
        let own = "id = $1::bytea and kind = $2::bigint::smallint and owner = $3::text::uuid";
        let end = format!("clock_timestamp() + interval '{} seconds'", LEASE_LENGTH.as_secs());
        Self {
            load: format!(
                "select generation, format::bigint, body, (kind = $2::bigint::smallint and app = $3::bytea \
                 and profile = $4::bytea and server_url = $5::bytea)::int::bigint \
                 from {grant} where id = $1::bytea"
            ),
            state: format!("select generation, format::bigint from {grant} where id = $1::bytea"),
            insert: format!(
                "insert into {grant} (id, kind, app, profile, server_url, generation, format, body, key_id) \
                 values ($1::bytea, $2::bigint::smallint, $3::bytea, $4::bytea, $5::bytea, $6::bigint, {FORMAT}, $7::bytea, \
                 nullif($8::text, '')) \
                 on conflict (id) do nothing returning {DURABLY}"
            ),
            update: format!(
                "update {grant} set generation = $3::bigint, format = {FORMAT}, body = $4::bytea, \
                 key_id = nullif($5::text, ''), changed = clock_timestamp() \
                 where id = $1::bytea and generation = $2::bigint and format <= {FORMAT} returning {DURABLY}"
            ),
            delete: format!(
                "delete from {grant} where id = $1::bytea and generation = $2::bigint and format <= {FORMAT} \
                 returning {DURABLY}"
            ),
            set_aside: format!(
                "with gone as (delete from {grant} where id = $1::bytea and generation = $2::bigint \
                 and body = $3::bytea and format <= {FORMAT} returning {columns}) \
                 insert into {damaged} ({columns}) select {columns} from gone returning number, {DURABLY}"
            ),
            list: list(&listed),
            list_of_profile: list(&format!("{listed}{of_profile}")),
            walk: list(""),
            seal_anew: format!(
                "update {grant} set body = $4::bytea, key_id = nullif($5::text, '') where id = $1::bytea \
                 and generation = $2::bigint and body = $3::bytea and format <= {FORMAT} returning {DURABLY}"
            ),
            take: format!(
                "insert into {lease} as held (id, kind, owner, until) \
                 values ($1::bytea, $2::bigint::smallint, $3::text::uuid, {end}) \
                 on conflict (id, kind) do update \
                 set owner = excluded.owner, until = excluded.until, spending = null \
                 where held.until <= clock_timestamp() \
                 or held.owner = any (string_to_array($4::text, ',')::uuid[]) returning {DURABLY}"
            ),
            extend: format!(
                "update {lease} set until = {end} where {own} and until > clock_timestamp() returning {DURABLY}"
            ),
            reserve: format!(
                "update {lease} set until = {end}, spending = clock_timestamp() \
                 where {own} and until > clock_timestamp() and $4::bigint = coalesce( \
                 (select generation from {grant} as spent where spent.id = $1::bytea), 0) returning {DURABLY}"
            ),
            // A crash that forgot it would make others wait for who has gone.
            release: format!("delete from {lease} where {own} returning {DURABLY}"),
            put_login: format!(
                "insert into {login} (id, body, until) values ($1::bytea, $2::bytea, to_timestamp($3::bigint)) \
                 on conflict (id) do nothing returning {DURABLY}"
            ),
            find_login: format!(
                "select body from {login} where id = $1::bytea and until >= to_timestamp($2::bigint)"
            ),
            take_login: format!(
                "delete from {login} where id = $1::bytea and until >= to_timestamp($2::bigint) returning {DURABLY}"
            ),
            sweep_logins: format!(
                "delete from {login} where until < clock_timestamp() - interval '1 hour'"
            ),
            held: format!(
                "select 1::bigint, coalesce(extract(epoch from spending), 0)::bigint from {lease} \
                 where id = $1::bytea and kind = $2::bigint::smallint and until > clock_timestamp()"
            ),
        }
    }
}

/// These statements in one transaction, one after another who runs the same.
///
/// `create table if not exists` does not survive another one at the same moment: neither sees the other's table, and one
/// ends with a unique violation in the catalogue. Whoever comes second waits for the first one's lock here, and finds the
/// tables. The lock goes with its transaction: one of the session would stay behind in a pooler's connection.
pub(super) fn once(statements: &str) -> String {
    format!("do $once$ begin perform pg_advisory_xact_lock({LOCK}); {statements} end $once$")
}

/// `mcpoauth` in ASCII: nobody else locks it.
const LOCK: i64 = 0x6d63_706f_6175_7468;

/// Comes with each row that is written: where a commit does not wait for the disk, that of this statement does. The
/// setting is looked at when it is committed, and ends with it. A lease that a crash of the database forgot would be
/// another's, so they are durable as well.
const DURABLY: &str = "case current_setting('synchronous_commit') when 'off' \
     then set_config('synchronous_commit', 'on', true) end";

/// What is listed.
const GRANT_KINDS: [KeyKind; 2] = [KeyKind::Grant, KeyKind::Machine];

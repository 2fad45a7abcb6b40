//! The scripts. Each works on keys of one slot, and all that is read goes through one as well: a cluster's connection may
//! send other reads to a replica, which lags.
//!
//! Generations are compared as texts: numbers of Lua are exact up to 2⁵³ only.

use std::sync::LazyLock;

use redis::{Cmd, Script};

/// A script that is to be run.
pub(super) struct Call<'a> {
    script: &'a Script,
    text: &'static str,
    keys: Vec<&'a str>,
    arguments: Vec<&'a [u8]>,
}

impl<'a> Call<'a> {
    pub(super) fn new(script: &'a Named, keys: &[&'a str], arguments: &[&'a [u8]]) -> Self {
        let Named { text, script } = script;
        Self { script, text, keys: keys.into(), arguments: arguments.into() }
    }

    /// As the server knows it that has run it before.
    pub(super) fn by_hash(&self) -> Cmd {
        self.command("EVALSHA", self.script.get_hash())
    }

    pub(super) fn by_text(&self) -> Cmd {
        self.command("EVAL", self.text)
    }

    fn command(&self, name: &str, script: &str) -> Cmd {
        let mut command = redis::cmd(name);
        command.arg(script).arg(self.keys.len()).arg(&self.keys).arg(&self.arguments);
        command
    }
}

/// A script with its hash.
pub(super) struct Named {
    text: &'static str,
    script: LazyLock<Script>,
}

macro_rules! scripts {
    ($($(#[$doc:meta])* $name:ident = $text:expr;)*) => {$(
        $(#[$doc])*
        pub(super) static $name: Named =
            Named { text: $text, script: LazyLock::new(|| Script::new($text)) };
    )*};
}

/// Ends a script with what is stored, unless that is the generation `ARGV[1]`, and of a format up to `ARGV[2]`. No
/// record at all is the generation 0; one that has lost its generation has none that is expected.
macro_rules! only_over {
    () => {
        "local stored = redis.call('HMGET', KEYS[1], 'generation', 'format', 'body') \
         local generation = stored[1] or (stored[3] and '' or '0') \
         if (tonumber(stored[2] or '0') or 0) > tonumber(ARGV[2]) then return {'newer', stored[2]} end \
         if generation ~= ARGV[1] then return {'conflict', generation} end "
    };
}

/// Ends a script unless the body is `ARGV[1]`, and of a format up to `ARGV[2]`.
macro_rules! only_this {
    () => {
        "local stored = redis.call('HMGET', KEYS[1], 'body', 'format') \
         if redis.call('EXISTS', KEYS[1]) == 0 or (stored[1] or '') ~= ARGV[1] \
         or (tonumber(stored[2] or '0') or 0) > tonumber(ARGV[2]) then return 0 end "
    };
}

/// Ends a script unless the lease `KEYS[1]` is that of the owner `ARGV[1]`.
macro_rules! only_own {
    () => {
        "if string.sub(redis.call('GET', KEYS[1]) or '', 1, 32) ~= ARGV[1] then return 0 end "
    };
}

scripts! {
    /// `KEYS` a hash, `ARGV` fields: their values.
    FIELDS = "return redis.call('HMGET', KEYS[1], unpack(ARGV))";
    /// `KEYS` a text: it.
    TEXT = "return redis.call('GET', KEYS[1])";
    /// `KEYS` a record, `ARGV` expected, format, generation, and fields with their values: `done`, or what is stored.
    SAVE = concat!(
        only_over!(),
        "redis.call('HSET', KEYS[1], 'format', ARGV[2], 'generation', ARGV[3], \
         'changed', redis.call('TIME')[1], unpack(ARGV, 4)) return {'done'}"
    );
    /// `KEYS` a record, `ARGV` expected, format: as above.
    DELETE = concat!(only_over!(), "redis.call('DEL', KEYS[1]) return {'done'}");
    /// `KEYS` a record and where to, `ARGV` body, format: 1 if it was moved.
    SET_ASIDE = concat!(
        only_this!(),
        "redis.call('RENAME', KEYS[1], KEYS[2]) \
         redis.call('HSET', KEYS[2], 'found', redis.call('TIME')[1]) return 1"
    );
    /// `KEYS` a record, `ARGV` body, format, the same record anew, id of its seal's key: 1 if it was replaced.
    PUT_ANEW = concat!(
        only_this!(),
        "redis.call('HSET', KEYS[1], 'body', ARGV[3], 'key_id', ARGV[4]) return 1"
    );
    /// `KEYS` a lease, `ARGV` owner, length in milliseconds, owners that may be replaced: 1 if it was taken. Who asks
    /// twice, because the answer was lost on the way, has it as well.
    TAKE = "local owner = string.sub(redis.call('GET', KEYS[1]) or '', 1, 32) \
         if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end \
         if owner ~= ARGV[1] and (#owner ~= 32 or not string.find(ARGV[3], owner, 1, true)) then return 0 end \
         redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) return 1";
    /// `KEYS` a lease, `ARGV` owner, length: 1 if it was still held.
    EXTEND = concat!(only_own!(), "return redis.call('PEXPIRE', KEYS[1], ARGV[2])");
    /// `KEYS` a lease and the record, `ARGV` owner, length, generation: 1 if it was still held, and the record is this
    /// one. Since when its token is spent stands behind the owner.
    RESERVE = concat!(
        only_own!(),
        "if (redis.call('HGET', KEYS[2], 'generation') or '0') ~= ARGV[3] then return 0 end \
         redis.call('SET', KEYS[1], ARGV[1] .. ':' .. redis.call('TIME')[1], 'PX', ARGV[2]) return 1"
    );
    /// `KEYS` a lease, `ARGV` owner.
    RELEASE = concat!(only_own!(), "return redis.call('DEL', KEYS[1])");
    /// `KEYS` the stamps of a program and the indexes that an id goes into, `ARGV` id, its profile's. No stamp comes twice.
    ENTER = "local now = redis.call('TIME') \
         local before = redis.call('HGET', KEYS[1], ARGV[1]) or '0' \
         local stamp = math.max(now[1] * 1000000 + now[2], (tonumber(string.match(before, '^%d+')) or 0) + 1) \
         redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', stamp) .. ':' .. ARGV[2]) \
         for i = 2, #KEYS do redis.call('ZADD', KEYS[i], 0, ARGV[1]) end return 1";
    /// `KEYS` as above, `ARGV` id, what its stamp was, of which age it has to be, in microseconds: 1 if it went.
    STRIKE = "if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return 0 end \
         local now = redis.call('TIME') \
         local age = now[1] * 1000000 + now[2] - (tonumber(string.match(ARGV[2], '^%d+')) or 0) \
         if age < tonumber(ARGV[3]) then return 0 end \
         redis.call('HDEL', KEYS[1], ARGV[1]) \
         for i = 2, #KEYS do redis.call('ZREM', KEYS[i], ARGV[1]) end return 1";
    /// `KEYS` an index and the stamps, `ARGV` from where, how many: ids in their order, each with its stamp.
    PAGE = "local ids = redis.call('ZRANGEBYLEX', KEYS[1], ARGV[1], '+', 'LIMIT', 0, ARGV[2]) \
         local all = {} \
         for i, id in ipairs(ids) do \
         all[2 * i - 1] = id all[2 * i] = redis.call('HGET', KEYS[2], id) or '' end return all";
}

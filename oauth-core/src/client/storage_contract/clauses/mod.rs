//! The clauses: a function for each. What they say is in the [table](super::run).

pub(super) mod damage;
pub(super) mod deletes;
pub(super) mod durable;
pub(super) mod keys;
pub(super) mod leases;
pub(super) mod list;
pub(super) mod locks;
pub(super) mod logins;
pub(super) mod races;
pub(super) mod records;
pub(super) mod reserve;
pub(super) mod tokens;

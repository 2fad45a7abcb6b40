//! How tokens are asked for, one file for each grant.

pub(crate) mod code;

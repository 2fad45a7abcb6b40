//! Where grants rest: a store in files.

mod file;

pub use file::FileTokenStorage;

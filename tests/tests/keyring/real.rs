//! A real keyring, in real sessions.

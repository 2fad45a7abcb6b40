//! What a key is called.

/// What a key is called in a keyring: by two texts, which are no secrets, and which people see there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyringItem {
    service: Box<str>,
    account: Box<str>,
}

impl KeyringItem {
    /// The name of a program, and that of the key among those that it has.
    #[must_use]
    pub fn new(service: &str, account: &str) -> Self {
        Self { service: service.into(), account: account.into() }
    }

    /// The name of the program.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.service
    }

    /// The name of the key.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }
}

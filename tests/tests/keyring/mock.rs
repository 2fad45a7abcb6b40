//! A keyring that does as it is told.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use oauth_blocking::oauth_core::seal::{KeyringError, Unsealed};
use oauth_blocking::{Keyring, KeyringAccess, KeyringItem, KeyringMode};

/// What it does when it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Way {
    Answers,
    /// Until it is told otherwise.
    Hangs,
    HangsAtWrite,
    Fails(KeyringError),
    Panics,
    /// It says that it has kept what it has not.
    Forgets,
}

/// Clones are one keyring.
#[derive(Clone)]
pub(crate) struct Mock(Arc<Inner>);

struct Inner {
    way: Mutex<Way>,
    changed: Condvar,
    secret: Mutex<Option<Vec<u8>>>,
    reads: AtomicU32,
    writes: AtomicU32,
    /// What the key is called: keyrings of two tests are of two users.
    account: String,
}

impl Mock {
    pub(crate) fn new(way: Way) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let account = format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst));
        Self(Arc::new(Inner {
            way: Mutex::new(way),
            changed: Condvar::new(),
            secret: Mutex::default(),
            reads: AtomicU32::new(0),
            writes: AtomicU32::new(0),
            account,
        }))
    }

    /// As of a process that begins. Nobody waits for a person here.
    pub(crate) fn keyring(&self) -> Keyring {
        let item = KeyringItem::new("Keyring test", &self.0.account);
        Keyring::with(item, self.clone()).deadline(Duration::from_secs(20))
    }

    pub(crate) fn insisted_on(&self) -> Keyring {
        self.keyring().mode(KeyringMode::Keyring)
    }

    pub(crate) fn goes(&self, way: Way) {
        *self.0.way.lock().unwrap() = way;
        self.0.changed.notify_all();
    }

    pub(crate) fn has(&self, secret: Option<&[u8]>) -> Option<Vec<u8>> {
        std::mem::replace(&mut *self.0.secret.lock().unwrap(), secret.map(Into::into))
    }

    pub(crate) fn secret(&self) -> Option<Vec<u8>> {
        self.0.secret.lock().unwrap().clone()
    }

    /// How often it was read and written.
    pub(crate) fn calls(&self) -> (u32, u32) {
        (self.0.reads.load(Ordering::SeqCst), self.0.writes.load(Ordering::SeqCst))
    }

    fn done(&self, is_write: bool) -> Result<Way, KeyringError> {
        // As a real one: who looks and writes at the same time as another is seen to.
        std::thread::sleep(Duration::from_millis(2));
        let hangs = |way: &mut Way| *way == Way::Hangs || is_write && *way == Way::HangsAtWrite;
        let way = self.0.way.lock().unwrap();
        // No test hangs with it.
        let waited = self.0.changed.wait_timeout_while(way, Duration::from_secs(60), hangs);
        let way = waited.unwrap().0.clone();
        assert_ne!(way, Way::Panics, "as it was told");
        if let Way::Fails(error) = way { Err(error) } else { Ok(way) }
    }
}

impl KeyringAccess for Mock {
    fn read(&self, _: &KeyringItem) -> Result<Option<Unsealed>, KeyringError> {
        self.0.reads.fetch_add(1, Ordering::SeqCst);
        self.done(false)?;
        Ok(self.secret().map(Unsealed::from))
    }

    fn write(&self, _: &KeyringItem, secret: &[u8]) -> Result<(), KeyringError> {
        let way = self.done(true)?;
        self.0.writes.fetch_add(1, Ordering::SeqCst);
        if way != Way::Forgets {
            self.has(Some(secret));
        }
        Ok(())
    }
}

//! Records that are about a client, and not about one profile's grant: which client, and under which key.
//!
//! One stands for a client that all profiles share, once it is [registered](crate::session::client); another says
//! [whose](crate::session::claim) a client is that the host brings.

use alloc::boxed::Box;
use alloc::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::flow::{Binding, Settings};
use crate::session::key::{Key, KeyKind};
use crate::session::record::Record;
use crate::time::UnixTime;
use crate::wire::RegistrationKind;

/// Which client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum SharedClient {
    /// The one that is registered: one for each issuer and redirect URI, which is without the port if it may
    /// be any.
    Registered { issuer: Box<str>, redirect_uri: Box<str> },
    /// One that the host brings.
    Brought { client_id: Box<str> },
}

impl SharedClient {
    /// The client of a grant, if there is a record of it.
    pub(crate) fn of(binding: &Binding, settings: &Settings) -> Option<Self> {
        let Binding { server, client, .. } = binding;
        if !settings.client_records {
            None
        } else if client.kind == RegistrationKind::Dynamic && !settings.registers_each_profile {
            let issuer = server.issuer.as_str().into();
            Some(Self::Registered { issuer, redirect_uri: client.lasting_redirect_uri() })
        } else if client.kind == RegistrationKind::PreRegistered
            && client.secret().is_some()
            && settings.client_issuer.is_none()
            && settings.provider.is_none()
        {
            Some(Self::Brought { client_id: client.client_id.clone() })
        } else {
            None
        }
    }

    pub(crate) fn key(&self, settings: &Settings) -> Key {
        let application = &settings.application;
        match self {
            Self::Registered { issuer, redirect_uri } => {
                Key { kind: KeyKind::Client, ..Key::grant(application, redirect_uri, issuer) }
            }
            Self::Brought { client_id } => {
                Key { kind: KeyKind::ClientIssuer, ..Key::grant(application, client_id, "") }
            }
        }
    }
}

impl Record {
    /// Where else its client is stored, for a program with these settings: under the key that all profiles share.
    #[must_use]
    pub fn client_key(&self, settings: &Settings) -> Option<Key> {
        Some(SharedClient::of(&self.binding, settings)?.key(settings))
    }
}

/// The record that says whose a client is which the host brings. Its secret is the host's to keep.
pub(crate) fn issuer_record(binding: &Binding, now: UnixTime) -> Record {
    let mut binding = binding.clone();
    binding.forget_requested();
    Arc::make_mut(&mut binding.client).client_secret = None;
    Record::new(now, binding.into(), None)
}

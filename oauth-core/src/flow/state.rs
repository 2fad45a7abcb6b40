//! Where a flow stands, and what it waits for there.

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use crate::error::{Misuse, PeerMisbehaved};
use crate::flow::bind_key::BindKey;
use crate::flow::binding::{Binding, Grant};
use crate::flow::find_resource::FindResource;
use crate::flow::find_server::FindServer;
use crate::flow::grants::client_credentials::ClientCredentials;
use crate::flow::grants::code::Consent;
use crate::flow::grants::device::{AskDevice, Device};
use crate::flow::grants::exchange::Exchange;
use crate::flow::grants::jwt_bearer::JwtBearer;
use crate::flow::grants::push::Push;
use crate::flow::nonce::ServerNonce;
use crate::flow::part::{self, Part};
use crate::flow::proof::{ForRequest, Proof, SigningKey};
use crate::flow::redeem::Redeem;
use crate::flow::register::Register;
use crate::flow::settings::Settings;
use crate::flow::wanted::WantedAssertion;
use crate::http::{Endpoint, Request};
use crate::signing_algorithm::SigningAlgorithms;
use crate::time::UnixTime;
use crate::url::HttpUrl;
use crate::wire::{DevicePage, Jti, SubjectToken, Unsigned};

/// Those that a login passes through are boxed: one that waits for its user takes no more than that does.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum State {
    FindResource(Box<FindResource>),
    FindServer(Box<FindServer>),
    BindKey(Box<BindKey>),
    Register(Box<Register>),
    Push(Box<Push>),
    Consent(Consent),
    AskDevice(Part<AskDevice, part::DeviceCode>),
    Device(Part<Device, part::DeviceCode>),
    Redeem(Redeem),
    ClientCredentials(Part<ClientCredentials, part::ClientCredentials>),
    JwtBearer(Part<JwtBearer, part::Assertions>),
    Exchange(Part<Exchange, part::Assertions>),
    Done(Box<Grant>),
    /// There are tokens, but what they needed is not tolerated.
    Untolerated(Box<Grant>, PeerMisbehaved),
}

/// What a state waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wants {
    Answer,
    User,
    /// A user with another device.
    Device,
    /// That time passes.
    Time,
    Signature,
    Assertion,
    Key,
    Nothing,
}

impl State {
    /// What the state waits for.
    pub(crate) fn wants(&self) -> Wants {
        match self {
            Self::BindKey(_) => Wants::Key,
            Self::Consent(_) => Wants::User,
            Self::Device(state) if state.is_to_be_shown() => Wants::Device,
            Self::Device(state) if state.waits_until().is_some() => match state.beside {
                Some(_) => Wants::User,
                None => Wants::Time,
            },
            Self::JwtBearer(state) if state.assertion.is_none() => Wants::Assertion,
            Self::Exchange(state) if state.subject.is_none() => Wants::Assertion,
            Self::Done(_) | Self::Untolerated(..) => Wants::Nothing,
            state if state.proof().is_some_and(|(proof, _)| proof.is_unsigned()) => {
                Wants::Signature
            }
            _ => Wants::Answer,
        }
    }

    /// The login that waits for a user in a browser, alone or beside another device.
    pub(crate) fn consent(&self) -> Option<&Consent> {
        match self {
            Self::Consent(state) => Some(state),
            Self::Device(state) => state.beside.as_deref(),
            _ => None,
        }
    }

    /// The same, taken out.
    #[expect(clippy::result_large_err, reason = "the flow goes on")]
    pub(crate) fn into_consent(self) -> Result<Consent, Self> {
        match self {
            Self::Consent(state) => Ok(state),
            Self::Device(mut state) => match state.beside.take() {
                Some(consent) => Ok(*consent),
                None => Err(Self::Device(state)),
            },
            state => Err(state),
        }
    }

    /// The request whose answer the state waits for, if it waits for one.
    pub(crate) fn request(&self, settings: &Settings) -> Option<Request> {
        let request = match self {
            Self::FindResource(state) => Some(state.request()),
            Self::FindServer(state) => Some(state.request()),
            Self::Register(state) => Some(state.request(settings)),
            Self::Push(state) => Some(state.request()),
            Self::AskDevice(state) => Some(state.request()),
            Self::Device(state) => state.request(),
            Self::Redeem(state) => Some(state.request()),
            Self::ClientCredentials(state) => Some(state.request()),
            Self::JwtBearer(state) => state.request(),
            Self::Exchange(state) => state.request(),
            Self::BindKey(_) | Self::Consent(_) | Self::Done(_) | Self::Untolerated(..) => None,
        }?;
        Some(match self.proof() {
            Some((proof, _)) => proof.add_to(request),
            None => request,
        })
    }

    /// Where that request goes.
    pub(crate) fn asked(&self) -> Option<(Endpoint, &HttpUrl)> {
        Some(match self {
            Self::FindResource(state) => (Endpoint::ResourceMetadata, state.url()),
            Self::FindServer(state) => (Endpoint::ServerMetadata, state.url()),
            Self::Register(state) => (Endpoint::Registration, &state.endpoint),
            Self::Push(state) => (Endpoint::PushedAuthorization, &state.endpoint),
            Self::Exchange(state) => (Endpoint::IdentityProvider, state.endpoint()),
            Self::AskDevice(state) => (Endpoint::DeviceAuthorization, &state.endpoint),
            Self::Device(_) | Self::Redeem(_) | Self::ClientCredentials(_) | Self::JwtBearer(_) => {
                (Endpoint::Token, self.binding()?.server.token_endpoint())
            }
            Self::BindKey(_) | Self::Consent(_) | Self::Done(_) | Self::Untolerated(..) => {
                return None;
            }
        })
    }

    /// What the tokens will be bound to, once that is known.
    pub(crate) fn binding(&self) -> Option<&Binding> {
        match self {
            Self::Push(state) => Some(&state.consent.binding),
            Self::Consent(state) => Some(&state.binding),
            Self::AskDevice(state) => Some(&state.binding),
            Self::Device(state) => Some(&state.binding),
            Self::Redeem(state) => Some(&state.binding),
            Self::ClientCredentials(state) => Some(&state.binding),
            Self::JwtBearer(state) => Some(&state.binding),
            Self::Exchange(state) => Some(&state.binding),
            Self::Done(grant) | Self::Untolerated(grant, _) => Some(&grant.binding),
            Self::FindResource(_) | Self::FindServer(_) | Self::BindKey(_) | Self::Register(_) => {
                None
            }
        }
    }

    /// What the host has to sign, if anything.
    pub(crate) fn unsigned(
        &self,
        settings: &Settings,
        nonce: Option<&ServerNonce>,
        jti: Jti,
        now: UnixTime,
    ) -> Option<Unsigned> {
        let (proof, binding) = self.proof()?;
        let (_, endpoint) = self.asked()?;
        let nonce = match self {
            Self::Exchange(state) => state.nonce.as_deref(),
            _ => nonce.and_then(|it| it.at(endpoint)),
        };
        proof.unsigned(&ForRequest { binding, settings, endpoint, nonce, now }, jti)
    }

    /// With which key.
    pub(crate) fn signing_key(&self) -> Option<SigningKey<'_>> {
        let (proof, binding) = self.proof()?;
        proof.key(binding)
    }

    /// What the key may sign with that is wanted, if one is.
    pub(crate) fn key_algorithms(&self) -> Option<SigningAlgorithms> {
        match self {
            Self::BindKey(state) => Some(state.algorithms),
            _ => None,
        }
    }

    /// What the next request shows, if a client shows itself with it.
    fn proof(&self) -> Option<(&Proof, &Binding)> {
        Some(match self {
            Self::Push(state) => (&state.proof, &state.consent.binding),
            Self::AskDevice(state) => (&state.proof, &state.binding),
            Self::Device(state) => (state.proof()?, &state.binding),
            Self::Redeem(state) => (&state.proof, &state.binding),
            Self::ClientCredentials(state) => (&state.proof, &state.binding),
            Self::JwtBearer(state) => (&state.proof, &state.binding),
            Self::Exchange(state) => (&state.proof, &state.binding),
            _ => return None,
        })
    }

    /// The same, to have it signed or made anew.
    pub(crate) fn proof_mut(&mut self) -> Option<&mut Proof> {
        Some(match self {
            Self::Push(state) => &mut state.proof,
            Self::AskDevice(state) => &mut state.proof,
            Self::Device(state) => state.proof_mut()?,
            Self::Redeem(state) => &mut state.proof,
            Self::ClientCredentials(state) => &mut state.proof,
            Self::JwtBearer(state) => &mut state.proof,
            Self::Exchange(state) => &mut state.proof,
            _ => return None,
        })
    }

    /// The host has signed it.
    pub(crate) fn sign(&mut self, unsigned: &Unsigned, signature: &[u8]) -> Result<(), Misuse> {
        self.proof_mut().map_or(Ok(()), |proof| proof.sign(unsigned, signature))
    }

    /// What an assertion is wanted for, if one is.
    pub(crate) fn wanted(&self) -> Option<WantedAssertion<'_>> {
        let binding = self.binding().filter(|_| self.wants() == Wants::Assertion)?;
        Some(WantedAssertion::of(binding))
    }

    /// What the host says of itself or of its user, if it was asked.
    pub(crate) fn say(&mut self, assertion: SubjectToken) {
        match self {
            Self::JwtBearer(state) => state.assertion = Some(assertion.token),
            Self::Exchange(state) => state.subject = Some(assertion),
            _ => {}
        }
    }

    /// What the user is shown who consents on another device.
    pub(crate) fn device_page(&self) -> Option<DevicePage> {
        match self {
            Self::Device(state) => Some(state.page()),
            _ => None,
        }
    }

    /// Until when nothing is to be done.
    pub(crate) fn waits_until(&self) -> Option<UnixTime> {
        match self {
            Self::Device(state) => state.waits_until(),
            _ => None,
        }
    }

    /// The user has been shown their code.
    pub(crate) fn shown(&mut self, now: UnixTime) {
        if let Self::Device(state) = self {
            state.shown(now);
        }
    }
}

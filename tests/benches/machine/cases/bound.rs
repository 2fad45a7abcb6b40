//! A token that is bound to a key: what each request of an application is sent with, beside the signature alone.

use std::hint::black_box;

use oauth_core::SigningAlgorithm;
use oauth_core::keys::{Signer, SoftwareKey};
use oauth_core::session::{Attach, ProofRequest, Session};

use crate::documents::{REFERENCE, SERVER};
use crate::measure::Work;
use crate::prepared::{Answers, NOW, bound_settings, dpop_key, idle};

pub(super) const WORK: Work = Work { operations: 100, machine, bare };

fn machine(_: usize) -> Box<dyn FnMut(usize)> {
    let (session, key) = (session(), key());
    let mut done = Vec::with_capacity(WORK.operations);
    Box::new(move |count| {
        for number in 0..count {
            let request = request(black_box(&session));
            let mut random = [7; 16];
            random[0] = number as u8;
            let unsigned = request.unsigned(random, NOW);
            let signature = sign(&key, unsigned.bytes());
            done.push(request.fields(&unsigned, &signature).expect("the signature fits"));
        }
    })
}

/// Signs as many bytes.
fn bare(_: usize) -> Box<dyn FnMut(usize)> {
    let (session, key) = (session(), key());
    let mut bytes = request(&session).unsigned([7; 16], NOW).bytes().to_vec();
    let mut done = Vec::with_capacity(WORK.operations);
    Box::new(move |count| {
        for number in 0..count {
            bytes[0] = number as u8;
            done.push(sign(&key, black_box(&bytes)));
        }
    })
}

fn session() -> Session {
    let settings = bound_settings();
    let record = Answers::with_access_token_of(REFERENCE).bound().record(settings.clone());
    idle(&settings, record)
}

fn request(session: &Session) -> ProofRequest<'_> {
    let authorization = session.authorization(NOW).expect("the token is valid");
    match authorization.attach("POST", SERVER).expect("the server is ours") {
        Attach::Dpop(request) => request,
        Attach::Bearer(_) => panic!("the token is bound to a key"),
    }
}

fn key() -> SoftwareKey {
    dpop_key().signer().expect("it is whole").expect("it is ours")
}

fn sign(key: &SoftwareKey, bytes: &[u8]) -> Vec<u8> {
    key.sign(SigningAlgorithm::Es256, bytes).expect("it signs")
}

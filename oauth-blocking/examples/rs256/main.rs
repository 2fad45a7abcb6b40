//! A service whose key is RSA: it signs with `RS256`, which is not built in, by the library that TLS here has anyway.
//!
//! `cargo run -p oauth-blocking --example rs256` runs against a small server on this machine that knows the public half.
//!
//! What there is to copy is [`RsaKey`]: a [`Signer`], as one would be written for a key of any other kind, or for one in
//! a chip. A key that is asked over a network is a `PrivateKey` instead, which may take its time.

mod server;

use std::error::Error;
use std::process::ExitCode;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oauth_blocking::ureq::http;
use oauth_blocking::{MemoryTokenStorage, OAuth};
use oauth_core::keys::{Signer, SigningFailure};
use oauth_core::{SigningAlgorithm, SigningAlgorithms};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};

use server::Server;

type Failure = Box<dyn Error + Send + Sync>;

/// An RSA key in memory.
struct RsaKey {
    pair: RsaKeyPair,
    random: SystemRandom,
}

impl RsaKey {
    /// From PEM (`BEGIN PRIVATE KEY`).
    fn from_pem(pem: &str) -> Result<Self, Failure> {
        let base64: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let pair = RsaKeyPair::from_pkcs8(&STANDARD.decode(base64)?);
        let pair = pair.map_err(|rejected| rejected.to_string())?;
        Ok(Self { pair, random: SystemRandom::new() })
    }
}

impl Signer for RsaKey {
    fn algorithms(&self) -> SigningAlgorithms {
        SigningAlgorithm::Rs256.into()
    }

    fn key_id(&self) -> Option<&str> {
        Some(KEY_ID)
    }

    fn sign(&self, algorithm: SigningAlgorithm, bytes: &[u8]) -> Result<Vec<u8>, SigningFailure> {
        let mut signature = vec![0; self.pair.public().modulus_len()];
        // It hashes the bytes itself.
        let signed = self.pair.sign(&RSA_PKCS1_SHA256, &self.random, bytes, &mut signature);
        signed.map_err(|_| "the RSA key did not sign")?;
        println!("  The key signs {} bytes with {algorithm}", bytes.len());
        Ok(signature)
    }
}

fn main() -> ExitCode {
    let Err(error) = run() else { return ExitCode::SUCCESS };
    eprintln!("\n  Failed: {error}.");
    ExitCode::FAILURE
}

fn run() -> Result<(), Failure> {
    let key = RsaKey::from_pem(PEM)?;
    let server = Server::start(key.pair.public().as_ref().to_owned())?;
    let url = server.url();
    println!("A service with an RSA key calls {url}");
    let oauth = OAuth::new(&url)?
        .client_credentials_with_key(CLIENT_ID, key)
        .token_storage(MemoryTokenStorage::new())
        .build()?;
    for _ in 0..2 {
        let answer = oauth.send(|| http::Request::post(&url).body("{}"))?;
        println!("  The MCP server answers {}", answer.status().as_u16());
        if !answer.status().is_success() {
            return Err("the token is not taken".into());
        }
    }
    match server.tokens() {
        1 => Ok(()),
        tokens => Err(format!("{tokens} tokens for two calls").into()),
    }
}

const CLIENT_ID: &str = "report-service";
const KEY_ID: &str = "rsa-2026";

/// Of this example only: everybody has read it.
const PEM: &str = include_str!("key.pem");

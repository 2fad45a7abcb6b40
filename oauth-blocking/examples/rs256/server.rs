//! An MCP server on this machine, and its authorization server: it takes no client but the one whose signature is right.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::{Value, json};

use super::{CLIENT_ID, Failure, KEY_ID};

/// The servers. They end with the program.
pub(crate) struct Server {
    origin: String,
    tokens: Arc<AtomicUsize>,
}

impl Server {
    /// For a client with this public key.
    pub(crate) fn start(key: Vec<u8>) -> Result<Self, Failure> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let origin = format!("http://{}", listener.local_addr()?);
        let tokens = Arc::new(AtomicUsize::new(0));
        let state = State { origin: origin.clone(), key, tokens: Arc::clone(&tokens) };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // Whoever goes away gets no answer.
                let _ = state.serve(stream);
            }
        });
        Ok(Self { origin, tokens })
    }

    pub(crate) fn url(&self) -> String {
        format!("{}/mcp", self.origin)
    }

    /// How many were issued.
    pub(crate) fn tokens(&self) -> usize {
        self.tokens.load(Ordering::SeqCst)
    }
}

struct State {
    origin: String,
    /// As PKCS#1 writes it.
    key: Vec<u8>,
    tokens: Arc<AtomicUsize>,
}

impl State {
    fn serve(&self, mut stream: TcpStream) -> Result<(), Failure> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let (mut head, mut length) = (String::new(), 0);
        while reader.read_line(&mut head)? > 2 {
            let line = head.lines().next_back().unwrap_or_default().to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
        }
        let mut body = String::new();
        reader.take(length).read_to_string(&mut body)?;
        let (status, fields, json) = self.answer(&head, &body);
        let (json, length) = (json.to_string(), json.to_string().len());
        let fields = format!("{fields}content-type: application/json\r\nconnection: close\r\n");
        write!(stream, "HTTP/1.1 {status}\r\n{fields}content-length: {length}\r\n\r\n{json}")?;
        Ok(())
    }

    /// A status, header fields, and a body.
    fn answer(&self, head: &str, body: &str) -> (&str, String, Value) {
        let (origin, none) = (&self.origin, String::new());
        let path = head.split(' ').nth(1).unwrap_or_default();
        match path {
            "/mcp" if head.contains(&format!("authorization: Bearer {TOKEN}\r\n")) => {
                ("200 OK", none, json!({}))
            }
            "/mcp" => {
                let metadata = format!("{origin}/.well-known/oauth-protected-resource/mcp");
                let challenge =
                    format!("www-authenticate: Bearer resource_metadata=\"{metadata}\"");
                ("401 Unauthorized", challenge + "\r\n", json!({}))
            }
            "/.well-known/oauth-protected-resource/mcp" => {
                let resource = format!("{origin}/mcp");
                let json = json!({"resource": resource, "authorization_servers": [origin]});
                ("200 OK", none, json)
            }
            "/.well-known/oauth-authorization-server" => {
                let json = json!({
                    "issuer": origin,
                    "token_endpoint": format!("{origin}/token"),
                    "grant_types_supported": ["client_credentials"],
                    "response_types_supported": [],
                    "token_endpoint_auth_methods_supported": ["private_key_jwt"],
                    "token_endpoint_auth_signing_alg_values_supported": ["RS256"],
                });
                ("200 OK", none, json)
            }
            "/token" => {
                let (status, json) = self.token(body);
                (status, none, json)
            }
            _ => ("404 Not Found", none, json!({})),
        }
    }

    fn token(&self, body: &str) -> (&'static str, Value) {
        if let Err(error) = self.check(body) {
            let words = error.to_string();
            let json = json!({"error": "invalid_client", "error_description": words});
            return ("401 Unauthorized", json);
        }
        println!("  The signature of `{CLIENT_ID}` is right: it gets a token");
        self.tokens.fetch_add(1, Ordering::SeqCst);
        ("200 OK", json!({"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600}))
    }

    /// Whether a token request is signed by the client, and for this server (RFC 7523 §3). A real one would look at the
    /// time as well, and take no assertion twice.
    fn check(&self, body: &str) -> Result<(), Failure> {
        let form: HashMap<_, _> = body.split('&').filter_map(|pair| pair.split_once('=')).collect();
        let field = |name| form.get(name).copied().ok_or_else(|| format!("{name} is missing"));
        if field("grant_type")? != "client_credentials" {
            return Err("another grant".into());
        }
        // Nothing in a JWT has to be escaped.
        let assertion = field("client_assertion")?;
        let (signed, signature) = assertion.rsplit_once('.').ok_or("no JWT")?;
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.key);
        let signature = URL_SAFE_NO_PAD.decode(signature)?;
        key.verify(signed.as_bytes(), &signature).map_err(|_| "the signature is wrong")?;
        let (header, claims) = signed.split_once('.').ok_or("no JWT")?;
        let part = |part| -> Result<Value, Failure> {
            Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part)?)?)
        };
        let (header, claims) = (part(header)?, part(claims)?);
        let is_right = header["alg"] == "RS256"
            && header["kid"] == KEY_ID
            && claims["iss"] == CLIENT_ID
            && claims["sub"] == CLIENT_ID
            && claims["aud"] == self.origin;
        if is_right { Ok(()) } else { Err(format!("it says {header} {claims}").into()) }
    }
}

const TOKEN: &str = "a-token";

//! A service on this machine that has a user who is not connected yet, and that user.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use oauth_blocking::{Consent, Error, Plain, ureq};

use super::env::Env;
use super::{Api, Failure, show};

/// A first question, for which the user has to consent, and a second one, for which nobody is asked.
pub(crate) fn run() -> Result<(), Failure> {
    let service = Service::start()?;
    let api = Api::from(&Env::parse(&service.variables()))?.ok_or("there is no key")?;
    for question in ["What is on today?", "And tomorrow?"] {
        println!("{question}");
        show(api.ask(&User, question, &["owner/calendar".to_owned()])?);
    }
    match service.visits() {
        1 => Ok(()),
        visits => Err(format!("the user was asked {visits} times").into()),
    }
}

/// Visits the page, and consents.
pub(crate) struct User;

impl Consent for User {
    fn consent(&self, connect_url: Option<&str>) -> Result<(), Error> {
        let url = connect_url.ok_or(oauth_blocking::ProtocolError::LoginRequired)?;
        println!("  The user visits {}", Plain(url));
        ureq::get(url).call()?;
        Ok(())
    }
}

/// The service. It ends with the program.
pub(crate) struct Service {
    origin: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    connected: AtomicBool,
    visits: AtomicUsize,
}

impl Service {
    pub(crate) fn start() -> Result<Self, Failure> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let origin = format!("http://{}", listener.local_addr()?);
        let (state, own) = (Arc::new(State::default()), origin.clone());
        let served = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // Whoever goes away gets no answer.
                let _ = answer(stream, &own, &served);
            }
        });
        Ok(Self { origin, state })
    }

    /// What stands in its users' `.env`.
    pub(crate) fn variables(&self) -> String {
        let origin = &self.origin;
        format!("DEDALUS_API_KEY='{KEY}'\nDEDALUS_API_URL={origin}\nDEDALUS_AS_URL={origin}\n")
    }

    pub(crate) fn visits(&self) -> usize {
        self.state.visits.load(Ordering::SeqCst)
    }
}

fn answer(mut stream: TcpStream, origin: &str, state: &State) -> Result<(), Failure> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut head, mut length) = (String::new(), 0);
    while reader.read_line(&mut head)? > 2 {
        let line = head.lines().next_back().unwrap_or_default().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse()?;
        }
    }
    reader.take(length).read_to_end(&mut Vec::new())?;
    let (status, body) = if head.starts_with("GET /connect/") {
        state.visits.fetch_add(1, Ordering::SeqCst);
        state.connected.store(true, Ordering::SeqCst);
        ("200 OK", "connected".to_owned())
    } else if !head.contains(&format!("authorization: Bearer {KEY}")) {
        ("403 Forbidden", r#"{"detail": "no key"}"#.to_owned())
    } else if state.connected.load(Ordering::SeqCst) {
        ("200 OK", RESULT.to_owned())
    } else {
        ("401 Unauthorized", format!(r#"{{"detail": {{"connect_url": "{origin}/connect/7"}}}}"#))
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )?;
    Ok(())
}

const KEY: &str = "an-api-key";

const RESULT: &str = r#"{
    "choices": [{"message": {"content": "Lunch at noon."}}],
    "mcp_tool_results": [{"tool_name": "list_events", "duration_ms": 12, "result": ["Lunch, 12:00"]}]
}"#;

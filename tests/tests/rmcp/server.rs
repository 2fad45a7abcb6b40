//! A server that says anything.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// It takes one request per connection, and keeps what it was asked.
pub(crate) struct Server {
    pub(crate) url: Arc<str>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// A request without the name of its client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) line: String,
    /// Without their order.
    pub(crate) fields: BTreeSet<String>,
    pub(crate) body: String,
}

/// Where an answer takes its time.
pub(crate) const PAUSE: &str = "\u{1}";

impl Server {
    pub(crate) fn start(answer: impl Fn(&Asked) -> String + Send + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap()).into();
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let keeps = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let Some(request) = Asked::read(&stream) else { continue };
                let answer = answer(&request).replacen("\r\n", "\r\nconnection: close\r\n", 1);
                keeps.lock().unwrap().push(request);
                for part in answer.split(PAUSE) {
                    // Who has read enough may be gone.
                    let _ = stream.write_all(part.as_bytes());
                    std::thread::sleep(Duration::from_millis(if answer == part { 0 } else { 20 }));
                }
            }
        });
        Self { url, asked }
    }

    /// What it was asked since the last time.
    pub(crate) fn take(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

impl Asked {
    /// `None` if the connection was opened and not used.
    fn read(stream: &TcpStream) -> Option<Self> {
        let mut stream = BufReader::new(stream);
        let lines = stream.by_ref().lines().map(Result::unwrap).take_while(|line| !line.is_empty());
        let mut lines: Vec<_> = lines.collect();
        let line = (!lines.is_empty()).then(|| lines.remove(0))?;
        let length = lines.iter().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        stream.read_exact(&mut body).unwrap();
        let fields = lines.into_iter().filter(|line| !line.starts_with("user-agent: ")).collect();
        Some(Self { line, fields, body: String::from_utf8(body).unwrap() })
    }
}

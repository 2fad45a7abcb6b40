//! A token endpoint that does nothing but to exchange refresh tokens, so that what a storm takes is the clients' time:
//! each is good once, and all answers take as long.

use std::collections::HashSet;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use oauth_tokio::reqwest::Url;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Builder;
use tokio::time::sleep;

/// How long an answer takes.
pub(crate) const SLOWLY: Duration = Duration::from_millis(20);

/// It listens until the process ends.
pub(crate) struct TokenEndpoint {
    pub(crate) origin: String,
    spent: Arc<Mutex<Spent>>,
}

/// What was asked for.
#[derive(Default)]
struct Spent {
    refreshes: usize,
    tokens: HashSet<String>,
}

impl TokenEndpoint {
    /// On a thread of its own.
    pub(crate) fn start() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("there are sockets on this machine");
        let listener = runtime.block_on(async { listen() });
        let listener = listener.expect("there are ports on this machine");
        let address = listener.local_addr().expect("it is bound");
        let spent = Arc::<Mutex<Spent>>::default();
        let seen = Arc::clone(&spent);
        thread::spawn(move || {
            runtime.block_on(async {
                while let Ok((connection, _)) = listener.accept().await {
                    tokio::spawn(answer(connection, Arc::clone(&seen)));
                }
            });
        });
        Self { origin: format!("http://{address}"), spent }
    }

    /// How many refreshes there were since it was asked last.
    pub(crate) fn take_refreshes(&self) -> usize {
        std::mem::take(&mut self.spent.lock().unwrap_or_else(PoisonError::into_inner).refreshes)
    }
}

/// With room for all who come at once: who finds none would try again after a second.
fn listen() -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    socket.listen(4096)
}

/// One request after the other.
async fn answer(mut connection: TcpStream, spent: Arc<Mutex<Spent>>) -> io::Result<()> {
    let mut buffer = Vec::new();
    loop {
        let Some(body) = body(&buffer) else {
            if connection.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
            continue;
        };
        let token = refresh_token(body).ok_or(io::ErrorKind::InvalidData)?;
        let is_new = {
            let mut spent = spent.lock().unwrap_or_else(PoisonError::into_inner);
            spent.refreshes += 1;
            spent.tokens.insert(token.clone())
        };
        buffer.clear();
        sleep(SLOWLY).await;
        let answer = if is_new { tokens(&token) } else { REUSED.to_owned() };
        let status = if is_new { "200 OK" } else { "400 Bad Request" };
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            answer.len()
        );
        connection.write_all((head + &answer).as_bytes()).await?;
    }
}

/// The body of a request that is there as a whole.
fn body(bytes: &[u8]) -> Option<&str> {
    let text = str::from_utf8(bytes).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    (body.len() == length?).then_some(body)
}

fn refresh_token(body: &str) -> Option<String> {
    let url = Url::parse(&format!("http://form/?{body}")).ok()?;
    let mut pairs = url.query_pairs();
    pairs.find(|(name, _)| name == "refresh_token").map(|(_, value)| value.into_owned())
}

/// The successor has one more digit's worth in its number: `NAME.NUMBER`.
fn tokens(refresh_token: &str) -> String {
    let (name, number) = refresh_token.rsplit_once('.').unwrap_or((refresh_token, "0"));
    let next = number.parse::<u64>().unwrap_or(0) + 1;
    let access_token = "aB3_".repeat(ACCESS_TOKEN / 4);
    format!(
        r#"{{"access_token":"{access_token}","token_type":"Bearer","expires_in":3600,"refresh_token":"{name}.{next}","scope":"mcp:tools"}}"#
    )
}

const REUSED: &str = r#"{"error":"invalid_grant","error_description":"it was spent before"}"#;

/// Bytes.
const ACCESS_TOKEN: usize = 900;

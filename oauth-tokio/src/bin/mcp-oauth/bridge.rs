//! `bridge`: MCP over standard input and output on one side, over streamable HTTP with our login on the other, so that any
//! host which starts local servers can use a remote one.
//!
//! ```text
//!   host ── a message a line ──▶ bridge ── POST ──▶ server
//!        ◀── a message a line ──        ◀── JSON, or a stream of events
//!                                       ◀── GET: what the server says by itself
//! ```
//!
//! Messages go through as they are, whatever they say; the bridge looks only at `id`, `method` and the answer to
//! `initialize`. A session that the server has forgotten is begun anew with the host's own `initialize`, and the message that
//! found it out is sent again. A stream that breaks is taken up behind its last event. What cannot be sent is answered with an
//! error of JSON-RPC.
//!
//! Arguments that a tool wants to see in fields (`Mcp-Param-…`, MCP 2026-07-28) stand there once the host has listed the tools.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use oauth_tokio::reqwest::{Client, RequestBuilder, Response, StatusCode, header};
use oauth_tokio::{Error, OAuth, Plain};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, stdin, stdout};
use tokio::pin;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::home::Home;
use crate::login::{self, LIMIT, Way};
use crate::outcome::Failure;
use crate::said::note;
use crate::server::Server;

use events::Events;
use message::Message;
use mirrors::Mirrors;
use session::{Opened, Session};

mod events;
mod message;
mod mirrors;
mod session;

/// Speak MCP on standard input and output for a remote server, with its login
#[derive(Debug, Args)]
pub(crate) struct Bridge {
    #[command(flatten)]
    server: Server,
    /// Never open a login page: calls that need one are answered with an error
    #[arg(long)]
    no_login: bool,
}

impl Bridge {
    pub(crate) async fn run(self, home: &Home) -> Result<(), Failure> {
        let oauth = login::client(&self.server, &Way::default(), home)?;
        let oauth = if self.no_login { oauth.quiet() } else { oauth };
        let link = Arc::new(Link {
            url: self.server.url().to_owned(),
            oauth,
            session: Session::default(),
            mirrors: Mirrors::default(),
            out: Mutex::new(stdout()),
        });
        let ended = link.serve().await;
        link.end().await;
        Ok(ended?)
    }
}

/// Both sides.
struct Link {
    url: String,
    oauth: OAuth,
    session: Session,
    mirrors: Mirrors,
    out: Mutex<tokio::io::Stdout>,
}

impl Link {
    /// Until the host has said all.
    async fn serve(self: &Arc<Self>) -> io::Result<()> {
        let (said, mut lines) = mpsc::unbounded_channel();
        // What is dropped is aborted.
        let (mut calls, mut listening, mut host) = (JoinSet::new(), JoinSet::new(), JoinSet::new());
        host.spawn(hear(said));
        let over = async {
            host.join_next().await;
            sleep(LIMIT).await;
            io::Error::other("the host is gone, and not all that it has asked for was answered")
        };
        pin!(over);
        while let Some(line) = lines.recv().await {
            let line = line?;
            if line.is_empty() {
                continue;
            }
            let link = Arc::clone(self);
            match Message::read(line) {
                // What comes next may need the session that it opens, and what is only told has to stay in order.
                Ok(message) if message.is_initialize() || !message.wants_answer() => {
                    tokio::select! {
                        done = link.carry(&message) => done?,
                        error = &mut over => return Err(error),
                    }
                    if message.is_initialized() {
                        listening.abort_all();
                        listening.spawn(link.listen());
                    }
                }
                Ok(message) => drop(calls.spawn(async move { link.carry(&message).await })),
                Err(answer) => link.tell(&answer).await?,
            }
            while let Some(ended) = calls.try_join_next() {
                ended.map_err(io::Error::other)??;
            }
        }
        // Calls that the host has made are answered.
        tokio::select! {
            () = async { while calls.join_next().await.is_some() {} } => Ok(()),
            error = over => Err(error),
        }
    }

    /// Sends a message, and tells the host what comes of it. Only standard output can fail.
    async fn carry(&self, message: &Message) -> io::Result<()> {
        for _ in 0..TRIES {
            let opened = self.session.opened(message.is_initialize());
            let post = |http: &Client| self.post(http, message, &opened);
            match self.oauth.send(post).await {
                Err(error) => return self.fail(message, &error).await,
                Ok(answer) if opened.is_lost(&answer) => {
                    if let Err(error) = self.open_again(&opened).await {
                        return self.fail(message, &error).await;
                    }
                }
                Ok(answer) => return self.take(answer, message, &opened).await,
            }
        }
        self.refuse(message, "the server forgets each session at once").await
    }

    /// What the server has answered.
    async fn take(&self, answer: Response, message: &Message, opened: &Opened) -> io::Result<()> {
        let status = answer.status();
        let id = Session::id_of(&answer);
        if is_stream(&answer) {
            return self.pass_on(answer, message, opened, id).await;
        }
        let text = match answer.text().await {
            Ok(text) => text,
            Err(error) => {
                return self.refuse(message, &format!("the answer broke off: {error}")).await;
            }
        };
        if message::is_one(&text) {
            self.note(message, &text, id);
            return self.tell(&text).await;
        }
        match (message.wants_answer(), status.is_success()) {
            (false, true) => Ok(()),
            (_, false) => self.refuse(message, &format!("the server answered with {status}")).await,
            (true, true) => self.refuse(message, "the server's answer is no message").await,
        }
    }

    /// Events, each with a message. A stream that ends before the answer is taken up where it ended.
    async fn pass_on(
        &self,
        answer: Response,
        message: &Message,
        opened: &Opened,
        id: Option<String>,
    ) -> io::Result<()> {
        let (mut answer, mut events, mut tries) = (answer, Events::default(), 0);
        loop {
            let mut stream = events.stream();
            while let Ok(Some(chunk)) = answer.chunk().await {
                for text in stream.read(&chunk) {
                    tries = 0;
                    self.note(message, &text, id.clone());
                    self.tell(&text).await?;
                    if message.is_answered_by(&text) {
                        return Ok(());
                    }
                }
            }
            if !message.wants_answer() {
                return Ok(());
            }
            let Some(last) = events.last_id().filter(|_| tries < TRIES) else {
                return self.refuse(message, "the stream ended before the answer").await;
            };
            tries += 1;
            sleep(events.pause()).await;
            let last = last.to_owned();
            match self.oauth.send(|http| self.get(http, opened, Some(&last))).await {
                Ok(next) if is_stream(&next) => answer = next,
                Ok(next) => {
                    let text = format!("the stream cannot be taken up again: {}", next.status());
                    return self.refuse(message, &text).await;
                }
                Err(error) => return self.fail(message, &error).await,
            }
        }
    }

    /// What the server says by itself, if it does; for as long as the host is there. No page opens for that.
    async fn listen(self: Arc<Self>) {
        let (oauth, mut events, mut in_vain) = (self.oauth.quiet(), Events::default(), 0);
        loop {
            let opened = self.session.opened(false);
            let last = events.last_id().map(str::to_owned);
            match oauth.send(|http| self.get(http, &opened, last.as_deref())).await {
                Ok(mut answer) if is_stream(&answer) => {
                    in_vain = 0;
                    let mut stream = events.stream();
                    while let Ok(Some(chunk)) = answer.chunk().await {
                        for text in stream.read(&chunk) {
                            // The host is gone, which whoever reads it sees as well.
                            if self.tell(&text).await.is_err() {
                                return;
                            }
                        }
                    }
                }
                Ok(answer) if opened.is_lost(&answer) => {
                    // Its events are counted anew.
                    events = Events::default();
                    if self.open_again(&opened).await.is_err() {
                        in_vain += 1;
                    }
                }
                // It may pass, or be the network's.
                Ok(answer) if answer.status().is_server_error() => in_vain += 1,
                Err(_) => in_vain += 1,
                // It says nothing by itself.
                Ok(_) => return,
            }
            sleep(events.pause_after(in_vain)).await;
        }
    }

    /// Begins another session in the place of one that the server has forgotten, unless somebody has done so.
    async fn open_again(&self, lost: &Opened) -> Result<(), Error> {
        let Some((opening, initialize)) = self.session.begin_again(lost).await else {
            return Ok(());
        };
        let none = Opened::default();
        let mut answer = self.oauth.send(|http| self.post(http, &initialize, &none)).await?;
        let id = Session::id_of(&answer);
        let (mut events, mut text) = (Events::default(), String::new());
        let (mut stream, is_stream) = (events.stream(), is_stream(&answer));
        while let Ok(Some(chunk)) = answer.chunk().await {
            if is_stream {
                text = stream.read(&chunk).pop().unwrap_or(text);
                if initialize.is_answered_by(&text) {
                    break;
                }
            } else {
                text.push_str(&String::from_utf8_lossy(&chunk));
            }
        }
        // Whoever sends the message once more sees why not.
        if !initialize.is_answered_by(&text) {
            return Ok(());
        }
        opening.opened(id, message::protocol_version(&text));
        let opened = self.session.opened(false);
        let initialized = Message::initialized();
        self.oauth.send(|http| self.post(http, &initialized, &opened)).await.map(drop)
    }

    /// Looks at the answers to `initialize` and `tools/list`.
    fn note(&self, message: &Message, answer: &str, id: Option<String>) {
        if message.is_list_of_tools() && message.is_answered_by(answer) {
            self.mirrors.learn(answer);
        }
        if message.is_initialize() && message.is_answered_by(answer) {
            self.session.open(message.clone(), id, message::protocol_version(answer));
        }
    }

    fn post(&self, http: &Client, message: &Message, opened: &Opened) -> RequestBuilder {
        let request = http.post(&self.url).header(header::CONTENT_TYPE, "application/json");
        let request = request.header(header::ACCEPT, "application/json, text/event-stream");
        let request = opened.add_to(request, message.protocol_version());
        let request = message
            .fields()
            .into_iter()
            .fold(request, |request, (name, value)| request.header(name, value));
        let mirrored = self.mirrors.fields(message).into_iter();
        let request = mirrored.fold(request, |request, (name, value)| request.header(name, value));
        request.body(message.text().to_owned())
    }

    fn get(&self, http: &Client, opened: &Opened, last: Option<&str>) -> RequestBuilder {
        let request =
            opened.add_to(http.get(&self.url), None).header(header::ACCEPT, "text/event-stream");
        last.into_iter().fold(request, |request, last| request.header("last-event-id", last))
    }

    async fn fail(&self, message: &Message, error: &Error) -> io::Result<()> {
        note(error.explain());
        self.refuse(message, &format!("{error}; {}", error.advice())).await
    }

    /// The host gets an error for its request; what becomes of what it has only told, its log says.
    async fn refuse(&self, message: &Message, text: &str) -> io::Result<()> {
        let text = Plain(text).to_string();
        match message.error(&text) {
            Some(answer) => self.tell(&answer).await,
            None => {
                note(text);
                Ok(())
            }
        }
    }

    /// One message, on one line: in JSON, a line end stands between values only.
    async fn tell(&self, text: &str) -> io::Result<()> {
        let mut line = text.trim().replace(['\n', '\r'], " ");
        line.push('\n');
        let mut out = self.out.lock().await;
        out.write_all(line.as_bytes()).await?;
        out.flush().await
    }

    /// The host is gone.
    async fn end(&self) {
        let opened = self.session.opened(false);
        if opened.has_id() {
            let delete = self.oauth.quiet();
            let ended = delete.send(|http| opened.add_to(http.delete(&self.url), None));
            // Servers end sessions that nobody uses.
            drop(timeout(A_MOMENT, ended).await);
        }
        self.oauth.shutdown(LIMIT).await;
    }
}

/// Hands over each line of standard input, until the host is gone. What is no text is no JSON either.
async fn hear(said: UnboundedSender<io::Result<String>>) {
    let mut lines = BufReader::new(stdin()).split(b'\n');
    while let Some(line) = lines.next_segment().await.transpose() {
        let is_last = line.is_err();
        let text = |line| String::from_utf8(line).map_or(NO_TEXT.into(), |it| it.trim().to_owned());
        if said.send(line.map(text)).is_err() || is_last {
            return;
        }
    }
}

fn is_stream(answer: &Response) -> bool {
    let kind = answer.headers().get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let kind = kind.and_then(|it| it.split(';').next());
    answer.status() == StatusCode::OK
        && kind.is_some_and(|it| it.trim().eq_ignore_ascii_case("text/event-stream"))
}

/// How often a message is sent again for a session that is lost, and a stream taken up without a word of it.
const TRIES: usize = 3;

/// As good as what was no text.
const NO_TEXT: &str = "\u{fffd}";

const A_MOMENT: Duration = Duration::from_secs(2);

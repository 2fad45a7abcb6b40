//! A [`World`] behind real sockets on loopback, for the tests that need them.
//!
//! A listener on 127.0.0.1 takes the place of each origin. HTTP/1.1 with keep-alive and
//! `Content-Length` bodies, a thread per connection, everything bounded. Dropping [`Served`] closes
//! all sockets and joins all threads.
//!
//! Left out: TLS, chunked request bodies (411), pipelining beyond what a sequential client does.

mod broken;
mod connection;
mod cors;
mod door;
mod page;
mod reader;

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use core::net::{Ipv4Addr, Ipv6Addr};
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{SystemTime, UNIX_EPOCH};

use http::{Request, Response};

use crate::world::{Knobs, Origins, Party, What, World};

use cors::Pages;
use door::Door;

/// A world that listens; it ends when this is dropped.
#[derive(Debug)]
pub struct Served {
    shared: Arc<Shared>,
    doors: Mutex<Vec<Door>>,
}

impl Served {
    /// Binds a port for each origin and serves a world with these knobs on them.
    ///
    /// [`World::now`] follows the real clock until [`pin_clock`](Self::pin_clock).
    ///
    /// # Errors
    /// What the operating system says when it gives no port.
    pub fn start(knobs: Knobs) -> io::Result<Self> {
        Self::listen(knobs, "127.0.0.1", None)
    }

    /// The same under another name of this machine: `localhost`, one below it, or `[::1]`.
    ///
    /// # Errors
    /// What the operating system says when it gives no port.
    pub fn start_at(knobs: Knobs, host: &str) -> io::Result<Self> {
        Self::listen(knobs, host, None)
    }

    /// The same with a real MCP server at this origin, which is to ask [`Gate`] about every request.
    ///
    /// # Errors
    /// What the operating system says when it gives no port.
    pub fn start_behind(knobs: Knobs, resource: String) -> io::Result<Self> {
        Self::listen(knobs, "127.0.0.1", Some(resource))
    }

    fn listen(knobs: Knobs, host: &str, resource: Option<String>) -> io::Result<Self> {
        let ports = if resource.is_none() { 5 } else { 4 };
        let listeners: Vec<_> = (0..ports)
            .map(|_| match host {
                "[::1]" => TcpListener::bind((Ipv6Addr::LOCALHOST, 0)),
                _ => TcpListener::bind((Ipv4Addr::LOCALHOST, 0)),
            })
            .collect::<io::Result<_>>()?;
        let addresses: Vec<_> =
            listeners.iter().map(TcpListener::local_addr).collect::<io::Result<_>>()?;
        let origin = |at: usize| format!("http://{host}:{}", addresses[at].port());
        let resource = resource.unwrap_or_else(|| origin(4));
        let (auth, auth2, auth3, idp) = (origin(0), origin(1), origin(2), origin(3));
        let origins = Origins { resource, auth, auth2, auth3, idp };
        let shared = Arc::new(Shared {
            world: Mutex::new(World::at(knobs, origins)),
            settings: Mutex::new(Settings {
                clock: Clock::Real { ahead: 0 },
                delay: Duration::ZERO,
                rewrite: Rewrite(Box::new(|_, _| {})),
                pages: None,
            }),
            connections: Mutex::new(Connections::default()),
            forgets: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        });
        shared.lock_world().now = real_now();
        let doors = listeners.into_iter().map(|listener| Door::open(&shared, listener));
        let doors = doors.collect::<io::Result<_>>()?;
        Ok(Self { shared, doors: Mutex::new(doors) })
    }

    /// Refuses connections to this server from now on, and ends those that there are.
    ///
    /// # Panics
    /// If it is not one of the world's own.
    pub fn unplug(&self, server: Party) {
        let port = self.lock_doors()[place(server)].close();
        let streams = &self.shared.lock_connections().streams;
        for stream in streams.values().filter(|stream| local_port(stream) == Some(port)) {
            drop(stream.shutdown(Shutdown::Both));
        }
    }

    /// Takes connections to it again, at the same port.
    ///
    /// # Panics
    /// If that cannot be had any more.
    pub fn plug(&self, server: Party) {
        self.lock_doors()[place(server)].open_again(&self.shared).expect("the port is held");
    }

    fn lock_doors(&self) -> MutexGuard<'_, Vec<Door>> {
        self.doors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds every token answer back for this long, after the world has handled the request.
    ///
    /// Several answers may be held at the same time: rotation has happened, and nobody knows it yet.
    pub fn delay_tokens(&self, delay: Duration) {
        self.shared.lock_settings().delay = delay;
    }

    /// Changes answers before they go out: for documents that only an attacker would publish. What the
    /// world writes down is the answer as it was.
    pub fn rewrite(
        &self,
        rewrite: impl Fn(&Request<Vec<u8>>, &mut Response<Vec<u8>>) + Send + 'static,
    ) {
        self.shared.lock_settings().rewrite = Rewrite(Box::new(rewrite));
    }

    /// From now on a connection is good for one request: what comes on one that was used is read, and not
    /// answered. So it is where a middle box forgets connections that are idle, and tells nobody.
    pub fn forget_connections(&self) {
        self.shared.forgets.store(true, Ordering::SeqCst);
    }

    /// Stops the clock here: from now on only the test changes [`World::now`].
    pub fn pin_clock(&self) {
        self.shared.lock_settings().clock = Clock::Pinned;
    }

    /// Lets this many seconds pass, on top of the real clock if it is not pinned.
    pub fn advance(&self, seconds: u64) {
        if let Clock::Real { ahead } = &mut self.shared.lock_settings().clock {
            *ahead += seconds;
        }
        self.world().advance(seconds);
    }

    /// The world; no request is answered as long as the guard lives.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.shared.lock_world()
    }

    /// How many connections were opened so far.
    pub fn connections(&self) -> usize {
        usize::try_from(self.shared.lock_connections().next).unwrap_or(usize::MAX)
    }

    /// The ports of its servers, for tests that look at sockets.
    pub fn ports(&self) -> Vec<u16> {
        self.lock_doors().iter().map(Door::port).collect()
    }

    /// What a real MCP server asks about its requests.
    pub fn gate(&self) -> Gate {
        Gate(Arc::clone(&self.shared))
    }

    /// The URL of the MCP endpoint.
    pub fn server_url(&self) -> String {
        self.world().server_url()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        for door in self.lock_doors().iter_mut() {
            door.close();
        }
        let connections = core::mem::take(&mut *self.shared.lock_connections());
        for stream in connections.streams.into_values() {
            drop(stream.shutdown(Shutdown::Both));
        }
        for thread in connections.threads {
            drop(thread.join());
        }
    }
}

/// A world as an MCP server sees it that has its authorization there.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Shared>);

impl Gate {
    /// The answer to a request, or `None` if the MCP server has to answer; see [`World::admit`].
    pub fn admit(&self, request: &Request<Vec<u8>>) -> Option<Response<Vec<u8>>> {
        self.0.on_time().admit(request)
    }

    /// The world, as [`Served::world`].
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock_world()
    }
}

/// What the threads share.
#[derive(Debug)]
struct Shared {
    world: Mutex<World>,
    settings: Mutex<Settings>,
    connections: Mutex<Connections>,
    forgets: AtomicBool,
    ended: AtomicBool,
}

#[derive(Debug)]
struct Settings {
    clock: Clock,
    delay: Duration,
    rewrite: Rewrite,
    pages: Option<Pages>,
}

struct Rewrite(Box<Rewriting>);

type Rewriting = dyn Fn(&Request<Vec<u8>>, &mut Response<Vec<u8>>) + Send;

impl core::fmt::Debug for Rewrite {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Rewrite").finish_non_exhaustive()
    }
}

#[derive(Debug)]
enum Clock {
    Real { ahead: u64 },
    Pinned,
}

/// The open connections by number, and the threads of all.
#[derive(Debug, Default)]
struct Connections {
    next: u64,
    streams: BTreeMap<u64, TcpStream>,
    threads: Vec<JoinHandle<()>>,
}

impl Shared {
    /// Answers a request as the world does, at the right time, and as browsers want it.
    fn handle(&self, request: &Request<Vec<u8>>) -> Response<Vec<u8>> {
        let is_open = self.lock_settings().pages.is_some();
        let preflight = if is_open { Pages::preflight(request) } else { None };
        let mut response = preflight.unwrap_or_else(|| self.handle_in_world(request));
        if let Some(pages) = &self.lock_settings().pages {
            pages.permit(request, &mut response);
        }
        response
    }

    fn handle_in_world(&self, request: &Request<Vec<u8>>) -> Response<Vec<u8>> {
        let delay = self.lock_settings().delay;
        let (mut response, token) = {
            let mut world = self.on_time();
            let response = world.handle(request);
            let last = world.log.last();
            (response, last.is_some_and(|exchange| matches!(exchange.what, What::Token(_))))
        };
        self.lock_settings().rewrite.0(request, &mut response);
        if token {
            self.pause(delay);
        }
        response
    }

    /// The world, with its clock set.
    fn on_time(&self) -> MutexGuard<'_, World> {
        let ahead = match self.lock_settings().clock {
            Clock::Real { ahead } => Some(ahead),
            Clock::Pinned => None,
        };
        let mut world = self.lock_world();
        if let Some(ahead) = ahead {
            world.now = real_now() + ahead;
        }
        world
    }

    /// Sleeps in slices, so that dropping the server does not wait.
    fn pause(&self, mut left: Duration) {
        while !left.is_zero() && !self.ended() {
            let slice = left.min(SLICE);
            thread::sleep(slice);
            left -= slice;
        }
    }

    fn ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    // A test that panics with the guard in its hands must not hang the others' sockets.

    fn lock_world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_settings(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_connections(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves a connection on a thread of its own.
fn take(shared: &Arc<Shared>, stream: TcpStream) {
    let Ok(copy) = stream.try_clone() else { return };
    let mut connections = shared.lock_connections();
    let number = connections.next;
    connections.next += 1;
    connections.threads.retain(|thread| !thread.is_finished());
    connections.streams.insert(number, copy);
    let shared = Arc::clone(shared);
    connections.threads.push(thread::spawn(move || {
        // A broken connection is the client's business.
        let forgotten = || shared.forgets.load(Ordering::SeqCst);
        drop(connection::serve(stream, forgotten, |request| shared.handle(request)));
        shared.lock_connections().streams.remove(&number);
    }));
}

/// Which of the doors is a server's.
fn place(server: Party) -> usize {
    match server {
        Party::AuthServer => 0,
        Party::AuthServer2 => 1,
        Party::AuthServer3 => 2,
        Party::IdentityProvider => 3,
        Party::McpServer | Party::Elsewhere => 4,
    }
}

fn local_port(stream: &TcpStream) -> Option<u16> {
    Some(stream.local_addr().ok()?.port())
}

fn real_now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("the clock of a machine that runs tests is past 1970")
        .as_secs()
}

/// How long a sleeping thread may take to notice the end.
const SLICE: Duration = Duration::from_millis(10);

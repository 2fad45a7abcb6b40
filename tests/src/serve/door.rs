//! A listener that can be closed for a while and opened again at its port.

use alloc::sync::Arc;
use core::net::SocketAddr;
use core::sync::atomic::{AtomicBool, Ordering};
use std::io;
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};

use super::{Shared, take};

/// Where one server takes connections.
#[derive(Debug)]
pub(super) struct Door {
    address: SocketAddr,
    acceptor: Option<Acceptor>,
    /// While the door is closed: both ends of a connection that holds its port, so that the system
    /// gives it to nobody else.
    held: Option<(TcpStream, Option<TcpStream>)>,
}

/// The thread behind an open door; it ends with the connection that it took last.
#[derive(Debug)]
struct Acceptor {
    closing: Arc<AtomicBool>,
    thread: JoinHandle<Option<TcpStream>>,
}

impl Door {
    pub(super) fn open(shared: &Arc<Shared>, listener: TcpListener) -> io::Result<Self> {
        let address = listener.local_addr()?;
        Ok(Self { address, acceptor: Some(Acceptor::start(shared, listener)), held: None })
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Closes the door, if it is open, and gives its port.
    pub(super) fn close(&mut self) -> u16 {
        if let Some(Acceptor { closing, thread }) = self.acceptor.take() {
            closing.store(true, Ordering::SeqCst);
            // Wakes the acceptor; if it cannot be reached it is gone already.
            let near = TcpStream::connect(self.address);
            let far = thread.join().ok().flatten();
            self.held = near.ok().map(|near| (near, far));
        }
        self.address.port()
    }

    pub(super) fn open_again(&mut self, shared: &Arc<Shared>) -> io::Result<()> {
        if self.acceptor.is_none() {
            let listener = TcpListener::bind(self.address)?;
            self.acceptor = Some(Acceptor::start(shared, listener));
            self.held = None;
        }
        Ok(())
    }
}

impl Acceptor {
    fn start(shared: &Arc<Shared>, listener: TcpListener) -> Self {
        let closing = Arc::new(AtomicBool::new(false));
        let (shared, is_closing) = (Arc::clone(shared), Arc::clone(&closing));
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if is_closing.load(Ordering::SeqCst) {
                    return stream.ok();
                }
                if let Ok(stream) = stream {
                    take(&shared, stream);
                }
            }
            None
        });
        Self { closing, thread }
    }
}

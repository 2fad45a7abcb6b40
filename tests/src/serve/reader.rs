//! Reads a connection, always one byte behind.
//!
//! A socket that is closed with something unread in it is reset. So a world can reset a connection
//! when it wants to, and everywhere else reads to the end before it closes one.

use core::time::Duration;
use std::io::{self, Read as _};
use std::net::TcpStream;

/// A connection, and what was read of it and not taken yet.
pub(super) struct Reader {
    stream: TcpStream,
    pub(super) buffer: Vec<u8>,
    /// Whether the last byte of what was read is still in the socket.
    is_behind: bool,
}

impl Reader {
    pub(super) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_read_timeout(Some(LOOK))?;
        Ok(Self { stream, buffer: Vec::new(), is_behind: false })
    }

    /// Waits for more, and says how much it is; 0 if the client has closed.
    pub(super) fn fill(&mut self) -> io::Result<usize> {
        let mut piece = [0; 4096];
        let stream = self.all_read()?;
        let length = until_closed(|| stream.peek(&mut piece))?;
        if let Some(last) = length.checked_sub(1) {
            stream.read_exact(&mut piece[..last])?;
            self.is_behind = true;
        }
        self.buffer.extend_from_slice(&piece[..length]);
        Ok(length)
    }

    /// The socket as it is.
    pub(super) fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// The socket, with nothing left in it that was read.
    pub(super) fn all_read(&mut self) -> io::Result<&mut TcpStream> {
        if core::mem::take(&mut self.is_behind) {
            self.stream.read_exact(&mut [0])?;
        }
        Ok(&mut self.stream)
    }
}

/// Does what may take for ever, until it is done or the socket is closed, also by another thread: on
/// Windows, that wakes nobody who waits already.
pub(super) fn until_closed<T>(mut wait: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match wait() {
            Err(error) if is_timeout(&error) => {}
            done => return done,
        }
    }
}

pub(super) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// How long a thread that waits may take to notice the end. A thousand of them wait in some tests.
pub(super) const LOOK: Duration = Duration::from_millis(500);

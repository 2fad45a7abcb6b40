//! Reads a connection, always one byte behind.
//!
//! A socket that is closed with something unread in it is reset. So a world can reset a connection
//! when it wants to, and everywhere else reads to the end before it closes one.

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
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, buffer: Vec::new(), is_behind: false }
    }

    /// Waits for more, and says how much it is; 0 if the client has closed.
    pub(super) fn fill(&mut self) -> io::Result<usize> {
        let mut piece = [0; 4096];
        let stream = self.all_read()?;
        let length = stream.peek(&mut piece)?;
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

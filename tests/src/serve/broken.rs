//! What may befall a connection in the middle of an answer.

use core::time::Duration;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;

use http::Response;

use super::connection::{Framing, body_of, head_of};
use super::reader::{LOOK, Reader, is_timeout, until_closed};
use crate::world::Fault;

/// Answers as the fault has it, to the end of the connection.
pub(super) fn answer(
    fault: &Fault,
    mut reader: Reader,
    response: &Response<Vec<u8>>,
) -> io::Result<()> {
    match fault {
        Fault::Reset => {
            // Closed with something unread, it is reset.
            reader.stream().write_all(&half(response))
        }
        Fault::Stalled => {
            reader.stream().write_all(&half(response))?;
            wait_for_the_end(reader.all_read()?)
        }
        Fault::Endless | Fault::Trickling => {
            let stream = reader.all_read()?;
            stream.write_all(&head_of(response, Framing::Close))?;
            stream.write_all(body_of(response))?;
            if *fault == Fault::Endless { flood(stream) } else { trickle(stream) }
        }
        _ => wait_for_the_end(reader.all_read()?),
    }
}

/// The head and half of the body; of an answer without a body, half of the head.
fn half(response: &Response<Vec<u8>>) -> Vec<u8> {
    let mut bytes = head_of(response, Framing::Length { close: false });
    let body = body_of(response);
    match body.len() / 2 {
        0 => bytes.truncate(bytes.len() / 2),
        half => bytes.extend_from_slice(&body[..half]),
    }
    bytes
}

/// Until the client closes, or the world ends and closes all sockets.
fn wait_for_the_end(stream: &mut TcpStream) -> io::Result<()> {
    while until_closed(|| stream.read(&mut [0; 64]))? > 0 {}
    Ok(())
}

/// Until the client has enough of it.
fn flood(stream: &mut TcpStream) -> io::Result<()> {
    stream.set_write_timeout(Some(LOOK))?;
    loop {
        until_closed(|| stream.write(&[b' '; 16 * 1024]))?;
    }
}

/// Until the client has enough of it.
fn trickle(stream: &mut TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(BETWEEN_BLANKS))?;
    loop {
        stream.write_all(b" ")?;
        match stream.read(&mut [0; 64]) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if is_timeout(&error) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Shorter than any time limit of a client under test.
const BETWEEN_BLANKS: Duration = Duration::from_millis(20);

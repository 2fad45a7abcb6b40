//! One HTTP/1.1 connection: reads requests, writes answers, until either side has enough.

use std::io::{self, Write as _};
use std::net::TcpStream;

use http::{HeaderMap, Request, Response, StatusCode, header};

use super::broken;
use super::reader::Reader;
use crate::world::Fault;

/// Serves a connection until it is closed, broken or wants something unsupported. One that is `forgotten`
/// ends with its second request.
pub(super) fn serve(
    stream: TcpStream,
    forgotten: impl Fn() -> bool,
    handle: impl Fn(&Request<Vec<u8>>) -> Response<Vec<u8>>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = Reader::new(stream)?;
    let mut is_used = false;
    loop {
        let Some(head) = read_head(&mut reader)? else {
            return Ok(());
        };
        if is_used && forgotten() {
            return Ok(());
        }
        is_used = true;
        let (mut request, length) = match head {
            Ok(head) => head,
            Err(status) => return refuse(reader.all_read()?, status),
        };
        if request.headers().get(header::EXPECT).is_some_and(|value| value == "100-continue") {
            reader.all_read()?.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        while reader.buffer.len() < length {
            if reader.fill()? == 0 {
                return Ok(());
            }
        }
        let rest = reader.buffer.split_off(length);
        *request.body_mut() = core::mem::replace(&mut reader.buffer, rest);
        let close = request.headers().get(header::CONNECTION).is_some_and(|value| value == "close");
        let response = handle(&request);
        if let Some(fault) = Fault::of_connection(&response) {
            return broken::answer(fault, reader, &response);
        }
        let stream = reader.all_read()?;
        stream.write_all(&head_of(&response, Framing::Length { close }))?;
        stream.write_all(body_of(&response))?;
        if close {
            return Ok(());
        }
    }
}

/// A request without its body and the length of that, or the status that refuses it.
type Head = Result<(Request<Vec<u8>>, usize), u16>;

/// Reads until the blank line and takes the head off the buffer; `None` if the client is gone.
fn read_head(reader: &mut Reader) -> io::Result<Option<Head>> {
    loop {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut parsed = httparse::Request::new(&mut headers);
        match parsed.parse(&reader.buffer) {
            Ok(httparse::Status::Complete(length)) => {
                let head = convert(&parsed);
                reader.buffer.drain(..length);
                return Ok(Some(head));
            }
            Ok(httparse::Status::Partial) if reader.buffer.len() > MAX_HEAD => {
                return Ok(Some(Err(431)));
            }
            Ok(httparse::Status::Partial) => {}
            Err(_) => return Ok(Some(Err(400))),
        }
        if reader.fill()? == 0 {
            return Ok(None);
        }
    }
}

fn convert(parsed: &httparse::Request<'_, '_>) -> Head {
    let mut headers = HeaderMap::new();
    for field in parsed.headers.iter() {
        let name = header::HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| 400_u16)?;
        let value = header::HeaderValue::from_bytes(field.value).map_err(|_| 400_u16)?;
        headers.append(name, value);
    }
    if headers.contains_key(header::TRANSFER_ENCODING) {
        return Err(411);
    }
    let length = match headers.get(header::CONTENT_LENGTH).map(header::HeaderValue::to_str) {
        None => 0,
        Some(Ok(text)) => text.parse().map_err(|_| 400_u16)?,
        Some(Err(_)) => return Err(400),
    };
    if length > MAX_BODY {
        return Err(413);
    }
    let target = parsed.path.unwrap_or_default();
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    let uri = match host {
        _ if target.starts_with("http://") => target.into(),
        Some(host) => format!("http://{host}{target}"),
        None => return Err(400),
    };
    let request = Request::builder().method(parsed.method.unwrap_or_default()).uri(uri);
    let mut request = request.body(Vec::new()).map_err(|_| 400_u16)?;
    *request.headers_mut() = headers;
    Ok((request, length))
}

/// Where the body of an answer ends.
pub(super) enum Framing {
    /// After the length that is said; then the connection may be closed.
    Length { close: bool },
    /// Where the connection ends.
    Close,
}

/// The head of an answer, with the blank line.
pub(super) fn head_of(response: &Response<Vec<u8>>, framing: Framing) -> Vec<u8> {
    let status = response.status();
    let reason = status.canonical_reason().unwrap_or("Unknown");
    let mut bytes = format!("HTTP/1.1 {} {reason}\r\n", status.as_u16()).into_bytes();
    for (name, value) in response.headers() {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    if matches!(framing, Framing::Close | Framing::Length { close: true }) {
        bytes.extend_from_slice(b"connection: close\r\n");
    }
    if matches!(framing, Framing::Length { .. }) && has_body(status) {
        let length = response.body().len();
        bytes.extend_from_slice(format!("content-length: {length}\r\n").as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes
}

/// What is sent of its body.
pub(super) fn body_of(response: &Response<Vec<u8>>) -> &[u8] {
    if has_body(response.status()) { response.body() } else { &[] }
}

/// A 204 or 304 has neither a body nor its length (RFC 9110 §8.6).
fn has_body(status: StatusCode) -> bool {
    !matches!(status.as_u16(), 204 | 304)
}

fn refuse(stream: &mut TcpStream, status: u16) -> io::Result<()> {
    let mut response = Response::new(Vec::new());
    *response.status_mut() =
        StatusCode::from_u16(status).expect("the refusals here are valid statuses");
    stream.write_all(&head_of(&response, Framing::Length { close: true }))
}

/// More than any client under test sends, in bytes.
const MAX_HEAD: usize = 64 * 1024;

/// More than any client under test sends, in bytes.
const MAX_BODY: usize = 1024 * 1024;

const MAX_HEADERS: usize = 64;

//! One HTTP/1.1 connection: reads requests, writes answers, until either side has enough.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;

use http::{HeaderMap, Request, Response, header};

/// Serves a connection until it is closed, broken or wants something unsupported.
pub(super) fn serve(
    mut stream: TcpStream,
    handle: impl Fn(&Request<Vec<u8>>) -> Response<Vec<u8>>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::new();
    loop {
        let Some(head) = read_head(&mut stream, &mut buffer)? else {
            return Ok(());
        };
        let (mut request, length) = match head {
            Ok(head) => head,
            Err(status) => return refuse(&mut stream, status),
        };
        if request.headers().get(header::EXPECT).is_some_and(|value| value == "100-continue") {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        while buffer.len() < length {
            if fill(&mut stream, &mut buffer)? == 0 {
                return Ok(());
            }
        }
        let rest = buffer.split_off(length);
        *request.body_mut() = core::mem::replace(&mut buffer, rest);
        let close = request.headers().get(header::CONNECTION).is_some_and(|value| value == "close");
        let response = handle(&request);
        write(&mut stream, &response, close)?;
        if close {
            return Ok(());
        }
    }
}

/// A request without its body and the length of that, or the status that refuses it.
type Head = Result<(Request<Vec<u8>>, usize), u16>;

/// Reads until the blank line and takes the head off the buffer; `None` if the client is gone.
fn read_head(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<Head>> {
    loop {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut parsed = httparse::Request::new(&mut headers);
        match parsed.parse(buffer) {
            Ok(httparse::Status::Complete(length)) => {
                let head = convert(&parsed);
                buffer.drain(..length);
                return Ok(Some(head));
            }
            Ok(httparse::Status::Partial) if buffer.len() > MAX_HEAD => return Ok(Some(Err(431))),
            Ok(httparse::Status::Partial) => {}
            Err(_) => return Ok(Some(Err(400))),
        }
        if fill(stream, buffer)? == 0 {
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

fn fill(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<usize> {
    let mut piece = [0; 4096];
    let read = stream.read(&mut piece)?;
    buffer.extend_from_slice(&piece[..read]);
    Ok(read)
}

fn write(stream: &mut TcpStream, response: &Response<Vec<u8>>, close: bool) -> io::Result<()> {
    let status = response.status();
    let reason = status.canonical_reason().unwrap_or("Unknown");
    let mut bytes = format!("HTTP/1.1 {} {reason}\r\n", status.as_u16()).into_bytes();
    for (name, value) in response.headers() {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    if close {
        bytes.extend_from_slice(b"connection: close\r\n");
    }
    // A 204 or 304 has neither a body nor its length (RFC 9110 §8.6).
    let body: &[u8] = if matches!(status.as_u16(), 204 | 304) { &[] } else { response.body() };
    if !matches!(status.as_u16(), 204 | 304) {
        bytes.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    stream.write_all(&bytes)
}

fn refuse(stream: &mut TcpStream, status: u16) -> io::Result<()> {
    let mut response = Response::new(Vec::new());
    *response.status_mut() =
        http::StatusCode::from_u16(status).expect("the refusals here are valid statuses");
    write(stream, &response, true)
}

/// More than any client under test sends, in bytes.
const MAX_HEAD: usize = 64 * 1024;

/// More than any client under test sends, in bytes.
const MAX_BODY: usize = 1024 * 1024;

const MAX_HEADERS: usize = 64;

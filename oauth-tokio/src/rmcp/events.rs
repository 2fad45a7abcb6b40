//! The events of a stream, none of them larger than the host allows.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ::rmcp::transport::common::client_side_sse::BoxedSseResponse;
use ::rmcp::transport::streamable_http_client::SseError;
use futures_core::Stream;
use http_body::{Body, Frame};
use reqwest::Response;
use sse_stream::{Sse, SseStream};

use crate::Error;
use crate::http::unsent;

/// What is told on a stream.
pub(super) fn events(answer: Response, max: usize) -> BoxedSseResponse {
    let body = Bounded { body: answer.into(), size: Size::default(), max, is_broken: false };
    let inner: BoxedSseResponse = Box::pin(SseStream::new(body));
    Box::pin(Events { inner, is_resumable: false, last: None })
}

/// Where a stream would have to go on that was given up for an event that is too large. rmcp asks for what comes after
/// the last event, which is that one again, at once and without end: what it asks for then is this, and it is refused
/// here. No server can name an event like that: a parser ignores names with a NUL.
pub(super) const GIVEN_UP: &str = "\0given up";

/// Why a stream ended that should not have.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("{0}")]
    Lost(#[source] Error),
    #[error(
        "an event of the MCP server is larger than the {max} bytes that the host allows \
         (`max_sse_event_size`)"
    )]
    TooLarge { max: usize },
}

/// The events, and a last one before an event that is too large.
struct Events {
    inner: BoxedSseResponse,
    /// Whether rmcp would ask for the rest: an event had a name.
    is_resumable: bool,
    last: Option<SseError>,
}

impl Stream for Events {
    type Item = Result<Sse, SseError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(error) = self.last.take() {
            return Poll::Ready(Some(Err(error)));
        }
        let next = ready!(self.inner.as_mut().poll_next(context));
        Poll::Ready(match next {
            Some(Err(error)) if self.is_resumable && is_too_large(&error) => {
                self.last = Some(error);
                Some(Ok(Sse::default().id(GIVEN_UP)))
            }
            Some(Ok(event)) => {
                self.is_resumable |= event.id.is_some();
                Some(Ok(event))
            }
            next => next,
        })
    }
}

fn is_too_large(error: &SseError) -> bool {
    let SseError::Body(error) = error else { return false };
    matches!(error.downcast_ref(), Some(Broken::TooLarge { .. }))
}

/// The body of an answer, as far as its events are not too large: the parser keeps an event until its end.
struct Bounded {
    body: reqwest::Body,
    size: Size,
    max: usize,
    is_broken: bool,
}

impl Body for Bounded {
    type Data = <reqwest::Body as Body>::Data;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Broken>>> {
        if self.is_broken {
            return Poll::Ready(None);
        }
        let frame = match ready!(Pin::new(&mut self.body).poll_frame(context)) {
            Some(frame) => frame.map_err(|error| Broken::Lost(unsent(error))),
            None => return Poll::Ready(None),
        };
        let max = self.max;
        let frame = frame.and_then(|frame| match frame.data_ref() {
            Some(data) if !self.size.stays_within(data, max) => Err(Broken::TooLarge { max }),
            _ => Ok(frame),
        });
        self.is_broken = frame.is_err();
        Poll::Ready(Some(frame))
    }
}

/// How much there is of an event: its finished lines, and the line that is not finished.
#[derive(Debug, Default)]
struct Size {
    finished: usize,
    line: usize,
    is_comment: bool,
    after_return: bool,
}

impl Size {
    fn stays_within(&mut self, data: &[u8], max: usize) -> bool {
        data.iter().all(|byte| {
            self.count(*byte);
            self.finished.saturating_add(self.line) <= max
        })
    }

    fn count(&mut self, byte: u8) {
        let is_one_end = std::mem::replace(&mut self.after_return, byte == b'\r');
        match byte {
            b'\n' if is_one_end => {}
            b'\r' | b'\n' => self.end_line(),
            _ => {
                if self.line == 0 {
                    self.is_comment = byte == b':';
                }
                self.line = self.line.saturating_add(1);
            }
        }
    }

    /// An empty line is the end of an event; nothing of a comment is kept.
    fn end_line(&mut self) {
        self.finished = match self.line {
            0 => 0,
            _ if self.is_comment => self.finished,
            // The lines are joined by one byte.
            line => self.finished.saturating_add(line).saturating_add(1),
        };
        self.line = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a stream stays within ten bytes, in whatever pieces it comes.
    fn stays(stream: &str) -> bool {
        let [whole, single] = [stream.len(), 1].map(|length| {
            let mut size = Size::default();
            stream.as_bytes().chunks(length).all(|piece| size.stays_within(piece, 10))
        });
        assert_eq!(whole, single, "{stream:?}");
        whole
    }

    #[test]
    fn an_event_may_be_as_large_as_allowed_and_no_larger() {
        for end in ["\n", "\r", "\r\n"] {
            let lines = |lines: &[&str]| lines.concat().replace('|', end);
            // With the byte that ends or joins it.
            assert!(stays(&lines(&["data:1234|", "|", "data:1234|", "|"])));
            assert!(stays(&lines(&["id:1|", "a:12|"])));
            assert!(!stays(&lines(&["data:12345|"])));
            assert!(!stays(&lines(&["id:1|", "a:123|"])));
            assert!(!stays(&lines(&["data:123456"])));
            // One by one, comments take no room; as a line that does not end, they do.
            assert!(stays(&lines(&[":12345678|", ":12345678|", "data:1234|", "|"])));
            assert!(!stays(&lines(&[":1234567890"])));
        }
    }
}

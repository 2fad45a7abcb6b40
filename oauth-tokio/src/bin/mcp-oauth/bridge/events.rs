//! A stream of events, as the WHATWG says (HTML, "Server-sent events"): what is in them, and where one is taken up again.

use std::mem;
use std::time::Duration;

/// What the streams that were read so far have said. Each begins where the one before has ended.
#[derive(Debug, Default)]
pub(super) struct Events {
    last_id: Option<String>,
    pause: Option<Duration>,
}

/// One of them, and what of it is no whole event yet: that goes with it, however it ends.
#[derive(Debug)]
pub(super) struct Stream<'a> {
    events: &'a mut Events,
    /// Without a line end yet.
    rest: Vec<u8>,
    /// How much of that has none.
    searched: usize,
    /// Whether a line feed that comes next is the second half of a line end.
    is_after_return: bool,
    /// Whether a mark of the byte order would be a part of the text.
    is_begun: bool,
    /// The lines of the event that is read.
    data: Vec<String>,
    /// Its name, if it has one of its own.
    id: Option<String>,
}

impl Events {
    /// What comes next is another stream.
    pub(super) fn stream(&mut self) -> Stream<'_> {
        Stream {
            events: self,
            rest: Vec::new(),
            searched: 0,
            is_after_return: false,
            is_begun: false,
            data: Vec::new(),
            id: None,
        }
    }

    /// Behind which event the stream goes on.
    pub(super) fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref()
    }

    /// How long to wait before that: what the server wants, within reason.
    pub(super) fn pause(&self) -> Duration {
        self.pause.unwrap_or(PAUSE).clamp(SHORTEST, LONGEST)
    }

    /// The same after so many attempts in vain: twice as long each time.
    pub(super) fn pause_after(&self, in_vain: u32) -> Duration {
        self.pause().saturating_mul(1 << in_vain.min(MOST_DOUBLINGS)).min(LONGEST)
    }
}

impl Stream<'_> {
    /// The data of each event that ends in these bytes. One without data, as servers send to say where a stream can be taken
    /// up, has none.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Vec<String> {
        let half = bytes.strip_prefix(b"\n").filter(|_| self.is_after_return);
        self.is_after_return &= bytes.is_empty();
        self.rest.extend_from_slice(half.unwrap_or(bytes));
        let mut read = Vec::new();
        while let Some(line) = self.next_line() {
            let line = String::from_utf8_lossy(&line);
            let mark = if self.is_begun { None } else { line.strip_prefix('\u{feff}') };
            self.is_begun = true;
            self.line(mark.unwrap_or(&line), &mut read);
        }
        read
    }

    /// A line without its end, which is a line feed, a carriage return, or both. No byte is searched twice: an event may be
    /// as long as a file.
    fn next_line(&mut self) -> Option<Vec<u8>> {
        let new = &self.rest[self.searched..];
        let Some(end) = new.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
            self.searched = self.rest.len();
            return None;
        };
        let (end, is_return) = (self.searched + end, new[end] == b'\r');
        let is_both = is_return && self.rest.get(end + 1) == Some(&b'\n');
        let after = self.rest.split_off(end + 1 + usize::from(is_both));
        let mut line = mem::replace(&mut self.rest, after);
        line.truncate(end);
        (self.searched, self.is_after_return) = (0, is_return && !is_both && self.rest.is_empty());
        Some(line)
    }

    fn line(&mut self, line: &str, read: &mut Vec<String>) {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "" if line.is_empty() => {
                let data = mem::take(&mut self.data).join("\n");
                read.extend((!data.is_empty()).then_some(data));
                self.events.last_id = self.id.take().or(self.events.last_id.take());
            }
            "data" => self.data.push(value.into()),
            "id" if !value.contains('\0') => self.id = Some(value.into()),
            "retry" => {
                let pause = value.parse().ok().map(Duration::from_millis);
                self.events.pause = pause.or(self.events.pause);
            }
            // A comment, a name, or what nobody knows.
            _ => {}
        }
    }
}

const PAUSE: Duration = Duration::from_secs(1);

const SHORTEST: Duration = Duration::from_millis(100);

const LONGEST: Duration = Duration::from_secs(30);

const MOST_DOUBLINGS: u32 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_out_however_they_are_cut() {
        let stream = "id: 1\ndata: {\"a\":1}\n\n: a comment\nid: 2\nretry: 250\ndata:\n\n\
                      event: message\ndata: {\ndata: }\n\ndata: not over";
        for line_end in ["\n", "\r\n", "\r"] {
            for mark in ["", "\u{feff}"] {
                let stream = format!("{mark}{}", stream.replace('\n', line_end));
                for size in [1, 2, 3, 7, stream.len()] {
                    let mut events = Events::default();
                    let mut reader = events.stream();
                    let chunks = stream.as_bytes().chunks(size);
                    let read: Vec<_> = chunks.flat_map(|it| reader.read(it)).collect();
                    assert_eq!(read, ["{\"a\":1}", "{\n}"], "{stream:?}, {size}");
                    let said = (events.last_id(), events.pause());
                    assert_eq!(said, (Some("2"), Duration::from_millis(250)));
                }
            }
        }
    }

    #[test]
    fn what_is_no_whole_event_when_a_stream_breaks_is_sent_again() {
        let mut events = Events::default();
        assert_eq!(events.stream().read(b"id: 1\ndata: a\n\nid: 2\ndata: b"), ["a"]);
        assert_eq!(events.last_id(), Some("1"));
        assert_eq!(events.stream().read(b"id: 2\ndata: b\n\n"), ["b"]);
        assert_eq!(events.last_id(), Some("2"));
    }
}

//! A stream of events, as the WHATWG says (HTML, "Server-sent events"): what is in them, and where one is taken up again.

use std::mem;
use std::time::Duration;

/// What was read so far.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// Without a line end yet.
    rest: Vec<u8>,
    /// How much of that has none.
    searched: usize,
    /// The lines of the event that is read.
    data: Vec<String>,
    last_id: Option<String>,
    pause: Option<Duration>,
}

impl Events {
    /// The data of each event that ends in these bytes. One without data, as servers send to say where a stream can be taken
    /// up, has none.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Vec<String> {
        self.rest.extend_from_slice(bytes);
        let mut read = Vec::new();
        while let Some(end) = self.line_end() {
            let after = self.rest.split_off(end + 1);
            let line = mem::replace(&mut self.rest, after);
            let line = String::from_utf8_lossy(&line);
            self.line(line.trim_end_matches(['\n', '\r']), &mut read);
        }
        read
    }

    /// No byte is looked at twice: an event may be as long as a file.
    fn line_end(&mut self) -> Option<usize> {
        let new = self.rest.get(self.searched..).unwrap_or_default();
        let end = new.iter().position(|byte| *byte == b'\n').map(|at| self.searched + at);
        self.searched = if end.is_some() { 0 } else { self.rest.len() };
        end
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

    fn line(&mut self, line: &str, read: &mut Vec<String>) {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "" if line.is_empty() => {
                let data = mem::take(&mut self.data).join("\n");
                read.extend((!data.is_empty()).then_some(data));
            }
            "data" => self.data.push(value.into()),
            "id" if !value.contains('\0') => self.last_id = Some(value.into()),
            "retry" => self.pause = value.parse().ok().map(Duration::from_millis).or(self.pause),
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
        let stream = "id: 1\r\ndata: {\"a\":1}\r\n\r\n: a comment\nid: 2\nretry: 250\ndata:\n\n\
                      event: message\ndata: {\ndata: }\n\ndata: not over";
        for size in [1, 2, 3, 7, stream.len()] {
            let mut events = Events::default();
            let read: Vec<_> =
                stream.as_bytes().chunks(size).flat_map(|it| events.read(it)).collect();
            assert_eq!(read, ["{\"a\":1}", "{\n}"], "{size}");
            assert_eq!((events.last_id(), events.pause()), (Some("2"), Duration::from_millis(250)));
        }
    }
}

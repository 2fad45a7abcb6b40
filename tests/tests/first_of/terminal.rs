//! A terminal in memory, and who sits at it.

use std::io::{self, BufReader, Read, Write};
use std::sync::{Arc, Condvar, Mutex};

use oauth_blocking::{PasteBack, RedirectUri};

use crate::tokio_common::common::{ELSEWHERE, location};

/// What a person at a terminal does who is asked to paste.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Typing {
    /// Opens the page that is printed, and pastes where it ends.
    Address,
    /// Nothing.
    Nothing,
    /// The terminal is closed.
    Closed,
}

/// A terminal in memory, read by one side and written by the other.
#[derive(Clone, Default)]
pub(crate) struct Terminal(Arc<(Mutex<Screen>, Condvar)>);

#[derive(Default)]
pub(crate) struct Screen {
    printed: String,
    /// The same, and all that was there before.
    all: String,
    pages: usize,
    is_gone: bool,
}

/// The keyboard of a terminal.
pub(crate) struct Keyboard(Terminal, Typing);

impl Terminal {
    pub(crate) fn paste_back(&self, typing: Typing) -> PasteBack<BufReader<Keyboard>, Self> {
        let redirect_uri = RedirectUri::parse(ELSEWHERE).unwrap();
        PasteBack::new(redirect_uri, BufReader::new(Keyboard(self.clone(), typing)), self.clone())
    }

    /// All that was printed.
    pub(crate) fn words(&self) -> String {
        self.0.0.lock().unwrap().all.clone()
    }

    /// How many pages a person was asked to open here.
    pub(crate) fn pages(&self) -> usize {
        self.0.0.lock().unwrap().pages
    }
}

/// Whoever still reads when the test is over is let go.
pub(crate) struct LetGo(pub(crate) Terminal);

impl Drop for LetGo {
    fn drop(&mut self) {
        self.0.0.0.lock().unwrap().is_gone = true;
        self.0.0.1.notify_all();
    }
}

impl Write for Terminal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut screen = self.0.0.lock().unwrap();
        let words = std::str::from_utf8(bytes).unwrap();
        screen.printed.push_str(words);
        screen.all.push_str(words);
        screen.pages = screen.printed.matches("Open this page:").count();
        self.0.1.notify_all();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Keyboard {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Self(Terminal(terminal), typing) = self;
        let waits = |screen: &mut Screen| match typing {
            Typing::Closed => false,
            Typing::Nothing => !screen.is_gone,
            Typing::Address => !screen.is_gone && !screen.printed.contains("does not load: "),
        };
        let screen = terminal.1.wait_while(terminal.0.lock().unwrap(), waits).unwrap();
        if *typing != Typing::Address || screen.is_gone {
            return Ok(0);
        }
        let mut urls = screen.printed.split_whitespace().filter(|word| word.starts_with("http"));
        let url = urls.next_back().unwrap().to_owned();
        drop(screen);
        let line = location(&url) + "\n";
        terminal.0.lock().unwrap().printed.clear();
        buffer[..line.len()].copy_from_slice(line.as_bytes());
        Ok(line.len())
    }
}

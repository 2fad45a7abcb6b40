//! What the user sees in the end. No word of it comes from a server.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// A page, and the head of the answer that carries it.
#[derive(Clone, Copy)]
pub(super) struct Page {
    status: &'static str,
    title: &'static str,
    text: &'static str,
    /// Class and text.
    mark: (&'static str, &'static str),
    script: Script,
}

/// All that a page runs, and the hash by which its policy lets it.
#[derive(Clone, Copy)]
struct Script {
    text: &'static str,
    hash: &'static str,
}

impl Page {
    pub(super) fn refusal(status: &'static str) -> Self {
        Self { status, ..REFUSED }
    }

    pub(super) const fn failure(text: &'static str) -> Self {
        Self { text, ..FAILED }
    }

    pub(super) fn write(self, with_body: bool) -> Vec<u8> {
        let Self { title, text, mark: (class, mark), script: Script { text: script, .. }, .. } =
            self;
        let body = format!(
            "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\
             <style>{STYLE}</style><b class=\"{class}\" aria-hidden=\"true\">{mark}</b>\
             <h1>{title}</h1><p>{text}</p><script>{script}</script></html>\n"
        );
        let head = self.head(body.len(), &format!("style-src '{STYLE_HASH}'"));
        if with_body { (head + &body).into_bytes() } else { head.into_bytes() }
    }

    /// With a document of the host's in the place of ours. The script comes behind its end, where browsers take it for
    /// the last of its body.
    pub(super) fn write_own(self, html: &str) -> Vec<u8> {
        let script = self.script.text;
        let body = format!("{html}\n<script>{script}</script>\n");
        (self.head(body.len(), "style-src 'unsafe-inline'; img-src data:") + &body).into_bytes()
    }

    fn head(self, length: usize, loads: &str) -> String {
        let Self { status, script: Script { hash: script_hash, .. }, .. } = self;
        format!(
            "HTTP/1.1 {status}\r\n\
             Allow: GET, HEAD\r\n\
             Cache-Control: no-store\r\n\
             Connection: close\r\n\
             Content-Length: {length}\r\n\
             Content-Security-Policy: default-src 'none'; {loads}; \
             script-src '{script_hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n\
             Content-Type: text/html; charset=utf-8\r\n\
             Referrer-Policy: no-referrer\r\n\
             X-Content-Type-Options: nosniff\r\n\r\n"
        )
    }
}

pub(super) const LOGGED_IN: Page = Page {
    status: "200 OK",
    title: "You are logged in",
    text: "You can close this window.",
    mark: ("good", "&#10003;"),
    script: CLEAN_AND_CLOSE,
};

pub(super) const GOES_ON: Page = Page {
    status: "200 OK",
    title: "The application goes on with the login",
    text: "Go back to it to see what comes of it. You can close this window.",
    mark: ("none", "&#8230;"),
    script: CLEAN,
};

const FAILED: Page = Page {
    status: "200 OK",
    title: "The login did not succeed",
    text: "Go back to the application to see why.",
    mark: ("bad", "!"),
    script: CLEAN,
};

/// The same for all refusals: what was wrong is nobody's business who guesses.
const REFUSED: Page = Page {
    status: "400 Bad Request",
    title: "There is nothing to see here",
    text: "If you are logging in, use the window that was opened last.",
    mark: ("none", "?"),
    script: CLEAN,
};

const STYLE: &str = "\
    body{font:1.1em/1.5 system-ui,sans-serif;margin:18vh auto 0;max-width:26em;padding:0 1.5em;text-align:center}\
    h1{font-size:1.5em;line-height:1.25;margin:.5em 0}p{margin:0;opacity:.8}\
    b{color:#fff;border-radius:50%;display:block;font-size:1.75em;height:2em;line-height:2em;margin:auto;width:2em}\
    b.good{background:#1a7f4b}b.bad{background:#b3372f}b.none{background:#6b6f76}\
    :root{color-scheme:light dark}";
const STYLE_HASH: &str = "sha256-cgC7Kx6QyBMedzVj5ILJo30GCSzTgdvCwWECXpCHHiA=";

/// Takes what came with the redirect out of the address bar and the tab's history. Another page to be
/// redirected to would have to be served when the login is over.
const CLEAN: Script = Script {
    text: "history.replaceState(null,'',location.pathname)",
    hash: "sha256-UBodp8UhLR9ASBc1PNRKcs3r2CjAFWxCbrUGPN7u1jo=",
};

/// The same, and closes the window where browsers let a page do so.
const CLEAN_AND_CLOSE: Script = Script {
    text: "history.replaceState(null,'',location.pathname);setTimeout(()=>close(),3000)",
    hash: "sha256-41UwlbVF7S9JCsR866ZdtymKGi2zd72hj+GyrKOMZOA=",
};

//! A page that shows what happened at served worlds, as it happens.

use alloc::sync::Arc;
use core::fmt::Write as _;
use core::net::Ipv4Addr;
use std::io;
use std::net::TcpListener;
use std::thread;

use http::{Request, Response, header};

use super::{Served, Shared, connection};
use crate::world::Escaped;

impl Served {
    /// Opens a page for a person, at a port of its own, and says where: a [picture](crate::world::World::picture) of each
    /// world, made anew every two seconds. It stays until the program ends.
    ///
    /// # Errors
    /// What the operating system says when it gives no port.
    pub fn show(worlds: &[&Self]) -> io::Result<String> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let url = format!("http://{}/", listener.local_addr()?);
        let worlds: Vec<_> = worlds.iter().map(|served| Arc::clone(&served.shared)).collect();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let worlds = worlds.clone();
                // A browser that goes away is no concern of ours.
                thread::spawn(move || {
                    drop(connection::serve(stream, || false, |request| answer(request, &worlds)));
                });
            }
        });
        Ok(url)
    }
}

fn answer(request: &Request<Vec<u8>>, worlds: &[Arc<Shared>]) -> Response<Vec<u8>> {
    let (status, text) = match request.uri().path() {
        "/" => (200, page(worlds)),
        _ => (404, String::new()),
    };
    let response = Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "text/html; charset=utf-8")
        // Nothing runs here, and nothing is asked elsewhere.
        .header(header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'")
        .header(header::CACHE_CONTROL, "no-store");
    response.body(text.into_bytes()).expect("all of it is constant")
}

fn page(worlds: &[Arc<Shared>]) -> String {
    let mut page = String::from(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"2\">\
         <title>Simulated MCP servers</title><style>body{font:15px system-ui,sans-serif;margin:2rem;color:#223}\
         code{background:#eef;padding:.1em .3em}svg{max-width:100%;height:auto}</style>\
         <h1>Simulated MCP servers</h1>",
    );
    for shared in worlds {
        let world = shared.lock_world();
        let url = world.server_url();
        // Nothing fails to be written into a text.
        let _ = write!(page, "<h2><code>{}</code></h2>", Escaped(&url));
        page.push_str(match (world.log.is_empty(), world.violations.is_empty()) {
            (true, _) => "<p>Nobody has called it yet: give this URL to a client.</p>",
            (false, true) => "<p>The client has broken no rule.</p>",
            (false, false) => "<p>The client has broken rules, named below.</p>",
        });
        page.push_str(&world.picture());
    }
    page.push_str("</html>");
    page
}

//! Logs in at the server that is named, and has the token. The person opens the page, and brings back the URL that it
//! leads to; tokens are in memory.

use std::error::Error;

use oauth_blocking::{MemoryTokenStorage, OAuth, PasteBack};

fn main() -> Result<(), Box<dyn Error>> {
    let server = std::env::args().nth(1).ok_or("which server?")?;
    let builder = OAuth::new(&server)?.application("login");
    let builder = builder.token_storage(MemoryTokenStorage::new());
    let oauth = builder.user_agent(PasteBack::terminal()?).build()?;
    println!("a token of {} bytes", oauth.authenticate()?.token().len());
    Ok(())
}

//! Logs in at the server that is named, and has the token. The person opens the page, and brings back the URL that it
//! leads to; tokens are in memory.

use std::error::Error;
use std::io;

use rmcp::transport::auth::{AuthorizationRequest, OAuthState};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = std::env::args().nth(1).ok_or("which server?")?;
    let mut state = OAuthState::new(&server, None).await?;
    let request = AuthorizationRequest::new("http://127.0.0.1:51004/callback");
    state.start_authorization(request.with_client_name("login")).await?;
    println!("{}", state.get_authorization_url().await?);
    let mut back = String::new();
    io::stdin().read_line(&mut back)?;
    state.handle_callback_url(back.trim()).await?;
    println!("a token of {} bytes", state.get_access_token().await?.len());
    Ok(())
}

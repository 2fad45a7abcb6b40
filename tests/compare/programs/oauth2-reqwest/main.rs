//! Logs in at the endpoints that are named, with the client that is named, and has the token. The person opens the page,
//! and brings back `state` and code from the URL that it leads to; the token is in memory.

use std::error::Error;
use std::io;

use oauth2::basic::BasicClient;
use oauth2::reqwest::{Client, redirect};
use oauth2::{
    AuthUrl, AuthorizationCode, ClientId, CsrfToken, PkceCodeChallenge, RedirectUrl,
    TokenResponse as _, TokenUrl,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut named = std::env::args().skip(1);
    let mut next = || named.next().ok_or("which endpoints, and which client?");
    let client = BasicClient::new(ClientId::new(next()?))
        .set_auth_uri(AuthUrl::new(next()?)?)
        .set_token_uri(TokenUrl::new(next()?)?)
        .set_redirect_uri(RedirectUrl::new("http://127.0.0.1:51004/callback".to_owned())?);
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let request = client.authorize_url(CsrfToken::new_random).set_pkce_challenge(challenge);
    let (url, state) = request.url();
    println!("{url}");
    let mut back = String::new();
    io::stdin().read_line(&mut back)?;
    let (brought, code) = back.trim().split_once(' ').ok_or("state and code")?;
    if brought != state.secret() {
        return Err("this is not the answer to this login".into());
    }
    let http = Client::builder().redirect(redirect::Policy::none()).build()?;
    let code = AuthorizationCode::new(code.to_owned());
    let exchange = client.exchange_code(code).set_pkce_verifier(verifier);
    let tokens = exchange.request_async(&http).await?;
    println!("a token of {} bytes", tokens.access_token().secret().len());
    Ok(())
}

//! `mcp-oauth`: logins to MCP servers, for people and their scripts.
//!
//! ```text
//!   mcp-oauth login URL      in a browser; --paste over SSH, --device with another device
//!   mcp-oauth token URL      the token and nothing else
//!   mcp-oauth list           all logins of this user
//!   mcp-oauth logout URL     revokes, and deletes
//!   mcp-oauth doctor URL     what a login would do, or why none can begin
//!   mcp-oauth import …       the login of another program
//!   mcp-oauth seal           encrypts what is stored
//!   mcp-oauth bridge URL     a remote server for a host that starts local ones
//! ```
//!
//! It ends with 0, or with a number that scripts can ask for: see [`outcome`].

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;

use crate::home::Home;
use crate::outcome::Failure;

mod bridge;
mod doctor;
mod home;
mod import;
mod list;
mod login;
mod logout;
mod outcome;
mod said;
mod seal;
mod server;
mod spinner;
mod time;
mod token;

/// Log in to MCP servers, and use what a login brings.
#[derive(Debug, Parser)]
#[command(name = "mcp-oauth", version, after_help = outcome::HELP)]
struct Cli {
    #[command(flatten)]
    home: Home,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Log in, unless there is a token already
    Login(login::Login),
    /// Print the token, renewed if need be; never log in unless told to
    Token(token::Token),
    /// Show all logins
    List(list::List),
    /// Revoke the tokens of a login, and delete them
    Logout(logout::Logout),
    /// Say what a login would do, or why none can begin, without logging in
    Doctor(doctor::Doctor),
    /// Take over the login that another program has made
    Import(import::Import),
    /// Encrypt all logins, with a key in this system's keyring
    ///
    /// From then on they can be used only where that keyring answers: in the user's own session, and not by a job that runs
    /// without it. For such a job, log in with a --home of its own. There is no way back but --discard, and to log in again.
    Seal(seal::Seal),
    /// Speak MCP on standard input and output for a remote server, with its login
    Bridge(bridge::Bridge),
    /// Print a script that completes commands in a shell
    Completions {
        /// For which shell
        shell: Shell,
    },
    /// Print the manual page
    Man,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::from(error).end(),
    };
    let ended = runtime.block_on(run(cli));
    // A thread that reads standard input does not end by itself.
    runtime.shutdown_background();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.end(),
    }
}

async fn run(Cli { home, command }: Cli) -> Result<(), Failure> {
    match command {
        Command::Login(login) => login.run(&home).await,
        Command::Token(token) => token.run(&home).await,
        Command::List(list) => list.run(&home).await,
        Command::Logout(logout) => logout.run(&home).await,
        Command::Doctor(doctor) => doctor.run(&home).await,
        Command::Import(import) => import.run(&home).await,
        Command::Seal(seal) => seal.run(&home).await,
        Command::Bridge(bridge) => bridge.run(&home).await,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "mcp-oauth", &mut script);
            Ok(io::stdout().write_all(&script)?)
        }
        Command::Man => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut page)?;
            Ok(io::stdout().write_all(&page)?)
        }
    }
}

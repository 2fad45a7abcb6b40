//! What a host answers to a turn; refused unless the session is at that turn.

use oauth_core::Entropy;
use oauth_core::error::Silence;
use oauth_core::flow::RedirectUri;
use oauth_core::session::{Record, Session, Turn};
use oauth_core::wire::Unsigned;

use crate::error::Failure;
use crate::function::Function;
use crate::input::{self, Input};

/// Tells the session that the store failed. Whether it goes on without it.
pub(crate) fn failed(session: &mut Session, mut input: Input) -> Result<bool, Failure> {
    let turn = session.turn().map_err(|_| Failure::OutOfTurn)?;
    Ok(match turn {
        Turn::Load(reply) => reply.failed(input.now()?),
        Turn::Lock(_, reply) => reply.failed(input.now()?),
        Turn::Reserve(reply) => reply.failed(input.now()?),
        Turn::Save(reply) => reply.failed(input.now()?),
        _ => return Err(Failure::OutOfTurn),
    })
}

/// What is to be signed.
pub(crate) fn unsigned(
    session: &mut Session,
    mut input: Input,
    bytes: &[u8],
) -> Result<Unsigned, Failure> {
    let Ok(Turn::Sign(reply)) = session.turn() else { return Err(Failure::OutOfTurn) };
    reply.unsigned(input::random(bytes)?, input.now()?).ok_or(Failure::OutOfTurn)
}

/// Hands an answer to the session. All of the input is read before anything changes.
pub(crate) fn give(
    session: &mut Session,
    function: Function,
    mut input: Input,
    bytes: &[u8],
) -> Result<(), Failure> {
    let turn = session.turn().map_err(|_| Failure::OutOfTurn)?;
    match (function, turn) {
        (Function::Loaded, Turn::Load(reply)) => {
            let record = input.record.take();
            let record = record.map(|text| Record::from_json(text.expose().as_bytes()));
            let record = record.transpose().map_err(Failure::Record)?;
            let is_lost = input.lost_key && !reply.is_of_logout();
            let record = if is_lost { record.map(Record::with_lost_key) } else { record };
            reply.loaded(record, input.now()?);
        }
        (Function::Locked, Turn::Lock(_, reply)) => reply.locked(),
        (Function::Reserved, Turn::Reserve(reply)) => reply.reserved(),
        (Function::Lost, Turn::Reserve(reply)) => reply.lost(input.now()?),
        (Function::Lost, Turn::Http(_, reply)) => reply.lost(input.now()?),
        (Function::Saved, Turn::Save(reply)) => reply.saved(input.now()?),
        (Function::Conflict, Turn::Save(reply)) => reply.conflict(input.stored()?),
        (Function::Unlocked, Turn::Unlock(_, reply)) => reply.unlocked(),
        (Function::Response, Turn::Http(_, reply)) => {
            let status = input.status()?;
            reply.response(&input.response(status, bytes), input.now()?);
        }
        (Function::Unreachable, Turn::Http(_, reply)) => {
            reply.unanswered(Silence::new(input.obstacle, &input.words), input.now()?);
        }
        (Function::Challenge, Turn::Login(mut reply)) => reply.challenge(input.challenges()),
        (Function::Begin, Turn::Login(reply)) => reply.begin(),
        (Function::Signed, Turn::Sign(reply)) => {
            let (unsigned, now) = (input.unsigned()?, input.now()?);
            reply.signed(&unsigned, bytes, now).map_err(oauth_core::Error::from)?;
        }
        (Function::Given, Turn::Assertion(reply)) => {
            let (subject, now) = (input.subject()?, input.now()?);
            reply.given(subject, now);
        }
        (Function::Given, Turn::Key(reply)) => {
            let (key, now) = (input.new_key()?, input.now()?);
            reply.given(key, now);
        }
        (Function::Unavailable, Turn::Key(reply)) => {
            let (reason, now) = (input.reason()?, input.now()?);
            reply.failed(&reason, now);
        }
        (Function::Unavailable, Turn::Sign(reply)) => {
            let (reason, now) = (input.reason()?, input.now()?);
            reply.failed(&reason, now);
        }
        (Function::Unavailable, Turn::Assertion(reply)) => {
            let (reason, now) = (input.reason()?, input.now()?);
            reply.failed(&reason, now);
        }
        (Function::Prepared, Turn::Prepare(reply)) => {
            let redirect_uri = RedirectUri::parse(&input.redirect_uri()?)?;
            let redirect_uri =
                if input.any_port { redirect_uri.at_any_port() } else { redirect_uri };
            let bytes = bytes.try_into().map_err(|_| Failure::Lacks("64 random bytes"))?;
            reply.prepared(redirect_uri, Entropy::from_bytes(bytes), input.now()?);
        }
        (Function::Redirected, Turn::Browser(_, reply)) => {
            let now = input.now()?;
            reply.redirect(input.query()?.expose(), now)?;
        }
        (Function::Cancelled, Turn::Browser(_, reply)) => reply.cancelled(),
        (Function::Cancelled, Turn::Device(_, reply)) => reply.cancelled(),
        (Function::Cancelled, Turn::Wait(_, reply)) => reply.cancelled(),
        (Function::Shown, Turn::Device(_, reply)) => reply.shown(input.now()?),
        (Function::AskForCode, Turn::Browser(_, reply)) if reply.offers_code() => {
            reply.ask_for_code(input.now()?);
        }
        (Function::Waited, Turn::Browser(_, reply)) if reply.poll_at().is_some() => {
            reply.waited(input.now()?);
        }
        (Function::Waited, Turn::Wait(_, reply)) => reply.waited(input.now()?),
        _ => return Err(Failure::OutOfTurn),
    }
    Ok(())
}

//! Nothing of the key and of proofs is stored or shown where it should not be.

use oauth_core::session::{Attach, Turn};
use oauth_tests::drive::{Event, SERVER_URL};

use super::*;

#[test]
fn no_proof_is_ever_stored() {
    let minute = Nonces::Needed { seconds: 60 };
    let knobs = nonces(minute, minute);
    let stage = play(&knobs, &settings(), |stage| {
        assert_eq!(stage.call(LIST), Ok(200));
        stage.world.advance(knobs.access_lifetime);
        assert_eq!(stage.call(LIST), Ok(200));
    });
    let presented = stage.world.presented();
    assert!(presented.len() >= 6, "{}", presented.len());
    for sent in presented {
        assert!(stage.store.written.iter().all(|record| !record.contains(&sent)), "{sent}");
    }
}

#[test]
fn debug_shows_neither_key_nor_proof_nor_nonce_at_any_turn() {
    let minute = Nonces::Needed { seconds: 60 };
    let knobs = nonces(minute, minute);
    let mut stage = Stage::new(&knobs, &settings(), false);
    let mut printed = Vec::new();
    for _ in 0..2 {
        loop {
            printed.push(format!("{:?} {:#?}", stage.session(0), stage.session(0).snapshot()));
            match stage.session_mut(0).turn() {
                Ok(turn @ Turn::Http(..)) => printed.push(format!("{turn:?} {turn:#?}")),
                Ok(turn) => printed.push(format!("{turn:?}")),
                Err(error) => panic!("{error}"),
            }
            match stage.step(0).expect("it goes well") {
                Event::Login => stage.begin(0),
                Event::Ready => break,
                _ => {}
            }
        }
        let now = stage.now();
        let authorization = stage.session(0).authorization(now).expect("a token");
        let attach = authorization.attach("POST", SERVER_URL).expect("our server");
        printed.push(format!("{authorization:?} {attach:?} {:?}", authorization.dpop_key()));
        let Attach::Dpop(request) = attach else { panic!("it is bound") };
        let unsigned = request.unsigned([7; 16], now);
        let fields = request.fields(&unsigned, &[1; 64]).expect("a signature's length");
        printed.push(format!("{unsigned:?} {fields:?}"));
        assert!(!printed.iter().any(|it| it.contains(fields.dpop.expose())));
        stage.world.advance(knobs.access_lifetime);
        stage.session_mut(0).access();
    }
    let nonces = (1..=4).map(|number| format!("nonce-{number}"));
    let private = ["\"101\"".to_owned(), "Secret(101".to_owned()];
    for secret in stage.world.presented().into_iter().chain(nonces).chain(private) {
        let found = printed.iter().find(|text| text.contains(&secret));
        assert_eq!(found, None, "{secret:?} was printed");
    }
}

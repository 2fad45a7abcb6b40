//! Who the client is to a server, where servers are choosy about it: how it authenticates, with which scopes
//! it is registered, and what is tried when that is refused. Each scenario also restarts before every turn.

use oauth_core::wire::AuthMethod as Chosen;
use oauth_tests::drive::{Event, Stage, play, settings};
use oauth_tests::world::{AuthMethod, Knobs, What};

const LIST: &str = "tools/list";
const HOUR: u64 = 3600;

/// Servers on the Python SDK: they look for the client id in the body, and list Basic all the same.
fn python_sdk() -> Knobs {
    Knobs {
        token_auth_methods: Some(vec![AuthMethod::Post, AuthMethod::Basic]),
        refused_methods: vec![AuthMethod::Basic],
        ..Knobs::default()
    }
}

/// How the client of the stored grant authenticates.
fn method(stage: &Stage) -> Option<Chosen> {
    stage.record().map(|record| record.binding().client().auth_method())
}

#[test]
fn servers_that_list_post_and_basic_and_refuse_basic_let_their_users_in() {
    let stage = play(&python_sdk(), &settings(), |stage| {
        assert_eq!(stage.call(LIST), Ok(200));
        stage.world.advance(HOUR);
        assert_eq!(stage.call(LIST), Ok(200), "refreshed");
        assert_eq!(method(stage), Some(Chosen::ClientSecretPost));
        stage.session_mut(0).logout();
        assert!(matches!(stage.run(0), Ok(Event::LoggedOut(_))));
    });
    assert_eq!(stage.world.grants_alive(), 0, "revoked");
    assert_eq!((stage.logins(), stage.world.count(What::Register)), (1, 1));
}

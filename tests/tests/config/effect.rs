//! What a configuration file says reaches the servers, through both adapters.

use oauth_blocking::{AuthConfig, MemoryTokenStorage};
use oauth_tests::serve::Served;
use oauth_tests::world::{
    Exchange, Grant, Knobs, Legacy, PkceSupport, PrmLocation, PrmResource, What,
};
use oauth_tokio::{Blocking, SharedStorage};
use serde_json::{Value, json};

use crate::tokio_common::{self, common};
use common::LIST;

/// Calls once with each adapter. The outcomes are the status, or the code of the error.
async fn played(knobs: &Knobs, set: &Value) -> [(Result<u16, String>, Served); 2] {
    let config: AuthConfig = set.to_string().parse().unwrap();
    let one = common::serve(knobs.clone());
    let oauth = common::builder(&one, &MemoryTokenStorage::new()).config(config.clone()).unwrap();
    let outcome = common::call(&oauth.build().unwrap(), &one, LIST);
    let outcome = outcome.map_err(|error| error.code().to_owned());
    let other = common::serve(knobs.clone());
    let store = SharedStorage::from(Blocking::new(MemoryTokenStorage::new()));
    let oauth = tokio_common::builder(&other, &store).config(config).unwrap().build().unwrap();
    let on_tokio = tokio_common::call(&oauth, &other, LIST).await;
    [(outcome, one), (on_tokio.map_err(|error| error.code().to_owned()), other)]
}

#[tokio::test(flavor = "multi_thread")]
async fn tolerances_decide_whether_a_login_is_made() {
    let unlisted = Knobs { pkce: PkceSupport::Absent, ..Knobs::default() };
    let (prm_resource, prm_location) = (PrmResource::Origin, PrmLocation::Root);
    let partial = Knobs { prm_resource, prm_location, ..Knobs::default() };
    for (knobs, set, expected) in [
        (&unlisted, json!({}), Err("no_s256")),
        (&unlisted, json!({"tolerate": ["unlisted_s256"]}), Ok(200)),
        (&unlisted, json!({"strict": true, "tolerate": ["unlisted_s256"]}), Ok(200)),
        (&Knobs::legacy(Legacy::Endpoints), json!({}), Err("no_resource_metadata")),
        (&Knobs::legacy(Legacy::Endpoints), json!({"tolerate": ["legacy_2025_03_26"]}), Ok(200)),
        (&partial, json!({}), Ok(200)),
        (&partial, json!({"refuse": ["partial_resource"]}), Err("foreign_resource")),
        (&partial, json!({"strict": true}), Err("foreign_resource")),
    ] {
        for (outcome, _) in played(knobs, &set).await {
            assert_eq!(outcome.as_ref().map_err(|code| &**code).copied(), expected, "{set}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_say_what_the_file_wants() {
    let said = |exchange: &Exchange, name: &str| exchange.parameter(name).map(str::to_owned);
    for (set, name, at_authorization, at_token) in [
        (json!({"resource_mode": "omit"}), "resource", None, None),
        (
            json!({"resource_mode": {"fixed": "api://its-own-name"}}),
            "resource",
            Some("api://its-own-name"),
            Some("api://its-own-name"),
        ),
        (
            json!({"authorization_parameters": {"access_type": "offline"}}),
            "access_type",
            Some("offline"),
            None,
        ),
        (json!({"token_parameters": {"audience": "x"}}), "audience", None, Some("x")),
    ] {
        for (_, served) in played(&Knobs::default(), &set).await {
            let world = served.world();
            let asked = said(world.requests(What::Authorize)[0], name);
            assert_eq!(asked.as_deref(), at_authorization, "{set}");
            // Who names another resource gets no code here.
            if name != "resource" {
                let redeemed = said(world.requests(What::Token(Grant::Code))[0], name);
                assert_eq!(redeemed.as_deref(), at_token, "{set}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fixed_token_can_stand_among_other_settings() {
    let set = json!({"bearer": "an-api-key", "server_headers": {"x-edge-key": "k"}});
    for (outcome, served) in played(&Knobs::default(), &set).await {
        assert_eq!((outcome, served.world().oauth_requests()), (Ok(401), 0));
    }
}

//! Logins that are sealed with a key in the system's keyring.

use oauth_tests::serve::Served;
use oauth_tests::world::{Knobs, What};

use crate::command::Home;

#[tokio::test]
async fn without_a_keyring_nothing_is_sealed_and_that_is_said() {
    let (served, home) = (Served::start(Knobs::default()).unwrap(), Home::new());
    let url = served.server_url();
    assert_eq!(home.log_in(&url).await.code, 0);
    let refused = home.run(&["seal"]).await;
    assert_eq!((refused.code, refused.out.as_str()), (1, ""), "{refused:?}");
    assert!(refused.err.contains("no keyring in this session"), "{refused:?}");
    let discarded = home.run(&["seal", "--discard"]).await;
    assert!(discarded.out.starts_with("Nothing was sealed"), "{discarded:?}");
    assert_eq!(home.run(&["token", &url]).await.out, "at-1-auth\n");
    assert!(home.holds("at-1-auth"), "as before");
}

#[tokio::test]
#[ignore = "the keyring is that of tests/keyring/run"]
async fn what_is_sealed_is_used_where_the_keyring_is_and_nowhere_else() {
    let (served, home) = (Served::start(Knobs::default()).unwrap(), Home::new());
    let url = served.server_url();
    assert_eq!(home.log_in(&url).await.code, 0);
    let sealed = home.run_in_session("unlocked", &["seal"]).await;
    assert_eq!(sealed.code, 0, "{sealed:?}");
    assert!(sealed.out.starts_with("Sealed "), "{sealed:?}");
    assert!(!home.holds("at-1-auth"));

    let token = home.run_in_session("unlocked", &["token", &url]).await;
    assert_eq!((token.code, token.out.as_str()), (0, "at-1-auth\n"), "{token:?}");
    let again = home.run_in_session("unlocked", &["seal"]).await;
    assert!(again.out.starts_with("Nothing was plain"), "{again:?}");
    for command in [["token", &url], ["login", &url]] {
        let withheld = home.run(&command).await;
        assert_eq!((withheld.code, withheld.out.as_str()), (1, ""), "{withheld:?}");
        assert!(withheld.err.contains("no keyring in this session"), "{withheld:?}");
    }
    // What is wrong with that login is not what is wrong with another one.
    let (slash, none) = (format!("{url}/"), "refresh token: there was none");
    assert_eq!(home.run(&["token", &slash]).await.code, 3);
    let nothing = home.run(&["logout", &slash]).await;
    assert_eq!((nothing.code, nothing.out.starts_with(none)), (0, true), "{nothing:?}");
    let logout = home.run_in_session("unlocked", &["logout", &url]).await;
    assert_eq!(logout.code, 0, "{logout:?}");
    assert_eq!(served.world().count(What::Authorize), 1);

    // The client is there yet, and sealed. As if the key were lost:
    let discarded = home.run(&["seal", "--discard"]).await;
    assert!(discarded.out.starts_with("Deleted "), "{discarded:?}");
    assert_eq!(home.log_in(&url).await.code, 0);
    assert!(home.holds("at-2-auth"), "it is plain");
    assert_eq!(served.world().violations, [""; 0]);
}

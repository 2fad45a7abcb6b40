//! Logins, what is made of them, and how each command ends.

use std::time::Duration;

use oauth_tests::serve::Served;
use oauth_tests::world::{
    Consent, Damage, DeviceUser, Fault, Knobs, PkceSupport, PrmServers, Registration, What,
};
use serde_json::Value;

use crate::command::Home;

#[tokio::test]
async fn a_login_gives_tokens_is_listed_and_ends() {
    let (served, home) = (Served::start(Knobs::default()).unwrap(), Home::new());
    let url = served.server_url();
    let none = home.run(&["list"]).await;
    assert_eq!(
        (none.code, none.out.as_str()),
        (0, "There are no logins: `mcp-oauth login URL` makes one.\n")
    );

    let login = home.log_in(&url).await;
    assert_eq!(login.code, 0, "{login:?}");
    for part in
        ["Logged in.", &served.world().issuer(), "mcp:basic", "60 min, and is renewed by itself"]
    {
        assert!(login.out.contains(part), "{part} in {}", login.out);
    }
    assert_eq!(login.err.matches("response_type=code").count(), 1, "the page is printed once");

    let token = home.run(&["token", &url]).await;
    assert_eq!((token.code, token.out.as_str(), token.err.as_str()), (0, "at-1-auth\n", ""));
    let header = home.run(&["token", "--header", &url]).await;
    assert_eq!(header.out, "Authorization: Bearer at-1-auth\n");

    let listed = home.run(&["list"]).await.out;
    assert!(
        listed.starts_with("SERVER ") && listed.contains(&url) && !listed.contains("at-1"),
        "{listed}"
    );
    let json: Value = serde_json::from_str(&home.run(&["list", "--json"]).await.out).unwrap();
    assert_eq!(
        (&json[0]["server_url"], &json[0]["is_refreshable"]),
        (&url.as_str().into(), &true.into())
    );

    let logout = home.run(&["logout", &url]).await;
    assert_eq!(
        (logout.code, logout.out.as_str()),
        (0, "refresh token: revoked; access token: revoked\n")
    );
    assert_eq!(home.run(&["token", &url]).await.code, 3);
    assert_eq!(served.world().violations, [""; 0]);
}

#[tokio::test]
async fn a_login_on_another_device_shows_the_page_and_the_code() {
    let knobs = Knobs {
        device_user: DeviceUser::ApprovesAfter(1),
        device_interval: Some(1),
        ..Knobs::devices()
    };
    let (served, home) = (Served::start(knobs).unwrap(), Home::new());
    let url = served.server_url();
    let login = home.run(&["login", "--device", &url]).await;
    assert_eq!(login.code, 0, "{login:?}");
    assert!(login.out.contains("Logged in."), "{login:?}");
    let page = format!("{}/device", served.world().issuer().trim_end_matches('/'));
    let told = format!("To log in, open {page} on any device, and enter the code WDJB-0001.\n");
    assert!(login.err.contains(&told), "{login:?}");
    assert_eq!(home.run(&["token", &url]).await.out, "at-1-auth\n");
    assert_eq!(served.world().count(What::Authorize), 0);
    assert_eq!(served.world().violations, [""; 0]);
}

#[tokio::test]
async fn who_consents_is_told_that_another_server_asks_than_before() {
    let (served, home) = (Served::start(Knobs::devices()).unwrap(), Home::new());
    let url = served.server_url();
    let (first, issuer) = (home.log_in(&url).await, served.world().issuer());
    let moves = |to| served.world().knobs.prm_servers = to;
    served.world().knobs.device_user = DeviceUser::ApprovesAfter(0);

    moves(PrmServers::Second);
    let second = home.run(&["login", "--again", "--device", &url]).await;
    let told = format!("Another server than before will ask you: it was {issuer}.");
    assert!(second.code == 0 && second.err.contains(&told), "{second:?}");
    moves(PrmServers::One);
    let third = home.log_in_by(&["login", "--again", "--paste", &url]).await;
    assert!(third.code == 0 && third.err.contains("Another server than before"), "{third:?}");
    let again = home.log_in_by(&["login", "--again", "--paste", &url]).await;
    for same in [first, again] {
        assert!(same.code == 0 && !same.err.contains("Another server"), "{same:?}");
    }
}

#[tokio::test]
async fn a_token_that_has_expired_is_renewed_and_nobody_is_asked() {
    let knobs = Knobs { access_lifetime: 2, ..Knobs::default() };
    let (served, home) = (Served::start(knobs).unwrap(), Home::new());
    let url = served.server_url();
    assert_eq!(home.log_in(&url).await.code, 0);
    tokio::time::sleep(Duration::from_secs(3)).await;
    let listed = home.run(&["list"]).await.out;
    assert!(listed.contains("renewed when it is used"), "{listed}");
    assert_eq!(home.run(&["token", &url]).await.out, "at-2-auth\n");
    let again = home.run(&["login", &url]).await;
    assert_eq!((again.code, served.world().count(What::Authorize)), (0, 1), "there is a login");
}

#[tokio::test]
async fn a_command_ends_with_what_is_wrong() {
    let served = Served::start(Knobs { pkce: PkceSupport::Absent, ..Knobs::default() }).unwrap();
    let (home, url) = (Home::new(), served.server_url());
    for (arguments, code, said) in [
        (&["token"][..], 2, "<URL>"),
        (&["token", "no url"], 2, "error["),
        (&["doctor", &url, "--set", "scpe=x"], 2, "scope"),
        (&["doctor", &url, "--set", "scope"], 2, "NAME=VALUE"),
        (&["token", &url, "--paste"], 2, "say --login"),
        (&["token", &url, "--set", "bearer=a b"], 2, "error[token_characters]"),
        (&["token", &url], 3, "error[login_required]"),
        (&["doctor", &url], 4, ""),
        (&["doctor", "http://127.0.0.1:1/mcp"], 5, ""),
        (&["token", "--login", "http://127.0.0.1:1/mcp"], 5, "error[unreachable]"),
    ] {
        let ended = home.run(arguments).await;
        assert_eq!(ended.code, code, "{arguments:?} {ended:?}");
        assert!(ended.err.contains(said), "{arguments:?} {ended:?}");
    }
    let file = home.write("auth.json", r#"{"tolerate": ["unlisted_s256"]}"#);
    for setting in [["--set", "tolerate=unlisted_s256"], ["--config", &file]] {
        let allowed = home.run(&[&["doctor", &url, "--json"], &setting[..]].concat()).await;
        assert_eq!(allowed.code, 0, "{setting:?} {allowed:?}");
        let json: Value = serde_json::from_str(&allowed.out).unwrap();
        assert_eq!(json["forecast"]["login"]["client"], "dynamic");
    }
    let nothing = home.run(&["doctor", &url, "--config", "no-such-file"]).await;
    assert_eq!(nothing.code, 2, "{nothing:?}");
    assert!(nothing.err.contains("no-such-file"), "it says which file: {nothing:?}");
}

#[tokio::test]
async fn what_advice_names_is_said_as_it_is_typed() {
    let knobs = Knobs { registration: Registration::None, ..Knobs::default() };
    let (served, home) = (Served::start(knobs).unwrap(), Home::new());
    for command in ["doctor", "login"] {
        let ended = home.run(&[command, &served.server_url()]).await;
        assert_eq!(ended.code, 4, "{ended:?}");
        let typed =
            "Here, `client_id` is --set client_id=…; `client_secret` is --set client_secret=…";
        assert!(ended.err.contains(typed), "{ended:?}");
    }
}

#[tokio::test]
async fn who_means_another_login_is_told_of_it() {
    let (served, home) = (Served::start(Knobs::default()).unwrap(), Home::new());
    let url = served.server_url();
    let told = format!("There is a login for {url}, of profile work.\n");
    assert_eq!(home.log_in_by(&["login", "--paste", "--profile", "work", &url]).await.code, 0);
    let (slash, capitals) = (format!("{url}/"), url.replacen("http", "HTTP", 1));
    for (url, profile) in [(&url, ""), (&slash, "work"), (&capitals, "work")] {
        let arguments = ["--profile", profile, url];
        let token = home.run(&[&["token"], &arguments[..]].concat()).await;
        assert_eq!((token.code, token.err.contains(&told)), (3, true), "{token:?}");
        let logout = home.run(&[&["logout"], &arguments[..]].concat()).await;
        assert_eq!((logout.code, &logout.err), (0, &told), "{logout:?}");
    }
    assert_eq!(home.run(&["logout", "--profile", "work", &url]).await.err, "");
}

#[tokio::test]
async fn a_user_who_declines_is_not_logged_in() {
    let served = Served::start(Knobs { consent: Consent::Deny, ..Knobs::default() }).unwrap();
    let login = Home::new().log_in(&served.server_url()).await;
    assert_eq!(login.code, 3, "{login:?}");
    assert!(login.err.contains("the user declined"), "{login:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn tokens_on_their_way_are_stored_unless_ctrl_c_is_pressed_once_more() {
    let (served, home) = (Served::start(Knobs::default()).unwrap(), Home::new());
    let url = served.server_url();
    for (delay, is_pressed_again, code) in [(2, false, 0), (60, true, 3)] {
        served.delay_tokens(Duration::from_secs(delay));
        let asked = served.world().count(CODE);
        let mut login = home.consented(&["login", "--again", "--paste", &url]).await;
        while served.world().count(CODE) == asked {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        login.press_ctrl_c().await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(login.goes_on(), "the code is spent");
        if is_pressed_again {
            login.press_ctrl_c().await;
        }
        let ended = login.ended().await;
        assert_eq!(ended.code, code, "{ended:?}");
    }
    assert_eq!(home.run(&["token", &url]).await.out, "at-1-auth\n");
}

#[tokio::test]
async fn a_logout_that_leaves_tokens_alive_says_so_and_is_done_here() {
    let damage = Damage::always(Fault::Status(503));
    let knobs = Knobs { revocation_damage: damage, ..Knobs::default() };
    let (served, home) = (Served::start(knobs).unwrap(), Home::new());
    let url = served.server_url();
    assert_eq!(home.log_in(&url).await.code, 0);
    let logout = home.run(&["logout", &url]).await;
    assert_eq!(logout.code, 5, "{logout:?}");
    assert!(logout.out.contains("may live until it expires"), "{logout:?}");
    assert_eq!(home.run(&["token", &url]).await.code, 3);
    served.world().knobs.revocation = false;
    assert_eq!(home.log_in(&url).await.code, 0);
    let logout = home.run(&["logout", &url]).await;
    assert_eq!(logout.code, 0, "nothing more can be done: {logout:?}");
}

#[tokio::test]
async fn a_store_that_cannot_be_read_is_what_is_wrong() {
    let (served, home) = (Served::start(Knobs::default()).unwrap(), Home::new());
    home.write("file", "");
    let (url, file) = (served.server_url(), home.path("file"));
    for command in ["doctor", "token", "login"] {
        let ended = home.run(&[command, &url, "--home", &file]).await;
        assert_eq!(ended.code, 1, "{command} {ended:?}");
        assert!(ended.err.contains("error[storage]"), "{command} {ended:?}");
    }
    assert_eq!(served.world().count(What::Authorize), 0);
}

#[tokio::test]
async fn help_completions_and_the_manual_come_from_one_place() {
    let home = Home::new();
    for (arguments, part) in [
        (&["--help"][..], "Log in to MCP servers"),
        (&["login", "--help"], "--device"),
        (&["completions", "bash"], "_mcp__oauth()"),
        (&["completions", "zsh"], "#compdef mcp-oauth"),
        (&["man"], ".TH mcp-oauth 1"),
    ] {
        let ended = home.run(arguments).await;
        assert_eq!(ended.code, 0, "{arguments:?} {ended:?}");
        assert!(ended.out.contains(part), "{arguments:?} {ended:?}");
    }
}

#[tokio::test]
async fn what_nobody_reads_is_done_all_the_same() {
    let (served, home) = (Served::start(Knobs::default()).unwrap(), Home::new());
    let url = served.server_url();
    assert_eq!(home.log_in(&url).await.code, 0);
    for (arguments, code) in [
        (&["token", &url][..], 0),
        (&["login", &url], 0),
        (&["logout", "--forget", &url], 0),
        (&["token", &url], 3),
        (&["token", "--login", "http://127.0.0.1:1/mcp"], 5),
        (&["token"], 2),
    ] {
        assert_eq!(home.run_unread(arguments).await, code, "{arguments:?}");
    }
    assert_eq!(home.log_in(&url).await.code, 0);
    let registered = served.world().count(What::Register);
    assert_eq!(registered, 2, "it was forgotten");
}

#[cfg(unix)]
const CODE: What = What::Token(oauth_tests::world::Grant::Code);

//! A host that says nothing of the way to a token: where no page can be shown, the user may take another device. Each
//! environment in a process of its own; both adapters.

#![cfg(all(unix, not(target_vendor = "apple")))]
#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[path = "tokio_common.rs"]
mod tokio_common;

use std::process::{Command, Stdio};
use std::time::Duration;

use oauth_blocking::MemoryTokenStorage;
use oauth_tests::serve::Served;
use oauth_tests::world::{DeviceUser, Knobs, What};
use tokio::runtime::Runtime;
use tokio_common::common::{APPLICATION, PATIENCE, assert_sound, serve};

/// The variables that say whether pages can be shown.
const VARIABLES: [&str; 6] =
    ["BROWSER", "DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME", "SSH_CONNECTION", "SSH_TTY"];

/// Set where the process is the one for an environment.
const INSIDE: &str = "MCP_OAUTH_TEST_INSIDE";

/// Runs the test once more in a process that has these variables; false in that process.
fn is_outside(test: &str, set: &[(&str, &str)]) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return false;
    }
    let mut child = Command::new(std::env::current_exe().unwrap());
    for variable in VARIABLES {
        child.env_remove(variable);
    }
    child.env("PATH", "/nowhere").env(INSIDE, "1").envs(set.iter().copied());
    child.args([test, "--exact", "--nocapture"]).stdin(Stdio::null());
    let output = child.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{set:?}: {said}");
    true
}

fn serve_devices(device_user: DeviceUser) -> Served {
    serve(Knobs { device_interval: Some(1), device_user, ..Knobs::devices() })
}

/// Logs in with both adapters, which are told nothing but this of how. Nobody is there who could come back with a
/// redirect: it takes a code each time, or comes to nothing.
fn assert_takes(
    code: bool,
    threads: impl FnOnce(oauth_blocking::OAuthBuilder) -> oauth_blocking::OAuthBuilder,
    tasks: impl FnOnce(oauth_tokio::OAuthBuilder) -> oauth_tokio::OAuthBuilder,
    served: &Served,
) {
    let (url, wait) = (served.server_url(), if code { PATIENCE } else { Duration::from_secs(1) });
    let builder = oauth_blocking::OAuth::new(&url).unwrap().application(APPLICATION).wait(wait);
    let oauth = threads(builder.token_storage(MemoryTokenStorage::new())).build().unwrap();
    let by_threads = oauth.login().map(drop).map_err(|error| error.code());
    let builder = oauth_tokio::OAuth::new(&url).unwrap().application(APPLICATION).wait(wait);
    let oauth = tasks(builder.token_storage(MemoryTokenStorage::new())).build().unwrap();
    let by_tasks = Runtime::new().unwrap().block_on(oauth.login()).map(drop);
    let by_tasks = by_tasks.map_err(|error| error.code());
    assert_eq!(by_threads, by_tasks);
    let codes = served.world().count(What::Device);
    assert_sound(served);
    let expected = if code { (Ok(()), 2) } else { (Err("user_agent"), 0) };
    assert_eq!((by_threads, codes), expected);
}

#[test]
fn without_a_display() {
    if is_outside("without_a_display", &[]) {
        return;
    }
    let served = serve_devices(DeviceUser::ApprovesAfter(1));
    assert_takes(true, |it| it, |it| it, &served);
    // What a host has chosen stays.
    let served = serve_devices(DeviceUser::ApprovesAfter(1));
    assert_takes(false, |it| it.authorization_code(), |it| it.authorization_code(), &served);
    let served = serve_devices(DeviceUser::ApprovesAfter(1));
    let idle = || oauth_blocking::LoopbackBrowser::new().open_with(|_| false);
    assert_takes(false, |it| it.user_agent(idle()), |it| it.user_agent(idle()), &served);
    // What the server does not offer is left to the page.
    let served = serve(Knobs::default());
    assert_takes(false, |it| it, |it| it, &served);
}

#[test]
fn over_ssh() {
    if is_outside("over_ssh", &[("SSH_CONNECTION", "10.0.0.1 1 10.0.0.2 22")]) {
        return;
    }
    let served = serve_devices(DeviceUser::ApprovesAfter(1));
    assert_takes(true, |it| it, |it| it, &served);
}

#[test]
fn with_a_display() {
    if is_outside("with_a_display", &[("DISPLAY", ":0")]) {
        return;
    }
    let served = serve_devices(DeviceUser::ApprovesAfter(1));
    assert_takes(false, |it| it, |it| it, &served);
    // Whoever asks for it gets it.
    let served = serve_devices(DeviceUser::ApprovesAfter(1));
    assert_takes(true, |it| it.or_device_code(), |it| it.or_device_code(), &served);
}

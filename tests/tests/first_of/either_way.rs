//! Three ways in one login: a page in the browser, a line to paste, and a code for another device. Each wins once, and
//! the others leave nothing behind; both adapters.

use std::sync::{Arc, Mutex};

use oauth_blocking::{GrantKind, OwnedEvent};
use oauth_tests::world::{DeviceUser, Grant, What};

use super::*;
use crate::tokio_common::common::{key, stored};

/// Three ways, and which of them brings the user back.
struct Race {
    name: &'static str,
    is_at_browser: bool,
    typing: Typing,
    has_other_device: bool,
}

const RACES: [Race; 3] = [
    Race { name: "browser", is_at_browser: true, typing: Typing::Nothing, has_other_device: false },
    Race { name: "paste", is_at_browser: false, typing: Typing::Address, has_other_device: false },
    Race { name: "device", is_at_browser: false, typing: Typing::Nothing, has_other_device: true },
];

impl Race {
    /// Servers that know devices, and a user who has one or not.
    fn serve(&self) -> Served {
        let device_user = match self.has_other_device {
            true => DeviceUser::ApprovesAfter(1),
            false => DeviceUser::Waits,
        };
        let device_interval = Some(if self.has_other_device { 1 } else { 60 });
        serve(Knobs { device_user, device_interval, ..Knobs::devices() })
    }

    /// After a login: no port and no prompt is left, and the code was shown and redeemed only by who has won.
    fn assert_ended(&self, served: &Served, port: u16, terminal: &Terminal, number: usize) {
        let Self { name, has_other_device, .. } = self;
        drop(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect(name));
        let words = terminal.words();
        assert!(words.contains(&format!("enter the code: WDJB-{number:04}")), "{name}: {words}");
        assert!(words.contains("Or, without a code:\n\nOpen this page:\n"), "{name}: {words}");
        let world = served.world();
        let count = |what| world.count(what);
        assert_eq!((count(What::Register), count(What::Device)), (1, number), "{name}");
        let by_code = if *has_other_device { 0 } else { number };
        let redeemed = (count(What::Authorize), count(What::Token(Grant::Code)));
        assert_eq!(redeemed, (by_code, by_code), "{name}");
        let polls = count(What::Token(Grant::Device));
        assert_eq!(polls >= number, *has_other_device, "{name}: {polls} polls");
        drop(world);
        assert_sound(served);
    }
}

#[test]
fn each_of_three_ways_wins_by_threads() {
    for race in RACES {
        let (served, port, terminal) = (race.serve(), silent_port(), Terminal::default());
        let _let_go = LetGo(terminal.clone());
        let user = oauth_blocking::UserAgent::or(
            opens(port, race.is_at_browser),
            terminal.paste_back(race.typing),
        );
        let (events, store) = (Arc::<Mutex<Vec<OwnedEvent>>>::default(), MemoryTokenStorage::new());
        let told = Arc::clone(&events);
        let builder = common::builder(&served, &store).or_device_code();
        let builder = builder.on_event(move |event| told.lock().unwrap().push(event.into()));
        let oauth = builder.user_agent(user).build().unwrap();
        let plan = oauth.diagnose().unwrap().to_string();
        assert!(plan.contains("or on another device, with a code of"), "{plan}");
        for number in 1..3 {
            oauth.login().expect(race.name);
            race.assert_ended(&served, port, &terminal, number);
        }
        let wins = stored(&store, &key(&served)).unwrap().binding().grant();
        assert_eq!(wins == GrantKind::DeviceCode, race.has_other_device, "{}", race.name);
        // A host that shows what it is told shows both, and the code first.
        let events = events.lock().unwrap();
        let place = |is_it: fn(&OwnedEvent) -> bool| events.iter().position(is_it).unwrap();
        let code = place(|it| matches!(it, OwnedEvent::DeviceCode { .. }));
        assert!(code < place(|it| matches!(it, OwnedEvent::Opening { .. })), "{}", race.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_three_ways_wins_by_tasks() {
    for race in RACES {
        let (served, port, terminal) = (race.serve(), silent_port(), Terminal::default());
        let _let_go = LetGo(terminal.clone());
        let user = oauth_tokio::UserAgent::or(
            opens(port, race.is_at_browser),
            terminal.paste_back(race.typing),
        );
        let builder = tokio_common::builder(&served, &MemoryTokenStorage::new()).or_device_code();
        let oauth = builder.user_agent(user).build().unwrap();
        for number in 1..3 {
            oauth.login().await.expect(race.name);
            race.assert_ended(&served, port, &terminal, number);
        }
    }
}

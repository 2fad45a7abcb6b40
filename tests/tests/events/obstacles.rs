//! What is told when something is in the way, and how it goes on when that is gone.

use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use oauth_blocking::{
    Adapter, Builder, Happened, Lease, Leases as _, Lock, LoopbackBrowser, OwnedEvent, Prepared,
    UserAgent as _,
};
use oauth_tests::serve::Served;
use oauth_tests::world::Knobs;
use oauth_tokio::{Blocking, SharedStorage};

use crate::tokio_common::common::{
    self, Brittle, LIST, age, browser, expire, key, serve, silent_port,
};
use crate::{is_request, tokio_common};

/// Something in the way of a call.
pub(crate) struct Obstacle {
    name: &'static str,
    /// Whether somebody was logged in here before.
    is_logged_in: bool,
    arrange: fn(&Scene),
    /// What opens pages.
    browser: fn(&str) -> bool,
    /// What is told of it.
    heard: &'static str,
    /// What happens when that is heard.
    clear: fn(&Scene, &[Happened]),
    /// All but the requests.
    pub(crate) told: &'static [&'static str],
}

/// A server, and what stands between it and a client.
pub(crate) struct Scene {
    served: Served,
    store: Brittle,
    port: u16,
    in_the_way: Mutex<(Option<Lease>, Option<Prepared>)>,
}

pub(crate) const OBSTACLES: [Obstacle; 9] = [
    Obstacle {
        name: "another process logs in",
        is_logged_in: false,
        arrange: |scene| scene.hold(Lock::Login),
        browser,
        heard: "login_elsewhere",
        clear: |scene, _| scene.let_go(),
        told: &[
            "login_needed",
            "login_begun",
            "login_elsewhere",
            "opening",
            "redirected",
            "login_finished",
        ],
    },
    Obstacle {
        name: "another login has the port",
        is_logged_in: false,
        arrange: |scene| {
            let other = LoopbackBrowser::new().port(scene.port).prepare(None).unwrap();
            scene.in_the_way.lock().unwrap().1 = Some(other);
        },
        browser,
        heard: "port_busy",
        clear: |scene, _| scene.let_go(),
        told: &[
            "login_needed",
            "login_begun",
            "port_busy",
            "opening",
            "redirected",
            "login_finished",
        ],
    },
    Obstacle {
        name: "no browser opens, and the user takes what the host shows",
        is_logged_in: false,
        arrange: |_| {},
        browser: |_| false,
        heard: "no_browser",
        clear: |_, heard| visit(heard),
        told: &[
            "login_needed",
            "login_begun",
            "opening",
            "no_browser",
            "redirected",
            "login_finished",
        ],
    },
    Obstacle {
        name: "a user who takes their time",
        is_logged_in: false,
        arrange: |_| {},
        browser: |_| true,
        heard: "waiting",
        clear: |_, heard| visit(heard),
        told: &[
            "login_needed",
            "login_begun",
            "opening",
            "waiting",
            "redirected",
            "login_finished",
        ],
    },
    Obstacle {
        name: "another process refreshes",
        is_logged_in: true,
        arrange: |scene| {
            expire(&scene.store, &key(&scene.served));
            scene.hold(Lock::Refresh);
        },
        browser,
        heard: "refresh_elsewhere",
        clear: |scene, _| scene.let_go(),
        told: &["refresh_elsewhere", "refreshed"],
    },
    Obstacle {
        name: "a record that cannot be read",
        is_logged_in: false,
        arrange: |scene| scene.store.is_damaged.store(true, Ordering::SeqCst),
        browser,
        heard: "damaged_record",
        clear: |_, _| {},
        told: &[
            "damaged_record",
            "login_needed",
            "login_begun",
            "opening",
            "redirected",
            "login_finished",
        ],
    },
    Obstacle {
        name: "a store that loses sight of clients at the end of a login",
        is_logged_in: false,
        arrange: |scene| {
            let no_clients = Arc::clone(&scene.store.no_clients);
            scene.at_the_token(move || no_clients.store(true, Ordering::SeqCst));
        },
        browser,
        heard: "client_not_stored",
        clear: |_, _| {},
        told: &[
            "login_needed",
            "login_begun",
            "opening",
            "redirected",
            "client_not_stored",
            "login_finished",
        ],
    },
    Obstacle {
        name: "a store that takes no tokens for a moment",
        is_logged_in: false,
        arrange: |scene| {
            let no_save = Arc::clone(&scene.store.no_save);
            scene.at_the_token(move || no_save.store(true, Ordering::SeqCst));
        },
        browser,
        heard: "save_failed",
        clear: |scene, _| scene.store.no_save.store(false, Ordering::SeqCst),
        told: &[
            "login_needed",
            "login_begun",
            "opening",
            "redirected",
            "save_failed",
            "login_finished",
        ],
    },
    Obstacle {
        name: "a store without locks, while the token lives",
        is_logged_in: true,
        arrange: |scene| {
            age(&scene.store, &key(&scene.served), Duration::from_secs(20));
            scene.store.no_lock.store(true, Ordering::SeqCst);
        },
        browser,
        heard: "store_failed",
        clear: |_, _| {},
        told: &["store_failed"],
    },
];

/// The user opens the page that the host was told.
fn visit(heard: &[Happened]) {
    let opened = heard.iter().find_map(|it| match &it.event {
        OwnedEvent::Opening { url, .. } => Some(url.as_str().to_owned()),
        _ => None,
    });
    let url = opened.unwrap();
    thread::spawn(move || assert!(browser(&url)));
}

impl Scene {
    fn hold(&self, lock: Lock) {
        let guard = self.store.try_lock(&key(&self.served), lock).unwrap().unwrap();
        self.in_the_way.lock().unwrap().0 = Some(guard);
    }

    fn let_go(&self) {
        *self.in_the_way.lock().unwrap() = (None, None);
    }

    /// Something happens just before there are tokens.
    fn at_the_token(&self, happens: impl Fn() + Send + 'static) {
        self.served.rewrite(move |request, _| {
            if request.uri().path() == "/token" {
                happens();
            }
        });
    }
}

impl Obstacle {
    /// The scene without a client.
    fn scene(&self) -> Arc<Scene> {
        let (served, store, port) = (serve(Knobs::default()), Brittle::default(), silent_port());
        if self.is_logged_in {
            drop(common::logged_in(&served, &store));
        }
        let scene = Scene { served, store, port, in_the_way: Mutex::default() };
        (self.arrange)(&scene);
        Arc::new(scene)
    }

    fn browser(&self, scene: &Scene) -> LoopbackBrowser {
        LoopbackBrowser::new().port(scene.port).open_with(self.browser)
    }

    /// Clears the way when this is heard, once.
    fn watch<A: Adapter>(
        &'static self,
        scene: &Arc<Scene>,
        builder: Builder<A>,
    ) -> (Builder<A>, Heard) {
        let (heard, scene) = (Heard::default(), Arc::clone(scene));
        let hears = heard.clone();
        let builder = builder.on_event_of(move |key, event| {
            let mut heard = hears.0.lock().unwrap();
            let is_first = heard.iter().all(|it: &Happened| it.name != self.heard);
            heard.push(Happened::new(key, event));
            if is_first && event.name() == self.heard {
                (self.clear)(&scene, &heard);
            }
        });
        (builder, heard)
    }

    /// The order of all that was told; what comes by the clock once, and only if it is what matters.
    fn order(&self, heard: &Heard) -> Vec<&'static str> {
        let heard = heard.0.lock().unwrap();
        let mut is_told = self.heard != "waiting";
        let told = heard
            .iter()
            .filter(|it| it.name != "waiting" || !std::mem::replace(&mut is_told, true));
        told.map(|it| it.name).collect()
    }

    fn by_threads(&'static self) -> Vec<&'static str> {
        let scene = self.scene();
        let builder = common::builder(&scene.served, &scene.store).user_agent(self.browser(&scene));
        let (builder, heard) = self.watch(&scene, builder);
        let called = common::call(&builder.build().unwrap(), &scene.served, LIST);
        assert_eq!(called.unwrap(), 200, "{self:?}");
        self.order(&heard)
    }

    async fn by_tasks(&'static self) -> Vec<&'static str> {
        let scene = tokio::task::block_in_place(|| self.scene());
        let store = SharedStorage::from(Blocking::new(scene.store.clone()));
        let builder = tokio_common::builder(&scene.served, &store).user_agent(self.browser(&scene));
        let (builder, heard) = self.watch(&scene, builder);
        let called = tokio_common::call(&builder.build().unwrap(), &scene.served, LIST).await;
        assert_eq!(called.unwrap(), 200, "{self:?}");
        self.order(&heard)
    }
}

#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<Happened>>>);

impl fmt::Debug for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_adapters_tell_what_is_in_the_way_in_the_same_order() {
    for obstacle in &OBSTACLES {
        let threads = tokio::task::block_in_place(|| obstacle.by_threads());
        let told: Vec<_> = threads.iter().copied().filter(|name| !is_request(name)).collect();
        assert_eq!(told, obstacle.told, "{obstacle:?}");
        assert_eq!(Box::pin(obstacle.by_tasks()).await, threads, "{obstacle:?}");
    }
}

//! The client's loop in the browser.
//!
//! Frames are folded outside any reactive scope; the page's signals are set once per chunk that changed the state.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use futures::future::{Either, select};
use gloo_timers::future::TimeoutFuture;
use keiki_model::frame::Snapshot;
use keiki_model::panel::PanelSnapshot;
use keiki_model::time::Millis;
use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::announce::Announcer;
use super::backoff::Backoff;
use super::connection::{Connection, Ended, remember};
use super::session::{Outcome, Session};
use super::wake::Bell;
use crate::state::{Link, Page};
use crate::text;

/// A stream without events for so long beyond its step is not called live, milliseconds.
const DOUBTFUL: f64 = 5_000.0;
/// How much later than its step an event may come before the page judges for itself what is stale, milliseconds.
const GRACE: f64 = 1_500.0;
/// How long after an event the page looks whether the next one came, milliseconds.
const QUIET: u32 = 2_000;
/// The longest wait that the server can ask for, milliseconds.
const LONGEST_WAIT: u32 = 30_000;
/// Where the page remembers for which build it was loaded anew.
const RELOADED_FOR: &str = "reloaded-for";

/// The client; copies share it.
#[derive(Clone)]
pub struct Client {
    page: Page,
    view: Rc<str>,
    session: Rc<RefCell<Session>>,
    /// When the newest event came, by the browser's clock: only differences of it are used.
    heard: Rc<Cell<f64>>,
    /// When it was last known that the stream is there, be it without an event.
    linked: Rc<Cell<f64>>,
    /// Whether the page was left; it may come back from the browser's memory.
    left: Rc<Cell<bool>>,
    bell: Bell,
    announcer: Rc<RefCell<Announcer>>,
}

impl Client {
    /// Takes over a hydrated page.
    pub fn start(page: Page, snapshot: Snapshot) {
        let request = page.request.get_untracked();
        let client = Self {
            page,
            view: request.view().to_string().into(),
            session: Rc::new(RefCell::new(Session::new(snapshot))),
            heard: Rc::new(Cell::new(js_sys::Date::now())),
            linked: Rc::default(),
            left: Rc::default(),
            bell: Bell::default(),
            announcer: Rc::default(),
        };
        page.link.set(Some(Link::Connecting));
        client.listen();
        spawn_local(client.clone().keep_time());
        spawn_local(client.keep_open());
    }

    /// What the browser or the reader does that concerns the stream.
    fn listen(&self) {
        let client = self.clone();
        Effect::new(move |before: Option<i64>| {
            let count = client.page.reconnect.get();
            if before.is_some() {
                client.bell.ring();
            }
            count
        });
        let client = self.clone();
        Effect::new(move |before: Option<bool>| {
            let paused = client.page.paused.get();
            if before == Some(true) && !paused {
                client.paint();
            }
            paused
        });
        let client = self.clone();
        let _ = window_event_listener(ev::online, move |_| client.bell.ring());
        let client = self.clone();
        let _ = window_event_listener(ev::visibilitychange, move |_| {
            if !document().hidden() {
                client.paint();
                client.bell.ring();
            }
        });
        let client = self.clone();
        let _ = window_event_listener(ev::pagehide, move |_| {
            client.left.set(true);
            client.bell.ring();
        });
        let client = self.clone();
        let _ = window_event_listener(ev::pageshow, move |_| {
            client.left.set(false);
            client.bell.ring();
        });
    }

    /// Opens the stream, again and again.
    async fn keep_open(self) {
        let mut backoff = Backoff::default();
        loop {
            let since = self.session.borrow().since();
            let wish = self.follow(&Connection::open(&self.view, &since), &mut backoff).await;
            let wait = match wish {
                // At once, if it brought anything: what follows is already there.
                Ok(Outcome::Resume) if self.session.borrow().since() != since => 0,
                Ok(Outcome::Reload) if self.reload() => return,
                Err(Ended(Some(wait))) => wait.min(LONGEST_WAIT).max(backoff.next(js_sys::Math::random())),
                _ => backoff.next(js_sys::Math::random()),
            };
            if backoff.failed() {
                // The first failure after a good time may be a passing one; the second is a loss.
                let passing = self.page.link.get_untracked() == Some(Link::Live);
                self.set_link(if passing { Link::Connecting } else { Link::Lost });
            }
            self.bell.hush();
            while self.left.get() {
                self.bell.wait().await;
            }
            select(std::pin::pin!(self.bell.wait()), TimeoutFuture::new(wait)).await;
        }
    }

    /// Sets the state of the stream where it changed; a loss and its end are told.
    fn set_link(&self, link: Link) {
        let before = self.page.link.get_untracked();
        if before == Some(link) {
            return;
        }
        self.page.link.set(Some(link));
        let told = match (before, link) {
            (_, Link::Lost) => text::LOST,
            (Some(Link::Lost), Link::Live) => text::BACK,
            _ => return,
        };
        self.page.announcement.set(told.get(self.page.language).to_owned());
    }

    /// Reads a connection to its end.
    async fn follow(&self, connection: &Connection, backoff: &mut Backoff) -> Result<Outcome, Ended> {
        loop {
            let events = match select(std::pin::pin!(connection.read()), std::pin::pin!(self.gone())).await {
                Either::Left((events, _)) => events?,
                Either::Right(_) => return Err(Ended(None)),
            };
            let mut changed = false;
            for event in events {
                let outcome = self.session.borrow_mut().take(&event);
                match outcome {
                    Outcome::Changed => changed = true,
                    Outcome::Nothing => {}
                    Outcome::Linked => {
                        backoff.reset();
                        self.linked.set(js_sys::Date::now());
                        self.set_link(Link::Live);
                    }
                    Outcome::Resume | Outcome::Retry | Outcome::Reload => return Ok(outcome),
                }
            }
            if changed {
                backoff.reset();
                self.heard.set(js_sys::Date::now());
                self.set_link(Link::Live);
                self.paint();
            }
        }
    }

    /// Becomes ready when the connection is of no more use: the page was left, or the bell rings while the stream has
    /// been silent for long, as after the machine slept.
    async fn gone(&self) {
        loop {
            self.bell.wait().await;
            if self.left.get() || js_sys::Date::now() - self.heard.get() > self.step() + DOUBTFUL {
                return;
            }
        }
    }

    fn step(&self) -> f64 {
        f64::from(self.page.fixed.get_value().step) * 1_000.0
    }

    /// Shows the state, unless nobody sees it or wants it changed.
    fn paint(&self) {
        if !document().hidden() && !self.page.paused.get_untracked() {
            let session = self.session.borrow();
            self.page.show(&session.snapshot);
            let title = |panel: &PanelSnapshot| self.page.title_of(&panel.spec);
            let mut announcer = self.announcer.borrow_mut();
            if let Some(text) = announcer.next(&session.snapshot, self.page.language, title) {
                self.page.announcement.set(text);
            }
        }
    }

    /// Once a second while no events come: ages grow, and what gets no events turns stale.
    async fn keep_time(self) {
        let mut wait = QUIET;
        loop {
            TimeoutFuture::new(wait).await;
            let silent = js_sys::Date::now() - self.heard.get();
            // While events come each look is for nothing, and wakes the page.
            wait = if silent < 1_000.0 { QUIET } else { 1_000 };
            if silent < 1_000.0 || document().hidden() {
                continue;
            }
            let unknown = silent.min(js_sys::Date::now() - self.linked.get());
            if unknown > self.step() + DOUBTFUL && self.page.link.get_untracked() == Some(Link::Live) {
                self.set_link(Link::Connecting);
            }
            if self.page.paused.get_untracked() {
                continue;
            }
            let newly = silent > self.step() + GRACE && !self.page.overdue.get_untracked();
            if newly {
                // A frame may have shown less than it knows: it must be judged by the newest.
                self.page.overdue.set(true);
                self.paint();
            }
            let now = self.session.borrow().snapshot.now;
            self.page.time.set(now + silent as Millis);
            if newly {
                // What was just painted took it back.
                self.page.overdue.set(true);
            }
        }
    }

    /// Loads the page anew for another build, but only once for each: a cache in between may hold on to the old page.
    /// Where the page can't remember that it did, it stays.
    fn reload(&self) -> bool {
        let first = || {
            let other = self.session.borrow().other.clone()?;
            let before = remember(RELOADED_FOR, &other).ok()?;
            (before.as_deref() != Some(&*other)).then_some(())
        };
        // By way of the page's own script: it looks first whether the server answers, and asks again until it does.
        let event = || web_sys::Event::new("keiki:reload").ok();
        let reload = || event().is_some_and(|event| window().dispatch_event(&event).is_ok());
        let reloads = first().is_some() && reload();
        let mut session = self.session.borrow_mut();
        session.tolerated = session.other.clone().filter(|_| !reloads);
        reloads
    }
}

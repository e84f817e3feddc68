//! A bell: whoever waits for it goes on at once when it is rung.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// A bell for one waiter; copies ring the same.
#[derive(Clone, Default)]
pub struct Bell(Rc<Inner>);

#[derive(Default)]
struct Inner {
    rung: Cell<bool>,
    waiter: RefCell<Option<Waker>>,
}

impl Bell {
    /// Rings it; if nobody waits, the next who does goes on at once.
    pub fn ring(&self) {
        self.0.rung.set(true);
        if let Some(waiter) = self.0.waiter.take() {
            waiter.wake();
        }
    }

    /// Forgets that it was rung.
    pub fn hush(&self) {
        self.0.rung.set(false);
    }

    /// Waits for it.
    pub async fn wait(&self) {
        poll_fn(|context| {
            if self.0.rung.replace(false) {
                return Poll::Ready(());
            }
            *self.0.waiter.borrow_mut() = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

//! What tokens that open some paths only may make the hub do. Such a token may lie open in a page of somebody else's: who
//! takes it from there can ask for views that nobody looks at, of any stretch of the past and any service, and must not
//! fill all the places that there are.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use keiki_model::view::View;

/// The share of all distinct views that such tokens hold together: the rest is everybody else's.
const SHARE: (usize, usize) = (3, 4);

/// The views that streams of such tokens hold, and how often.
#[derive(Debug)]
pub(super) struct Budgets {
    /// Distinct views of one token.
    of_one: usize,
    /// Distinct views of all of them.
    of_all: usize,
    held: Mutex<Books>,
}

#[derive(Debug, Default)]
struct Books {
    by_token: HashMap<Arc<str>, HashMap<View, usize>>,
    /// By how many tokens.
    all: HashMap<View, usize>,
}

/// A view that a stream of a token holds, while this lives.
#[derive(Debug)]
pub(super) struct Held {
    budgets: Arc<Budgets>,
    token: Arc<str>,
    view: View,
}

impl Budgets {
    /// With limits in distinct views: of one token, and of the hub.
    pub(super) fn new(of_one: usize, views: usize) -> Arc<Self> {
        Arc::new(Self {
            of_one,
            of_all: (views * SHARE.0 / SHARE.1).max(1),
            held: Mutex::default(),
        })
    }

    /// Takes note that a stream of a token holds a view, if it may.
    pub(super) fn take(self: &Arc<Self>, token: &str, view: &View) -> Option<Held> {
        let mut books = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let Books { by_token, all } = &mut *books;
        let own = by_token.get(token);
        if own.is_none_or(|own| !own.contains_key(view)) {
            let is_full = own.map_or(0, HashMap::len) >= self.of_one;
            if is_full || (!all.contains_key(view) && all.len() >= self.of_all) {
                return None;
            }
            *all.entry(view.clone()).or_default() += 1;
        }
        let token = by_token
            .get_key_value(token)
            .map_or_else(|| token.into(), |(token, _)| Arc::clone(token));
        let own = by_token.entry(Arc::clone(&token)).or_default();
        *own.entry(view.clone()).or_default() += 1;
        drop(books);
        Some(Held {
            budgets: Arc::clone(self),
            token,
            view: view.clone(),
        })
    }
}

/// One less of what is counted; whether it was the last.
fn give_back(counts: &mut HashMap<View, usize>, view: &View) -> bool {
    let Some(count) = counts.get_mut(view) else {
        return false;
    };
    *count -= 1;
    let is_last = *count == 0;
    if is_last {
        counts.remove(view);
    }
    is_last
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut books = self.budgets.held.lock().unwrap_or_else(PoisonError::into_inner);
        let Books { by_token, all } = &mut *books;
        let Some(own) = by_token.get_mut(&self.token) else {
            return;
        };
        if give_back(own, &self.view) {
            give_back(all, &self.view);
        }
        if own.is_empty() {
            by_token.remove(&self.token);
        }
    }
}

#[cfg(test)]
mod tests {
    use keiki_model::view::Item;

    use super::*;

    #[test]
    fn distinct_views_count_and_come_back() {
        let view = |text: &str| text.parse::<Item>().unwrap().view;
        let [a, b, c] = ["overview@1/60", "overview@1/300", "overview@3/900"].map(view);
        let budgets = Budgets::new(2, 4);
        let first = budgets.take("one", &a).unwrap();
        let again = budgets.take("one", &a).unwrap();
        let second = budgets.take("one", &b).unwrap();
        assert!(budgets.take("one", &c).is_none(), "two distinct views are held");
        drop(first);
        assert!(
            budgets.take("one", &c).is_none(),
            "another stream holds the first one still"
        );
        let shared = budgets.take("two", &a).unwrap();
        let third = budgets.take("two", &c).unwrap();
        drop(again);
        let fourth = view("group:api@1/60");
        assert!(
            budgets.take("one", &fourth).is_none(),
            "all tokens together hold three of four"
        );
        drop(shared);
        let of_one = budgets.take("one", &fourth).unwrap();
        drop((second, third, of_one));
        let books = budgets.held.lock().unwrap();
        assert!(books.by_token.is_empty() && books.all.is_empty());
    }
}

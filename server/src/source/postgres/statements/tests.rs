//! What statements grow by, hand-made readings one after the other.

use super::*;

fn key(query: i64) -> Key {
    Key {
        user: 1,
        database: 1,
        query,
        top_level: true,
    }
}

fn read(statements: &mut Statements, readings: &[(i64, f64, f64)]) {
    let cost = |&(query, calls, seconds): &(i64, f64, f64)| (key(query), Cost { calls, seconds });
    statements.count(readings.iter().map(cost).collect());
}

#[test]
fn what_was_before_the_first_reading_is_not_counted() {
    let mut statements = Statements::default();
    read(&mut statements, &[(1, 100.0, 10.0)]);
    assert_eq!(statements.all, Cost::default());
    read(&mut statements, &[(1, 103.0, 10.5), (2, 2.0, 1.0)]);
    assert_eq!((statements.all.calls, statements.all.seconds), (5.0, 1.5));
}

#[test]
fn what_a_function_executes_is_counted_once() {
    let mut statements = Statements::default();
    let nested = Key {
        top_level: false,
        ..key(2)
    };
    for calls in [0.0, 1.0] {
        let cost = Cost { calls, seconds: calls };
        statements.count(HashMap::from([(key(1), cost), (nested, cost)]));
    }
    assert_eq!((statements.all.calls, statements.all.seconds), (1.0, 1.0));
    assert_eq!(
        statements.seen[&nested.asked()].grown.calls,
        1.0,
        "it may lead all the same"
    );
}

#[test]
fn another_server_behind_the_same_address_is_a_beginning() {
    let mut statements = Statements::default();
    let mut at = |began, now, calls| {
        // Its clock is ten seconds behind.
        statements.meet(began - 10_000, began, now);
        read(&mut statements, &[(1, calls, 0.0)]);
        statements.all.calls
    };
    assert_eq!(at(1_000, 100_000, 50.0), 0.0);
    assert_eq!(at(1_000, 105_000, 51.0), 1.0);
    assert_eq!(at(500, 110_000, 9_000.0), 1.0, "a standby of long ago");
    assert_eq!(at(500, 115_000, 9_002.0), 3.0);
    assert_eq!(at(118_000, 120_000, 4.0), 7.0, "the same one, from zero");
}

#[test]
fn a_reset_or_a_forgotten_statement_takes_nothing_away() {
    let mut statements = Statements::default();
    read(&mut statements, &[(1, 100.0, 10.0), (2, 7.0, 7.0)]);
    read(&mut statements, &[(1, 4.0, 0.5)]);
    assert_eq!((statements.all.calls, statements.all.seconds), (4.0, 0.5));
    read(&mut statements, &[(1, 5.0, 0.75), (2, 1.0, 2.0)]);
    assert_eq!((statements.all.calls, statements.all.seconds), (6.0, 2.75));
}

#[test]
fn the_leading_ones_stay_for_a_window() {
    let mut statements = Statements::default();
    let all = |calls: f64| {
        (0..100)
            .map(|query| (query, calls * query as f64, 0.0))
            .collect::<Vec<_>>()
    };
    read(&mut statements, &all(1.0));
    statements.lead(0);
    assert!(statements.leading.is_empty());
    read(&mut statements, &all(2.0));
    statements.lead(1);
    assert_eq!(statements.leading.len(), LEADERS);
    assert!(statements.leading.contains_key(&(1, 99)));
    read(&mut statements, &[(3, 1_000_000.0, 0.0)]);
    statements.lead(KEPT);
    assert!(statements.leading.contains_key(&(1, 3)));
    assert!(statements.leading.contains_key(&(1, 99)), "still within the window");
    statements.lead(KEPT + 1);
    assert!(statements.seen.contains_key(&key(99).asked()));
}

#[test]
fn what_keiki_asks_takes_no_place_among_those_that_lead() {
    let mut statements = Statements::default();
    // Keiki's are the slowest and the most frequent.
    let all = |calls: f64| {
        let of = |query: i64| (query, calls * query as f64, calls * query as f64);
        (1..=60).map(of).collect::<Vec<_>>()
    };
    read(&mut statements, &all(1.0));
    read(&mut statements, &all(2.0));
    statements.lead(1);
    assert!(statements.leading.contains_key(&(1, 60)), "its text is not known yet");
    for query in 41..=60 {
        statements.learn(key(query).asked(), "SELECT /* keiki */ ?");
        statements.leading.remove(&(1, query));
    }
    for now in [1, 2] {
        statements.lead(now);
        let led: Vec<_> = (1..=60)
            .filter(|query| statements.leading.contains_key(&(1, *query)))
            .collect();
        assert!(led.iter().all(|query| *query <= 40), "{led:?}");
        assert!((21..=40).all(|query| led.contains(&query)), "{led:?}");
    }
    assert_eq!(statements.all.calls, 60.0 * 61.0 / 2.0, "it is in the sums");
}

#[test]
fn the_same_statement_of_another_user_is_not_keikis() {
    let mut statements = Statements {
        databases: HashMap::from([(1, "shop".to_owned())]),
        ..Statements::default()
    };
    let (keiki, shop) = (key(1), Key { user: 2, ..key(1) });
    let mut at = |now, calls: f64| {
        let cost = |calls| Cost { calls, seconds: calls };
        statements.count(HashMap::from([(keiki, cost(100.0 * calls)), (shop, cost(calls))]));
        statements.lead(now);
        // In either order.
        statements.learn(shop.asked(), "SELECT 1");
        statements.learn(keiki.asked(), "SELECT /* keiki */ 1");
        statements.lead(now);
        statements.reported()
    };
    assert_eq!(at(0, 1.0), []);
    let named = ("shop".to_owned(), "SELECT ?".to_owned());
    assert_eq!(at(1, 2.0), [(named.clone(), Cost::default())]);
    let three = Cost {
        calls: 3.0,
        seconds: 3.0,
    };
    assert_eq!(at(2, 4.0), [(named, three)], "the user's calls alone");
}

#[test]
fn statements_of_one_text_are_one_series_that_never_falls() {
    let mut statements = Statements {
        databases: HashMap::from([(1, "shop".to_owned())]),
        ..Statements::default()
    };
    let calls = |statements: &mut Statements, now, readings: &[(i64, f64, f64)]| {
        read(statements, readings);
        statements.lead(now);
        for (_, query) in statements.leading.keys().copied().collect::<Vec<_>>() {
            statements.texts.insert((1, query), "x IN (?)".to_owned());
        }
        let reported = statements.reported();
        assert!(reported.len() <= 1);
        reported.first().map(|(_, cost)| cost.calls)
    };
    assert_eq!(calls(&mut statements, 0, &[(1, 100.0, 1.0), (2, 500.0, 1.0)]), None);
    assert_eq!(
        calls(&mut statements, 1, &[(1, 103.0, 1.1), (2, 500.0, 1.0)]),
        Some(0.0),
        "it begins"
    );
    assert_eq!(
        calls(&mut statements, 2, &[(1, 104.0, 1.2), (2, 500.0, 1.0)]),
        Some(4.0),
        "nothing is lost"
    );
    // The second one joins with what it grew by now, not with all that it ever was.
    assert_eq!(
        calls(&mut statements, 3, &[(1, 104.0, 1.2), (2, 505.0, 2.0)]),
        Some(9.0)
    );
    // The first one no longer leads.
    assert_eq!(
        calls(&mut statements, KEPT + 2, &[(1, 104.0, 1.2), (2, 506.0, 2.1)]),
        Some(10.0)
    );
}

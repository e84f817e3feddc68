//! Records return as they were written.

use keiki_model::histogram::Exponential;
use proptest::prelude::*;

use super::*;

fn exponential(values: &[f64]) -> Option<Box<Distribution>> {
    let mut histogram = Exponential::new();
    values.iter().for_each(|value| {
        histogram.record(*value);
    });
    (!values.is_empty()).then(|| Box::new(histogram.into()))
}

fn explicit(counts: &[u64]) -> Option<Box<Distribution>> {
    (counts.iter().sum::<u64>() > 0)
        .then(|| Box::new(Explicit::new([0.1, 1.0].into(), counts, 2.5).expect("buckets").into()))
}

proptest! {
    #[test]
    fn bodies_return(
        recorded in prop::collection::vec(prop::collection::vec(prop_oneof![Just(0.0), 1e-5..1e3_f64], 0..9), 0..60),
        counted in prop::collection::vec(prop::collection::vec(0..5_u64, 3), 0..60),
        values in prop::collection::vec(-1e9..1e9_f64, 0..400),
    ) {
        let packed = |all: &[Option<Box<Distribution>>]| all.iter().map(|one| one.as_deref().map(Part::from)).collect();
        let exponentials: Vec<_> = recorded.iter().map(|values| exponential(values)).collect();
        let explicits: Vec<_> = counted.iter().map(|counts| explicit(counts)).collect();
        let mixed: Vec<_> = exponentials.iter().chain(&explicits).cloned().collect();
        let counter = Rows { sum: values.clone(), min: values.clone(), max: values.clone(), ..Rows::default() };
        let gauge = Rows { last: values.clone(), count: vec![3; values.len()], ..counter.clone() };
        let even = Times::of(&(0..300).map(|second| second * 1_000 + 850).collect::<Vec<_>>());
        prop_assert!(matches!(even, Times::Own(_)));
        let few = Times::of(&[850, 1_850, 3_850]);
        prop_assert!(matches!(few, Times::Own(_)));
        let apart = Times::of(&(0..300).map(|second| second * second).collect::<Vec<_>>());
        prop_assert!(matches!(apart, Times::Named(_)));
        for (body, written) in [Body::Samples(values), Body::Rows(counter), Body::Rows(gauge), Body::Counts(packed(&exponentials)), Body::Counts(packed(&explicits)), Body::Counts(packed(&mixed))].into_iter().zip([&even, &few, &apart].into_iter().cycle()) {
            let (times, read) = decode(&encode(written, &body)).expect("a record");
            prop_assert_eq!(&times, written);
            prop_assert_eq!(read.len(), body.len());
            prop_assert_eq!(read, body);
        }
    }

    #[test]
    fn garbage_is_an_error_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode(&bytes);
    }
}

#[test]
fn the_name_of_times_never_changes() {
    assert_eq!(name_of(&[850, 1_850]), 6_240_681_049_190_954_581);
}

//! What programs count and time, as it comes out.

use keiki_model::series::Value;

use super::*;

fn source(series: usize) -> (StatsdSource, StatsdConfig) {
    let recognisers = Arc::new(Recognisers::new(&[]).expect("rows"));
    let config = StatsdConfig {
        listen: "127.0.0.1:0".parse().expect("an address"),
        service: "app".into(),
        series,
    };
    let source = StatsdSource::new(config.clone(), "h", &recognisers, Census::default());
    (source, config)
}

#[tokio::test]
async fn a_counter_that_pauses_goes_on_where_it_stood() {
    let (mut source, config) = source(10);
    let hasher = RandomState::new();
    let mut told = Vec::new();
    // Two, a pause that is longer than anything is remembered elsewhere, and five more.
    for (now, datagram) in [
        (1_000, "a:2|c"),
        (2_000, ""),
        (1_200_000, ""),
        (1_201_000, "a:5|c\na:-1|c"),
        (1_202_000, ""),
    ] {
        source.heap.lock().take(datagram.as_bytes(), &config, &hasher, now);
        let samples = source.collect(now).await.expect("it listens");
        told.extend(samples.into_iter().map(|sample| match sample.value {
            Value::Number(value) => (sample.time, value),
            Value::Distribution(_) => panic!("a number"),
        }));
    }
    source
        .heap
        .lock()
        .take(b"garbage\na:-1|c\nb", &config, &hasher, 1_203_000);
    source.collect(1_203_000).await.expect("it listens");
    let refused = source.refused().expect("three lines");
    assert_eq!(refused.count, 3, "{refused:?}");
    assert!(refused.why.en.contains('b'), "the newest: {refused:?}");
    assert_eq!(source.refused(), None);
    assert_eq!(
        told,
        [
            (0, 0.0),
            (1_000, 2.0),
            (2_000, 2.0),
            (1_200_000, 2.0),
            (1_201_000, 7.0),
            (1_202_000, 7.0)
        ]
    );
}

#[tokio::test]
async fn one_series_may_be_written_in_several_ways() {
    let (mut source, config) = source(3);
    let hasher = RandomState::new();
    for now in [1_000, 2_000] {
        let lines =
            "hits:10|c|#a:1,b:2\nhits:3|c|#b:2,a:1\nx.y:1|c\nx_y:100|c\nx_y_total:4|c\nlevel:5|g|#a,b\nlevel:+2|g|#b,a";
        source.heap.lock().take(lines.as_bytes(), &config, &hasher, now);
        let samples = source.collect(now).await.expect("it listens");
        let told = samples.into_iter().filter(|sample| sample.time == now);
        let mut told: Vec<_> = told
            .map(|sample| match sample.value {
                Value::Number(value) => (sample.series.name().to_owned(), value * 1_000.0 / now as f64),
                Value::Distribution(_) => panic!("a number"),
            })
            .collect();
        told.sort_by(|one, other| one.0.cmp(&other.0));
        let level = 7_000.0 / now as f64;
        let wanted = [("hits_total", 13.0), ("level", level), ("x_y_total", 105.0)];
        assert_eq!(told, wanted.map(|(name, value)| (name.to_owned(), value)));
    }
    assert_eq!(source.refused(), None);
}

#[tokio::test]
async fn a_name_has_one_meaning() {
    let (mut source, config) = source(10);
    let hasher = RandomState::new();
    for now in [1_000, 2_000] {
        // Timers and histograms are one kind, whatever their unit; the others are refused.
        let lines = "wait:500|ms\nwait_seconds:2|h\nwait_seconds:3|d\nwait_seconds:9|g\nroom:1|s\nroom:2|s\nroom:70|g";
        source.heap.lock().take(lines.as_bytes(), &config, &hasher, now);
        let samples = source.collect(now).await.expect("it listens");
        let told = samples.iter().filter(|sample| sample.time == now);
        let mut told: Vec<_> = told
            .map(|sample| match &sample.value {
                Value::Number(value) => (sample.series.name(), *value),
                Value::Distribution(all) => (sample.series.name(), all.count() as f64),
            })
            .collect();
        told.sort_by_key(|(name, _)| *name);
        assert_eq!(told, [("room", 2.0), ("wait_seconds", 3.0)]);
        let refused = source.refused().expect("two lines");
        assert_eq!(refused.count, 2, "{refused:?}");
        assert!(refused.why.en.contains("room is a set"), "{refused:?}");
    }
}

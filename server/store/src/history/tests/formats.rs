//! What other versions of Keiki wrote.

use super::*;

#[test]
fn a_newer_format_is_refused() {
    let mut bench = Bench::new();
    bench.run(3);
    let path = bench.path();
    bench.store = Store::new(Limits::default());
    let disk = super::super::disk::Disk::open(&path).expect("a history");
    disk.meta.insert("format", 99_i64.to_le_bytes()).expect("room");
    drop(disk);
    let error = open(&path, bench.now).expect_err("it is newer");
    assert!(error.to_string().contains("format 99"), "{error}");
}

/// Makes a folder what the first version of the format was: a keyspace for each period.
fn as_format_1(path: &Path) {
    let db = fjall::Database::builder(path).open().expect("a history");
    let keyspace = |name: &str| {
        db.keyspace(name, fjall::KeyspaceCreateOptions::default)
            .expect("a keyspace")
    };
    let mut moved = 0;
    for tier in TIERS {
        let records = keyspace(tier.name);
        for entry in records.iter() {
            let (key, value) = entry.into_inner().expect("an entry");
            let (period, rest) = key.split_first_chunk().expect("a period");
            let old = keyspace(&format!("{}-{}", tier.name, u32::from_be_bytes(*period)));
            old.insert(rest, value).expect("room");
            records.remove(key).expect("room");
            moved += 1;
        }
    }
    assert!(moved > 20, "{moved}");
    keyspace("meta").insert("format", 1_i64.to_le_bytes()).expect("room");
    db.persist(fjall::PersistMode::SyncAll).expect("room");
}

/// Whether samples and slots are what was appended, and nothing else is told.
fn check_all(bench: &Bench) {
    bench.check_samples(START, bench.now);
    bench.check_slots(
        START / 60_000 * 60_000 + 60_000,
        bench.now / 60_000 * 60_000 - 60_000,
        60 * SECOND,
    );
    assert_eq!(
        bench.store.history().map(|stats| (stats.failing, stats.corrupt)),
        Some((None, 0))
    );
}

#[test]
fn a_folder_of_the_first_format_is_read() {
    let mut bench = Bench::new();
    bench.run(100 * 60);
    let path = bench.folder.path().join("history");
    for _ in 0..2 {
        bench.store.flush(bench.now);
        bench.store = Store::new(Limits::default());
        as_format_1(&path);
        bench.store = open(&path, bench.now).expect("an older history");
        check_all(&bench);
        bench.run(10 * 60);
    }
}

#[test]
fn a_folder_of_the_second_format_is_read() {
    let mut bench = Bench::new();
    bench.run(30 * 60);
    let path = bench.path();
    bench.store = Store::new(Limits::default());
    let disk = super::super::disk::Disk::open(&path).expect("a history");
    disk.meta.insert("format", 2_i64.to_le_bytes()).expect("room");
    drop(disk);
    bench.store = open(&path, bench.now).expect("an older history");
    bench.check_samples(START, bench.now);
    bench.store = Store::new(Limits::default());
    let disk = super::super::disk::Disk::open(&path).expect("a history");
    let format = disk.meta.get("format").expect("it is read").expect("a version");
    assert_eq!(format.as_ref(), i64::from(super::super::disk::FORMAT).to_le_bytes());
}

/// The first bytes of the records that a folder holds, by tier.
fn makes(path: &Path) -> Vec<Vec<u8>> {
    let disk = super::super::disk::Disk::open(path).expect("a history");
    let of_tier = |tier: usize| {
        let mut makes = Vec::new();
        for series in 0..4 {
            disk.records(tier, series, START, START + 4 * HOUR, |_, bytes| {
                makes.push(bytes.expect("a record")[0]);
            });
        }
        makes
    };
    (0..TIERS.len()).map(of_tier).collect()
}

/// A folder written by an earlier Keiki: `check` sees the first bytes of its records, and of those after it has grown.
fn grows(format: u32, check: impl Fn(&[Vec<u8>], &[Vec<u8>])) {
    let mut bench = Bench::new();
    let older = super::super::codec::older::Older::of(format);
    bench.run(100 * 60);
    let path = bench.path();
    bench.store = Store::new(Limits::default());
    let written = makes(&path);
    let disk = super::super::disk::Disk::open(&path).expect("a history");
    disk.meta
        .insert("format", i64::from(format).to_le_bytes())
        .expect("room");
    drop((disk, older));
    for _ in 0..2 {
        bench.reopen();
        check_all(&bench);
        // Records of minutes and quarters of an hour grow on.
        bench.run(70 * 60);
    }
    bench.store = Store::new(Limits::default());
    check(&written, &makes(&path));
}

#[test]
fn a_folder_of_the_third_format_is_read_and_grows() {
    let own = |make: &u8| make & 0xc0 != 0;
    grows(3, |written, grown| {
        assert!(
            written[0].len() > 5 && !written[0].iter().any(own),
            "all their times have names"
        );
        assert!(grown[0].iter().any(own));
    });
}

#[test]
fn a_folder_of_the_fourth_format_is_read_and_grows() {
    let dense = |make: &u8| make & 0x3f == 7;
    grows(4, |written, grown| {
        assert!(written[1].len() > 5 && !written.iter().flatten().any(dense));
        assert!(grown.iter().flatten().any(dense), "{grown:?}");
    });
}

/// Before numbers were kept, one could be given again after a restart.
#[test]
fn what_another_kind_of_series_left_under_a_number_is_passed_over() {
    let mut bench = Bench::new();
    bench.run(4 * 3_600);
    let path = bench.path();
    bench.store = Store::new(Limits::default());
    let disk = super::super::disk::Disk::open(&path).expect("a history");
    let entries = [0_u32, 1, 2].map(|number| {
        disk.series
            .get(number.to_be_bytes())
            .expect("a disk")
            .expect("a series")
    });
    for (number, entry) in [1_u32, 2, 0].into_iter().zip(entries) {
        disk.series.insert(number.to_be_bytes(), entry).expect("room");
    }
    drop(disk);
    // What has no record of slots yet: samples are of no kind.
    let before = bench.now - 20 * 60 * SECOND;
    bench.now += 5 * HOUR;
    bench.reopen();
    let begin = bench.now;
    bench.run(4 * 3_600);
    let all = [&bench.gauge, &bench.counter, &bench.histogram];
    for step in [10 * SECOND, 60 * SECOND, 900 * SECOND] {
        for series in all {
            let past = bench.past(series, START, bench.now, step).expect("what came since");
            let (base, offsets) = past.times();
            assert!(base + Millis::from(offsets[0]) > before, "{} by {step}", series.name());
        }
        bench.check_slots((begin / 900_000 + 1) * 900_000, bench.now / 900_000 * 900_000, step);
    }
    assert_eq!(bench.store.history().map(|stats| stats.corrupt), Some(0));
}

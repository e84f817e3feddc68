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
    assert_eq!(format.as_ref(), 4_i64.to_le_bytes());
}

#[test]
fn a_folder_of_the_third_format_is_read_and_grows() {
    let mut bench = Bench::new();
    let older = super::super::codec::older::Older::on();
    bench.run(100 * 60);
    let path = bench.path();
    bench.store = Store::new(Limits::default());
    let disk = super::super::disk::Disk::open(&path).expect("a history");
    disk.meta.insert("format", 3_i64.to_le_bytes()).expect("room");
    let made = |disk: &super::super::disk::Disk| {
        let mut makes = Vec::new();
        disk.records(0, 0, START, START + HOUR, |_, bytes| {
            makes.push(bytes.expect("a record")[0] & 0xc0 != 0)
        });
        makes
    };
    assert!(
        made(&disk).len() > 5 && !made(&disk).contains(&true),
        "all their times have names"
    );
    drop((disk, older));
    for _ in 0..2 {
        bench.reopen();
        check_all(&bench);
        // Records of minutes and quarters of an hour grow on.
        bench.run(70 * 60);
    }
}

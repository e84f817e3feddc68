//! What exporters answer is read as it should be.
//!
//! `pages/NAME.txt` is a page of an exporter; its first line says how it was made. `pages/NAME.readings` lists all that it
//! must be read as, and the metrics that are left alone. `KEIKI_WRITE_READINGS=1 cargo test -p keiki-recognise` writes the
//! lists anew, to be looked through.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use keiki_model::series::{HOST_NAME, Kind, Labels, SERVICE_INSTANCE_ID, SERVICE_NAME};
use keiki_recognise::{Canonical, Foreign, Recognisers};

const IDENTITY: [(&str, &str); 3] = [
    (SERVICE_NAME, "shop"),
    (SERVICE_INSTANCE_ID, "shop:1"),
    (HOST_NAME, "a"),
];

/// A series of a page.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Series {
    name: String,
    labels: Labels,
}

/// The series of a page of the text format, with what each is said to be. Enough for the pages here, and no more.
fn parse(page: &str) -> BTreeMap<Series, Option<Kind>> {
    let mut types = BTreeMap::new();
    for line in page.lines() {
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            types.insert(name, kind);
        }
    }
    let samples = page.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    samples.map(|line| series(line, &types)).collect()
}

fn series(line: &str, types: &BTreeMap<&str, &str>) -> (Series, Option<Kind>) {
    let (key, _value) = line.rsplit_once(' ').expect(line);
    let (name, text) = key.split_once('{').unwrap_or((key, ""));
    let mut labels = Labels::new(IDENTITY);
    for part in text
        .trim_end_matches('}')
        .split("\",")
        .filter(|part| part.contains('='))
    {
        let (label, value) = part.split_once("=\"").expect(line);
        labels.set(label.trim(), value.trim_end_matches('"'));
    }
    let family = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| {
        let family = name.strip_suffix(suffix)?;
        Some((family, *types.get(family)?))
    });
    let (name, kind) = match (family, types.get(name)) {
        (Some((family, "histogram")), _) => {
            labels.set("le", "");
            (family, Some(Kind::Histogram))
        }
        (Some((_, "summary")), _) | (_, Some(&"counter")) => (name, Some(Kind::Counter)),
        (_, Some(&"gauge" | &"summary")) => (name, Some(Kind::Gauge)),
        _ => (name, None),
    };
    let name = name.to_owned();
    (Series { name, labels }, kind)
}

/// A series as a line names it: without the labels of identity.
fn told(name: &str, labels: &Labels) -> String {
    let mut labels = labels.clone();
    for (identity, _) in IDENTITY {
        labels.set(identity, "");
    }
    format!("{name}{labels}")
}

/// All that a page is read as: the canonical series, and how each comes of which.
fn readings(all: &Recognisers, page: &str) -> (BTreeMap<String, Vec<String>>, BTreeSet<String>) {
    let (mut read, mut left) = (BTreeMap::<String, Vec<String>>::new(), BTreeSet::new());
    for (Series { name, labels }, kind) in &parse(page) {
        let foreign = Foreign {
            name,
            kind: *kind,
            labels,
        };
        let readings = all.readings(foreign);
        if readings.canonical.is_none() && readings.derived.is_empty() {
            left.insert(name.clone());
        }
        let own = told(name, labels);
        let mut add = |canonical: &Canonical<'_>, how: String| {
            assert_eq!(
                canonical.labels.get(SERVICE_NAME).is_none(),
                canonical.name.starts_with("system_") || canonical.name.starts_with("process_"),
                "{canonical:?}"
            );
            let line = told(canonical.name, &canonical.labels);
            read.entry(line)
                .or_default()
                .push(format!("{how}    [{}]", canonical.recogniser));
        };
        if let Some(canonical) = &readings.canonical {
            let scale = canonical.scale;
            let times = if scale == 1.0 {
                String::new()
            } else {
                format!("{scale} × ")
            };
            add(canonical, format!("{times}{own}"));
        }
        for derived in &readings.derived {
            let mut x = if derived.rate {
                format!("rate of {own}")
            } else {
                own.clone()
            };
            if let Some(over) = derived.over {
                let _ = write!(x, " / {over}");
            }
            let how = match (derived.offset, derived.canonical.scale) {
                (0.0, 1.0) => x,
                (offset, scale) => format!("{offset} + {scale} × {x}"),
            };
            add(&derived.canonical, how);
        }
    }
    (read, left)
}

fn pages() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("pages");
    let files = std::fs::read_dir(folder)
        .expect("pages")
        .map(|entry| entry.expect("an entry").path());
    let mut pages: Vec<PathBuf> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    pages.sort();
    pages
}

#[test]
fn pages_are_read_as_they_should_be() {
    let all = Recognisers::new(&[]).expect("the files that come with Keiki");
    let is_writing = std::env::var_os("KEIKI_WRITE_READINGS").is_some();
    for path in pages() {
        let page = std::fs::read_to_string(&path).expect("a page");
        let (read, left) = readings(&all, &page);
        let mut text = String::new();
        for (canonical, ways) in &read {
            for how in ways {
                let _ = writeln!(text, "{canonical}\n    = {how}");
            }
        }
        text += "left alone:\n";
        for name in left {
            let _ = writeln!(text, "    {name}");
        }
        let golden = path.with_extension("readings");
        if is_writing {
            std::fs::write(&golden, &text).expect("the list");
        }
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        assert!(text == expected, "{} is read as\n{text}", path.display());
    }
}

#[test]
fn no_two_series_of_a_page_are_read_as_the_same() {
    let all = Recognisers::new(&[]).expect("the files that come with Keiki");
    for path in pages() {
        let page = std::fs::read_to_string(&path).expect("a page");
        for (canonical, ways) in readings(&all, &page).0 {
            assert_eq!(ways.len(), 1, "{}: {canonical} = {ways:?}", path.display());
        }
    }
}

#[test]
fn a_page_says_how_it_was_made() {
    for path in pages() {
        let page = std::fs::read_to_string(&path).expect("a page");
        let first = page.lines().next().unwrap_or_default();
        assert!(
            first.starts_with("# hand-written to the ") || first.contains(", captured by running "),
            "{}: {first}",
            path.display()
        );
    }
}

#[test]
fn every_recogniser_reads_a_page() {
    let all = Recognisers::new(&[]).expect("the files that come with Keiki");
    let texts = pages()
        .into_iter()
        .map(|path| std::fs::read_to_string(path).expect("a page"));
    let ways: Vec<String> = texts
        .flat_map(|page| readings(&all, &page).0.into_values().flatten())
        .collect();
    for name in all.names() {
        assert!(ways.iter().any(|how| how.ends_with(&format!("[{name}]"))), "{name}");
    }
}

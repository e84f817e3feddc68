//! Every key of the configuration: its type, default and meaning. The reader, the sample file and its test all walk
//! this table, so that none of them can drift from the others.

/// A table of the configuration file.
#[derive(Debug)]
pub struct Table {
    /// Its name, as between the brackets.
    pub name: &'static str,
    /// Whether it may be written many times, as `[[name]]`.
    pub repeated: bool,
    /// What it is for, one sentence.
    pub doc: &'static str,
    /// Its keys, in the order of the sample file.
    pub keys: &'static [Key],
}

/// A key of a table.
#[derive(Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What its value must be.
    pub kind: Kind,
    /// What holds where it is absent, as TOML; of a repeated table's key an example. Never empty.
    pub default: &'static str,
    /// What it does, in one or two sentences.
    pub doc: &'static str,
}

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// `true` or `false`.
    Boolean,
    /// A whole number from the first to the second.
    Integer(i64, i64),
    /// A number of seconds from the first to the second; may have a fraction.
    Seconds(f64, f64),
    /// Text in quotes.
    Text,
    /// A list of texts.
    Texts,
}

impl Kind {
    /// In words, with an article.
    pub fn describe(self) -> String {
        match self {
            Self::Boolean => "true or false".into(),
            Self::Integer(min, max) => format!("a whole number from {min} to {max}"),
            Self::Seconds(min, max) => format!("a number of seconds from {min} to {max}"),
            Self::Text => "a text in quotes".into(),
            Self::Texts => "a list of texts in brackets".into(),
        }
    }
}

const fn key(name: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Key {
    Key {
        name,
        kind,
        default,
        doc,
    }
}

/// A positive number of things that memory has to hold.
const fn limit(name: &'static str, default: &'static str, doc: &'static str) -> Key {
    key(name, Kind::Integer(1, 100_000_000), default, doc)
}

/// A threshold of Apdex.
const APDEX: Kind = Kind::Seconds(0.001, 600.0);

/// All tables, in the order of the sample file.
pub static TABLES: &[Table] = &[
    Table {
        name: "server",
        repeated: false,
        doc: "How Keiki is reached.",
        keys: &[
            key(
                "listen",
                Kind::Text,
                "\"127.0.0.1:3000\"",
                "Address and port. Other addresses than loopback need access control: [access], or a token. Port 0 takes a free one.",
            ),
            key(
                "base_path",
                Kind::Text,
                "\"\"",
                "Where Keiki lives behind a reverse proxy, such as \"/ops/keiki\". Empty for the root.",
            ),
            key(
                "allowed_hosts",
                Kind::Texts,
                "[]",
                "Host names by which browsers may reach Keiki besides localhost, such as \"keiki.example.com\" (any port) \
                 or \"keiki.example.com:8443\". Requests by other names are refused, which stops DNS rebinding.",
            ),
            key(
                "max_connections",
                Kind::Integer(1, 1_000_000),
                "20000",
                "Connections at a time; further ones are refused and counted. Lowered to what the limit of open files allows.",
            ),
            key(
                "header_timeout",
                Kind::Seconds(0.1, 600.0),
                "10",
                "How long a connection may take to send a request's headers, and how long it may idle between requests.",
            ),
            key(
                "shutdown_timeout",
                Kind::Seconds(0.0, 600.0),
                "5",
                "How long running requests may take to end when Keiki is stopped.",
            ),
        ],
    },
    Table {
        name: "site",
        repeated: false,
        doc: "What the pages look like to everyone.",
        keys: &[
            key(
                "timezone",
                Kind::Text,
                "\"auto\"",
                "The clock of all pages: an IANA name such as \"Asia/Tokyo\", or \"auto\" for the machine's.",
            ),
            key(
                "language",
                Kind::Text,
                "\"ja\"",
                "\"ja\" or \"en\"; a page's ?lang= overrides it.",
            ),
        ],
    },
    Table {
        name: "host",
        repeated: false,
        doc: "The machine on which Keiki runs.",
        keys: &[key(
            "enabled",
            Kind::Boolean,
            "true",
            "Whether CPU, memory, disks and network are watched.",
        )],
    },
    Table {
        name: "process",
        repeated: true,
        doc: "A process to watch every second. Write one table per process, each with either a name or a pid.",
        keys: &[
            key(
                "name",
                Kind::Text,
                "\"postgres\"",
                "All processes of this name, as the system shows it.",
            ),
            key("pid", Kind::Integer(1, 4_194_304), "1234", "The process with this id."),
        ],
    },
    Table {
        name: "service",
        repeated: true,
        doc: "A watched service and the targets by which it is judged.",
        keys: &[
            key("name", Kind::Text, "\"shop\"", "The service's service_name."),
            key(
                "preset",
                Kind::Text,
                "\"default\"",
                "A set of targets: default, or s0 to s4 (docs/presets.md says what each demands).",
            ),
            key(
                "apdex_seconds",
                APDEX,
                "0.5",
                "Its threshold of Apdex, where that is not what [users] says; holds where only services of this threshold are shown.",
            ),
        ],
    },
    Table {
        name: "users",
        repeated: false,
        doc: "What users experience.",
        keys: &[key(
            "apdex_seconds",
            APDEX,
            "0.5",
            "The threshold T of Apdex, seconds: satisfied up to T, tolerating up to four times T, frustrated beyond and by errors.",
        )],
    },
    Table {
        name: "postgres",
        repeated: true,
        doc: "A PostgreSQL server to watch. docs/postgresql.md tells what is read and which rights that needs.",
        keys: &[
            key(
                "name",
                Kind::Text,
                "\"shop-db\"",
                "What the pages call it: its service_name.",
            ),
            key(
                "url",
                Kind::Text,
                "\"postgresql://keiki@127.0.0.1:5432/shop\"",
                "Where it is, as whom Keiki comes, and the database in which pg_stat_statements was created.",
            ),
            key(
                "password_file",
                Kind::Text,
                "\"/run/secrets/keiki-postgres\"",
                "A file with the password, read at each connection; better than a password in the url.",
            ),
            key(
                "tls",
                Kind::Text,
                "\"auto\"",
                "\"verify\" encrypts and checks the server's certificate, \"off\" does not encrypt; \"auto\" verifies \
                 unless the server is on this machine.",
            ),
            key(
                "tls_ca",
                Kind::Text,
                "\"/etc/keiki/postgres-ca.pem\"",
                "The certificate authorities to believe instead of the system's, as PEM.",
            ),
            key(
                "interval",
                Kind::Seconds(1.0, 3600.0),
                "1",
                "Whole seconds between two readings; statements are read every 5 s and sizes every 60 s at most.",
            ),
            key(
                "timeout",
                Kind::Seconds(0.1, 60.0),
                "5",
                "How long connecting or one reading may take; a reading never takes longer than its interval.",
            ),
        ],
    },
    Table {
        name: "scrape",
        repeated: true,
        doc: "A program that shows its metrics as Prometheus wants them. docs/sources.md tells more.",
        keys: &[
            key("name", Kind::Text, "\"shop\"", "What the pages call it."),
            key(
                "service",
                Kind::Text,
                "\"shop\"",
                "Its service_name, where that is not its name: the same for all instances of one service.",
            ),
            key(
                "url",
                Kind::Text,
                "\"http://127.0.0.1:8000/metrics\"",
                "Where the page is. Without a path it is /metrics. Redirects are not followed.",
            ),
            key(
                "files",
                Kind::Texts,
                "[\"targets/*.json\"]",
                "In place of url: files with targets in the format of Prometheus' file_sd, .json, .yml or .yaml, with at \
                 most one * in the last part of a path. They are read again when they change.",
            ),
            key(
                "target_limit",
                Kind::Integer(1, 100_000),
                "1000",
                "How many targets the files may have; further ones are not read, and the sources page says so.",
            ),
            key(
                "interval",
                Kind::Seconds(1.0, 3600.0),
                "5",
                "Whole seconds between two readings.",
            ),
            key(
                "timeout",
                Kind::Seconds(0.1, 60.0),
                "4",
                "How long a reading may take; never longer than the interval.",
            ),
            key(
                "tls_ca",
                Kind::Text,
                "\"/etc/keiki/shop-ca.pem\"",
                "For https: the certificate authorities to believe instead of the system's, as PEM.",
            ),
            key(
                "user",
                Kind::Text,
                "\"keiki\"",
                "The user's name for basic authentication.",
            ),
            key(
                "secret_file",
                Kind::Text,
                "\"/run/secrets/shop\"",
                "A file with that user's password; without a user, with a token for Authorization: Bearer. Read at each request.",
            ),
            key(
                "headers",
                Kind::Texts,
                "[\"X-Tenant: a\"]",
                "Further headers of the request.",
            ),
            key(
                "keep",
                Kind::Texts,
                "[\"http_*\"]",
                "What is kept, if not all: names of metrics, or name{label=value}, or label=value, with * for anything.",
            ),
            key(
                "drop",
                Kind::Texts,
                "[\"go_gc_*\", \"handler=/metrics\"]",
                "What is not kept, in the same words.",
            ),
            key(
                "rename",
                Kind::Texts,
                "[\"old_name -> new_name\"]",
                "Metrics and labels that get another name before anything reads them.",
            ),
            key(
                "labels",
                Kind::Texts,
                "[\"region=tokyo\"]",
                "Labels that all its series get.",
            ),
            key(
                "series",
                Kind::Integer(1, 10_000_000),
                "20000",
                "How many series it may have; further ones are not taken, and the sources page says so.",
            ),
        ],
    },
    Table {
        name: "panel",
        repeated: true,
        doc: "A panel of your own, in any group, of any metric that /explore shows. docs/panels.md tells more.",
        keys: &[
            key(
                "id",
                Kind::Text,
                "\"api.orders\"",
                "Its group, a point, and a name of its own in small letters and underscores.",
            ),
            key("title", Kind::Text, "\"Orders\"", "Its title."),
            key(
                "title_ja",
                Kind::Text,
                "\"注文\"",
                "Its title on Japanese pages, where it is another.",
            ),
            key(
                "help",
                Kind::Text,
                "\"Orders that were paid.\"",
                "A sentence that its title shows under the pointer.",
            ),
            key(
                "help_ja",
                Kind::Text,
                "\"支払い済みの注文。\"",
                "That sentence in Japanese.",
            ),
            key(
                "metric",
                Kind::Text,
                "\"shop_orders_total\"",
                "Of which metric, by the name that it came under or the one that it is read as.",
            ),
            key(
                "where",
                Kind::Texts,
                "[\"status=paid\", \"route!=/healthz\", \"region=eu-*\"]",
                "Of which series, if not of all: conditions on labels, all of which hold; a * may stand at the end.",
            ),
            key(
                "show",
                Kind::Texts,
                "[\"rate\"]",
                "What of it: last, mean, min or max of a gauge, rate or increase of a counter, mean, rate, p50, p95 or p99 of distributions. Rate where the name ends in _total, else mean.",
            ),
            key(
                "divided_by",
                Kind::Text,
                "\"shop_visits_total\"",
                "Another metric: the panel shows the share of it. Both are rates, and the conditions hold for the first.",
            ),
            key(
                "by",
                Kind::Texts,
                "[\"status\"]",
                "A line, or a row, for each value of these labels.",
            ),
            key(
                "combine",
                Kind::Text,
                "\"sum\"",
                "How series that share a line are put together: sum, mean, min or max.",
            ),
            key(
                "chart",
                Kind::Text,
                "\"line\"",
                "line, area, stacked_area, bar, heat (of distributions), table or stat.",
            ),
            key(
                "unit",
                Kind::Text,
                "\"per_second\"",
                "seconds, bytes, ratio, count, per_second or bytes_per_second; else as the metric's name says.",
            ),
            key(
                "top",
                Kind::Integer(1, 60),
                "8",
                "How many lines or rows at most, the largest first.",
            ),
        ],
    },
    Table {
        name: "ingest",
        repeated: false,
        doc: "What programs send to Keiki: OpenTelemetry (POST /v1/metrics, /v1/traces) and Prometheus' remote write \
              (POST /api/v1/write). docs/sources.md tells more.",
        keys: &[
            limit("body_bytes", "16777216", "Bytes of a request as it is sent."),
            limit("unpacked_bytes", "67108864", "Bytes of a request when it is unpacked."),
            limit(
                "series",
                "100000",
                "Series of each protocol; further ones are not taken, and the sources page says so.",
            ),
            key(
                "requests",
                Kind::Integer(1, 1_000),
                "8",
                "Requests that are read at a time; further ones are answered 503 and come again.",
            ),
            limit(
                "samples_per_second",
                "5000000",
                "Samples, points and spans of one token per second, and ten times as many at once; a sender of more is \
                 answered 429. Senders without a token count as one.",
            ),
            limit(
                "requests_per_second",
                "10000",
                "Requests of one token per second, likewise.",
            ),
        ],
    },
    Table {
        name: "statsd",
        repeated: false,
        doc: "StatsD over UDP.",
        keys: &[
            key(
                "listen",
                Kind::Text,
                "\"\"",
                "Address and port, such as \"127.0.0.1:8125\". Empty for none. UDP asks nobody who they are: only loopback is taken.",
            ),
            key(
                "service",
                Kind::Text,
                "\"statsd\"",
                "The service_name of what comes without a tag service.",
            ),
            limit("series", "10000", "Series; further ones are not taken."),
        ],
    },
    Table {
        name: "access",
        repeated: false,
        doc: "Who may see Keiki. Any of these, or a token (keiki token add), and everyone is asked. docs/access.md tells more.",
        keys: &[
            key(
                "password_hash",
                Kind::Text,
                "\"\"",
                "What keiki hash-password prints: readers log in with that password. Empty for none.",
            ),
            key(
                "session_hours",
                Kind::Integer(1, 8_760),
                "720",
                "How long a login holds.",
            ),
            key(
                "proxy_header",
                Kind::Text,
                "\"\"",
                "The header in which a reverse proxy names the user that it has let in, such as \"X-Forwarded-User\". The \
                 proxy must remove it from what readers send. Empty for none.",
            ),
            key(
                "proxy_addresses",
                Kind::Texts,
                "[]",
                "The proxies' addresses, such as \"10.0.0.5\" or \"10.0.0.0/24\": from there that header is believed, and X-Forwarded-For.",
            ),
            key(
                "open_proxy",
                Kind::Boolean,
                "false",
                "Where nobody is asked, whether a reverse proxy on this machine may show everything to everybody, and let them \
                 change it. Without it forwarded requests are refused.",
            ),
        ],
    },
    Table {
        name: "tls",
        repeated: false,
        doc: "Encryption by Keiki itself. Both files are read anew when they change.",
        keys: &[
            key(
                "cert",
                Kind::Text,
                "\"\"",
                "The certificate and those between it and its authority, a PEM file. Empty for plain HTTP.",
            ),
            key("key", Kind::Text, "\"\"", "Its private key, a PEM file."),
        ],
    },
    Table {
        name: "embed",
        repeated: false,
        doc: "Panels in other people's pages: /embed/<panel> and embed.js. Keiki's page /embed writes the snippet and checks it.",
        keys: &[key(
            "origins",
            Kind::Texts,
            "[]",
            "Whose pages may frame a panel, such as \"https://admin.example.com\" or \"https://*.example.com\". Browsers \
             refuse all others.",
        )],
    },
    Table {
        name: "sources",
        repeated: false,
        doc: "Where samples come from.",
        keys: &[
            key(
                "priority",
                Kind::Texts,
                "[\"own\", \"otlp\", \"scrape\", \"remote_write\", \"spans\", \"statsd\", \"logs\"]",
                "Of two sources of the same fact the earlier one is shown. Kinds left out follow in this order.",
            ),
            key(
                "rows",
                Kind::Texts,
                "[]",
                "Files with rows of your own that say which foreign metric means what; docs/sources.md tells their form.",
            ),
        ],
    },
    Table {
        name: "history",
        repeated: false,
        doc: "What is kept on disk, in the folder history of the data directory (--data-dir, data where nothing is said).",
        keys: &[
            key(
                "enabled",
                Kind::Boolean,
                "true",
                "Whether anything is kept. Without it the newest 15 minutes are in memory, and gone after a restart.",
            ),
            key(
                "sync",
                Kind::Seconds(0.0, 3_600.0),
                "5",
                "How often what was written is made to survive the loss of power, seconds. The death of the process alone \
                 loses no more than the last second, whatever stands here.",
            ),
            key(
                "late",
                Kind::Seconds(60.0, 3_600.0),
                "3600",
                "How late a sample may be, seconds. What is later than a minute, as a sender's backlog, is put into the history \
                 alone, within a few minutes; what is later than this is dropped and counted.",
            ),
            key(
                "keep_samples",
                Kind::Seconds(7_200.0, 7_776_000.0),
                "7200",
                "How long samples are kept as they came, seconds.",
            ),
            key(
                "keep_ten_seconds",
                Kind::Seconds(43_200.0, 31_536_000.0),
                "172800",
                "How long slots of 10 seconds are kept, seconds.",
            ),
            key(
                "keep_minutes",
                Kind::Seconds(345_600.0, 31_536_000.0),
                "7776000",
                "How long slots of a minute are kept, seconds.",
            ),
            key(
                "keep_quarter_hours",
                Kind::Seconds(345_600.0, 315_360_000.0),
                "7776000",
                "How long slots of 15 minutes are kept, seconds.",
            ),
            key(
                "max_bytes",
                Kind::Integer(100_000_000, 1_000_000_000_000_000),
                "4000000000",
                "How much disk it may take. Beyond, the oldest is dropped, whatever the tier.",
            ),
            limit("series", "200000", "Series that it knows, living and ended."),
        ],
    },
    Table {
        name: "limits",
        repeated: false,
        doc: "Bounds on memory and work. What they turn away is counted in /metrics.",
        keys: &[
            limit("series", "50000", "Series in the store."),
            limit("series_per_metric", "10000", "Series of one metric."),
            limit("labels", "32", "Labels of one series."),
            limit("label_bytes", "1024", "Bytes of one label's value."),
            limit("views", "256", "Distinct views computed at a time."),
            limit("views_per_connection", "32", "Views of one stream."),
            limit(
                "views_per_token",
                "64",
                "Distinct views that all streams of one token hold, where it opens some paths only. Such tokens together leave a \
                 quarter of `views` to everybody else.",
            ),
            limit("subscribers", "12000", "Open streams."),
            limit(
                "annotations",
                "10000",
                "Annotations that are kept, Keiki's own starts among them; beyond, the oldest go.",
            ),
            limit("page_cache_entries", "256", "Pages and pictures in the cache."),
            limit("page_cache_bytes", "33554432", "Bytes in the cache."),
        ],
    },
    Table {
        name: "log",
        repeated: false,
        doc: "What Keiki writes to standard error. The environment variable KEIKI_LOG overrides the level.",
        keys: &[
            key(
                "level",
                Kind::Text,
                "\"info\"",
                "error, warn, info, debug or trace; or by module, such as \"info,keiki_server::web=debug\".",
            ),
            key(
                "format",
                Kind::Text,
                "\"json\"",
                "\"json\" or \"text\", one event a line.",
            ),
        ],
    },
];

/// Tables that a later version reads. They are refused, because a setting that does nothing deceives its writer.
pub static LATER: &[&str] = &[];

/// The table of a name.
pub fn table(name: &str) -> Option<&'static Table> {
    TABLES.iter().find(|table| table.name == name)
}

impl Table {
    /// The key of a name.
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// Its heading in the file.
    pub fn heading(&self) -> String {
        if self.repeated {
            format!("[[{}]]", self.name)
        } else {
            format!("[{}]", self.name)
        }
    }
}

/// Of `names` the one that `typed` most probably meant.
pub fn closest<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed = typed.to_lowercase();
    names
        .into_iter()
        .map(|name| (distance(&typed, name), name))
        .filter(|(distance, name)| *distance <= (name.len() / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// How many letters must be put in, left out, replaced or swapped with their neighbour (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique_and_docs_are_sentences() {
        let mut seen = HashSet::new();
        for table in TABLES {
            assert!(table.doc.ends_with('.'), "{}", table.name);
            for key in table.keys {
                assert!(seen.insert((table.name, key.name)), "{}.{} twice", table.name, key.name);
                assert!(key.doc.ends_with('.'), "{}.{}", table.name, key.name);
                assert!(
                    key.name.chars().all(|c| c.is_ascii_lowercase() || c == '_'),
                    "{}",
                    key.name
                );
                assert!(!key.default.is_empty(), "{}.{}", table.name, key.name);
            }
        }
        assert!(LATER.iter().all(|name| table(name).is_none()));
    }

    #[test]
    fn the_closest_name_is_found() {
        let names = || table("server").into_iter().flat_map(|t| t.keys).map(|key| key.name);
        assert_eq!(closest("lisen", names()), Some("listen"));
        assert_eq!(closest("Base-Path", names()), Some("base_path"));
        assert_eq!(closest("allowd_host", names()), Some("allowed_hosts"));
        assert_eq!(closest("colour", names()), None);
        assert_eq!(distance("listne", "listen"), 1);
    }
}

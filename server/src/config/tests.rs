//! The golden messages of broken configurations, and the sample file.

mod panels;
mod targets;

use keiki_model::text::Language;

use super::keys::TABLES;
use super::*;

const SAMPLE: &str = include_str!("../../keiki.example.toml");

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse("keiki.toml", text, Overrides::default(), [])
}

fn complaint(text: &str) -> String {
    parse(text).map(|_| ()).expect_err("the text is wrong").to_string()
}

fn from_environment(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::parse("keiki.toml", "", Overrides::default(), variables)
}

#[test]
fn nothing_at_all_is_a_configuration() {
    let config = parse("").unwrap();
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:3000");
    assert_eq!(config.server.base_path, "");
    assert_eq!(config.server.header_timeout, Duration::from_secs(10));
    assert_eq!(config.site.language, Language::Ja);
    assert!(config.host.enabled);
    assert_eq!(config.limits.views, 256);
    assert_eq!(config.sources.priority, SOURCE_KINDS);
}

#[test]
fn every_key_is_read() {
    let config = parse(
        r#"
        [server]
        listen = "localhost:0"
        base_path = "/ops/keiki/"
        allowed_hosts = ["keiki.example.com", "[::1]:3000"]
        max_connections = 5_000
        header_timeout = 2.5
        [access]
        open_proxy = true
        [site]
        timezone = "Asia/Tokyo"
        language = "en"
        [host]
        enabled = false
        [[process]]
        name = "postgres"
        [[process]]
        pid = 42
        [[service]]
        name = "shop"
        preset = "s3"
        [sources]
        priority = ["scrape"]
        [limits]
        views = 8
        [log]
        level = "info,keiki_server=debug"
        format = "text"
        "#,
    )
    .unwrap();
    assert_eq!(config.server.base_path, "/ops/keiki");
    assert_eq!(config.server.allowed_hosts.len(), 2);
    assert_eq!(config.server.header_timeout, Duration::from_millis(2_500));
    assert_eq!(
        config.site.zone(0),
        Zone {
            offset: 32_400,
            name: "JST".into()
        }
    );
    assert_eq!(config.processes, [Process::Name("postgres".into()), Process::Pid(42)]);
    assert_eq!(
        config.services,
        [Service {
            name: "shop".into(),
            preset: Some("s3"),
            apdex_seconds: None,
        }]
    );
    assert_eq!(
        config.sources.priority,
        ["scrape", "own", "otlp", "remote_write", "spans", "statsd", "logs"]
    );
    assert_eq!((config.limits.views, config.log.format), (8, LogFormat::Text));
}

#[test]
fn summer_time_moves_the_offset() {
    let config = parse("[site]\ntimezone = \"Europe/Berlin\"").unwrap();
    assert_eq!(
        config.site.zone(1_735_689_600_000),
        Zone {
            offset: 3_600,
            name: "CET".into()
        }
    );
    assert_eq!(
        config.site.zone(1_751_328_000_000),
        Zone {
            offset: 7_200,
            name: "CEST".into()
        }
    );
}

#[test]
fn the_sample_file_states_every_key_with_its_default() {
    parse(SAMPLE).expect("the sample is valid as it stands");
    let mut rest = SAMPLE;
    for table in TABLES {
        let mark = if table.repeated { "# " } else { "" };
        let heading = format!("\n{mark}{}\n", table.heading());
        rest = rest
            .split_once(&heading)
            .unwrap_or_else(|| panic!("{heading} is not in its place"))
            .1;
        for key in table.keys {
            let line = format!("\n# {} = {}\n", key.name, key.default);
            assert!(rest.contains(&line), "the sample lacks {line:?} below {heading:?}");
        }
    }
    // With every line in force it is still valid, but for the process, which has either name or pid, a target, which has an
    // address or is in files, and a file.
    let forced: String = SAMPLE
        .lines()
        .map(|line| {
            line.strip_prefix("# ")
                .filter(|line| line.starts_with('[') || line.contains(" = "))
                .unwrap_or(line)
        })
        .filter(|line| {
            !["pid", "tls_ca", "files", "target_limit"]
                .iter()
                .any(|key| line.starts_with(key))
        })
        .flat_map(|line| [line, "\n"])
        .collect();
    parse(&forced).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn an_unknown_key_is_shown_with_the_one_that_was_meant() {
    assert_eq!(
        complaint("[server]\nlisten = \"127.0.0.1:3000\"\nallowed_host = []\n"),
        "keiki.toml:3:1: unknown key \"allowed_host\" in [server]\n  \
           3 | allowed_host = []\n    \
             | ^^^^^^^^^^^^\n  \
           = write allowed_hosts"
    );
    assert!(
        complaint("[sever]").ends_with("= write [server]"),
        "{}",
        complaint("[sever]")
    );
    assert!(complaint("listen = \"x\"").contains("outside of any table"));
    assert!(complaint("listen = \"x\"").ends_with("= write it below [server]"));
    assert!(complaint("[site]\nenabled = true").ends_with("enabled belongs below [host]"));
}

#[test]
fn a_wrong_type_is_shown_with_an_example() {
    assert_eq!(
        complaint("[server]\n  listen = 3000"),
        "keiki.toml:2:12: listen must be a text in quotes, not a whole number\n  \
           2 |   listen = 3000\n    \
             |            ^^^^\n  \
           = write for example: listen = \"127.0.0.1:3000\""
    );
    assert!(complaint("[host]\nenabled = \"yes\"").contains("enabled must be true or false, not a text"));
    assert!(complaint("[server]\nallowed_hosts = [1]").contains("lists texts in quotes, not a whole number"));
    assert!(complaint("[process]\nname = \"x\"").ends_with("= write [[process]]"));
    assert!(complaint("[[server]]").ends_with("= write [server]"));
    assert!(complaint("server = 1").ends_with("= write [server]"));
}

#[test]
fn a_bad_value_is_shown_with_what_would_do() {
    for (text, said) in [
        ("[server]\nlisten = \"0.0.0.0:80\"", "or write \"127.0.0.1:80\""),
        ("[server]\nlisten = \"[::]:80\"", "can be reached from other machines"),
        (
            "[server]\nallowed_hosts = [\"localhost\", \"keiki.example.com\"]",
            "\"keiki.example.com\" is a name for readers of other machines",
        ),
        (
            "[server]\nlisten = \"0.0.0.0:80\"\n[access]\nproxy_header = \"X-User\"",
            "proxy_header needs proxy_addresses",
        ),
        (
            "[access]\npassword_hash = \"secret\"",
            "this is no argon2id hash: write what keiki hash-password prints",
        ),
        ("[access]\nproxy_addresses = [\"proxy\"]", "\"proxy\": write an address"),
        ("[tls]\ncert = \"/nowhere.pem\"", "cert and key need one another"),
        (
            "[tls]\ncert = \"/nowhere.pem\"\nkey = \"/nowhere.key\"",
            "cannot read /nowhere.pem",
        ),
        ("[embed]\norigins = [\"admin\"]", "\"admin\" is no origin"),
        ("[server]\nlisten = \"3000\"", "write an IP address and a port"),
        ("[server]\nbase_path = \"ops\"", "no base path \"ops\""),
        ("[server]\nbase_path = \"/a/../b\"", "no base path"),
        ("[server]\nbase_path = \"/{x}\"", "no base path"),
        (
            "[server]\nallowed_hosts = [\"https://x\"]",
            "\"https://x\": write a host name",
        ),
        ("[server]\nmax_connections = 0", "a whole number from 1 to 1000000"),
        (
            "[server]\nmax_connections = 99999999999999999999",
            "a whole number from 1",
        ),
        ("[server]\nheader_timeout = nan", "a number of seconds from 0.1 to 600"),
        (
            "[site]\ntimezone = \"Asia/Tokio\"",
            "no time zone \"Asia/Tokio\": write \"Asia/Tokyo\"",
        ),
        ("[site]\ntimezone = \"Mars\"", "write an IANA name such as"),
        ("[site]\nlanguage = \"de\"", "write \"ja\" or \"en\""),
        (
            "[[service]]\nname = \"a\"\npreset = \"s9\"",
            "no preset \"s9\": write one of \"default\", \"s0\"",
        ),
        ("[[service]]\npreset = \"s0\"", "[[service]] needs a name"),
        ("[[process]]", "[[process]] needs a name or a pid"),
        ("[[process]]\nname = \"a\"\npid = 1", "not both"),
        (
            "[sources]\npriority = [\"scraper\"]",
            "no kind of source \"scraper\": write \"scrape\"",
        ),
        ("[log]\nlevel = \"loud=1=2\"", "no log level"),
        ("[log]\nformat = \"xml\"", "write \"json\" or \"text\""),
    ] {
        let complaint = complaint(text);
        assert!(complaint.contains(said), "{text:?} says {complaint:?}");
        assert!(complaint.starts_with("keiki.toml:"), "{complaint:?}");
    }
}

#[test]
fn what_comes_later_is_not_accepted_in_silence() {}

#[test]
fn thresholds_of_apdex_are_read() {
    let config =
        parse("[users]\napdex_seconds = 1\n[[service]]\nname = \"a\"\napdex_seconds = 0.2").expect("a configuration");
    assert_eq!(
        (config.apdex_seconds, config.services[0].apdex_seconds),
        (1.0, Some(0.2))
    );
    assert_eq!(parse("").expect("a configuration").apdex_seconds, 0.5);
    assert!(complaint("[users]\napdex_seconds = 0").contains("a number of seconds from 0.001 to 600"));
}

#[test]
fn rows_of_ones_own_are_read_first() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.toml");
    let config = |rows: &str| {
        std::fs::write(&file, rows).unwrap();
        parse(&format!("[sources]\nrows = [{:?}]", file.display().to_string()))
    };
    let read = config("[[row]]\nmetric = \"shop_visitors\"\nas = \"service_active_users\"").unwrap();
    assert_eq!(read.sources.recognisers.names().next(), file.to_str());
    let refused = config("[[row]]\nmetric = \"a\"\nas = \"b_total\"\nrate = true")
        .unwrap_err()
        .to_string();
    assert!(
        refused.starts_with("keiki.toml:2:9") && refused.contains("mine.toml"),
        "{refused}"
    );
    assert!(complaint("[sources]\nrows = [\"/nowhere.toml\"]").contains("cannot read /nowhere.toml"));
}

#[test]
fn duplicates_are_found() {
    assert!(complaint("[[service]]\nname = \"a\"\n[[service]]\nname = \"a\"").contains(":4:8: a second [[service]]"));
    assert!(complaint("[[process]]\npid = 7\n[[process]]\npid = 7").contains(":4:7: the same [[process]] twice"));
    assert!(
        complaint("[server]\nlisten = \"127.0.0.1:1\"\nlisten = \"127.0.0.1:2\"").contains("keiki.toml:3:1: not TOML")
    );
}

#[test]
fn every_mistake_is_told_at_once() {
    let complaint =
        complaint("[server]\nlisen = 1\nlisten = 2\n[site]\nlanguage = \"de\"\n[foo]\n[limits]\nviews = 0\n");
    let places: Vec<&str> = complaint
        .lines()
        .filter(|line| line.starts_with("keiki.toml:"))
        .collect();
    assert_eq!(places.len(), 5, "{complaint}");
}

#[test]
fn broken_toml_says_where() {
    let complaint = complaint("[server\nlisten = \"é");
    assert!(complaint.starts_with("keiki.toml:1:"), "{complaint}");
    // Nothing that a file holds may make the reader fail by itself.
    for text in [
        "\u{0}",
        "a = \"\u{7f}",
        "[[[",
        "=",
        "é = é",
        "a.b.c = 1",
        "server.listen = 1",
        "\r\n\r\n[x",
        "'''",
    ] {
        assert!(parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn the_environment_overrides_the_file() {
    let config = from_environment(&[
        ("KEIKI_SERVER__LISTEN", "127.0.0.1:4000"),
        ("KEIKI_SERVER__ALLOWED_HOSTS", "a.localhost, b.localhost"),
        ("KEIKI_HOST__ENABLED", "false"),
        ("KEIKI_SERVER__HEADER_TIMEOUT", "3"),
        ("KEIKI_LOG", "debug"),
        ("KEIKI_BIN", "anything"),
        ("HOME", "/root"),
    ])
    .unwrap();
    assert_eq!(config.server.listen.port(), 4000);
    assert_eq!(config.server.allowed_hosts[1].name, "b.localhost");
    assert!(!config.host.enabled);
    assert_eq!(config.server.header_timeout, Duration::from_secs(3));
}

#[test]
fn mistakes_in_the_environment_name_the_variable() {
    for (name, value, said) in [
        (
            "KEIKI_SERVER__LISTN",
            "x",
            "unknown key \"listn\" in [server]\n  = write listen",
        ),
        ("KEIKI_SERVR__LISTEN", "x", "unknown table [servr]\n  = write [server]"),
        ("KEIKI_HOST__ENABLED", "yes", "must be true or false, not \"yes\""),
        (
            "KEIKI_LIMITS__VIEWS",
            "many",
            "must be a whole number from 1 to 100000000, not \"many\"",
        ),
        ("KEIKI_PROCESS__NAME", "x", "are set in the file only"),
        (
            "KEIKI_SERVER__LISTEN",
            "0.0.0.0:1",
            "can be reached from other machines",
        ),
    ] {
        let error = from_environment(&[(name, value)]).expect_err(name).to_string();
        assert!(error.starts_with(&format!("environment variable {name}: ")), "{error}");
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn the_command_line_overrides_everything() {
    let overrides = Overrides {
        listen: Some("[::1]:5000".into()),
        ..Overrides::default()
    };
    let config = Config::parse("keiki.toml", "[server]\nlisten = \"127.0.0.1:1\"", overrides, []).unwrap();
    assert_eq!(config.server.listen.to_string(), "[::1]:5000");
    let overrides = Overrides {
        listen: Some("nowhere".into()),
        ..Overrides::default()
    };
    let error = Config::parse("keiki.toml", "", overrides, []).unwrap_err().to_string();
    assert!(error.starts_with("--listen: no address \"nowhere\""), "{error}");
}

#[test]
fn postgres_servers_are_read() {
    let text = "[[postgres]]\nname = \"a\"\nurl = \"postgresql://keiki:pw@db.example.com/shop\"\ntls = \"off\"\ninterval = 5\n\
                [[postgres]]\nname = \"b\"\nurl = \"postgresql:///shop?host=/run/postgresql&user=keiki\"\n";
    let config = parse(text).expect("both are right");
    let [a, b] = &config.postgres[..] else {
        panic!("two servers")
    };
    assert_eq!(
        (a.name.as_str(), a.target.address.as_str()),
        ("a", "db.example.com:5432")
    );
    assert_eq!(a.target.remote_host.as_deref(), Some("db.example.com"));
    assert_eq!(a.interval, Duration::from_secs(5));
    assert_eq!(
        (b.target.address.as_str(), &b.target.remote_host),
        ("/run/postgresql", &None)
    );
}

#[test]
fn mistakes_about_postgres_are_told_without_passwords() {
    let table = |lines: &str| complaint(&format!("[[postgres]]\nname = \"a\"\n{lines}"));
    for (lines, said) in [
        ("", "needs a url"),
        ("url = \"mysql://u:s3cret@h/d\"", "no address of a PostgreSQL server"),
        (
            "url = \"postgresql://u:s3cret@h:port/d\"",
            "no address of a PostgreSQL server",
        ),
        ("url = \"postgresql://u:s3cret@one,two/d\"", "must name one host"),
        ("url = \"postgresql://h/d\"", "names no user"),
        ("url = \"postgresql://u:s3cret@h/d?sslmode=disable\"", "sslmode"),
        (
            "url = \"postgresql://u:s3cret@h/d\"\ntls = \"maybe\"",
            "no kind of encryption",
        ),
        (
            "url = \"host=h user=u password = s3cret port=x\"",
            "no address of a PostgreSQL server",
        ),
        (
            "url = \"jdbc:postgresql://h/d?user=u&password=s3cret\"",
            "it begins with postgresql://",
        ),
        (
            "url = \"postgresql+psycopg2://u:s3cret@h/d?sslmode=require\"",
            "it begins with postgresql://",
        ),
        (
            "url = \"postgresql://u@h/d?password=s3cret&sslmode=require\"",
            "sslmode",
        ),
        (
            "url = \"postgresql://u@h/d?passwort=s3cret\"",
            "no address of a PostgreSQL server",
        ),
        ("url = \"postgresql://u@h/d\"\npassword = \"s3cret\"", "password"),
        ("url = \"postgresql://u@localhost/d?hostaddr=10.0.0.5\"", "hostaddr"),
        (
            "url = \"postgresql:///d?host=/run&user=u\"\ntls = \"verify\"",
            "a socket of this machine",
        ),
        (
            "url = \"postgresql://u:s3cret@h/d\"\ntls_ca = \"/nowhere.pem\"",
            "cannot read /nowhere.pem",
        ),
    ] {
        let complaint = table(lines);
        assert!(complaint.contains(said), "{lines}: {complaint}");
        assert!(!complaint.contains("s3cret"), "{complaint}");
    }
    assert!(complaint("[[postgres]]\nname = \"keiki\"\nurl = \"postgresql://u@h/d\"").contains("reports itself"));
    let twice = "url = \"postgresql://u@127.0.0.1/d\"\n";
    assert!(table(&format!("{twice}[[postgres]]\nname = \"a\"\n{twice}")).contains("a second [[postgres]] named"));
}

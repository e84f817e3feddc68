//! Second stage: from values to the configuration that the rest of Keiki reads.

mod access;
mod inlets;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;
use keiki_model::preset::PRESETS;
use keiki_model::text::Language;
use keiki_model::time::Millis;

use super::keys::{self, closest};
use super::panel;
use super::postgres;
use super::problem::{Origin, Problem};
use super::reader::{Data, Entry, Value, Values, default_of};
use super::scrape;
use crate::access::DEFAULT_DATA_DIR;
use crate::store::history::HistorySettings;
use crate::web::tls::TlsFiles;

use super::{Config, Host, Limits, Log, LogFormat, Process, Server, Service, Site, Sources};

/// The kinds of sources in their order of preference.
pub const SOURCE_KINDS: [&str; 7] = ["own", "otlp", "scrape", "remote_write", "spans", "statsd", "logs"];

/// Makes a configuration of values, or tells every value that will not do.
pub(super) fn resolve(mut values: Values, data_dir: Option<PathBuf>) -> Result<Config, Vec<Problem>> {
    let problems = std::mem::take(&mut values.problems);
    let mut resolver = Resolver { values, problems };
    let config = resolver.config(data_dir);
    match config {
        Some(config) if resolver.problems.is_empty() => Ok(config),
        _ => Err(resolver.problems),
    }
}

struct Resolver {
    values: Values,
    problems: Vec<Problem>,
}

impl Resolver {
    /// `None` only where a problem was noted. Every value is looked at before the first `?`.
    fn config(&mut self, data_dir: Option<PathBuf>) -> Option<Config> {
        let server = self.server();
        let site = self.site();
        let host = self.boolean("host", "enabled").map(|enabled| Host { enabled });
        let processes = self.processes();
        let services = self.services();
        let apdex = self.seconds("users", "apdex_seconds");
        let postgres = postgres::resolve(&self.entries("postgres"), &mut self.problems);
        let scrapes = scrape::resolve(&self.entries("scrape"), &mut self.problems);
        let panels = panel::resolve(&self.entries("panel"), &mut self.problems);
        let ingest = self.ingest();
        let statsd = self.statsd();
        let access = self.access(data_dir.as_deref());
        let tls = self.tls();
        let embed_origins = self.texts("embed", "origins", |text| {
            text.parse().map_err(|error| format!("{text:?} is no origin: {error}"))
        });
        let sources = self.sources();
        let history = self.history(data_dir.as_deref());
        let limits = self.limits();
        let log = self.log();
        Some(Config {
            server: server?,
            site: site?,
            host: host?,
            processes,
            services,
            apdex_seconds: apdex?.as_secs_f64(),
            postgres,
            scrapes,
            panels,
            ingest: ingest?,
            statsd: statsd?,
            access: access?,
            tls: tls?,
            embed_origins: embed_origins?,
            sources: sources?,
            history: history?,
            limits: limits?,
            log: log?,
            data_dir,
        })
    }

    fn server(&mut self) -> Option<Server> {
        let listen = self.text("server", "listen", listen);
        let base_path = self.text("server", "base_path", base_path);
        let allowed_hosts = self.texts("server", "allowed_hosts", |text| {
            text.parse().map_err(|error| format!("{text:?}: {error}"))
        });
        let max_connections = self.count("server", "max_connections");
        let header_timeout = self.seconds("server", "header_timeout");
        let shutdown_timeout = self.seconds("server", "shutdown_timeout");
        Some(Server {
            listen: listen?,
            base_path: base_path?,
            allowed_hosts: allowed_hosts?,
            max_connections: max_connections?,
            header_timeout: header_timeout?,
            shutdown_timeout: shutdown_timeout?,
        })
    }

    /// The outer one is missing where a value will not do, the inner one where nothing is kept.
    fn history(&mut self, data_dir: Option<&Path>) -> Option<Option<HistorySettings>> {
        let enabled = self.boolean("history", "enabled");
        let sync = self.seconds("history", "sync");
        let late = self.seconds("history", "late");
        let keep = ["keep_samples", "keep_ten_seconds", "keep_minutes", "keep_quarter_hours"].map(|key| {
            self.seconds("history", key)
                .and_then(|keep| Millis::try_from(keep.as_millis()).ok())
        });
        let bytes = self.count("history", "max_bytes");
        let series = self.count("history", "series");
        let [Some(seconds), Some(tens), Some(minutes), Some(quarters)] = keep else {
            return None;
        };
        let settings = HistorySettings {
            path: data_dir.unwrap_or(Path::new(DEFAULT_DATA_DIR)).join("history"),
            sync: sync?,
            late: Millis::try_from(late?.as_millis()).ok()?,
            keep: [seconds, tens, minutes, quarters],
            bytes: u64::try_from(bytes?).ok()?,
            series: series?,
        };
        Some(enabled?.then_some(settings))
    }

    fn site(&mut self) -> Option<Site> {
        let timezone = self.text("site", "timezone", timezone);
        let language = self.text("site", "language", |text| {
            Language::from_tag(text).ok_or_else(|| format!("no language {text:?}: write \"ja\" or \"en\""))
        });
        Some(Site {
            timezone: timezone?,
            language: language?,
        })
    }

    /// Where a key is written.
    fn origin(&self, table: &str, key: &str) -> Origin {
        self.value(table, key).map_or(Origin::Default, |value| value.origin)
    }

    fn tls(&mut self) -> Option<Option<TlsFiles>> {
        let cert = self.text("tls", "cert", |text| Ok(text.to_owned()))?;
        let key = self.text("tls", "key", |text| Ok(text.to_owned()))?;
        match (cert.is_empty(), key.is_empty()) {
            (true, true) => return Some(None),
            (false, false) => {}
            (cert, _) => {
                let written = if cert { "key" } else { "cert" };
                let problem = Problem::new(self.origin("tls", written), "cert and key need one another");
                self.problems.push(problem.hint("write both, or neither"));
                return None;
            }
        }
        let files = TlsFiles {
            cert: cert.into(),
            key: key.into(),
        };
        if let Err(error) = files.load() {
            self.problems
                .push(Problem::new(self.origin("tls", "cert"), error.to_string()));
            return None;
        }
        Some(Some(files))
    }

    fn limits(&mut self) -> Option<Limits> {
        let mut limit = |key| self.count("limits", key);
        let [series, series_per_metric, labels, label_bytes] =
            ["series", "series_per_metric", "labels", "label_bytes"].map(&mut limit);
        let [views, views_per_connection, views_per_token, subscribers] =
            ["views", "views_per_connection", "views_per_token", "subscribers"].map(&mut limit);
        let annotations = limit("annotations");
        let [page_cache_entries, page_cache_bytes] = ["page_cache_entries", "page_cache_bytes"].map(&mut limit);
        Some(Limits {
            series: series?,
            series_per_metric: series_per_metric?,
            labels: labels?,
            label_bytes: label_bytes?,
            views: views?,
            views_per_connection: views_per_connection?,
            views_per_token: views_per_token?,
            subscribers: subscribers?,
            annotations: annotations?,
            page_cache_entries: page_cache_entries?,
            page_cache_bytes: page_cache_bytes?,
        })
    }

    fn log(&mut self) -> Option<Log> {
        let level = self.text("log", "level", |text| {
            let parsed = text.parse::<tracing_subscriber::filter::Targets>();
            parsed.map(|_| text.to_owned()).map_err(|_| {
                format!("no log level {text:?}: write \"error\", \"warn\", \"info\", \"debug\" or \"trace\"")
            })
        });
        let format = self.text("log", "format", |text| match text {
            "json" => Ok(LogFormat::Json),
            "text" => Ok(LogFormat::Text),
            _ => Err(format!("no log format {text:?}: write \"json\" or \"text\"")),
        });
        Some(Log {
            level: level?,
            format: format?,
        })
    }

    fn processes(&mut self) -> Vec<Process> {
        let mut seen = HashMap::new();
        let mut processes = Vec::new();
        for entry in self.entries("process") {
            let name = entry.values.get("name").cloned();
            let pid = entry.values.get("pid").cloned();
            let (process, origin) = match (name, pid) {
                (
                    Some(Value {
                        data: Data::Text(name),
                        origin,
                    }),
                    None,
                ) if !name.is_empty() => (Process::Name(name), origin),
                (
                    None,
                    Some(Value {
                        data: Data::Integer(pid),
                        origin,
                    }),
                ) => match u32::try_from(pid) {
                    Ok(pid) => (Process::Pid(pid), origin),
                    Err(_) => continue,
                },
                _ => {
                    let problem = Problem::new(Origin::File(entry.span), "[[process]] needs a name or a pid, not both");
                    self.problems
                        .push(problem.hint("write name = \"postgres\" or pid = 1234"));
                    continue;
                }
            };
            if seen.insert(process.clone(), ()).is_some() {
                self.problems
                    .push(Problem::new(origin, "the same [[process]] twice").hint("remove one of them"));
            }
            processes.push(process);
        }
        processes
    }

    fn services(&mut self) -> Vec<Service> {
        let mut services: Vec<Service> = Vec::new();
        for entry in self.entries("service") {
            let Some(Value {
                data: Data::Text(name),
                origin,
            }) = entry.values.get("name").cloned()
            else {
                if entry.values.is_empty() || !entry.values.contains_key("name") {
                    let problem = Problem::new(Origin::File(entry.span), "[[service]] needs a name");
                    self.problems.push(problem.hint("write name = \"shop\""));
                }
                continue;
            };
            if name.is_empty() {
                self.problems
                    .push(Problem::new(origin.clone(), "a [[service]] without a name"));
            }
            if services.iter().any(|service| service.name == name) {
                let problem = Problem::new(origin, format!("a second [[service]] named {name:?}"));
                self.problems.push(problem.hint("give each service one table"));
                continue;
            }
            let preset = match entry.values.get("preset") {
                Some(Value {
                    data: Data::Text(text),
                    origin,
                }) => match preset(text) {
                    Ok(preset) => Some(preset),
                    Err(message) => {
                        self.problems.push(Problem::new(origin.clone(), message));
                        continue;
                    }
                },
                _ => None,
            };
            let apdex_seconds = match entry.values.get("apdex_seconds").map(|value| &value.data) {
                Some(Data::Seconds(seconds)) => Some(*seconds),
                _ => None,
            };
            services.push(Service {
                name,
                preset,
                apdex_seconds,
            });
        }
        services
    }

    /// The tables of a name that repeats.
    fn entries(&self, table: &str) -> Vec<Entry> {
        let found = self.values.repeated.iter().filter(|(name, _)| *name == table);
        found.map(|(_, entry)| entry.clone()).collect()
    }

    /// What is written at a key, or its default.
    fn value(&self, table: &str, key: &str) -> Option<Value> {
        let written = self.values.tables.get(table).and_then(|entry| entry.values.get(key));
        written.cloned().or_else(|| {
            let data = default_of(keys::table(table)?.key(key)?)?;
            Some(Value {
                data,
                origin: Origin::Default,
            })
        })
    }

    fn boolean(&self, table: &str, key: &str) -> Option<bool> {
        match self.value(table, key)?.data {
            Data::Boolean(boolean) => Some(boolean),
            _ => None,
        }
    }

    fn count(&self, table: &str, key: &str) -> Option<usize> {
        match self.value(table, key)?.data {
            Data::Integer(integer) => usize::try_from(integer).ok(),
            _ => None,
        }
    }

    fn seconds(&self, table: &str, key: &str) -> Option<Duration> {
        match self.value(table, key)?.data {
            Data::Seconds(seconds) => Duration::try_from_secs_f64(seconds).ok(),
            _ => None,
        }
    }

    fn text<T>(&mut self, table: &str, key: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let Value {
            data: Data::Text(text),
            origin,
        } = self.value(table, key)?
        else {
            return None;
        };
        parse(&text)
            .map_err(|message| self.problems.push(Problem::new(origin, message)))
            .ok()
    }

    fn texts<T>(&mut self, table: &str, key: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<Vec<T>> {
        let Value {
            data: Data::Texts(texts),
            ..
        } = self.value(table, key)?
        else {
            return None;
        };
        let mut items = Vec::new();
        for (text, origin) in texts {
            match parse(&text) {
                Ok(item) => items.push(item),
                Err(message) => self.problems.push(Problem::new(origin, message)),
            }
        }
        Some(items)
    }
}

fn listen(text: &str) -> Result<SocketAddr, String> {
    let local = text.strip_prefix("localhost:").and_then(|port| port.parse().ok());
    let address = local.map(|port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    let Some(address) = address.or_else(|| text.parse().ok()) else {
        return Err(format!(
            "no address {text:?}: write an IP address and a port, such as \"127.0.0.1:3000\""
        ));
    };
    Ok(address)
}

fn base_path(text: &str) -> Result<String, String> {
    let path = text.strip_suffix('/').unwrap_or(text);
    let plain = |part: &str| {
        !part.is_empty()
            && part != "."
            && part != ".."
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "-._~".contains(c))
    };
    let good = path.is_empty() || (path.starts_with('/') && path[1..].split('/').all(plain));
    if good && path.len() <= 200 {
        return Ok(path.to_owned());
    }
    Err(format!(
        "no base path {text:?}: write a path of plain letters, digits and -._~, such as \"/ops/keiki\""
    ))
}

fn timezone(text: &str) -> Result<TimeZone, String> {
    if text == "auto" {
        // A machine without a readable time zone shows UTC, as it does everywhere else.
        return Ok(TimeZone::try_system().unwrap_or(TimeZone::UTC));
    }
    TimeZone::get(text).map_err(|_| {
        let names: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
        let lower: HashMap<String, &String> = names.iter().map(|name| (name.to_lowercase(), name)).collect();
        match closest(text, lower.keys().map(String::as_str)).and_then(|name| lower.get(name)) {
            Some(name) => format!("no time zone {text:?}: write \"{name}\""),
            None => format!("no time zone {text:?}: write an IANA name such as \"Asia/Tokyo\", or \"auto\""),
        }
    })
}

fn source_kind(text: &str) -> Result<&'static str, String> {
    SOURCE_KINDS
        .into_iter()
        .find(|kind| *kind == text)
        .ok_or_else(|| match closest(text, SOURCE_KINDS) {
            Some(kind) => format!("no kind of source {text:?}: write \"{kind}\""),
            None => format!("no kind of source {text:?}: they are {}", SOURCE_KINDS.join(", ")),
        })
}

fn preset(text: &str) -> Result<&'static str, String> {
    let names = || PRESETS.iter().map(|preset| preset.name);
    names().find(|name| *name == text).ok_or_else(|| {
        let names: Vec<_> = names().map(|name| format!("\"{name}\"")).collect();
        format!("no preset {text:?}: write one of {}", names.join(", "))
    })
}

//! `[[postgres]]`: from values to the servers to watch.

use std::path::PathBuf;
use std::str::FromStr as _;
use std::time::Duration;

use tokio_postgres::config::{Host, SslMode};

use super::entry::AUTHORITIES;
use super::problem::Problem;
use super::reader::Entry;
use crate::source;
use crate::source::postgres::{PostgresConfig, Target};
use crate::source::tls::Tls;
use crate::store::KEIKI;

const NAME: &str = "name";
const URL: &str = "url";

/// The servers of all tables. Every mistake is noted.
pub(super) fn resolve(entries: &[Entry], problems: &mut Vec<Problem>) -> Vec<PostgresConfig> {
    let mut servers: Vec<PostgresConfig> = Vec::new();
    for entry in entries {
        match server(entry) {
            Err(problem) => problems.push(problem),
            Ok(server) if servers.iter().any(|other| other.name == server.name) => {
                let message = format!("a second [[postgres]] named {:?}", server.name);
                problems.push(Problem::new(entry.origin(NAME), message).hint("give each server one table"));
            }
            Ok(server) => servers.push(server),
        }
    }
    servers
}

fn server(entry: &Entry) -> Result<PostgresConfig, Problem> {
    let name = entry.required("postgres", NAME, "shop-db")?.to_owned();
    let url = entry.required("postgres", URL, "postgresql://keiki@127.0.0.1:5432/shop")?;
    let at = |key: &str, message: String| Problem::new(entry.origin(key), message);
    if name == KEIKI {
        return Err(
            at(NAME, format!("{KEIKI:?} is the name under which Keiki reports itself")).hint("choose another name"),
        );
    }
    if !["postgresql://", "postgres://"]
        .iter()
        .any(|scheme| url.starts_with(scheme))
    {
        let message = "no address of a PostgreSQL server: it begins with postgresql://";
        return Err(at(URL, message.into()).hint("write url = \"postgresql://keiki@127.0.0.1:5432/shop\""));
    }
    let mut driver = tokio_postgres::Config::from_str(url).map_err(|error| {
        // The driver's own words may repeat what was written, and with it the password.
        let part = match &error {
            error if error.to_string().contains("option") => ": a part after the ? is not understood",
            _ => "",
        };
        at(URL, format!("no address of a PostgreSQL server{part}"))
            .hint("write url = \"postgresql://keiki@127.0.0.1:5432/shop\"")
    })?;
    let [host] = driver.get_hosts() else {
        let message = "a [[postgres]] is one server: the address must name one host";
        return Err(at(URL, message.into()).hint("give each server one table"));
    };
    let port = driver.get_ports().first().copied().unwrap_or(5432);
    let (address, remote_host) = match host {
        Host::Tcp(host) => (
            format!("{host}:{port}"),
            (!source::is_loopback(host)).then(|| host.clone()),
        ),
        Host::Unix(folder) => (folder.display().to_string(), None),
    };
    if driver.get_user().is_none() {
        let message = "the address names no user";
        return Err(at(URL, message.into()).hint("write url = \"postgresql://keiki@…\""));
    }
    if !driver.get_hostaddrs().is_empty() {
        let message = "hostaddr is not understood here";
        return Err(at(URL, message.into()).hint("write the address in place of the host"));
    }
    if url.contains("sslmode") {
        let message = "sslmode is not understood here";
        return Err(at(URL, message.into()).hint("write tls = \"verify\" or tls = \"off\" in the same table"));
    }
    let tls = tls(entry, remote_host.is_some())?;
    if matches!((host, &tls), (Host::Unix(_), Tls::Checked(_))) {
        let message = "a socket of this machine is not encrypted";
        return Err(at("tls", message.into()).hint("write tls = \"off\", or nothing"));
    }
    driver.ssl_mode(if matches!(tls, Tls::Off) {
        SslMode::Disable
    } else {
        SslMode::Require
    });
    driver.application_name("keiki");
    let interval = entry.seconds("interval", Duration::from_secs(1));
    let timeout = entry.seconds("timeout", Duration::from_secs(5));
    driver.connect_timeout(timeout);
    Ok(PostgresConfig {
        name,
        target: Target {
            driver,
            password_file: entry.text("password_file").map(PathBuf::from),
            address,
            remote_host,
            tls,
        },
        interval: Duration::from_secs(interval.as_secs().max(1)),
        timeout,
    })
}

fn tls(entry: &Entry, remote: bool) -> Result<Tls, Problem> {
    let checked = match entry.text("tls").unwrap_or("auto") {
        "auto" => remote || entry.text(AUTHORITIES).is_some(),
        "verify" => true,
        "off" => false,
        other => {
            let message = format!("no kind of encryption {other:?}: write \"auto\", \"verify\" or \"off\"");
            return Err(Problem::new(entry.origin("tls"), message));
        }
    };
    if !checked {
        return Ok(Tls::Off);
    }
    entry.checked_tls("tls")
}

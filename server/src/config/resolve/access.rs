//! Who may see Keiki, and whether anybody but this machine can reach it.

use std::path::Path;
use std::time::Duration;

use super::super::host_name::HostName;
use super::{Data, Origin, Problem, Resolver, Value, listen};
use crate::access::{Access, Asks, password};

impl Resolver {
    pub(super) fn access(&mut self, data_dir: Option<&Path>) -> Option<Access> {
        let password_hash = self.text("access", "password_hash", |text| match text {
            "" => Ok(None),
            // What was written may be the password itself: it is not repeated.
            text if !password::is_hash(text) => {
                Err("this is no argon2id hash: write what keiki hash-password prints".to_owned())
            }
            text => Ok(Some(text.to_owned())),
        });
        let session_hours = self.count("access", "session_hours");
        let proxy_header = self.text("access", "proxy_header", |text| match text {
            "" => Ok(None),
            text => text
                .parse()
                .map(Some)
                .map_err(|_| format!("{text:?} is no name of a header")),
        });
        let proxy_addresses = self.texts("access", "proxy_addresses", |text| {
            text.parse().map_err(|error| format!("{text:?}: {error}"))
        });
        let open_proxy = self.boolean("access", "open_proxy");
        let mut access = Access {
            password_hash: password_hash?,
            session: Duration::from_secs(3_600 * u64::try_from(session_hours?).ok()?),
            proxy_header: proxy_header?,
            proxy_addresses: proxy_addresses?,
            open_proxy: open_proxy?,
            tokens: Access::tokens_in(data_dir),
            asks: Asks::default(),
        };
        if access.proxy_header.is_some() && access.proxy_addresses.is_empty() {
            let problem = Problem::new(
                self.origin("access", "proxy_header"),
                "proxy_header needs proxy_addresses",
            );
            self.problems
                .push(problem.hint("a header from anywhere could be anybody's: write from where it is believed"));
        }
        let can_be_reached = self.can_be_reached(&access);
        if can_be_reached || access.has_login() {
            access.asks = Asks::Always;
        }
        Some(access)
    }

    /// Whether other machines can reach Keiki. Nothing is shown to them without anybody being asked.
    fn can_be_reached(&mut self, access: &Access) -> bool {
        let Some(reached) = self.listens_to_others().or_else(|| self.answers_to_others(access)) else {
            return false;
        };
        if !access.has_way_in() {
            self.problems.push(reached);
        }
        true
    }

    /// The problem of an address that is not loopback.
    fn listens_to_others(&self) -> Option<Problem> {
        let Value {
            data: Data::Text(text),
            origin,
        } = self.value("server", "listen")?
        else {
            return None;
        };
        let address = listen(&text).ok().filter(|address| !address.ip().is_loopback())?;
        let port = address.port();
        let message = format!("{address} can be reached from other machines, and nobody would be asked who they are");
        Some(Problem::new(origin, message).hint(format!(
            "write a password_hash below [access] (keiki hash-password prints it), make a token (keiki token add), or \
             write \"127.0.0.1:{port}\""
        )))
    }

    /// The problem of a name by which only a proxy's readers can ask.
    fn answers_to_others(&self, access: &Access) -> Option<Problem> {
        let Value {
            data: Data::Texts(names),
            ..
        } = self.value("server", "allowed_hosts")?
        else {
            return None;
        };
        let foreign = |(name, _): &(String, Origin)| name.parse::<HostName>().is_ok_and(|host| !host.is_loopback());
        let (name, origin) = names.into_iter().find(foreign).filter(|_| !access.open_proxy)?;
        let message = format!(
            "{name:?} is a name for readers of other machines, such as a reverse proxy's, and nobody would be asked who they are"
        );
        Some(Problem::new(origin, message).hint(
            "write a password_hash below [access] (keiki hash-password prints it), make a token (keiki token add), or write \
             open_proxy = true below [access] if everybody may see and change everything",
        ))
    }
}

//! The binary: the command line, and the site that the server shows.

use std::ffi::OsString;
use std::io::Write as _;
use std::num::NonZeroU32;
use std::process::ExitCode;

use keiki_server::access::token::{EVERYTHING, TokenFile, is_known};
use keiki_server::access::{Access, password};
use keiki_server::clock::{Clock as _, SystemClock};
use keiki_server::config::{Config, DEFAULT_FILE, Overrides};
use keiki_server::web::assets::{self, Site};
use keiki_server::{log, process};

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// Milliseconds.
const DAY: i64 = 86_400_000;

const HELP: &str = "\
Keiki, a self-hosted live performance dashboard

Usage:
  keiki [serve] [options]    collect and serve (without any file: this machine and Keiki itself)
  keiki check [options]      tell whether the configuration is right; exits 0 or 1
  keiki hash-password        read a password and print the line for [access]
  keiki token add NAME [--path PATH]... [--days N]
                             make a token for kiosks, embeds and machines; it opens these paths below the base path,
                             such as /kiosk, /embed/api.latency, /embed/* or /* (all, if none is named)
  keiki token list           show what there is
  keiki token revoke NAME    end one

Options:
  --config FILE     configuration (keiki.toml of this folder, if there is one)
  --listen ADDRESS  address and port (127.0.0.1:3000)
  --data-dir DIR    where tokens and the history are kept (data)
  --version         version
  --help            this text

Environment:
  KEIKI_SERVER__LISTEN and the like set single keys; KEIKI_LOG sets the log level.
";

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
enum Command {
    Serve(Overrides),
    Check(Overrides),
    HashPassword,
    Token(Overrides, TokenCommand),
    Version,
    Help,
}

/// What is to be done with tokens.
#[derive(Debug, PartialEq, Eq)]
enum TokenCommand {
    Add {
        name: String,
        paths: Vec<String>,
        days: Option<NonZeroU32>,
    },
    List,
    Revoke(String),
}

fn main() -> ExitCode {
    let result = match parse(std::env::args_os().skip(1)) {
        Ok(Command::Serve(overrides)) => serve(overrides),
        Ok(Command::Check(overrides)) => check(overrides),
        Ok(Command::HashPassword) => hash_password(),
        Ok(Command::Token(overrides, command)) => token(overrides, command),
        Ok(Command::Version) => print(&format!("keiki {}\n", env!("CARGO_PKG_VERSION"))),
        Ok(Command::Help) => print(HELP),
        Err(error) => Err(format!("{error}; keiki --help shows what there is").into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Standard error may be closed; the exit status still says it.
            let _ = writeln!(std::io::stderr(), "keiki: {error}");
            ExitCode::FAILURE
        }
    }
}

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Command, lexopt::Error> {
    use lexopt::prelude::{Long, Short, Value, ValueExt as _};

    let mut parser = lexopt::Parser::from_args(arguments);
    let mut overrides = Overrides::default();
    let mut words: Vec<String> = Vec::new();
    let (mut paths, mut days) = (Vec::new(), None);
    while let Some(argument) = parser.next()? {
        match argument {
            Value(word) if words.len() < 3 => words.push(word.string()?),
            Long("path") if words.first().is_some_and(|word| word == "token") => paths.push(parser.value()?.string()?),
            Long("days") if words.first().is_some_and(|word| word == "token") => {
                days = Some(NonZeroU32::new(parser.value()?.parse()?).ok_or(NO_DAYS)?);
            }
            Long("config") => overrides.file = Some(parser.value()?.into()),
            Long("listen") => overrides.listen = Some(parser.value()?.string()?),
            Long("data-dir") => overrides.data_dir = Some(parser.value()?.into()),
            Long("version") | Short('V') => return Ok(Command::Version),
            Long("help") | Short('h') => return Ok(Command::Help),
            other => return Err(other.unexpected()),
        }
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let token = |command| Ok(Command::Token(overrides.clone(), command));
    match words.as_slice() {
        [] | ["serve"] => Ok(Command::Serve(overrides)),
        ["check"] => Ok(Command::Check(overrides)),
        ["hash-password"] => Ok(Command::HashPassword),
        ["token", "list"] => token(TokenCommand::List),
        ["token", "revoke", name] => token(TokenCommand::Revoke((*name).to_owned())),
        ["token", "add", name] => token(TokenCommand::Add {
            name: (*name).to_owned(),
            paths,
            days,
        }),
        ["token", ..] => Err("write keiki token add NAME, keiki token list or keiki token revoke NAME".into()),
        ["serve" | "check" | "hash-password", word, ..] | [word, ..] => {
            Err(lexopt::Error::UnexpectedArgument((*word).into()))
        }
    }
}

/// Why a token of no days is none.
const NO_DAYS: &str =
    "--days 0 makes a token that opens nothing: write 1 or more, or leave it out for one that holds for good";

/// The environment as far as it is text: what is not can't be configuration.
fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

fn print(text: &str) -> Outcome {
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

fn check(overrides: Overrides) -> Outcome {
    let (_, file) = Config::load(overrides, environment())?;
    print(&match file {
        Some(file) => format!("{}: all right\n", file.display()),
        None => format!("no {DEFAULT_FILE} here: the defaults hold\n"),
    })
}

/// From a terminal without an echo, from anything else a line.
fn hash_password() -> Outcome {
    let quiet = Quiet::new();
    if quiet.is_some() {
        write!(std::io::stderr(), "Password: ")?;
    }
    let mut password = String::new();
    std::io::stdin().read_line(&mut password)?;
    if quiet.is_some() {
        writeln!(std::io::stderr())?;
    }
    drop(quiet);
    let hash = password::hash(password.trim_end_matches(['\r', '\n']))?;
    print(&format!("password_hash = \"{hash}\"\n"))
}

/// A terminal that shows nothing of what is typed, for as long as this lives.
struct Quiet(rustix::termios::Termios);

impl Quiet {
    /// Nothing where standard input is no terminal.
    fn new() -> Option<Self> {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

        let before = tcgetattr(std::io::stdin()).ok()?;
        let mut without = before.clone();
        without.local_modes.remove(LocalModes::ECHO);
        tcsetattr(std::io::stdin(), OptionalActions::Now, &without).ok()?;
        Some(Self(before))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // The terminal was there a moment ago; if it is gone, nobody sees it.
        let _ = rustix::termios::tcsetattr(std::io::stdin(), rustix::termios::OptionalActions::Now, &self.0);
    }
}

fn token(overrides: Overrides, command: TokenCommand) -> Outcome {
    let file = TokenFile::new(Access::tokens_in(overrides.data_dir.as_deref()));
    let now = SystemClock.now();
    match command {
        TokenCommand::Add { name, paths, days } => {
            let paths = if paths.is_empty() {
                vec![EVERYTHING.to_owned()]
            } else {
                paths
            };
            let opens = paths.join(" ");
            let expires = days.map(|days| now + i64::from(days.get()) * DAY);
            let text = file.add(&name, paths, now, expires)?;
            for path in opens.split(' ').filter(|path| !is_known(path)) {
                writeln!(
                    std::io::stderr(),
                    "Nothing that Keiki knows lies at {path}: is it written right?"
                )?;
            }
            writeln!(
                std::io::stderr(),
                "{name} opens {opens}, by {}. It is shown this once:",
                file.path().display()
            )?;
            print(&format!("{text}\n"))?;
            only_tokens(overrides)
        }
        TokenCommand::List => {
            let tokens = file.list()?;
            if tokens.is_empty() {
                writeln!(std::io::stderr(), "There are no tokens in {}.", file.path().display())?;
            }
            for token in tokens {
                let left = left(token.expires, now);
                print(&format!("{}\t{}\t{left}\n", token.name, token.paths.join(" ")))?;
            }
            Ok(())
        }
        TokenCommand::Revoke(name) => Ok(file.revoke(&name)?),
    }
}

/// How long a token still holds. A day that has begun counts: one that was just made for a year has all of it left.
fn left(expires: Option<i64>, now: i64) -> String {
    match expires.map(|expires| expires - now) {
        None => "for good".to_owned(),
        Some(left) if left <= 0 => "expired".to_owned(),
        Some(left) if left <= DAY => "1 day left".to_owned(),
        Some(left) => format!("{} days left", (left + DAY - 1) / DAY),
    }
}

/// Says that a token keeps out whoever has none, where there is no other way in. Of a configuration that can't be read
/// nothing is known.
fn only_tokens(overrides: Overrides) -> Outcome {
    let Ok((config, file)) = Config::load(overrides, environment()) else {
        return Ok(());
    };
    if config.access.has_login() {
        return Ok(());
    }
    let place = file.map_or_else(
        || format!("there is no {DEFAULT_FILE} here"),
        |file| format!("in {}", file.display()),
    );
    writeln!(
        std::io::stderr(),
        "No password is configured ({place}): a Keiki that runs so asks everybody from now on, and only tokens open it. To let \
         people log in, write the line of keiki hash-password below [access]."
    )?;
    Ok(())
}

fn serve(overrides: Overrides) -> Outcome {
    let (config, file) = Config::load(overrides, environment())?;
    assets::install(SITE);
    log::start(&config.log, std::env::var(log::VARIABLE).ok().as_deref())?;
    process::run(config, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, String> {
        parse(line.split_whitespace().map(OsString::from)).map_err(|error| error.to_string())
    }

    #[test]
    fn the_contract() {
        assert_eq!(parsed(""), Ok(Command::Serve(Overrides::default())));
        assert_eq!(parsed("serve"), parsed(""));
        let all = Overrides {
            file: Some("a.toml".into()),
            listen: Some("127.0.0.1:4000".into()),
            data_dir: Some("data".into()),
        };
        assert_eq!(
            parsed("--listen 127.0.0.1:4000 serve --config a.toml --data-dir=data"),
            Ok(Command::Serve(all))
        );
        let file = Overrides {
            file: Some("a.toml".into()),
            ..Overrides::default()
        };
        assert_eq!(parsed("check --config a.toml"), Ok(Command::Check(file)));
        assert_eq!(parsed("hash-password"), Ok(Command::HashPassword));
        let add = TokenCommand::Add {
            name: "wall".to_owned(),
            paths: vec!["/kiosk".to_owned(), "/embed/*".to_owned()],
            days: NonZeroU32::new(90),
        };
        assert_eq!(
            parsed("token add wall --path /kiosk --path=/embed/* --days 90 --data-dir d"),
            Ok(Command::Token(
                Overrides {
                    data_dir: Some("d".into()),
                    ..Overrides::default()
                },
                add
            ))
        );
        assert_eq!(
            parsed("token list"),
            Ok(Command::Token(Overrides::default(), TokenCommand::List))
        );
        assert_eq!(parsed("--version"), Ok(Command::Version));
        assert_eq!(parsed("check --help"), Ok(Command::Help));
    }

    #[test]
    fn mistakes_are_told() {
        for (line, said) in [
            ("run", "unexpected argument \"run\""),
            ("serve check", "unexpected argument \"check\""),
            (
                "token",
                "write keiki token add NAME, keiki token list or keiki token revoke NAME",
            ),
            (
                "token add",
                "write keiki token add NAME, keiki token list or keiki token revoke NAME",
            ),
            (
                "token list x",
                "write keiki token add NAME, keiki token list or keiki token revoke NAME",
            ),
            ("check --path /", "invalid option '--path'"),
            (
                "token add x --days soon",
                "cannot parse argument \"soon\": invalid digit found in string",
            ),
            ("token add x --days 0", NO_DAYS),
            ("--port 80", "invalid option '--port'"),
            ("--config", "missing argument for option '--config'"),
        ] {
            assert_eq!(parsed(line), Err(said.to_owned()));
        }
    }

    #[test]
    fn a_day_that_has_begun_is_left() {
        for (expires, said) in [
            (None, "for good"),
            (Some(0), "expired"),
            (Some(1), "1 day left"),
            (Some(DAY), "1 day left"),
            (Some(DAY + 1), "2 days left"),
            (Some(365 * DAY - 1), "365 days left"),
            (Some(365 * DAY), "365 days left"),
        ] {
            assert_eq!(left(expires, 0), said);
        }
    }

    #[test]
    fn the_site_is_whole_or_absent() {
        let is_built = !SITE.assets.is_empty();
        assets::install(SITE);
        let names = assets::names();
        for name in [
            names.css,
            names.boot,
            names.echarts,
            names.wasm_js,
            names.wasm,
            names.favicon,
        ] {
            assert_eq!(assets::find(name).is_some(), is_built, "{name}");
        }
        for asset in SITE.assets {
            assert!(
                !asset.identity.is_empty() && !asset.brotli.is_empty() && !asset.gzip.is_empty(),
                "{}",
                asset.name
            );
            assert!(
                asset.name.contains(asset.etag.trim_matches(['W', '/', '"'])),
                "{}",
                asset.name
            );
        }
    }
}

//! The binary: the command line, and the site that the server shows.

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use keiki_server::config::{Config, DEFAULT_FILE, Overrides};
use keiki_server::web::assets::{self, Site};
use keiki_server::{log, process};

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

const HELP: &str = "\
Keiki, a self-hosted live performance dashboard

Usage:
  keiki [serve] [options]    collect and serve (without any file: this machine and Keiki itself)
  keiki check [options]      tell whether the configuration is right; exits 0 or 1

Options:
  --config FILE     configuration (keiki.toml of this folder, if there is one)
  --listen ADDRESS  address and port (127.0.0.1:3000)
  --data-dir DIR    where data are kept (this version keeps all in memory)
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
    Version,
    Help,
}

fn main() -> ExitCode {
    let result = match parse(std::env::args_os().skip(1)) {
        Ok(Command::Serve(overrides)) => serve(overrides),
        Ok(Command::Check(overrides)) => check(overrides),
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
    let mut command = None;
    while let Some(argument) = parser.next()? {
        match argument {
            Value(name) if command.is_none() && name == "serve" => command = Some(false),
            Value(name) if command.is_none() && name == "check" => command = Some(true),
            Long("config") => overrides.file = Some(parser.value()?.into()),
            Long("listen") => overrides.listen = Some(parser.value()?.string()?),
            Long("data-dir") => overrides.data_dir = Some(parser.value()?.into()),
            Long("version") | Short('V') => return Ok(Command::Version),
            Long("help") | Short('h') => return Ok(Command::Help),
            other => return Err(other.unexpected()),
        }
    }
    Ok(if command == Some(true) {
        Command::Check(overrides)
    } else {
        Command::Serve(overrides)
    })
}

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
        assert_eq!(parsed("--version"), Ok(Command::Version));
        assert_eq!(parsed("check --help"), Ok(Command::Help));
    }

    #[test]
    fn mistakes_are_told() {
        for (line, said) in [
            ("run", "unexpected argument \"run\""),
            ("serve check", "unexpected argument \"check\""),
            ("--port 80", "invalid option '--port'"),
            ("--config", "missing argument for option '--config'"),
        ] {
            assert_eq!(parsed(line), Err(said.to_owned()));
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

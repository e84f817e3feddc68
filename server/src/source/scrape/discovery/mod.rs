//! Targets that come and go with files, in the format of Prometheus' `file_sd`.

mod list;
mod target;

use std::collections::{BTreeMap, HashSet};
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use keiki_model::series::Sample;
use keiki_model::text::Text;
use keiki_model::time::Millis;
use tokio::task::JoinHandle;

use super::target::{ScrapeConfig, Template};
use crate::source::{Refused, Source, SourceError};
use target::Found;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(5);

/// How long a file may be, bytes.
const FILE_BYTES: u64 = 16 << 20;

/// The endings of files, and whether that is JSON.
const ENDINGS: [(&str, bool); 3] = [("json", true), ("yml", false), ("yaml", false)];

/// Where files of targets are: a path whose last part may hold one `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files(PathBuf);

impl std::str::FromStr for Files {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let path = Path::new(text);
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let folder = path.parent().and_then(Path::to_str).unwrap_or_default();
        if is_json(path).is_none() || folder.contains('*') || name.matches('*').count() > 1 {
            return Err(format!(
                "{text:?} names no files of targets: write a path that ends in .json, .yml or .yaml, with at most one * \
                 in its last part"
            ));
        }
        Ok(Self(path.to_owned()))
    }
}

/// Whether a file is read as JSON; none where its name does not say what it is.
fn is_json(path: &Path) -> Option<bool> {
    let ending = path.extension()?.to_str()?.to_ascii_lowercase();
    ENDINGS
        .iter()
        .find(|(known, _)| *known == ending)
        .map(|(_, is_json)| *is_json)
}

impl Files {
    /// The files that are there, in the order of their names; of a path without `*` itself, whether it is there or not.
    fn found(&self) -> Result<Vec<PathBuf>, SourceError> {
        let name = self.0.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some((before, after)) = name.split_once('*') else {
            return Ok(vec![self.0.clone()]);
        };
        let folder = match self.0.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let entries = std::fs::read_dir(folder).map_err(|error| SourceError::file(folder, error))?;
        let mut files: Vec<_> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                name.len() >= before.len() + after.len() && name.starts_with(before) && name.ends_with(after)
            })
            .collect();
        files.sort();
        Ok(files)
    }
}

/// Files, and how the targets in them are read.
#[derive(Clone, Debug)]
pub struct DiscoveryConfig {
    /// What the pages call it; its targets are called so, too, with their addresses.
    pub name: String,
    /// Where the files are.
    pub files: Vec<Files>,
    /// How many targets there may be.
    pub target_limit: usize,
    /// How a target is read that does not say so itself.
    pub template: Template,
}

/// What is known of a file.
#[derive(Debug, Default)]
struct Known {
    bytes: Vec<u8>,
    /// The targets when it was last right.
    targets: Vec<Found>,
    /// What is wrong with it now.
    wrong: Option<String>,
}

/// Looks at the files, and tells the targets to whoever reads them.
pub struct Discovery<T> {
    name: String,
    config: DiscoveryConfig,
    known: BTreeMap<PathBuf, Known>,
    tell: T,
    told: Option<Vec<Found>>,
    refused: Option<Refused>,
    /// A look that is on its way, perhaps since one that was given up.
    looking: Option<JoinHandle<Look>>,
}

impl<T: FnMut(Vec<ScrapeConfig>) + Send + 'static> Discovery<T> {
    /// `tell` gets all targets whenever they change.
    pub fn new(config: DiscoveryConfig, tell: T) -> Self {
        Self {
            name: format!("files:{}", config.name),
            config,
            known: BTreeMap::new(),
            tell,
            told: None,
            refused: None,
            looking: None,
        }
    }

    /// Takes what the files hold now; those that are gone have no targets any more.
    fn take(&mut self, now: BTreeMap<PathBuf, Result<Vec<u8>, SourceError>>) -> Result<(), SourceError> {
        self.known.retain(|file, _| now.contains_key(file));
        let mut wrong = None;
        for (file, bytes) in now {
            let bytes = match bytes {
                Ok(bytes) => bytes,
                Err(error) => {
                    // Away is away; what only can't be read now keeps its targets.
                    if matches!(&error, SourceError::Io { error, .. } if error.kind() == std::io::ErrorKind::NotFound) {
                        self.known.remove(&file);
                    }
                    wrong.get_or_insert(error);
                    continue;
                }
            };
            let is_new = !self.known.contains_key(&file);
            let known = self.known.entry(file.clone()).or_default();
            if is_new || known.bytes != bytes {
                let read = std::str::from_utf8(&bytes).map_err(|error| error.to_string());
                match read.and_then(|text| list::read(text, is_json(&file) == Some(true))) {
                    Ok(targets) => (known.targets, known.wrong) = (targets, None),
                    Err(why) => known.wrong = Some(why),
                }
                known.bytes = bytes;
            }
            if let Some(why) = &known.wrong {
                wrong.get_or_insert_with(|| SourceError::invalid(&file, stays(why)));
            }
        }
        let outcome = self.apply();
        wrong.map_or(outcome, Err)
    }

    /// Tells the targets, if they are others than before: each once, and no more than may be.
    fn apply(&mut self) -> Result<(), SourceError> {
        let mut seen = HashSet::new();
        let mut all: Vec<_> = self.known.values().flat_map(|known| &known.targets).collect();
        all.retain(|found| seen.insert(*found));
        if self
            .told
            .as_ref()
            .is_some_and(|told| told.iter().eq(all.iter().copied()))
        {
            return Ok(());
        }
        let (limit, count) = (self.config.target_limit, all.len());
        if count > limit {
            self.refused = Some(Refused {
                count: (count - limit) as u64,
                why: Text::of(
                    format!("対象が {count} 件あり、target_limit は {limit} 件までです"),
                    format!("{count} targets are there, and target_limit allows {limit}"),
                ),
            });
        }
        let mut names = HashSet::new();
        let mut wrong = None;
        let mut configs = Vec::new();
        for found in all.iter().take(limit) {
            let address = &found.address;
            let usual = format!("{}/{}", self.config.name, address.authority());
            // Two paths of one address, or one path with other labels, are targets of their own.
            let with_path = || format!("{usual}{}", address.path.split('?').next().unwrap_or_default());
            let numbered = (2..).map(|number| format!("{} ({number})", with_path()));
            let name = [usual.clone(), with_path()]
                .into_iter()
                .chain(numbered)
                .find(|name| !names.contains(name));
            let name = name.unwrap_or_default();
            names.insert(name.clone());
            match found.config(name, &self.config.template) {
                Ok(config) => configs.push(config),
                Err(why) => {
                    wrong.get_or_insert(SourceError::Unavailable(
                        format!("{}: {why}", address.authority()).into(),
                    ));
                }
            }
        }
        self.told = wrong.is_none().then(|| all.into_iter().cloned().collect());
        (self.tell)(configs);
        wrong.map_or(Ok(()), Err)
    }
}

const NO_FILE: Text = Text::new("通常のファイルではありません", "it is no regular file");

fn stays(why: &str) -> Text {
    Text::of(
        format!("{why}（以前の対象のまま続けます）"),
        format!("{why}; its former targets stay"),
    )
}

/// What is in a file of targets. A pipe or a device that lies in its place is not waited for, and what grows while it is read
/// ends at the limit.
fn bytes_of(file: &Path) -> Result<Vec<u8>, SourceError> {
    let failed = |error| SourceError::file(file, error);
    // To open a pipe waits for its other end.
    if !std::fs::metadata(file).map_err(failed)?.is_file() {
        return Err(SourceError::invalid(file, NO_FILE));
    }
    let opened = std::fs::OpenOptions::new()
        .read(true)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
        .open(file)
        .map_err(failed)?;
    // Another may have come into its place.
    if !opened.metadata().map_err(failed)?.is_file() {
        return Err(SourceError::invalid(file, NO_FILE));
    }
    let mut bytes = Vec::new();
    opened.take(FILE_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > FILE_BYTES {
        let why = Text::of(
            format!("{FILE_BYTES} バイトより長いです"),
            format!("it is longer than {FILE_BYTES} bytes"),
        );
        return Err(SourceError::invalid(file, why));
    }
    Ok(bytes)
}

/// Every file's bytes, or why there are none.
type Look = Result<BTreeMap<PathBuf, Result<Vec<u8>, SourceError>>, SourceError>;

fn look(all: &[Files]) -> Look {
    let mut bytes = BTreeMap::new();
    for files in all {
        for file in files.found()? {
            let read = bytes_of(&file);
            bytes.insert(file, read);
        }
    }
    Ok(bytes)
}

impl<T: FnMut(Vec<ScrapeConfig>) + Send + 'static> Source for Discovery<T> {
    fn name(&self) -> &str {
        &self.name
    }

    fn interval(&self) -> Duration {
        LOOK
    }

    async fn collect(&mut self, _: Millis) -> Result<Vec<Sample>, SourceError> {
        let files = self.config.files.clone();
        // The disk may be slow, and this task shares its thread with others. One that does not answer at all (a server of
        // files that went away) has one thread wait for it, not one more with every look.
        let looking = self
            .looking
            .get_or_insert_with(|| tokio::task::spawn_blocking(move || look(&files)));
        let now = looking.await;
        self.looking = None;
        self.take(now.map_err(|error| SourceError::Panicked(error.to_string()))??)?;
        Ok(Vec::new())
    }

    fn refused(&mut self) -> Option<Refused> {
        self.refused.take()
    }
}

#[cfg(test)]
mod tests;

//! Tokens for kiosks, embeds and machines: made once, shown once, kept as a hash. Each opens some paths, until it expires or
//! is revoked. The command line writes the file, the server reads it anew when it has changed.

mod opens;

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use keiki_model::time::Millis;
use parking_lot::{Mutex, MutexGuard};
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

pub use self::opens::{EVERYTHING, is_known};

use super::hex;

/// What every token begins with, so that scanners for secrets can find it.
pub const PREFIX: &str = "keiki_";
/// How often the file is looked at.
pub const LOOK: Duration = Duration::from_secs(1);

/// A token as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// What people call it; unique.
    pub name: String,
    /// SHA-256 of the token, hexadecimal.
    hash: String,
    /// What it opens, below the base path: whole paths, or beginnings that end in `*`.
    pub paths: Vec<String>,
    /// When it was made.
    pub created: Millis,
    /// Until when it holds; for good where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Millis>,
}

impl Token {
    /// Whether it still holds.
    pub fn holds(&self, now: Millis) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}

#[derive(Serialize, Deserialize)]
struct Contents {
    version: u32,
    tokens: Vec<Token>,
}

/// Why tokens can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file can't be used.
    #[error("cannot use {}: {error}", file.display())]
    File {
        /// Its name.
        file: PathBuf,
        /// What the operating system said.
        error: io::Error,
    },
    /// It holds something else.
    #[error("{} is no file of tokens: {why}", file.display())]
    Contents {
        /// Its name.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// There is one of this name.
    #[error("there is a token named {0:?} already: revoke it first, or choose another name")]
    Taken(String),
    /// There is none of this name.
    #[error("there is no token named {0:?}: keiki token list shows them")]
    Unknown(String),
    /// It would open nothing.
    #[error("{0:?} is no path: write one below the base path, such as /kiosk, /embed/api.latency or /embed/*")]
    Path(String),
    /// The system has no random numbers.
    #[error("the system gives no random numbers")]
    Random,
}

/// The file.
#[derive(Clone, Debug)]
pub struct TokenFile(PathBuf);

impl TokenFile {
    /// At a path; it need not be there yet.
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// All tokens, the oldest first.
    ///
    /// # Errors
    /// The file is there and can't be read.
    pub fn list(&self) -> Result<Vec<Token>, TokenError> {
        let text = match fs::read_to_string(&self.0) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.failed(error)),
        };
        let contents: Contents = serde_json::from_str(&text).map_err(|error| self.broken(error.to_string()))?;
        match contents.version {
            1 => Ok(contents.tokens),
            other => Err(self.broken(format!("its version is {other}"))),
        }
    }

    /// Makes a token and returns it. It is not kept and can't be shown again.
    ///
    /// # Errors
    /// The name is taken, a path is none, or the file can't be written.
    pub fn add(
        &self,
        name: &str,
        paths: Vec<String>,
        created: Millis,
        expires: Option<Millis>,
    ) -> Result<String, TokenError> {
        fs::create_dir_all(self.folder()).map_err(|error| self.failed(error))?;
        let _alone = self.alone()?;
        let mut tokens = self.list()?;
        if tokens.iter().any(|token| token.name == name) {
            return Err(TokenError::Taken(name.to_owned()));
        }
        if let Some(path) = paths
            .iter()
            .find(|path| !path.starts_with('/') || path.contains(['?', '#', ' ']))
        {
            return Err(TokenError::Path(path.clone()));
        }
        let mut secret = [0; 32];
        SystemRandom::new().fill(&mut secret).map_err(|_| TokenError::Random)?;
        let text = [PREFIX, &hex(&secret)].concat();
        tokens.push(Token {
            name: name.to_owned(),
            hash: hash(&text),
            paths,
            created,
            expires,
        });
        self.write(tokens)?;
        Ok(text)
    }

    /// Removes a token.
    ///
    /// # Errors
    /// There is none of this name, or the file can't be written.
    pub fn revoke(&self, name: &str) -> Result<(), TokenError> {
        let unknown = || TokenError::Unknown(name.to_owned());
        if !self.folder().is_dir() {
            return Err(unknown());
        }
        let _alone = self.alone()?;
        let mut tokens = self.list()?;
        let before = tokens.len();
        tokens.retain(|token| token.name != name);
        if tokens.len() == before {
            return Err(unknown());
        }
        self.write(tokens)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    fn folder(&self) -> &Path {
        let folder = self.0.parent().filter(|folder| !folder.as_os_str().is_empty());
        folder.unwrap_or(Path::new("."))
    }

    /// While this is held no other process changes the file: what it read is what it changes.
    fn alone(&self) -> Result<fs::File, TokenError> {
        let lock = || {
            // The folder itself, so that nothing is left behind.
            let folder = fs::File::open(self.folder())?;
            folder.lock()?;
            Ok(folder)
        };
        lock().map_err(|error| self.failed(error))
    }

    /// Whole or not at all, for the owner's eyes only.
    fn write(&self, tokens: Vec<Token>) -> Result<(), TokenError> {
        use std::io::Write as _;
        use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, chown};

        let contents = Contents { version: 1, tokens };
        let json = serde_json::to_string_pretty(&contents).map_err(|error| self.broken(error.to_string()))?;
        let new = self.0.with_extension(format!("{}.part", std::process::id()));
        let write = || {
            let mut file = fs::OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&new)?;
            file.write_all(json.as_bytes())?;
            file.sync_all()?;
            // Another user's: whoever made the file before, the server perhaps, must be able to read it still. Of the first
            // one that root makes it is the folder's owner.
            let owner = match fs::metadata(&self.0) {
                Ok(before) => Some(before),
                Err(_) if file.metadata()?.uid() == 0 => Some(fs::metadata(self.folder())?),
                Err(_) => None,
            };
            if let Some(owner) = owner {
                chown(&new, Some(owner.uid()), Some(owner.gid()))?;
            }
            fs::rename(&new, &self.0)
        };
        write().map_err(|error| self.failed(error))
    }

    fn failed(&self, error: io::Error) -> TokenError {
        TokenError::File {
            file: self.0.clone(),
            error,
        }
    }

    fn broken(&self, why: String) -> TokenError {
        TokenError::Contents {
            file: self.0.clone(),
            why,
        }
    }

    /// Changes whenever the file does; nothing where there is none.
    fn stamp(&self) -> Option<(SystemTime, u64)> {
        match fs::metadata(&self.0) {
            Ok(metadata) => Some((metadata.modified().unwrap_or(UNIX_EPOCH), metadata.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            // It is there, perhaps, and can't be looked at: reading it says why.
            Err(_) => Some((UNIX_EPOCH, u64::MAX)),
        }
    }
}

fn hash(token: &str) -> String {
    hex(digest(&SHA256, token.as_bytes()).as_ref())
}

/// The tokens as the server knows them; follows the file.
#[derive(Debug)]
pub struct Tokens {
    file: TokenFile,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    stamp: Option<(SystemTime, u64)>,
    looked: Option<Instant>,
    /// Whether the file can't be read: then nobody knows which tokens there are.
    is_broken: bool,
    by_hash: HashMap<String, Token>,
}

impl Tokens {
    /// The tokens of a file.
    pub fn new(file: TokenFile) -> Self {
        Self {
            file,
            known: Mutex::default(),
        }
    }

    /// Whether there are tokens, expired ones too, or a file that can't be read and may hold some.
    pub fn are_there(&self) -> bool {
        let known = self.followed();
        known.is_broken || !known.by_hash.is_empty()
    }

    /// The token of a text, if there is one and it still holds.
    pub fn find(&self, text: &str, now: Millis) -> Option<Token> {
        let known = self.followed();
        // Found by its hash: how long that takes tells nothing of the token.
        known.by_hash.get(&hash(text)).filter(|token| token.holds(now)).cloned()
    }

    /// What is known, after another look at the file where it is time for one.
    fn followed(&self) -> MutexGuard<'_, Known> {
        let mut known = self.known.lock();
        if known.looked.is_none_or(|looked| looked.elapsed() >= LOOK) {
            known.looked = Some(Instant::now());
            let stamp = self.file.stamp();
            let is_new = stamp != known.stamp;
            // What mends one that can't be read (another owner, a disk that answers again) may not change its stamp.
            if is_new || known.is_broken {
                known.stamp = stamp;
                // Of a file that can't be read no token holds.
                let tokens = self.file.list();
                known.is_broken = tokens.is_err();
                let tokens = tokens.unwrap_or_else(|error| {
                    if is_new {
                        tracing::error!(%error, "no token holds until this is mended");
                    }
                    Vec::new()
                });
                known.by_hash = tokens.into_iter().map(|token| (token.hash.clone(), token)).collect();
            }
        }
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_root_makes_is_the_folders_owners() {
        use std::os::unix::fs::{MetadataExt as _, chown};

        let folder = tempfile::tempdir().unwrap();
        // Nobody but root can give anything away.
        if chown(folder.path(), Some(12_345), Some(12_346)).is_err() {
            return;
        }
        let file = TokenFile::new(folder.path().join("tokens.json"));
        let owner = || fs::metadata(&file.0).map(|made| (made.uid(), made.gid())).unwrap();
        file.add("wall", vec!["/kiosk".into()], 0, None).unwrap();
        assert_eq!(owner(), (12_345, 12_346));
        chown(&file.0, Some(12_347), None).unwrap();
        file.revoke("wall").unwrap();
        assert_eq!(owner(), (12_347, 12_346), "and stays whose it is");
    }

    fn token(paths: &[&str]) -> Token {
        Token {
            name: "one".into(),
            hash: String::new(),
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
            created: 0,
            expires: Some(10),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_file_is_followed() {
        let folder = std::env::temp_dir().join(format!("keiki-tokens-{}", std::process::id()));
        let file = TokenFile::new(folder.join("tokens.json"));
        let tokens = Tokens::new(file.clone());
        let text = file.add("wall", vec!["/kiosk".into()], 0, None).unwrap();
        assert!(text.starts_with(PREFIX) && text.len() == PREFIX.len() + 64);
        assert!(!fs::read_to_string(&file.0).unwrap().contains(&text));
        assert_eq!(tokens.find(&text, 1).map(|token| token.name), Some("wall".to_owned()));
        assert_eq!(tokens.find("keiki_other", 1), None);
        assert!(matches!(
            file.add("wall", Vec::new(), 0, None),
            Err(TokenError::Taken(_))
        ));
        assert!(matches!(
            file.add("x", vec!["kiosk".into()], 0, None),
            Err(TokenError::Path(_))
        ));
        file.revoke("wall").unwrap();
        assert!(matches!(file.revoke("wall"), Err(TokenError::Unknown(_))));
        tokio::time::advance(LOOK).await;
        assert_eq!(tokens.find(&text, 1), None);
        assert!(!tokens.are_there(), "the last one was revoked");
        let again = file.add("wall", vec!["/kiosk".into()], 0, Some(5)).unwrap();
        tokio::time::advance(LOOK).await;
        assert!(tokens.find(&again, 4).is_some() && tokens.find(&again, 5).is_none());
        assert!(tokens.are_there(), "one that has expired is one");
        fs::write(&file.0, "garbage").unwrap();
        tokio::time::advance(LOOK).await;
        assert_eq!(tokens.find(&again, 4), None);
        assert!(tokens.are_there(), "nobody knows");
        assert!(matches!(file.list(), Err(TokenError::Contents { .. })));
        // Mended by what leaves neither time nor length another: a disk that answers again, or another owner.
        let good = serde_json::to_string(&Contents {
            version: 1,
            tokens: vec![Token {
                hash: hash(&again),
                ..token(&["/kiosk"])
            }],
        });
        let good = good.unwrap();
        fs::write(&file.0, "x".repeat(good.len())).unwrap();
        let broken = fs::metadata(&file.0).unwrap().modified().unwrap();
        tokio::time::advance(LOOK).await;
        assert_eq!(tokens.find(&again, 4), None);
        fs::write(&file.0, good).unwrap();
        let mended = fs::OpenOptions::new().write(true).open(&file.0).unwrap();
        mended.set_modified(broken).unwrap();
        tokio::time::advance(LOOK).await;
        assert!(tokens.find(&again, 4).is_some());
        fs::remove_file(&file.0).unwrap();
        tokio::time::advance(LOOK).await;
        assert!(!tokens.are_there());
        // Many at once, as by a script: none is lost.
        let add = |number: usize| file.add(&number.to_string(), vec!["/kiosk".into()], 0, None).is_ok();
        let all = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|number| scope.spawn(move || add(number))).collect();
            threads.into_iter().all(|thread| thread.join().unwrap())
        });
        assert!(all && file.list().unwrap().len() == 8);
        fs::remove_dir_all(&folder).unwrap();
    }
}

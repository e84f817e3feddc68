//! The secret by which users get their pseudonyms.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use ring::rand::{SecureRandom as _, SystemRandom};

use crate::access::DEFAULT_DATA_DIR;

/// Its file in the data directory.
const FILE: &str = "pseudonym.key";

const BYTES: usize = 32;

/// The secret of the data directory, made where there is none. Where it can't be kept, one for this run: users then have
/// other pseudonyms after the next start.
pub(crate) fn of(data_dir: Option<&Path>) -> [u8; BYTES] {
    let folder = data_dir.unwrap_or(Path::new(DEFAULT_DATA_DIR));
    kept(folder).unwrap_or_else(|error| {
        tracing::warn!(%error, "users' pseudonyms will be others after the next start: {FILE} can't be kept");
        random()
    })
}

fn kept(folder: &Path) -> io::Result<[u8; BYTES]> {
    let path = folder.join(FILE);
    match fs::read(&path) {
        Ok(bytes) => bytes
            .try_into()
            .map_err(|_| io::Error::other(format!("{} does not hold {BYTES} bytes", path.display()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(folder)?;
            let secret = random();
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(&path)?;
            file.write_all(&secret)?;
            file.sync_all()?;
            Ok(secret)
        }
        Err(error) => Err(error),
    }
}

fn random() -> [u8; BYTES] {
    let mut secret = [0; BYTES];
    SystemRandom::new()
        .fill(&mut secret)
        .expect("the system has random numbers");
    secret
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_stays_the_same() {
        let folder = tempfile::tempdir().expect("a folder");
        let inner = folder.path().join("data");
        let secret = of(Some(&inner));
        assert_eq!(of(Some(&inner)), secret);
        assert_ne!(of(Some(folder.path())), secret);
        fs::write(inner.join(FILE), b"short").expect("a file");
        assert_ne!(of(Some(&inner)), secret, "a damaged file is not taken for the secret");
    }
}

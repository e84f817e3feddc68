//! A `/proc` file that stays open: reading it again is one system call instead of three.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::source::SourceError;

/// A file that is read whole, again and again.
#[derive(Debug)]
pub(super) struct KeptFile {
    path: PathBuf,
    file: Option<File>,
    buffer: Vec<u8>,
}

impl KeptFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            file: None,
            buffer: Vec::new(),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The text now. A failed read closes the file, so that the next one opens it anew.
    pub(super) fn read(&mut self) -> Result<Cow<'_, str>, SourceError> {
        match self.fill() {
            Ok(length) => Ok(String::from_utf8_lossy(&self.buffer[..length])),
            Err(error) => {
                self.file = None;
                Err(SourceError::file(&self.path, error))
            }
        }
    }

    fn fill(&mut self) -> io::Result<usize> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(File::open(&self.path)?),
        };
        let mut length = 0;
        loop {
            if length == self.buffer.len() {
                self.buffer.resize((length * 2).max(4_096), 0);
            }
            match file.read_at(&mut self.buffer[length..], length as u64) {
                Ok(0) => return Ok(length),
                Ok(read) => length += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::host::linux::fixture::Fixture;

    #[test]
    fn a_kept_file_shows_its_present_text() {
        let fixture = Fixture::new();
        fixture.write("file", &"long ".repeat(2_000));
        let mut file = KeptFile::new(fixture.path("file"));
        assert_eq!(file.read().expect("text").len(), 10_000);
        fixture.write("file", "short");
        assert_eq!(file.read().expect("text"), "short");
    }

    #[test]
    fn a_missing_file_is_tried_again() {
        let fixture = Fixture::new();
        let mut file = KeptFile::new(fixture.path("file"));
        let error = file.read().expect_err("no file").to_string();
        assert!(error.ends_with("No such file or directory (os error 2)"), "{error}");
        fixture.write("file", "here");
        assert_eq!(file.read().expect("text"), "here");
    }
}

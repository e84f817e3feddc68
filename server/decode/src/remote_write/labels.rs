//! The labels of a series, in place.

use std::fmt;

use crate::wire::{self, Fault, Reader};

/// How many bytes of bad labels an error shows.
const SHOWN: usize = 400;

/// The labels of a series, `__name__` among them: names and values in ascending order of the names.
///
/// A label without a value is left out: to Prometheus that is the same as none.
#[derive(Clone, Copy, Debug)]
pub struct Labels<'a>(Reader<'a>);

/// What is wrong with the labels of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelFault {
    /// There are none.
    Missing,
    /// One has no name.
    Unnamed,
    /// One is named like the one before it.
    Repeated,
    /// They are not in ascending order of their names.
    Order,
    /// A name or a value is not UTF-8.
    Utf8,
}

impl fmt::Display for LabelFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "it has no labels",
            Self::Unnamed => "a label has no name",
            Self::Repeated => "a label stands twice",
            Self::Order => "its labels are not sorted by name",
            Self::Utf8 => "a label is not UTF-8",
        })
    }
}

impl<'a> Labels<'a> {
    /// The fields of a series that are labels, the first of which is near this offset of the request.
    pub(super) fn new(raw: &'a [u8], offset: usize) -> Self {
        Self(Reader::within(raw, offset, "TimeSeries"))
    }

    /// Whether they are what a series may have.
    pub(super) fn check(&self) -> Result<Result<(), LabelFault>, wire::Error> {
        let mut reader = self.0;
        let mut before = "";
        let mut all = Ok(());
        while let Some(field) = reader.field()? {
            let (name, _) = match label(field.message("Label")?) {
                Ok(label) => label,
                Err(error) if error.fault == Fault::Utf8 => {
                    all = all.and(Err(LabelFault::Utf8));
                    continue;
                }
                Err(error) => return Err(error),
            };
            if name.is_empty() {
                all = all.and(Err(LabelFault::Unnamed));
            } else if name <= before {
                let repeated = name == before;
                all = all.and(Err(if repeated {
                    LabelFault::Repeated
                } else {
                    LabelFault::Order
                }));
            }
            before = name;
        }
        if self.0.rest().is_empty() {
            all = Err(LabelFault::Missing);
        }
        Ok(all)
    }

    /// As they would be written in a query, as far as they are text and not too many.
    pub(super) fn shown(&self) -> String {
        let mut out = String::from("{");
        let mut reader = self.0;
        while let Ok(Some(field)) = reader.field() {
            let Ok(mut label) = field.message("Label") else { break };
            let (mut name, mut value) = (String::new(), String::new());
            while let Ok(Some(part)) = label.field() {
                let text = part.bytes().map(|bytes| &bytes[..bytes.len().min(SHOWN)]);
                let text = String::from_utf8_lossy(text.unwrap_or_default());
                match part.number {
                    1 => name = text.into_owned(),
                    2 => value = text.into_owned(),
                    _ => {}
                }
            }
            if out.len() + name.len() + value.len() > SHOWN {
                out.push('…');
                break;
            }
            let comma = if out.len() > 1 { ", " } else { "" };
            out.push_str(&format!("{comma}{name}={value:?}"));
        }
        out.push('}');
        out
    }
}

impl<'a> Iterator for Labels<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            // Nothing here fails: they have been checked before they are handed out.
            let field = self.0.field().ok()??;
            let (name, value) = label(field.message("Label").ok()?).ok()?;
            if !value.is_empty() {
                return Some((name, value));
            }
        }
    }
}

fn label(mut reader: Reader<'_>) -> Result<(&str, &str), wire::Error> {
    let (mut name, mut value) = ("", "");
    while let Some(field) = reader.field()? {
        match field.number {
            1 => name = field.text()?,
            2 => value = field.text()?,
            _ => {}
        }
    }
    Ok((name, value))
}

//! Attributes and their values, in place.

use super::reason::{Reason, Trouble};
use crate::wire::{self, Reader};

/// How deep arrays and lists may lie within each other. Attributes are meant to be flat; this keeps one who means ill
/// from exhausting the stack.
pub const MOST_DEPTH: usize = 16;

/// Attributes: keys and values as they stand, which may be in any order.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'a> {
    reader: Reader<'a>,
    /// The number of the fields that are attributes.
    number: u32,
}

impl<'a> Attributes<'a> {
    /// None at all.
    pub const EMPTY: Attributes<'static> = Attributes {
        reader: Reader::EMPTY,
        number: 1,
    };

    /// Those fields of a message near this offset that have this number, after a look at everything in them.
    pub(super) fn checked(raw: &'a [u8], number: u32, offset: usize) -> Result<Self, Trouble> {
        let reader = Reader::within(raw, offset, "attributes");
        let attributes = Self { reader, number };
        attributes.check(0)?;
        Ok(attributes)
    }

    /// The fields' bytes as they stand: the same attributes from the same sender are the same bytes.
    pub fn raw(&self) -> &'a [u8] {
        self.reader.rest()
    }

    /// The value of the first attribute of this key.
    pub fn get(&self, key: &str) -> Option<Value<'a>> {
        let mut all = *self;
        all.find(|(other, _)| *other == key).map(|(_, value)| value)
    }

    fn check(&self, depth: usize) -> Result<(), Trouble> {
        let mut reader = self.reader;
        while let Some(field) = reader.field()? {
            if field.number == self.number {
                let (_, value) = key_value(field.message("KeyValue")?)?;
                value.check(depth)?;
            }
        }
        Ok(())
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (&'a str, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            // Nothing here fails: they have been checked before they are handed out.
            let field = self.reader.field().ok()??;
            if field.number == self.number {
                return key_value(field.message("KeyValue").ok()?).ok();
            }
        }
    }
}

/// The values of an array.
#[derive(Clone, Copy, Debug)]
pub struct Values<'a>(Reader<'a>);

impl<'a> Iterator for Values<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let field = self.0.field().ok()??;
            if field.number == 1 {
                return value(field.message("AnyValue").ok()?).ok();
            }
        }
    }
}

/// The value of an attribute. [`Display`](std::fmt::Display) writes it as a label has it.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// None.
    Empty,
    /// A text.
    String(&'a str),
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Double(f64),
    /// Any bytes.
    Bytes(&'a [u8]),
    /// Values in order.
    Array(Values<'a>),
    /// Values by key.
    KeyValues(Attributes<'a>),
}

impl<'a> Value<'a> {
    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&'a str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if it is a whole one.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }

    fn check(&self, depth: usize) -> Result<(), Trouble> {
        if !matches!(self, Self::Array(_) | Self::KeyValues(_)) {
            return Ok(());
        }
        if depth == MOST_DEPTH {
            return Err(Reason::Depth.into());
        }
        match self {
            Self::KeyValues(list) => list.check(depth + 1),
            Self::Array(values) => {
                let mut reader = values.0;
                while let Some(field) = reader.field()? {
                    if field.number == 1 {
                        value(field.message("AnyValue")?)?.check(depth + 1)?;
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

fn key_value(mut reader: Reader<'_>) -> Result<(&str, Value<'_>), wire::Error> {
    let (mut key, mut message) = ("", None);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => key = field.text()?,
            2 => field.once(&mut message, field.message("AnyValue")?)?,
            _ => {}
        }
    }
    Ok((key, message.map_or(Ok(Value::Empty), value)?))
}

/// The last of several counts, as the format has it.
fn value(mut reader: Reader<'_>) -> Result<Value<'_>, wire::Error> {
    let mut value = Value::Empty;
    while let Some(field) = reader.field()? {
        value = match field.number {
            1 => Value::String(field.text()?),
            2 => Value::Bool(field.varint()? != 0),
            3 => Value::Int(field.varint()? as i64),
            4 => Value::Double(field.double()?),
            5 => Value::Array(Values(field.message("ArrayValue")?)),
            6 => Value::KeyValues(Attributes {
                reader: field.message("KeyValueList")?,
                number: 1,
            }),
            7 => Value::Bytes(field.bytes()?),
            _ => continue,
        };
    }
    Ok(value)
}

//! The wire format of protocol buffers, read in place.
//!
//! A message is a sequence of fields in any order, each with its number. A [`Reader`] hands them out one by one as they
//! stand; nothing is copied and nothing allocated, which is why this is not generated code: that makes a string of its
//! own of every label of every sample, and a series seen a second ago should cost no more than a hash of its bytes.
//!
//! Refused are: what ends too early, varints beyond 64 bits, groups, field number 0, and a known field of another wire
//! type than its own. A varint with needless zero bytes is not: some encoders reserve room for a length that way.

mod write;

use std::fmt;

pub(crate) use write::Writer;

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The message ends within the field.
    Truncated,
    /// A varint has more than 64 bits.
    LongVarint,
    /// The field's number is 0 or beyond 2²⁹ − 1.
    Number,
    /// The wire type is a group or none at all.
    WireType,
    /// The wire type is not that of this field.
    OtherType,
    /// A packed sequence of fixed-width numbers has a length that is no multiple of the width.
    Packed,
    /// It stands more than once, and may stand only once.
    Twice,
    /// A text is not UTF-8.
    Utf8,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "the message ends within it",
            Self::LongVarint => "a varint has more than 64 bits",
            Self::Number => "there is no field of such a number",
            Self::WireType => "its wire type is a group or unknown",
            Self::OtherType => "it is of another wire type",
            Self::Packed => "it is packed and has a part of a number",
            Self::Twice => "it stands more than once",
            Self::Utf8 => "it is not UTF-8",
        })
    }
}

/// Bytes that are not the message they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("byte {offset}: field {field} of {message}: {fault}")]
pub struct Error {
    /// Where the field begins, bytes from the beginning of the outermost message.
    pub offset: usize,
    /// The name of the message that has the field.
    pub message: &'static str,
    /// The field's number; 0 where it can't be read.
    pub field: u32,
    /// What is wrong.
    pub fault: Fault,
}

/// The fields of a message, from first to last.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    /// Where the message ends within the outermost one, so that the offset needs no counting.
    end: usize,
    message: &'static str,
}

impl<'a> Reader<'a> {
    /// No message.
    pub(crate) const EMPTY: Reader<'static> = Reader {
        rest: &[],
        end: 0,
        message: "",
    };

    /// The outermost message, of this name.
    pub fn new(bytes: &'a [u8], message: &'static str) -> Self {
        Self::within(bytes, 0, message)
    }

    /// A message that begins at this offset of the outermost one.
    pub(crate) fn within(bytes: &'a [u8], offset: usize, message: &'static str) -> Self {
        Self {
            rest: bytes,
            end: offset + bytes.len(),
            message,
        }
    }

    /// What has not been read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Where the next field begins, bytes from the beginning of the outermost message.
    #[inline]
    pub fn offset(&self) -> usize {
        self.end - self.rest.len()
    }

    /// The next field; `None` at the end.
    // Outside of its caller's loop it would hand a hundred bytes over by memory, twice as slow.
    #[inline(always)]
    pub fn field(&mut self) -> Result<Option<Field<'a>>, Error> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let mut field = Field {
            number: 0,
            value: Value::Varint(0),
            offset: self.offset(),
            message: self.message,
        };
        let tag = self.varint(&field)?;
        let Ok(tag) = u32::try_from(tag) else {
            return Err(field.error(Fault::Number));
        };
        field.number = tag >> 3;
        if field.number == 0 {
            return Err(field.error(Fault::Number));
        }
        field.value = match tag & 7 {
            0 => Value::Varint(self.varint(&field)?),
            1 => Value::Fixed64(u64::from_le_bytes(self.array(&field)?)),
            2 => {
                let length = self.varint(&field)?;
                let taken = usize::try_from(length).ok();
                let taken = taken.and_then(|length| self.rest.split_at_checked(length));
                let Some((bytes, rest)) = taken else {
                    return Err(field.error(Fault::Truncated));
                };
                self.rest = rest;
                Value::Bytes(bytes, self.offset())
            }
            5 => Value::Fixed32(u32::from_le_bytes(self.array(&field)?)),
            _ => return Err(field.error(Fault::WireType)),
        };
        Ok(Some(field))
    }

    /// Passes over what follows as long as it is the same field as one that was just read, has a value of bytes, and
    /// both tag and length are of one byte. It is what labels and attributes are nearly always; others are left to
    /// [`Reader::field`].
    #[inline]
    pub(crate) fn pass(&mut self, number: u32) {
        let mut rest = self.rest;
        while let [tag, length, after @ ..] = rest
            && u32::from(*tag) == number << 3 | 2
            && *length < 0x80
            && let Some((_, after)) = after.split_at_checked(usize::from(*length))
        {
            rest = after;
        }
        self.rest = rest;
    }

    #[inline(always)]
    fn varint(&mut self, field: &Field<'_>) -> Result<u64, Error> {
        match self.rest {
            [byte, rest @ ..] if *byte < 0x80 => {
                self.rest = rest;
                Ok(u64::from(*byte))
            }
            rest => {
                let (value, rest) = varint(rest).map_err(|fault| field.error(fault))?;
                self.rest = rest;
                Ok(value)
            }
        }
    }

    #[inline]
    fn array<const N: usize>(&mut self, field: &Field<'_>) -> Result<[u8; N], Error> {
        match self.rest.split_first_chunk() {
            Some((array, rest)) => {
                self.rest = rest;
                Ok(*array)
            }
            None => Err(field.error(Fault::Truncated)),
        }
    }
}

/// The number at the beginning and what comes after it.
#[inline(never)]
fn varint(bytes: &[u8]) -> Result<(u64, &[u8]), Fault> {
    let mut value = 0;
    for (place, byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * place);
        if *byte < 0x80 {
            // Of the tenth byte there is room for one bit.
            return if place == 9 && *byte > 1 {
                Err(Fault::LongVarint)
            } else {
                Ok((value, &bytes[place + 1..]))
            };
        }
    }
    Err(if bytes.len() < 10 {
        Fault::Truncated
    } else {
        Fault::LongVarint
    })
}

/// The value of a field as its wire type tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    /// The bytes, and where they end.
    Bytes(&'a [u8], usize),
}

/// A field of a message. Its value is what the reader of the message says it is, if the wire type agrees.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    /// The number that says which field it is.
    pub number: u32,
    value: Value<'a>,
    offset: usize,
    message: &'static str,
}

impl<'a> Field<'a> {
    /// Where it begins, bytes from the beginning of the outermost message.
    #[inline]
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// An error of this field.
    #[cold]
    pub fn error(&self, fault: Fault) -> Error {
        Error {
            offset: self.offset,
            message: self.message,
            field: self.number,
            fault,
        }
    }

    /// A varint: `uint64`, `int64`, `uint32`, `int32`, `bool` or an enum.
    #[inline]
    pub fn varint(&self) -> Result<u64, Error> {
        match self.value {
            Value::Varint(value) => Ok(value),
            _ => Err(self.error(Fault::OtherType)),
        }
    }

    /// A `sint32`. Of more than 32 bits the lower ones count, as the format's authors have it.
    #[inline]
    pub fn sint32(&self) -> Result<i32, Error> {
        let value = self.varint()? as u32;
        Ok((value >> 1) as i32 ^ -((value & 1) as i32))
    }

    /// An enum's number. Of more than 32 bits the lower ones count, as the format's authors have it.
    #[inline]
    pub fn enumeration(&self) -> Result<i32, Error> {
        Ok(self.varint()? as i32)
    }

    /// A `fixed64` or `sfixed64`.
    #[inline]
    pub fn fixed64(&self) -> Result<u64, Error> {
        match self.value {
            Value::Fixed64(value) => Ok(value),
            _ => Err(self.error(Fault::OtherType)),
        }
    }

    /// A `double`.
    #[inline]
    pub fn double(&self) -> Result<f64, Error> {
        Ok(f64::from_bits(self.fixed64()?))
    }

    /// `bytes`, or a `string` that is not looked at yet.
    #[inline]
    pub fn bytes(&self) -> Result<&'a [u8], Error> {
        match self.value {
            Value::Bytes(bytes, _) => Ok(bytes),
            _ => Err(self.error(Fault::OtherType)),
        }
    }

    /// A `string`.
    #[inline]
    pub fn text(&self) -> Result<&'a str, Error> {
        std::str::from_utf8(self.bytes()?).map_err(|_| self.error(Fault::Utf8))
    }

    /// A message of this name.
    #[inline]
    pub fn message(&self, name: &'static str) -> Result<Reader<'a>, Error> {
        match self.value {
            Value::Bytes(bytes, end) => Ok(Reader {
                rest: bytes,
                end,
                message: name,
            }),
            _ => Err(self.error(Fault::OtherType)),
        }
    }

    /// Keeps the field in `place`, which must be empty: for messages that may stand only once. The format would have
    /// them merged, no encoder writes them, and to drop one would be to lose what is in it.
    #[inline]
    pub(crate) fn once<T>(&self, place: &mut Option<T>, value: T) -> Result<(), Error> {
        match place.replace(value) {
            None => Ok(()),
            Some(_) => Err(self.error(Fault::Twice)),
        }
    }

    /// Numbers of `repeated fixed64` or `repeated double`: one, or packed ones.
    pub fn each_fixed64(&self, mut take: impl FnMut(u64)) -> Result<(), Error> {
        match self.value {
            Value::Fixed64(value) => take(value),
            Value::Bytes(bytes, _) => {
                let (numbers, rest) = bytes.as_chunks();
                if !rest.is_empty() {
                    return Err(self.error(Fault::Packed));
                }
                numbers.iter().for_each(|number| take(u64::from_le_bytes(*number)));
            }
            _ => return Err(self.error(Fault::OtherType)),
        }
        Ok(())
    }

    /// Numbers of `repeated uint64`, `sint64` and the like: one, or packed ones.
    pub fn each_varint(&self, mut take: impl FnMut(u64)) -> Result<(), Error> {
        match self.value {
            Value::Varint(value) => take(value),
            Value::Bytes(mut rest, _) => {
                while !rest.is_empty() {
                    let (value, after) = varint(rest).map_err(|fault| self.error(fault))?;
                    take(value);
                    rest = after;
                }
            }
            _ => return Err(self.error(Fault::OtherType)),
        }
        Ok(())
    }
}

/// The number that a `sint64` stands for.
#[inline]
pub fn zigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// Where the fields of one number stand within a message: labels or attributes, whose bytes are a series' identity.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Run {
    start: usize,
    end: usize,
    /// Other fields stand in between.
    broken: bool,
}

impl Run {
    /// Notes that a field of the number begins and ends at these offsets.
    #[inline]
    pub(crate) fn add(&mut self, start: usize, end: usize) {
        if self.end == 0 {
            self.start = start;
        } else {
            self.broken |= self.end != start;
        }
        self.end = end;
    }

    /// The fields' bytes, tags and lengths included: as they stand in `message`, whose first field has the offset
    /// `base`, or, if there are others in between, copied next to each other.
    #[inline]
    pub(crate) fn bytes<'a>(&self, number: u32, message: Reader<'a>, copy: &'a mut Vec<u8>) -> Result<&'a [u8], Error> {
        let base = message.offset();
        let bytes = message.rest();
        if self.end == 0 {
            return Ok(&[]);
        }
        if !self.broken {
            return Ok(&bytes[self.start - base..self.end - base]);
        }
        copy.clear();
        let mut reader = message;
        while let Some(field) = reader.field()? {
            if field.number == number {
                copy.extend_from_slice(&bytes[field.offset - base..reader.offset() - base]);
            }
        }
        Ok(copy)
    }
}

#[cfg(test)]
mod tests;

//! OTLP's JSON, written as protocol buffers while it is parsed.
//!
//! No tree is built: of a body that is all brackets it would take thirty times its size. What the schema does not name
//! is skipped, `null` is the same as absent, and an error says the path of the field at which it was found.

mod scalar;
mod schema;

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::wire::Writer;
use scalar::Number;
use schema::{Field, Kind};
pub(super) use schema::{METRICS, Message, TRACES};

/// A body that is not the JSON it should be.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {error}")]
pub struct JsonError {
    /// The field at which it was found, as in `resourceMetrics[0].scopeMetrics[2].metrics`; `body` for the whole.
    pub path: String,
    #[source]
    error: serde_json::Error,
}

/// Writes a body as the message it stands for.
pub(super) fn write(body: &[u8], message: &'static Message, out: &mut Vec<u8>) -> Result<(), JsonError> {
    out.clear();
    let mut path = Path::default();
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let outermost = Outermost {
        message,
        out,
        path: &mut path,
    };
    let parsed = outermost
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end());
    parsed.map_err(|error| JsonError {
        path: path.to_string(),
        error,
    })
}

/// Where the parser is. A step is taken back only after it went well.
#[derive(Debug, Default)]
struct Path(Vec<Step>);

#[derive(Debug)]
enum Step {
    Field(&'static str),
    Place(usize),
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (depth, step) in self.0.iter().enumerate() {
            match step {
                Step::Field(name) if depth == 0 => f.write_str(name)?,
                Step::Field(name) => write!(f, ".{name}")?,
                Step::Place(place) => write!(f, "[{place}]")?,
            }
        }
        if self.0.is_empty() {
            f.write_str("body")?;
        }
        Ok(())
    }
}

/// The message that is the whole body.
struct Outermost<'a> {
    message: &'static Message,
    out: &'a mut Vec<u8>,
    path: &'a mut Path,
}

impl<'de> DeserializeSeed<'de> for Outermost<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Outermost<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object, {}", self.message.name)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        fields(self.message, self.out, self.path, map)
    }
}

/// Writes the fields of a message, without its own tag and length.
fn fields<'de, A: MapAccess<'de>>(
    message: &'static Message,
    out: &mut Vec<u8>,
    path: &mut Path,
    mut map: A,
) -> Result<(), A::Error> {
    // One bit for each field that had a value.
    let mut seen = 0_u32;
    while let Some(known) = map.next_key_seed(Key(message))? {
        let Some(place) = known else {
            map.next_value::<IgnoredAny>()?;
            continue;
        };
        let field = &message.fields[place];
        path.0.push(Step::Field(field.name));
        let before = out.len();
        let value = FieldValue {
            field,
            out: &mut *out,
            path: &mut *path,
        };
        map.next_value_seed(value)?;
        if out.len() > before && !field.is_repeated {
            if seen & 1 << place != 0 {
                return Err(A::Error::custom("the field stands more than once"));
            }
            seen |= 1 << place;
        }
        path.0.pop();
    }
    Ok(())
}

/// Finds the field of a key among those of the message.
struct Key(&'static Message);

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Key {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.fields.iter().position(|field| field.name == key))
    }
}

/// All of a field: one value, or an array of them if it may be repeated.
struct FieldValue<'a> {
    field: &'static Field,
    out: &'a mut Vec<u8>,
    path: &'a mut Path,
}

impl<'a> FieldValue<'a> {
    fn element(self, is_packed: bool) -> Element<'a> {
        Element {
            field: self.field,
            is_packed,
            out: self.out,
            path: self.path,
        }
    }
}

impl<'de> DeserializeSeed<'de> for FieldValue<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.field.is_repeated {
            deserializer.deserialize_any(self)
        } else {
            deserializer.deserialize_any(self.element(false))
        }
    }
}

impl<'de> Visitor<'de> for FieldValue<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        let Self { field, out, path } = self;
        let is_packed = !matches!(field.kind, Kind::Message(_));
        let mut elements = |out: &mut Vec<u8>| {
            for place in 0.. {
                path.0.push(Step::Place(place));
                let value = FieldValue {
                    field,
                    out: &mut *out,
                    path: &mut *path,
                };
                let more = sequence.next_element_seed(value.element(is_packed))?;
                path.0.pop();
                if more.is_none() {
                    break;
                }
            }
            Ok(())
        };
        if is_packed {
            Writer(out).nested(field.number, elements)
        } else {
            elements(out)
        }
    }
}

/// One value of a field.
struct Element<'a> {
    field: &'static Field,
    /// It is one of a packed sequence, and has no tag of its own.
    is_packed: bool,
    out: &'a mut Vec<u8>,
    path: &'a mut Path,
}

impl Element<'_> {
    fn number<E: serde::de::Error>(self, number: Number) -> Result<(), E> {
        let tag = (!self.is_packed).then_some(self.field.number);
        number.write(&self.field.kind, tag, self.out).map_err(E::custom)
    }
}

impl<'de> DeserializeSeed<'de> for Element<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Element<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.field.kind.expected())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<(), E> {
        match self.field.kind {
            Kind::Bool => {
                Writer(self.out).varint(self.field.number, value.into());
                Ok(())
            }
            _ => Err(E::invalid_type(serde::de::Unexpected::Bool(value), &self)),
        }
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<(), E> {
        self.number(Number::Integer(value.into()))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<(), E> {
        self.number(Number::Integer(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<(), E> {
        self.number(Number::Double(value))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        let number = self.field.number;
        match &self.field.kind {
            Kind::Text => Writer(self.out).bytes(number, text.as_bytes()),
            Kind::Hex => Writer(self.out).bytes(number, &scalar::hex(text).map_err(E::custom)?),
            Kind::Base64 => Writer(self.out).bytes(number, &scalar::base64(text).map_err(E::custom)?),
            Kind::Bool | Kind::Message(_) => {
                return Err(E::invalid_type(serde::de::Unexpected::Str(text), &self));
            }
            kind => {
                let number = Number::of_text(kind, text).map_err(E::custom)?;
                return self.number(number);
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        match self.field.kind {
            Kind::Message(message) => {
                let path = self.path;
                Writer(self.out).nested(self.field.number, |out| fields(message, out, path, map))
            }
            _ => Err(A::Error::invalid_type(serde::de::Unexpected::Map, &self)),
        }
    }
}

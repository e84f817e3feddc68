//! OpenTelemetry's protocol: metrics and spans, in protocol buffers or JSON.
//!
//! Protocol buffers are read in place. JSON is first written as protocol buffers, so that there is one reader and one
//! meaning; that costs time, and nobody who sends much sends JSON.
//!
//! Two kinds of errors are kept apart. A request that can't be read is refused as a whole ([`Error`]). A data point or a
//! span that can be read but not be understood is handed to the visitor with its [`Reason`], and costs no other one its
//! place: the answer is then a partial success, see [`success`].

mod attributes;
mod json;
mod metrics;
mod points;
mod reason;
mod render;
mod response;
mod traces;

use crate::wire::{self, Reader, Run};

pub use attributes::{Attributes, MOST_DEPTH, Value, Values};
pub use json::JsonError;
pub use metrics::{Kind, Metric, MetricVisitor, Temporality};
use points::Scratch;
pub use points::{
    Exponential, ExponentialPoint, HistogramPoint, Number, NumberPoint, PointTime, Quantile, SummaryPoint,
};
pub use reason::Reason;
use reason::Trouble;
pub use response::{PartialSuccess, Signal, failure, success};
pub use traces::{Span, SpanKind, SpanVisitor, Status, StatusCode};

/// How large a buffer is kept for the next request, bytes. One huge request should not hold its memory for ever.
const KEEP: usize = 4 << 20;

/// How a request is written, and therefore its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Protocol buffers.
    Protobuf,
    /// JSON as OTLP has it: ids in hexadecimal, enums as numbers.
    Json,
}

impl Encoding {
    /// The encoding that a `Content-Type` names, whatever its parameters; `None` if it is none of the two.
    pub fn of_content_type(value: &str) -> Option<Self> {
        let essence = value.split(';').next().unwrap_or_default().trim();
        [Self::Protobuf, Self::Json]
            .into_iter()
            .find(|encoding| encoding.content_type().eq_ignore_ascii_case(essence))
    }

    /// The `Content-Type` of an answer.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }
}

/// Why a request is refused as a whole.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is no message of protocol buffers, or not this one.
    #[error("the request is malformed: {0}")]
    Wire(#[from] wire::Error),
    /// It is no JSON, or a field has a value that it can't have.
    #[error("the request is malformed: {0}")]
    Json(#[from] JsonError),
}

/// How much a request had: data points or spans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decoded {
    /// Handed over.
    pub accepted: u64,
    /// Handed over as rejected.
    pub rejected: u64,
}

/// Who or what is measured.
#[derive(Clone, Copy, Debug)]
pub struct Resource<'a> {
    /// Its attributes.
    pub attributes: Attributes<'a>,
}

/// The library that measured.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// Its name; may be empty.
    pub name: &'a str,
    /// Its version; may be empty.
    pub version: &'a str,
    /// Its attributes.
    pub attributes: Attributes<'a>,
}

/// Decodes requests one after the other. It keeps its buffers, so that in the long run a request in protocol buffers
/// allocates nothing.
///
/// Of a request that turns out to be refused, what stood before the error has been handed over already: who wants all
/// or nothing keeps it until the method returns.
#[derive(Debug, Default)]
pub struct Decoder {
    /// A request in JSON, written as protocol buffers.
    written: Vec<u8>,
    scratch: Scratch,
}

impl Decoder {
    /// Decodes an `ExportMetricsServiceRequest`.
    ///
    /// # Errors
    ///
    /// If the request can't be read.
    pub fn metrics<V: MetricVisitor>(
        &mut self,
        encoding: Encoding,
        body: &[u8],
        visitor: &mut V,
    ) -> Result<Decoded, Error> {
        let decoded = self
            .protobuf(encoding, body, &json::METRICS)
            .and_then(|(body, scratch)| Ok(metrics::decode(body, scratch, visitor)?));
        self.shrink();
        decoded
    }

    /// Decodes an `ExportTraceServiceRequest`.
    ///
    /// # Errors
    ///
    /// If the request can't be read.
    pub fn traces<V: SpanVisitor>(
        &mut self,
        encoding: Encoding,
        body: &[u8],
        visitor: &mut V,
    ) -> Result<Decoded, Error> {
        let decoded = self
            .protobuf(encoding, body, &json::TRACES)
            .and_then(|(body, scratch)| Ok(traces::decode(body, &mut scratch.attributes, visitor)?));
        self.shrink();
        decoded
    }

    /// The request in protocol buffers.
    fn protobuf<'a>(
        &'a mut self,
        encoding: Encoding,
        body: &'a [u8],
        message: &'static json::Message,
    ) -> Result<(&'a [u8], &'a mut Scratch), Error> {
        match encoding {
            Encoding::Protobuf => Ok((body, &mut self.scratch)),
            Encoding::Json => {
                json::write(body, message, &mut self.written)?;
                Ok((&self.written, &mut self.scratch))
            }
        }
    }

    fn shrink(&mut self) {
        for buffer in [&mut self.written, &mut self.scratch.attributes] {
            if buffer.capacity() > KEEP {
                *buffer = Vec::new();
            }
        }
    }
}

/// The resource of a message; one without attributes if it has none.
fn resource<'a>(message: Option<Reader<'a>>, copy: &'a mut Vec<u8>) -> Result<Resource<'a>, Trouble> {
    let message = message.unwrap_or(Reader::new(&[], "Resource"));
    let mut run = Run::default();
    let mut reader = message;
    while let Some(field) = reader.field()? {
        if field.number == 1 {
            run.add(field.offset(), reader.offset());
        }
    }
    let attributes = Attributes::checked(run.bytes(1, message, copy)?, 1, message.offset())?;
    Ok(Resource { attributes })
}

/// The scope of a message; one without a name if it has none.
fn scope<'a>(message: Option<Reader<'a>>, copy: &'a mut Vec<u8>) -> Result<Scope<'a>, Trouble> {
    let message = message.unwrap_or(Reader::new(&[], "InstrumentationScope"));
    let (mut name, mut version) = ("", "");
    let mut run = Run::default();
    let mut reader = message;
    while let Some(field) = reader.field()? {
        match field.number {
            1 => name = field.text()?,
            2 => version = field.text()?,
            3 => run.add(field.offset(), reader.offset()),
            _ => {}
        }
    }
    let attributes = Attributes::checked(run.bytes(3, message, copy)?, 3, message.offset())?;
    Ok(Scope {
        name,
        version,
        attributes,
    })
}

/// Of a message of resources or of scopes: what all in it share, which may stand after it. It is field 1.
fn shared<'a>(message: Reader<'a>, name: &'static str) -> Result<Option<Reader<'a>>, wire::Error> {
    let mut shared = None;
    let mut reader = message;
    while let Some(field) = reader.field()? {
        if field.number == 1 {
            field.once(&mut shared, field.message(name)?)?;
        }
    }
    Ok(shared)
}

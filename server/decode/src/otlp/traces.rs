//! Spans.

use super::reason::{Trouble, place};
use super::{Attributes, Decoded, Reason, Resource, Scope, resource, scope, shared};
use crate::wire::{self, Reader, Run};

/// What part a span has in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "these are the protocol's own words")]
pub enum SpanKind {
    Unspecified,
    Internal,
    Server,
    Client,
    Producer,
    Consumer,
}

/// How a span ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "these are the protocol's own words")]
pub enum StatusCode {
    Unset,
    Ok,
    Error,
}

/// How a span ended, and what there is to say about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status<'a> {
    /// How it ended.
    pub code: StatusCode,
    /// What went wrong; may be empty.
    pub message: &'a str,
}

/// A span.
#[derive(Clone, Copy, Debug)]
pub struct Span<'a> {
    /// The trace it belongs to; not all zeros.
    pub trace_id: [u8; 16],
    /// Its id within the trace; not all zeros.
    pub span_id: [u8; 8],
    /// The span that caused it; `None` for the first one of the trace.
    pub parent_span_id: Option<[u8; 8]>,
    /// What was done; may be empty.
    pub name: &'a str,
    /// Its part in a call.
    pub kind: SpanKind,
    /// When it began, Unix nanoseconds.
    pub start_unix_nanos: u64,
    /// When it ended, Unix nanoseconds; before its beginning if the sender's clock was set back.
    pub end_unix_nanos: u64,
    /// Its attributes.
    pub attributes: Attributes<'a>,
    /// How it ended.
    pub status: Status<'a>,
    /// How many events it has, without those that the sender dropped.
    pub events: u64,
}

impl Span<'_> {
    /// How long it took, nanoseconds; 0 if the sender's clock was set back.
    pub fn duration_nanos(&self) -> u64 {
        self.end_unix_nanos.saturating_sub(self.start_unix_nanos)
    }
}

/// Takes what a request has: a resource, its scopes, each one's spans.
pub trait SpanVisitor {
    /// The resource of everything until the next one.
    fn resource(&mut self, resource: &Resource<'_>);

    /// The scope of everything until the next one.
    fn scope(&mut self, scope: &Scope<'_>);

    /// A span.
    fn span(&mut self, span: &Span<'_>);

    /// A span that is not handed over.
    fn rejected(&mut self, reason: Reason);
}

/// Walks through a request.
pub(super) fn decode<V: SpanVisitor>(body: &[u8], copy: &mut Vec<u8>, visitor: &mut V) -> Result<Decoded, wire::Error> {
    let mut walk = Walk {
        copy,
        visitor,
        decoded: Decoded::default(),
    };
    let mut reader = Reader::new(body, "ExportTraceServiceRequest");
    while let Some(field) = reader.field()? {
        if field.number == 1 {
            walk.resource_spans(field.message("ResourceSpans")?)?;
        }
    }
    Ok(walk.decoded)
}

struct Walk<'a, V> {
    copy: &'a mut Vec<u8>,
    visitor: &'a mut V,
    decoded: Decoded,
}

impl<V: SpanVisitor> Walk<'_, V> {
    fn resource_spans(&mut self, message: Reader<'_>) -> Result<(), wire::Error> {
        let resource = resource(shared(message, "Resource")?, self.copy);
        let outer = place(resource.map(|resource| self.visitor.resource(&resource)))?;
        let mut reader = message;
        while let Some(field) = reader.field()? {
            if field.number == 2 {
                self.scope_spans(field.message("ScopeSpans")?, outer)?;
            }
        }
        Ok(())
    }

    /// `outer` is why all spans are rejected, if they are.
    fn scope_spans(&mut self, message: Reader<'_>, outer: Result<(), Reason>) -> Result<(), wire::Error> {
        let scope = scope(shared(message, "InstrumentationScope")?, self.copy);
        let outer = outer.and(place(scope.map(|scope| self.visitor.scope(&scope)))?);
        let mut reader = message;
        while let Some(field) = reader.field()? {
            if field.number != 2 {
                continue;
            }
            let span = field.message("Span")?;
            let done = outer.map_err(Trouble::from).and_then(|()| {
                self.visitor.span(&read(span, self.copy)?);
                Ok(())
            });
            match place(done)? {
                Ok(()) => self.decoded.accepted += 1,
                Err(reason) => {
                    self.decoded.rejected += 1;
                    self.visitor.rejected(reason);
                }
            }
        }
        Ok(())
    }
}

fn read<'a>(message: Reader<'a>, copy: &'a mut Vec<u8>) -> Result<Span<'a>, Trouble> {
    let (mut trace_id, mut span_id, mut parent_span_id) = (&[][..], &[][..], &[][..]);
    let (mut name, mut kind) = ("", SpanKind::Unspecified);
    let (mut start_unix_nanos, mut end_unix_nanos, mut events) = (0, 0, 0);
    let mut status_message = None;
    let mut attributes = Run::default();
    let mut reader = message;
    while let Some(field) = reader.field()? {
        match field.number {
            1 => trace_id = field.bytes()?,
            2 => span_id = field.bytes()?,
            4 => parent_span_id = field.bytes()?,
            5 => name = field.text()?,
            6 => {
                kind = match field.enumeration()? {
                    1 => SpanKind::Internal,
                    2 => SpanKind::Server,
                    3 => SpanKind::Client,
                    4 => SpanKind::Producer,
                    5 => SpanKind::Consumer,
                    _ => SpanKind::Unspecified,
                };
            }
            7 => start_unix_nanos = field.fixed64()?,
            8 => end_unix_nanos = field.fixed64()?,
            9 => {
                reader.pass(9);
                attributes.add(field.offset(), reader.offset());
            }
            11 => events += 1,
            15 => field.once(&mut status_message, field.message("Status")?)?,
            _ => {}
        }
    }
    if start_unix_nanos == 0 || end_unix_nanos == 0 {
        return Err(Reason::NoTime.into());
    }
    let parent_span_id = match parent_span_id {
        [] => None,
        id => Some(<[u8; 8]>::try_from(id).map_err(|_| Reason::SpanId)?),
    };
    Ok(Span {
        trace_id: id(trace_id).ok_or(Reason::TraceId)?,
        span_id: id(span_id).ok_or(Reason::SpanId)?,
        parent_span_id: parent_span_id.filter(|id| *id != [0; 8]),
        name,
        kind,
        start_unix_nanos,
        end_unix_nanos,
        attributes: Attributes::checked(attributes.bytes(9, message, copy)?, 9, message.offset())?,
        status: status(status_message)?,
        events,
    })
}

fn id<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    <[u8; N]>::try_from(bytes).ok().filter(|id| *id != [0; N])
}

fn status(message: Option<Reader<'_>>) -> Result<Status<'_>, wire::Error> {
    let mut status = Status {
        code: StatusCode::Unset,
        message: "",
    };
    let Some(mut reader) = message else { return Ok(status) };
    while let Some(field) = reader.field()? {
        match field.number {
            2 => status.message = field.text()?,
            3 => {
                status.code = match field.enumeration()? {
                    1 => StatusCode::Ok,
                    2 => StatusCode::Error,
                    _ => StatusCode::Unset,
                };
            }
            _ => {}
        }
    }
    Ok(status)
}

//! Server-sent events (WHATWG HTML, 9.2.6), read incrementally: network chunks are not messages and may end anywhere,
//! within a line end or a UTF-8 character too.

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// Its kind; empty where the stream names none.
    pub name: String,
    /// Its id; empty where it has none.
    pub id: String,
    /// Its data, lines joined by a line feed.
    pub data: String,
}

/// A line without end is no event stream.
const LONGEST_LINE: usize = 16 << 20;

/// The stream holds a line that is too long to be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

/// The reader's state between chunks.
#[derive(Debug, Default)]
pub struct Parser {
    line: Vec<u8>,
    event: Event,
    has_data: bool,
    after_return: bool,
    begun: bool,
}

impl Parser {
    /// Reads a chunk and hands out the events that it completes.
    ///
    /// # Errors
    /// A line grows beyond all measure; the stream is then useless.
    pub fn push(&mut self, chunk: &[u8], mut each: impl FnMut(Event)) -> Result<(), TooLong> {
        let mut rest = chunk;
        while let Some((&first, after)) = rest.split_first() {
            if std::mem::take(&mut self.after_return) && first == b'\n' {
                rest = after;
                continue;
            }
            let Some(end) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
                self.line.extend_from_slice(rest);
                break;
            };
            self.line.extend_from_slice(&rest[..end]);
            self.after_return = rest[end] == b'\r';
            rest = &rest[end + 1..];
            let line = std::mem::take(&mut self.line);
            if let Some(event) = self.line(&line) {
                each(event);
            }
            // The buffer is kept: the next line is about as long.
            self.line = line;
            self.line.clear();
        }
        if self.line.len() > LONGEST_LINE {
            Err(TooLong)
        } else {
            Ok(())
        }
    }

    fn line(&mut self, line: &[u8]) -> Option<Event> {
        let line = match line.strip_prefix("\u{feff}".as_bytes()) {
            Some(line) if !self.begun => line,
            _ => line,
        };
        self.begun = true;
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            return std::mem::take(&mut self.has_data).then_some(event);
        }
        let (field, value) = match line.iter().position(|byte| *byte == b':') {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &line[line.len()..]),
        };
        let value = String::from_utf8_lossy(value.strip_prefix(b" ").unwrap_or(value));
        match field {
            b"event" => self.event.name = value.into_owned(),
            b"id" if !value.contains('\0') => self.event.id = value.into_owned(),
            b"data" if self.has_data => self.event.data.extend(["\n", &*value]),
            b"data" => {
                self.event.data = value.into_owned();
                self.has_data = true;
            }
            // A comment has an empty field; `retry` is the server's wish for `EventSource`.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(chunks: &[&[u8]]) -> Vec<(String, String, String)> {
        let mut parser = Parser::default();
        let mut events = Vec::new();
        for chunk in chunks {
            let each = |event: Event| events.push((event.name, event.id, event.data));
            parser.push(chunk, each).unwrap();
        }
        events
    }

    fn event(name: &str, id: &str, data: &str) -> (String, String, String) {
        (name.to_owned(), id.to_owned(), data.to_owned())
    }

    const STREAM: &str = "\u{feff}:\n\nevent: snapshot\nid: b-1\ndata: {\"計\":\"器\"}\n\n: heartbeat\n\nevent: delta\nid: b-2\ndata:x\ndata: y\n\ndata\n\nevent: gone\n\n";

    fn expected() -> Vec<(String, String, String)> {
        vec![
            event("snapshot", "b-1", "{\"計\":\"器\"}"),
            event("delta", "b-2", "x\ny"),
            event("", "", ""),
        ]
    }

    #[test]
    fn any_line_end_and_any_split() {
        for end in ["\n", "\r\n", "\r"] {
            let stream = STREAM.replace('\n', end);
            let bytes = stream.as_bytes();
            assert_eq!(read(&[bytes]), expected(), "{end:?}");
            for at in 0..bytes.len() {
                let (a, b) = bytes.split_at(at);
                assert_eq!(read(&[a, b]), expected(), "{end:?} split at {at}");
            }
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            assert_eq!(read(&single), expected(), "{end:?} byte by byte");
        }
    }

    #[test]
    fn an_unfinished_event_is_none() {
        assert_eq!(read(&[b"event: delta\ndata: {\"seq\":1}\n"]), []);
    }

    #[test]
    fn what_is_not_utf8_does_not_end_the_stream() {
        assert_eq!(
            read(&[b"data: \xff\n\ndata: a\n\n"]),
            [event("", "", "\u{fffd}"), event("", "", "a")]
        );
    }

    #[test]
    fn an_endless_line_is_refused() {
        let mut parser = Parser::default();
        let chunk = vec![b'x'; 1 << 20];
        let refused = (0..20).map(|_| parser.push(&chunk, |_| {})).find(Result::is_err);
        assert_eq!(refused, Some(Err(TooLong)));
    }
}

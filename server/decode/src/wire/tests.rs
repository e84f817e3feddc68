//! Each way in which bytes can fail to be a message, and that what is written is read.

use proptest::prelude::*;

use super::*;

/// Reads all fields.
fn first_error(bytes: &[u8]) -> Option<Error> {
    let mut reader = Reader::new(bytes, "Outer");
    loop {
        match reader.field() {
            Ok(Some(_)) => {}
            Ok(None) => return None,
            Err(error) => return Some(error),
        }
    }
}

#[track_caller]
fn refused(bytes: &[u8], offset: usize, field: u32, fault: Fault) {
    let message = "Outer";
    assert_eq!(
        first_error(bytes),
        Some(Error {
            offset,
            message,
            field,
            fault
        })
    );
}

#[test]
fn what_is_no_message_is_refused_with_its_place() {
    refused(&[0x80], 0, 0, Fault::Truncated);
    refused(&[0x08], 0, 1, Fault::Truncated);
    refused(&[0x08, 0x01, 0x10, 0xff], 2, 2, Fault::Truncated);
    refused(&[0x09, 1, 2, 3], 0, 1, Fault::Truncated);
    refused(&[0x0d, 1, 2, 3], 0, 1, Fault::Truncated);
    refused(&[0x0a, 5, 1], 0, 1, Fault::Truncated);
    refused(
        &[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
        0,
        1,
        Fault::Truncated,
    );
    refused(&[0x00, 0x01], 0, 0, Fault::Number);
    refused(&[0x80, 0x80, 0x80, 0x80, 0x10, 0x01], 0, 0, Fault::Number);
    for wire_type in [3, 4, 6, 7] {
        refused(&[0x08 | wire_type, 0], 0, 1, Fault::WireType);
    }
}

#[test]
fn varints_have_at_most_64_bits() {
    let read = |bytes: &[u8]| varint(bytes).map(|(value, rest)| (value, rest.len()));
    assert_eq!(
        read(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 7]),
        Ok((u64::MAX, 1))
    );
    assert_eq!(
        read(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02]),
        Err(Fault::LongVarint)
    );
    assert_eq!(read(&[0x80; 10]), Err(Fault::LongVarint));
    assert_eq!(read(&[0x80; 11]), Err(Fault::LongVarint));
    assert_eq!(read(&[0x80; 9]), Err(Fault::Truncated));
    // Room that an encoder reserved for a length.
    assert_eq!(read(&[0x83, 0x80, 0x80, 0x80, 0x00]), Ok((3, 0)));
}

#[test]
fn a_field_has_one_wire_type_and_errors_tell_where_it_is() {
    let mut bytes = Vec::new();
    let mut writer = Writer(&mut bytes);
    writer.varint(1, 9);
    writer
        .nested(2, |bytes| {
            Writer(bytes).fixed64(3, 5);
            Writer(bytes).bytes(4, &[0xff]);
            Writer(bytes).bytes(5, &[1; 9]);
            Ok::<(), ()>(())
        })
        .expect("it is written");
    let mut reader = Reader::new(&bytes, "Outer");
    let first = reader.field().expect("a field").expect("one");
    assert_eq!(first.bytes().map_err(|error| error.fault), Err(Fault::OtherType));
    assert_eq!(
        first.message("Inner").map_err(|error| error.fault).err(),
        Some(Fault::OtherType)
    );
    assert_eq!(first.each_fixed64(drop).map_err(|error| error.offset), Err(0));
    let second = reader.field().expect("a field").expect("one");
    let mut inner = second.message("Inner").expect("a message");
    let number = inner.field().expect("a field").expect("one");
    assert_eq!(
        number.varint().expect_err("it is fixed").to_string(),
        "byte 4: field 3 of Inner: it is of another wire type"
    );
    assert_eq!(number.each_varint(drop).map_err(|error| error.offset), Err(4));
    let text = inner.field().expect("a field").expect("one");
    let error = text.text().expect_err("no text");
    assert_eq!((error.offset, error.field, error.fault), (13, 4, Fault::Utf8));
    let packed = inner.field().expect("a field").expect("one");
    assert_eq!(
        packed.each_fixed64(drop).map_err(|error| error.fault),
        Err(Fault::Packed)
    );
    assert!(inner.field().expect("the end").is_none());
}

#[test]
fn what_stands_twice_is_refused_rather_than_lost() {
    let mut reader = Reader::new(&[0x0a, 0, 0x0a, 0], "Outer");
    let mut place = None;
    let first = reader.field().expect("a field").expect("one");
    assert_eq!(first.once(&mut place, 1), Ok(()));
    let second = reader.field().expect("a field").expect("one");
    assert_eq!(
        second.once(&mut place, 2).map_err(|error| (error.offset, error.fault)),
        Err((2, Fault::Twice))
    );
}

#[test]
fn a_run_is_the_same_bytes_whether_other_fields_stand_between() {
    let mut together = Vec::new();
    Writer(&mut together).varint(2, 5);
    let start = together.len();
    Writer(&mut together).bytes(1, b"a");
    Writer(&mut together).bytes(1, b"b");
    let end = together.len();
    Writer(&mut together).varint(3, 5);
    let mut apart = Vec::new();
    Writer(&mut apart).bytes(1, b"a");
    Writer(&mut apart).varint(2, 5);
    Writer(&mut apart).bytes(1, b"b");
    for bytes in [&together, &apart] {
        let message = Reader::within(bytes, 100, "Outer");
        let mut reader = message;
        let mut run = Run::default();
        while let Some(field) = reader.field().expect("a field") {
            if field.number == 1 {
                run.add(field.offset(), reader.offset());
            }
        }
        let mut copy = Vec::new();
        assert_eq!(run.bytes(1, message, &mut copy), Ok(&together[start..end]));
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        fields in prop::collection::vec((1..1_u32 << 29, any::<u64>(), prop::collection::vec(any::<u8>(), 0..300)), 0..20),
    ) {
        let mut bytes = Vec::new();
        for (number, value, text) in &fields {
            let mut writer = Writer(&mut bytes);
            writer.varint(*number, *value);
            writer.fixed64(*number, *value);
            writer.raw_varint(u64::from(*number) << 3 | 5);
            writer.0.extend_from_slice(&(*value as u32).to_le_bytes());
            writer.bytes(*number, text);
            writer.nested(*number, |bytes| { bytes.extend_from_slice(text); Ok::<(), ()>(()) }).expect("it is written");
        }
        let mut reader = Reader::new(&bytes, "Outer");
        for (number, value, text) in &fields {
            let mut next = || reader.field().expect("a field").expect("one");
            let field = next();
            prop_assert_eq!((field.number, field.varint()), (*number, Ok(*value)));
            prop_assert_eq!(next().fixed64(), Ok(*value));
            prop_assert_eq!(next().value, Value::Fixed32(*value as u32));
            prop_assert_eq!(next().bytes(), Ok(text.as_slice()));
            prop_assert_eq!(next().bytes(), Ok(text.as_slice()));
        }
        prop_assert!(reader.field().expect("the end").is_none());
    }

    #[test]
    fn garbage_is_an_error_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Some(error) = first_error(&bytes) {
            prop_assert!(error.offset < bytes.len());
        }
    }

    #[test]
    fn zigzag_returns(value in any::<i64>()) {
        prop_assert_eq!(zigzag((value << 1 ^ value >> 63) as u64), value);
    }
}

//! Values of attributes as labels have them.

use keiki_decode::otlp::{Attributes, Decoder, Encoding, Reason, Resource, Scope, Span, SpanVisitor, Value};

/// Shows the attributes of a resource.
#[derive(Default)]
struct Shown(Vec<String>);

impl SpanVisitor for Shown {
    fn resource(&mut self, resource: &Resource<'_>) {
        for (key, value) in resource.attributes {
            let mut rendered = String::from("=");
            value.render(&mut rendered);
            assert_eq!(rendered, format!("={value}"));
            assert_eq!(value.as_str().is_some(), matches!(value, Value::String(_)));
            self.0.push(format!("{key}{rendered}"));
        }
        let first = resource.attributes.get("a").map(|value| value.to_string());
        let expected = self.0.iter().find_map(|line| line.strip_prefix("a="));
        assert_eq!(first.as_deref(), expected);
        assert!(resource.attributes.get("none").is_none());
    }

    fn scope(&mut self, _scope: &Scope<'_>) {}
    fn span(&mut self, _span: &Span<'_>) {}
    fn rejected(&mut self, _reason: Reason) {}
}

#[track_caller]
fn check(value: &str, expected: &str) {
    let body = format!(r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"a","value":{value}}}]}}}}]}}"#);
    let mut shown = Shown::default();
    Decoder::default()
        .traces(Encoding::Json, body.as_bytes(), &mut shown)
        .expect("a request");
    assert_eq!(shown.0, [format!("a={expected}")]);
}

#[test]
fn plain_values_are_themselves() {
    check(r#"{"stringValue":"a \"b\""}"#, "a \"b\"");
    check(r#"{"boolValue":true}"#, "true");
    check(r#"{"intValue":"-9223372036854775808"}"#, "-9223372036854775808");
    check(r#"{"doubleValue":0.1}"#, "0.1");
    check(r#"{"doubleValue":2.0}"#, "2");
    check(r#"{"doubleValue":1e21}"#, "1e+21");
    check(r#"{"doubleValue":123456789012345680000}"#, "123456789012345680000");
    check(r#"{"doubleValue":0.000001}"#, "0.000001");
    check(r#"{"doubleValue":-1.5e-7}"#, "-1.5e-7");
    check(r#"{"doubleValue":"NaN"}"#, "NaN");
    check(r#"{"doubleValue":"-Infinity"}"#, "-Infinity");
    check("{}", "");
    check("null", "");
}

#[test]
fn bytes_are_base64() {
    for (bytes, expected) in [
        ("", ""),
        ("Zg==", "Zg=="),
        ("Zm8", "Zm8="),
        ("-_8=", "+/8="),
        ("Zm9vYmFy", "Zm9vYmFy"),
    ] {
        check(&format!(r#"{{"bytesValue":"{bytes}"}}"#), expected);
    }
}

#[test]
fn arrays_and_lists_are_json_with_keys_in_order() {
    check(
        r#"{"arrayValue":{"values":[{"stringValue":"a\"\u0001\n"},{"intValue":7},{"doubleValue":"Infinity"},{"bytesValue":"Zg"},{}]}}"#,
        r#"["a\"\u0001\n",7,"Infinity","Zg==",null]"#,
    );
    let entry = |key: &str, value: u32| format!(r#"{{"key":"{key}","value":{{"intValue":{value}}}}}"#);
    let entries = [entry("b", 1), entry("a", 2), entry("b", 3), entry("a", 4)].join(",");
    check(
        &format!(r#"{{"kvlistValue":{{"values":[{entries}]}}}}"#),
        r#"{"a":4,"b":3}"#,
    );
    check(r#"{"kvlistValue":{}}"#, "{}");
    check(r#"{"arrayValue":{"values":[{"arrayValue":{}}]}}"#, "[[]]");
}

#[test]
fn no_attributes_are_none() {
    assert_eq!(Attributes::EMPTY.count(), 0);
    assert_eq!(Attributes::EMPTY.raw(), b"");
}

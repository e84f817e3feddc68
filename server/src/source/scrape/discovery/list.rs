//! A file of targets, in Prometheus' format: groups of addresses, and the labels of each, as JSON or as YAML.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Marker, Parser, Span, StrInput};
use serde::Deserialize;

use super::target::{Found, found, is_label};

/// Targets that share their labels.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    #[serde(default)]
    targets: Vec<HostPort>,
    #[serde(default)]
    labels: Option<Marks>,
}

/// An address without a scheme and a path.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
struct HostPort(String);

impl TryFrom<String> for HostPort {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.is_empty() || text.contains(['/', '@', '?', '#']) || text.contains(char::is_whitespace) {
            return Err(format!(
                "{text:?} is no target: write a host and a port, such as \"10.0.0.7:9100\"; scheme and path are the \
                 labels __scheme__ and __metrics_path__"
            ));
        }
        Ok(Self(text))
    }
}

/// The labels of a group.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>")]
struct Marks(BTreeMap<String, String>);

impl TryFrom<BTreeMap<String, String>> for Marks {
    type Error = String;

    fn try_from(labels: BTreeMap<String, String>) -> Result<Self, String> {
        match labels.keys().find(|name| !is_label(name)) {
            Some(name) => Err(format!("{name:?} is no label: write letters, digits and _")),
            None => Ok(Self(labels)),
        }
    }
}

/// The targets of a file whose name ends so.
///
/// # Errors
/// What is wrong, and in which line.
pub(super) fn read(text: &str, is_json: bool) -> Result<Vec<Found>, String> {
    let groups = if is_json { json(text)? } else { yaml(text)? };
    let mut all = Vec::new();
    for (index, Group { targets, labels }) in groups.into_iter().enumerate() {
        let labels = labels.unwrap_or_default().0;
        for HostPort(target) in targets {
            let one = found(&target, &labels).map_err(|why| format!("group {}, {target:?}: {why}", index + 1))?;
            all.push(one);
        }
    }
    Ok(all)
}

fn json(text: &str) -> Result<Vec<Group>, String> {
    let groups: Option<Vec<Group>> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    Ok(groups.unwrap_or_default())
}

fn yaml(text: &str) -> Result<Vec<Group>, String> {
    Yaml(Parser::new_from_str(text)).groups()
}

/// Reads YAML event by event: what targets need of it, each with its place, and neither aliases nor tags, with which a small
/// file can become a large one.
struct Yaml<'a>(Parser<'a, StrInput<'a>>);

fn at(mark: &Marker, why: impl std::fmt::Display) -> String {
    format!("{why} at line {} column {}", mark.line(), mark.col() + 1)
}

impl<'a> Yaml<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), String> {
        loop {
            return match self.0.next_event() {
                None => Ok((Event::StreamEnd, Span::default())),
                Some(Err(error)) => Err(at(error.marker(), error.info())),
                Some(Ok((Event::Nothing | Event::StreamStart, _))) => continue,
                Some(Ok((Event::Alias(_), span))) => Err(at(&span.start, "aliases are not read: write it out")),
                Some(Ok(event)) => Ok(event),
            };
        }
    }

    /// The next text; none where the list or mapping ends.
    fn text(&mut self, what: &str) -> Result<Option<(String, Span)>, String> {
        match self.next()? {
            (Event::Scalar(text, ..), span) => Ok(Some((text.into_owned(), span))),
            (Event::SequenceEnd | Event::MappingEnd, _) => Ok(None),
            (_, span) => Err(at(&span.start, format_args!("{what} is wanted here"))),
        }
    }

    /// Whether a list or mapping begins, as is wanted; what is left empty is none.
    fn begins(&mut self, is_it: impl Fn(&Event<'_>) -> bool, what: &str) -> Result<bool, String> {
        match self.next()? {
            (event, _) if is_it(&event) => Ok(true),
            (Event::Scalar(text, ..), _) if ["", "~", "null"].contains(&&*text) => Ok(false),
            (_, span) => Err(at(&span.start, format_args!("{what} is wanted here"))),
        }
    }

    fn groups(mut self) -> Result<Vec<Group>, String> {
        let mut groups = Vec::new();
        match self.next()? {
            (Event::StreamEnd, _) => return Ok(groups),
            (Event::DocumentStart(_), _) => {}
            (_, span) => return Err(at(&span.start, "a list of groups is wanted here")),
        }
        if self.begins(|event| matches!(event, Event::SequenceStart(..)), "a list of groups")? {
            loop {
                match self.next()? {
                    (Event::MappingStart(..), _) => groups.push(self.group()?),
                    (Event::SequenceEnd, _) => break,
                    (_, span) => return Err(at(&span.start, "a group (targets, labels) is wanted here")),
                }
            }
        }
        match (self.next()?, self.next()?) {
            ((Event::DocumentEnd, _), (Event::StreamEnd, _)) => Ok(groups),
            (_, (_, span)) => Err(at(&span.start, "a second document is not read")),
        }
    }

    fn group(&mut self) -> Result<Group, String> {
        let mut group = Group::default();
        while let Some((key, span)) = self.text("a key (targets or labels)")? {
            match key.as_str() {
                "targets" => {
                    if self.begins(|event| matches!(event, Event::SequenceStart(..)), "a list of targets")? {
                        while let Some((text, span)) = self.text("a target")? {
                            let target = HostPort::try_from(text).map_err(|why| at(&span.start, why))?;
                            group.targets.push(target);
                        }
                    }
                }
                "labels" => {
                    let mut labels = BTreeMap::new();
                    if self.begins(
                        |event| matches!(event, Event::MappingStart(..)),
                        "labels and their values",
                    )? {
                        while let Some((name, span)) = self.text("a label")? {
                            let Some((value, _)) = self.text("a value")? else { break };
                            if labels.insert(name.clone(), value).is_some() {
                                return Err(at(&span.start, format_args!("the label {name:?} is there twice")));
                            }
                        }
                    }
                    group.labels = Some(Marks::try_from(labels).map_err(|why| at(&span.start, why))?);
                }
                other => {
                    let why = format!("unknown key {other:?}: a group has targets and labels");
                    return Err(at(&span.start, why));
                }
            }
        }
        Ok(group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"[{"targets": ["10.0.0.7:9100", "[::1]:80"], "labels": {"job": "node", "__scheme__": "https"}}, {"targets": []}]"#;

    #[test]
    fn both_forms_say_the_same() {
        let written = "# hosts\n- targets:\n    - 10.0.0.7:9100\n    - '[::1]:80'\n  labels:\n    job: node\n    __scheme__: \"https\"\n- targets: []\n";
        let json = read(JSON, true).expect("targets");
        assert_eq!(json.len(), 2);
        assert_eq!(read(written, false), Ok(json.clone()));
        assert_eq!(read(JSON, false), Ok(json), "JSON is YAML");
        for (empty, is_json) in [
            ("", false),
            ("# none\n", false),
            ("[]", true),
            ("null", true),
            ("---\n", false),
        ] {
            assert_eq!(read(empty, is_json), Ok(Vec::new()), "{empty:?}");
        }
        // Values that YAML has other types for are texts.
        let found = read("- targets: [a:1]\n  labels: {zone: 3, on: true}\n", false).expect("targets");
        assert_eq!(
            found[0].labels,
            [("on".to_owned(), "true".to_owned()), ("zone".into(), "3".into())]
        );
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        for (text, is_json, said) in [
            ("", true, "line 1 column 0"),
            ("[{\"targets\": [\"a:1\"]", true, "line 1 column"),
            ("[{\"targets\": [\"http://a:1\"]}]", true, "is no target"),
            ("[{\"targets\":\n [1]}]", true, "line 2 column"),
            ("[{\"target\": []}]", true, "unknown field `target`"),
            ("[{\"labels\": {\"a-b\": \"c\"}}]", true, "\"a-b\" is no label"),
            ("[{\"labels\": {\"a\": 1}}]", true, "line 1"),
            ("- targets:\n  - http://a:1\n", false, "is no target"),
            ("- targets:\n  - http://a:1\n", false, "line 2 column 5"),
            ("- target: []\n", false, "unknown key \"target\""),
            (
                "targets: []\n",
                false,
                "a list of groups is wanted here at line 1 column 1",
            ),
            ("- labels: {a: [b]}\n", false, "a value is wanted here"),
            ("- labels: {a: b, a: c}\n", false, "twice"),
            ("- targets: &a [b:1]\n- targets: *a\n", false, "aliases are not read"),
            ("- targets: [\n", false, "line 2"),
            ("[]\n---\n[]\n", false, "a second document"),
            (
                "- targets: [a:1]\n  labels: {__scrape_interval__: often}\n",
                false,
                "group 1, \"a:1\": __scrape_interval__",
            ),
        ] {
            let told = read(text, is_json).expect_err(text);
            assert!(told.contains(said), "{text:?} says {told:?}");
        }
    }
}

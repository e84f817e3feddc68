//! What is kept of a page, and under which names: simple rules in place of a language.

use std::str::FromStr;

use keiki_model::series::Labels;

/// A text with `*` for any run of characters.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern(String);

impl Pattern {
    fn matches(&self, text: &str) -> bool {
        let mut parts = self.0.split('*');
        let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
            return false;
        };
        let mut parts: Vec<_> = parts.collect();
        let Some(last) = parts.pop() else {
            return rest.is_empty();
        };
        for part in parts {
            match rest.find(part) {
                Some(at) => rest = &rest[at + part.len()..],
                None => return false,
            }
        }
        rest.len() >= last.len() && rest.ends_with(last)
    }
}

/// A condition on a series: `go_gc_*`, or `handler=/metrics`, or both: `http_*{handler=/metrics}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    metric: Pattern,
    label: Option<(String, Pattern)>,
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || {
            format!(
                "{text:?} is no rule: write a metric's name, name{{label=value}} or label=value, with * for anything"
            )
        };
        let (metric, label) = match text.split_once('{') {
            Some((metric, label)) => (metric, Some(label.strip_suffix('}').ok_or_else(bad)?)),
            None if text.contains('=') => ("*", Some(text)),
            None => (text, None),
        };
        let label = match label {
            Some(label) => {
                let (name, value) = label.split_once('=').ok_or_else(bad)?;
                Some((
                    name.trim().to_owned(),
                    Pattern(value.trim().trim_matches('"').to_owned()),
                ))
            }
            None => None,
        };
        let is_name = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "_:.*".contains(c));
        if metric.is_empty() || !is_name(metric) || label.as_ref().is_some_and(|(name, _)| name.is_empty()) {
            return Err(bad());
        }
        Ok(Self {
            metric: Pattern(metric.to_owned()),
            label,
        })
    }
}

impl Rule {
    fn holds(&self, name: &str, labels: &Labels) -> bool {
        let label = |(label, pattern): &(String, Pattern)| pattern.matches(labels.get(label).unwrap_or_default());
        self.metric.matches(name) && self.label.as_ref().is_none_or(label)
    }
}

/// The rules of a target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Where there are any, only what one of them fits is kept.
    pub keep: Vec<Rule>,
    /// What one of these fits is dropped.
    pub drop: Vec<Rule>,
    /// Metrics, and labels, and what they are called instead.
    pub rename: Vec<(String, String)>,
}

impl Rules {
    /// A rule `old -> new`.
    ///
    /// # Errors
    /// The text has another form.
    pub fn rename(text: &str) -> Result<(String, String), String> {
        let is_name =
            |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "_:".contains(c));
        text.split_once("->")
            .map(|(old, new)| (old.trim(), new.trim()))
            .filter(|(old, new)| is_name(old) && is_name(new))
            .map(|(old, new)| (old.to_owned(), new.to_owned()))
            .ok_or_else(|| format!("{text:?} is no renaming: write \"old -> new\""))
    }

    /// Whether a series is kept.
    pub(crate) fn keeps(&self, name: &str, labels: &Labels) -> bool {
        let fits = |rules: &[Rule]| rules.iter().any(|rule| rule.holds(name, labels));
        (self.keep.is_empty() || fits(&self.keep)) && !fits(&self.drop)
    }

    /// What a metric or a label is called.
    pub(crate) fn name<'a>(&'a self, name: &'a str) -> &'a str {
        self.rename
            .iter()
            .find(|(old, _)| old == name)
            .map_or(name, |(_, new)| new.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_choose_by_name_and_label() {
        let rules = Rules {
            keep: ["http_*", "up"].map(|rule| rule.parse().expect("a rule")).into(),
            drop: ["handler=/metrics", "http_*_created", "http_x{code=5*}"]
                .map(|rule| rule.parse().expect("a rule"))
                .into(),
            rename: vec![Rules::rename("http_old -> http_new").expect("a renaming")],
        };
        let keeps = |name: &str, labels: &[(&str, &str)]| rules.keeps(name, &Labels::new(labels.iter().copied()));
        assert!(keeps("up", &[]) && keeps("http_requests_total", &[("handler", "/a")]));
        assert!(!keeps("go_goroutines", &[]) && !keeps("http_a_created", &[]));
        assert!(!keeps("http_requests_total", &[("handler", "/metrics")]));
        assert!(keeps("http_x", &[("code", "200")]) && !keeps("http_x", &[("code", "503")]));
        assert_eq!((rules.name("http_old"), rules.name("code")), ("http_new", "code"));
    }

    #[test]
    fn patterns_fit_whole_texts() {
        let fits = |pattern: &str, text: &str| Pattern(pattern.to_owned()).matches(text);
        assert!(fits("a*c*e", "abcde") && fits("*", "") && fits("a", "a") && fits("a*a", "aa"));
        assert!(!fits("a*c*e", "abcd") && !fits("a", "ab") && !fits("a*a", "a") && !fits("", "a"));
    }

    #[test]
    fn what_is_no_rule_is_told() {
        for bad in ["", "a b", "x{code", "x{code}", "=5", "{a=b}x"] {
            assert!(bad.parse::<Rule>().is_err(), "{bad:?}");
        }
        for bad in ["a", "a ->", "-> b", "a b -> c"] {
            assert!(Rules::rename(bad).is_err(), "{bad:?}");
        }
    }
}

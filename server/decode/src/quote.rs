//! What an error quotes of its input: little, and nothing that a terminal or a log would act on.

/// How many characters an error quotes at most.
const LENGTH: usize = 60;

/// The beginning of a text between backticks, with what cannot be printed escaped; the word `nothing` for nothing.
pub(crate) fn quote(text: &str) -> String {
    if text.is_empty() {
        return "nothing".to_owned();
    }
    let mut quoted = String::from("`");
    let mut length = 0;
    for char in text.chars() {
        let before = quoted.len();
        match char {
            '"' | '\'' | '\\' => quoted.push(char),
            _ => quoted.extend(char.escape_debug()),
        }
        length += quoted[before..].chars().count();
        if length > LENGTH {
            quoted.truncate(before);
            quoted.push('…');
            break;
        }
    }
    quoted.push('`');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_short_and_printable() {
        assert_eq!(quote(""), "nothing");
        assert_eq!(quote("a{b=\"c\"} 1"), "`a{b=\"c\"} 1`");
        assert_eq!(quote("a\r\u{1b}[0m\u{202e}"), "`a\\r\\u{1b}[0m\\u{202e}`");
        assert_eq!(quote(&"é".repeat(60)), format!("`{}`", "é".repeat(60)));
        assert_eq!(quote(&"é".repeat(61)), format!("`{}…`", "é".repeat(60)));
        assert_eq!(quote(&"\u{1b}".repeat(61)), format!("`{}…`", "\\u{1b}".repeat(10)));
    }
}

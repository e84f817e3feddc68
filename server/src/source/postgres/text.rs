//! A statement's text without what its writer put in: literals become `?`, comments go, lists of values become one.
//!
//! PostgreSQL replaces the literals of queries itself, but not those of utility statements such as
//! `ALTER ROLE … PASSWORD '…'`, and keeps comments. Nothing that this reader is not sure of stays: where a quotation does
//! not end, the text does.

/// A text is cut here, characters.
pub(super) const LENGTH: usize = 200;

/// What stands for a literal.
const PLACEHOLDER: &str = "?";

/// The text without literals and comments, on one line, at most [`LENGTH`] characters long.
pub(super) fn normalised(sql: &str) -> String {
    let (mut text, mut settings) = (Text::default(), Settings::Begin);
    for token in (Tokens { rest: sql }) {
        text.push(settings.hidden(token));
    }
    text.finish()
}

/// Where in a statement a bare word is no name but what a setting is set to: `SET app.user = alice`,
/// `ALTER ROLE shop SET app.region TO north`, `SET ROLE tenant_42`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Settings {
    /// Before the first word of a statement.
    Begin,
    /// In one that sets nothing, or in which `=` compares or assigns columns.
    Other,
    /// In one in which `SET` sets.
    Before,
    /// After `SET`, before what the setting gets.
    Name,
    /// After `=`, `TO`, `ROLE` or `AUTHORIZATION`.
    Value,
}

impl Settings {
    /// The token, or a literal's in its place.
    fn hidden<'a>(&mut self, token: Token<'a>) -> Token<'a> {
        let Token::Plain(word) = token else { return token };
        let is = |other: &str| word.eq_ignore_ascii_case(other);
        *self = match *self {
            _ if is(";") => Self::Begin,
            Self::Begin if is("set") => Self::Name,
            Self::Begin if is("alter") || is("create") => Self::Before,
            Self::Begin => Self::Other,
            Self::Before if is("set") => Self::Name,
            Self::Name if is("=") || is("to") || is("role") || is("authorization") => Self::Value,
            Self::Value if !is("default") && !is("to") && word.starts_with(|c: char| c == '"' || is_word(c)) => {
                return Token::Value;
            }
            state => state,
        };
        token
    }
}

/// A part of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    /// A name, a key word or an operator, as it was written.
    Plain(&'a str),
    /// A literal, or the parameter that PostgreSQL put in its place.
    Value,
    /// White space or a comment.
    Space,
}

/// What a backslash in a quotation means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Backslash {
    /// The next letter is meant as it is.
    Escapes,
    /// That is a setting of the server. Before a quotation mark it decides what is inside and what is outside: then all of
    /// the rest is taken to be inside.
    Unknown,
    /// Nothing.
    Letter,
}

struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Tokens<'a> {
    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.rest = rest;
        taken
    }

    fn while_of(&mut self, of: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !of(c)).unwrap_or(self.rest.len());
        self.take(end)
    }

    /// After an opening quotation mark up to its end; two marks in a row are one that is meant. Without an end all of the
    /// rest is inside.
    fn quoted(&mut self, mark: char, backslash: Backslash) {
        let mut inside = self.rest.char_indices().peekable();
        while let Some((at, c)) = inside.next() {
            if backslash == Backslash::Escapes && c == '\\' {
                inside.next();
            } else if backslash == Backslash::Unknown
                && c == '\\'
                && inside.peek().is_some_and(|(_, next)| *next == mark)
            {
                break;
            } else if c == mark && inside.next_if(|(_, next)| *next == mark).is_none() {
                self.take(at + mark.len_utf8());
                return;
            }
        }
        self.take(self.rest.len());
    }

    /// After `/*` up to the matching `*/`.
    fn comment(&mut self) {
        let mut depth = 1;
        while depth > 0 {
            let Some(at) = self.rest.find(['/', '*']) else {
                self.take(self.rest.len());
                return;
            };
            self.take(at);
            if self.rest.starts_with("/*") {
                depth += 1;
                self.take(2);
            } else if self.rest.starts_with("*/") {
                depth -= 1;
                self.take(2);
            } else {
                self.take(1);
            }
        }
    }

    /// A string between `$tag$`s, or a parameter, or a mere sign.
    fn dollar(&mut self) -> Token<'a> {
        let after = &self.rest[1..];
        let word = after.find(|c: char| !is_word(c)).unwrap_or(after.len());
        if word > 0 && after[..word].bytes().all(|b| b.is_ascii_digit()) {
            self.take(1 + word);
            return Token::Value;
        }
        if !after[word..].starts_with('$') {
            return Token::Plain(self.take(1));
        }
        let tag = self.take(word + 2);
        let end = self.rest.find(tag).map_or(self.rest.len(), |at| at + tag.len());
        self.take(end);
        Token::Value
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let first = self.rest.chars().next()?;
        Some(match first {
            c if is_space(c) => {
                self.while_of(is_space);
                Token::Space
            }
            '-' if self.rest.starts_with("--") => {
                self.while_of(|c| !matches!(c, '\n' | '\r'));
                Token::Space
            }
            '/' if self.rest.starts_with("/*") => {
                self.take(2);
                self.comment();
                Token::Space
            }
            '\'' => {
                self.take(1);
                self.quoted('\'', Backslash::Unknown);
                Token::Value
            }
            '"' => {
                let before = self.rest;
                self.take(1);
                self.quoted('"', Backslash::Letter);
                let length = before.len() - self.rest.len();
                let name = &before[..length];
                // An end that is missing makes the rest a name.
                if length > 1 && name.ends_with('"') {
                    Token::Plain(name)
                } else {
                    Token::Value
                }
            }
            '$' => self.dollar(),
            c if c.is_ascii_digit() || (c == '.' && self.rest[1..].starts_with(|c: char| c.is_ascii_digit())) => {
                self.while_of(|c| is_word(c) || c == '.');
                Token::Value
            }
            c if is_word(c) => {
                let word = self.while_of(|c| is_word(c) || c == '$');
                // E'…', B'…', X'…', N'…', U&'…'
                let ampersand = matches!(word, "u" | "U") && self.rest.starts_with("&'");
                let prefix = matches!(word, "e" | "E" | "b" | "B" | "x" | "X" | "n" | "N");
                if ampersand || prefix && self.rest.starts_with('\'') {
                    self.take(1 + usize::from(ampersand));
                    let escapes = matches!(word, "e" | "E");
                    self.quoted(
                        '\'',
                        if escapes {
                            Backslash::Escapes
                        } else {
                            Backslash::Unknown
                        },
                    );
                    return Some(Token::Value);
                }
                Token::Plain(word)
            }
            c => Token::Plain(self.take(c.len_utf8())),
        })
    }
}

/// PostgreSQL takes everything beyond ASCII for a letter, white space and signs too.
fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii()
}

/// And ASCII's white space alone for white space.
fn is_space(c: char) -> bool {
    c.is_ascii_whitespace() || c.is_ascii_control()
}

/// Puts tokens together.
#[derive(Default)]
struct Text {
    text: String,
    /// Whether there was space since the newest token.
    space: bool,
}

impl Text {
    fn push(&mut self, token: Token<'_>) {
        let word = match token {
            Token::Space => {
                self.space = !self.text.is_empty();
                return;
            }
            Token::Value => PLACEHOLDER,
            Token::Plain(word) => word,
        };
        // A list of values says nothing that its first one does not.
        if word == PLACEHOLDER && self.text.trim_end().ends_with("?,") {
            let end = self.text.trim_end().len() - 1;
            self.text.truncate(end);
            self.space = false;
            return;
        }
        if std::mem::take(&mut self.space) && !matches!(word, "," | ")" | ";") {
            self.text.push(' ');
        }
        // A name in quotation marks may hold anything.
        self.text
            .extend(word.chars().map(|c| if c.is_control() { ' ' } else { c }));
    }

    fn finish(self) -> String {
        let text = self.text.trim_end_matches([' ', ';']);
        let mut letters = text.char_indices();
        match letters.nth(LENGTH) {
            None => text.to_owned(),
            Some(_) => {
                let end = text.char_indices().nth(LENGTH - 1).map_or(text.len(), |(at, _)| at);
                format!("{}…", &text[..end])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_setting_is_set_to_goes() {
        for (sql, expected) in [
            ("SET app.user = alice", "SET app.user = ?"),
            ("set local jwt.sub to user_8231, \"Bob\"", "set local jwt.sub to ?"),
            ("SET ROLE tenant_42", "SET ROLE ?"),
            ("set local role \"Bob\"; RESET ROLE", "set local role ?; RESET ROLE"),
            ("SET SESSION AUTHORIZATION alice", "SET SESSION AUTHORIZATION ?"),
            ("SET role TO alice", "SET role TO ?"),
            ("GRANT reader TO alice", "GRANT reader TO alice"),
            ("SET search_path TO DEFAULT;", "SET search_path TO DEFAULT"),
            (
                "ALTER ROLE shop SET app.region TO north",
                "ALTER ROLE shop SET app.region TO ?",
            ),
            ("SELECT 1; SET a = b", "SELECT ?; SET a = ?"),
            ("UPDATE t SET a = b WHERE c = d", "UPDATE t SET a = b WHERE c = d"),
            ("ALTER TABLE t RENAME TO u", "ALTER TABLE t RENAME TO u"),
        ] {
            assert_eq!(normalised(sql), expected, "{sql}");
        }
    }

    #[test]
    fn literals_and_comments_go() {
        for (sql, text) in [
            ("SELECT $1", "SELECT ?"),
            ("  select\n\t1;\n", "select ?"),
            (
                "SELECT a FROM t WHERE b = 'it''s' AND c=1.5e3",
                "SELECT a FROM t WHERE b = ? AND c=?",
            ),
            ("ALTER ROLE bob PASSWORD 'hunter2'", "ALTER ROLE bob PASSWORD ?"),
            ("SELECT E'a\\'b', B'01', X'ff', U&'d\\0061t'", "SELECT ?"),
            ("SELECT 'a\\', 'secret'", "SELECT ?"),
            ("SELECT 'a\\b', c", "SELECT ?, c"),
            ("DO $→$ BEGIN PERFORM login(secret); END $→$", "DO ?"),
            ("SELECT 1 -- c\r'x\nsecret'", "SELECT ? ?"),
            ("SELECT 😀E'a\\', 'secret'", "SELECT 😀E?"),
            ("DO $body$ secret $ $$ $body$ LANGUAGE plpgsql", "DO ? LANGUAGE plpgsql"),
            ("DO $$secret", "DO ?"),
            ("SELECT /* a /* nested */ secret */ 1 -- secret\n, x", "SELECT ?, x"),
            ("SELECT /* secret", "SELECT"),
            ("SELECT 'secret", "SELECT ?"),
            (
                "SELECT \"Odd \"\"name\"\"\" FROM t2",
                "SELECT \"Odd \"\"name\"\"\" FROM t2",
            ),
            ("SELECT \"secret", "SELECT ?"),
            ("x IN ($1, $2,$3 , $4)", "x IN (?)"),
            ("SELECT \"a\nb\" , c ;", "SELECT \"a b\", c"),
            (
                "INSERT INTO t VALUES ($1, $2, now())",
                "INSERT INTO t VALUES (?, now())",
            ),
            ("COPY t FROM STDIN", "COPY t FROM STDIN"),
            ("SELECT t1.a$b, .5, 1_000", "SELECT t1.a$b, ?"),
            ("価格 = '高い'", "価格 = ?"),
            ("", ""),
        ] {
            assert_eq!(normalised(sql), text, "{sql}");
        }
    }

    #[test]
    fn long_texts_are_cut_between_letters() {
        let text = normalised(&"あ".repeat(LENGTH + 1));
        assert_eq!(text.chars().count(), LENGTH);
        assert!(text.ends_with('…'));
        assert_eq!(normalised(&"あ".repeat(LENGTH)).chars().last(), Some('あ'));
    }

    proptest! {
        #[test]
        fn no_input_breaks_it(sql in r#"[ a-zEXu&0-9$'"/*\\;,()あ→\n\r-]{0,60}"#) {
            let text = normalised(&sql);
            prop_assert!(text.chars().count() <= LENGTH);
            prop_assert!(!text.contains('\n'));
        }

        #[test]
        fn a_literal_never_comes_through(
            before in "[a-z =(,]{0,20}",
            inside in "[A-Za-z0-9$\"/*;, -]{0,20}",
            after in "[a-z =),;]{0,20}",
        ) {
            for (open, close) in [("'", "'"), ("E'", "'"), ("$q$", "$q$"), ("/*", "*/")] {
                // What would end it early is not inside, not even once another such has gone.
                let mut inside = inside.clone();
                for end in ["*/", "/*", "$q$"] {
                    while inside.contains(end) {
                        inside = inside.replace(end, "");
                    }
                }
                if ["*/", "/*"].iter().any(|end| inside.contains(end)) {
                    continue;
                }
                let secret = format!("{open}{inside}S3CRET{close}");
                let text = normalised(&format!("{before} {secret} {after}"));
                prop_assert!(!text.contains("S3CRET"), "{text}");
            }
        }
    }
}

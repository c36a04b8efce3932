//! Splits SQL text into words and signs, for the startup check.

/// A part of SQL text, as [`Tokens`] splits it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'t> {
    /// A name, a keyword or a number.
    Word(&'t str),
    /// A name in quotes, without the quotes.
    Quoted(&'t str),
    /// A string literal, with its quotes.
    Text(&'t str),
    /// One sign, or several that belong together.
    Sign(&'t str),
}

/// The parts of a text, from its start.
#[derive(Debug)]
pub(super) struct Tokens<'t> {
    rest: &'t str,
    /// Whether a value has just ended, so that brackets contain an index and not a name.
    is_value: bool,
}

impl<'t> Tokens<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        Self { rest: text, is_value: false }
    }

    /// Whether this character comes next.
    pub(super) fn is_before(&self, next: char) -> bool {
        self.rest.trim_start().starts_with(next)
    }

    /// Skips the type of a cast, `schema."type"(3) with time zone[]`, and returns its first word.
    pub(super) fn cast(&mut self) -> Option<&'t str> {
        let mut rest = self.rest.trim_start();
        let mut kind = None;
        loop {
            let (word, after) = if let Some(quoted) = rest.strip_prefix('"') {
                quoted.split_once('"').unwrap_or((quoted, ""))
            } else {
                rest.split_at(end(rest, is_word))
            };
            kind = kind.or(Some(word));
            rest = after;
            match rest.strip_prefix('.') {
                Some(after) => rest = after,
                None => break,
            }
        }
        for more in [" varying", " precision"] {
            rest = rest.strip_prefix(more).unwrap_or(rest);
        }
        if rest.starts_with('(') {
            rest = rest.split_once(')').map_or("", |(_, after)| after);
        }
        for more in [" with time zone", " without time zone"] {
            rest = rest.strip_prefix(more).unwrap_or(rest);
        }
        while let Some(after) = rest.strip_prefix("[]") {
            rest = after;
        }
        self.rest = rest;
        kind
    }
}

impl<'t> Iterator for Tokens<'t> {
    type Item = Token<'t>;

    fn next(&mut self) -> Option<Token<'t>> {
        let text = self.rest.trim_start();
        let first = text.chars().next()?;
        let is_inside = first == '[' && self.is_value && text.len() == self.rest.len();
        self.is_value = is_word(first) || matches!(first, ')' | ']');
        if let '"' | '`' | '[' = first
            && !is_inside
        {
            let last = if first == '[' { ']' } else { first };
            let (name, rest) = text[1..].split_once(last).unwrap_or((&text[1..], ""));
            self.rest = rest;
            return Some(Token::Quoted(name));
        }
        let length = match first {
            '\'' => text_length(text),
            _ if is_word(first) => end(text, is_word),
            _ if text.starts_with("::") => 2,
            _ if is_sign(first) => end(text, is_sign),
            _ => first.len_utf8(),
        };
        let (part, rest) = text.split_at(length);
        self.rest = rest;
        Some(match first {
            '\'' => Token::Text(part),
            _ if is_word(first) => Token::Word(part),
            _ => Token::Sign(part),
        })
    }
}

/// The position of the first character that `is_part` rejects.
fn end(text: &str, is_part: fn(char) -> bool) -> usize {
    text.find(|c| !is_part(c)).unwrap_or(text.len())
}

/// The length of the string literal. A quote in it is doubled.
fn text_length(text: &str) -> usize {
    let mut end = 1;
    while let Some(at) = text[end..].find('\'') {
        end += at + 1;
        if !text[end..].starts_with('\'') {
            return end;
        }
        end += 1;
    }
    text.len()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

fn is_sign(c: char) -> bool {
    matches!(c, '=' | '<' | '>' | '!' | '~' | '*' | '|' | '&' | '@')
}

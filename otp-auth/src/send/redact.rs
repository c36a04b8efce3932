//! What may be logged of a sender's error. Mail servers quote the address that they reject, and
//! some programs quote the message. Pure: text in, text out.

use std::ops::Range;

/// Longer texts are cut first, to limit the work.
const MAX_READ_BYTES: usize = 4 * 1024;

/// Characters in the result.
const MAX_WRITTEN_CHARS: usize = 300;

/// Replaces what is left out.
const REDACTED: &str = "[redacted]";

/// A longer run of digits may be a code, a telephone number or an id.
const MAX_DIGIT_RUN: usize = 5;

/// A longer run of the characters of a token may be one.
const MAX_TOKEN_RUN: usize = 63;

/// The text without addresses, runs of six or more digits, tokens and control characters, limited
/// to a few lines. `known` has further words to hide in any case, such as the recipient's address.
pub(super) fn redact(text: &str, known: &[&str]) -> String {
    let text: Vec<char> = beginning(text).replace("%40", "@").chars().map(plain_at).collect();
    let mut hidden = vec![false; text.len()];
    hide_runs(&text, &mut hidden, MAX_DIGIT_RUN, char::is_numeric);
    hide_runs(&text, &mut hidden, MAX_TOKEN_RUN, |c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    let mut hide = |range: Range<usize>| hidden[range].fill(true);
    for at in (0..text.len()).filter(|at| text[*at] == '@') {
        hide(address_around(&text, at));
    }
    for known in known {
        let known: Vec<char> = known.chars().filter(|c| !is_gap(*c)).collect();
        for at in 0..text.len() {
            if let Some(end) = word_at(&text, at, &known) {
                hide(at..end);
            }
        }
    }
    written(&text, &hidden)
}

/// Hides every longer run of characters that may belong to a secret.
fn hide_runs(text: &[char], hidden: &mut [bool], longest: usize, belongs: impl Fn(char) -> bool) {
    let mut end = 0;
    for run in text.chunk_by(|one, next| belongs(*one) == belongs(*next)) {
        end += run.len();
        if run.len() > longest && run.iter().all(|c| belongs(*c)) {
            hidden[end - run.len()..end].fill(true);
        }
    }
}

/// The start of a text, up to the end of a word.
fn beginning(text: &str) -> &str {
    if text.len() <= MAX_READ_BYTES {
        return text;
    }
    let part = &text[..text.floor_char_boundary(MAX_READ_BYTES)];
    part.rfind(char::is_whitespace).map_or("", |end| &part[..end])
}

/// Other characters that look like `@`.
fn plain_at(c: char) -> char {
    if matches!(c, '\u{ff20}' | '\u{fe6b}') { '@' } else { c }
}

/// Where an unquoted address begins or ends.
fn delimits(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '(' | ')' | '[' | ']' | '"' | ',' | ';' | ':')
}

/// The address around the `@` at this position, or more if that is ambiguous.
fn address_around(text: &[char], at: usize) -> Range<usize> {
    let mut start = at;
    while start > 0 && text[start - 1] == ' ' {
        start -= 1;
    }
    if start > 0 && text[start - 1] == '"' {
        // A quoted local part.
        start = text[..start - 1].iter().rposition(|c| *c == '"').unwrap_or(0);
    }
    while start > 0 && !delimits(text[start - 1]) {
        start -= 1;
    }
    let mut end = at + 1;
    while end < text.len() && text[end] == ' ' {
        end += 1;
    }
    while end < text.len() && !delimits(text[end]) {
        end += 1;
    }
    start..end
}

/// Characters that people put between the digits of a code.
fn is_gap(c: char) -> bool {
    matches!(c, ' ' | '-')
}

/// The end of `word` if it occurs at this position as a whole word, in any case, with gaps
/// anywhere.
fn word_at(text: &[char], at: usize, word: &[char]) -> Option<usize> {
    let joins = |c: Option<&char>| c.is_some_and(|c| c.is_alphanumeric());
    if word.is_empty() || (at > 0 && joins(text.get(at - 1))) {
        return None;
    }
    let mut end = at;
    for wanted in word {
        while end > at && text.get(end).copied().is_some_and(is_gap) {
            end += 1;
        }
        if !text.get(end)?.to_lowercase().eq(wanted.to_lowercase()) {
            return None;
        }
        end += 1;
    }
    (!joins(text.get(end))).then_some(end)
}

/// The rest, with a mark where something was removed.
fn written(text: &[char], hidden: &[bool]) -> String {
    let mut written = String::new();
    for (at, (c, hide)) in text.iter().zip(hidden).enumerate() {
        if *hide {
            if at == 0 || !hidden[at - 1] {
                written.push_str(REDACTED);
            }
        } else {
            written.push(if breaks_a_line(*c) { ' ' } else { *c });
        }
    }
    match written.char_indices().nth(MAX_WRITTEN_CHARS) {
        Some((end, _)) => format!("{}…", &written[..end]),
        None => written,
    }
}

/// Characters that could make a text look like another line or another text: control characters,
/// line separators, direction marks.
fn breaks_a_line(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_06_addresses_are_left_out_and_the_reason_stays() {
        for (text, expected) in [
            (
                "permanent error (550): 5.1.1 <ann.lee@example.com>: Recipient address rejected",
                "permanent error (550): 5.1.1 <[redacted]>: Recipient address rejected",
            ),
            ("550 ann@example.com... User unknown", "550 [redacted] User unknown"),
            (
                "rcpt to=<o'brien+tag@example.com>, relay=mx.example.com:25",
                "rcpt to=<[redacted]>, relay=mx.example.com:25",
            ),
            (r#"{"error":"bad","to":"ann@example.com"}"#, r#"{"error":"bad","to":"[redacted]"}"#),
            (r#"550 <"ann lee"@example.com>: no"#, "550 <[redacted]>: no"),
            ("no mailbox ann @ example.com here", "no mailbox [redacted] here"),
            ("no mailbox ann  @example.com here", "no mailbox [redacted] here"),
            ("error for url (https://mail.test/send?to=ann%40example.com)", "error for url (https:[redacted])"),
            ("grüße@bücher.example: unknown", "[redacted]: unknown"),
            ("ann\u{ff20}example.com: unknown", "[redacted]: unknown"),
            ("<ann@[192.0.2.1]> refused", "<[redacted][192.0.2.1]> refused"),
            ("connection refused (os error 111)", "connection refused (os error 111)"),
            ("@", "[redacted]"),
            ("", ""),
        ] {
            assert_eq!(redact(text, &[]), expected, "{text}");
        }
    }

    #[test]
    fn log_06_what_is_known_is_left_out_however_it_is_written() {
        let known = ["Ann.Lee", "493817"];
        for (text, expected) in [
            ("User unknown: ann.lee", "User unknown: [redacted]"),
            ("ANN.LEE has no mailbox", "[redacted] has no mailbox"),
            ("annlee, ann.leeds and joann.lee", "annlee, ann.leeds and joann.lee"),
            ("subject: code 493 817", "subject: code [redacted]"),
            ("subject: code 493-817.", "subject: code [redacted]."),
            ("4.4.2 timeout after 30 s", "4.4.2 timeout after 30 s"),
        ] {
            assert_eq!(redact(text, &known), expected, "{text}");
        }
        assert_eq!(redact("nothing known", &["", " "]), "nothing known");
    }

    #[test]
    fn log_06_long_runs_of_digits_are_left_out() {
        assert_eq!(redact("code 12345678 for 12345", &[]), "code [redacted] for 12345");
        assert_eq!(redact("٤٩٣٨١٧", &[]), "[redacted]");
    }

    #[test]
    fn log_06_long_tokens_are_left_out() {
        let token = "aB-_".repeat(24);
        assert_eq!(redact(&format!("GET /#unlock={token}&x: 500"), &[]), "GET /#unlock=[redacted]&x: 500");
        let word = "x".repeat(MAX_TOKEN_RUN);
        assert_eq!(redact(&word, &[]), word);
    }

    #[test]
    fn log_08_no_text_makes_a_line_of_its_own() {
        assert_eq!(redact("a\r\nb\u{1b}[31m\u{2028}c\u{202e}d\0", &[]), "a  b [31m c d ");
    }

    #[test]
    fn a_long_text_is_cut_and_shows_no_part_of_an_address() {
        let text = redact(&"x ".repeat(10_000), &[]);
        assert_eq!(text.chars().count(), MAX_WRITTEN_CHARS + 1);
        // The limit is inside the address.
        for fill in MAX_READ_BYTES - 20..MAX_READ_BYTES + 5 {
            let long = format!("{} annalee@example.com", "1".repeat(fill));
            let text = redact(&long, &[]);
            assert!(!text.contains("ann"), "{text}");
        }
        assert_eq!(redact(&"ann".repeat(5_000), &[]), "");
    }
}

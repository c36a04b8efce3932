//! The part before the `@`: a dot-atom (RFC 5322 section 3.2.3) of letters and digits of any script
//! (RFC 6531), in normalized form.

use icu_properties::CodePointMapData;
use icu_properties::props::{GeneralCategory, JoiningType, Script};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;

use super::InvalidAddress;
use crate::text;

/// RFC 5321 section 4.5.3.1.1, in octets.
const MAX_LOCAL_PART_BYTES: usize = 64;

/// The canonical form, with its case unchanged.
pub(super) fn normalize(typed: &str) -> Result<String, InvalidAddress> {
    let local = join_am(typed.nfc()).into_iter().nfc().collect::<String>();
    if local.len() > MAX_LOCAL_PART_BYTES || local.split('.').any(str::is_empty) {
        return Err(InvalidAddress);
    }
    // A character with a compatibility form looks like another one.
    if !local.nfkc().eq(local.chars().flat_map(split_am)) {
        return Err(InvalidAddress);
    }
    let chars: Vec<_> = local.chars().collect();
    let accepted = |at: usize| match chars[at] {
        '.' => true,
        c if c.is_ascii() => is_ascii_atext(c),
        joiner @ (NON_JOINER | JOINER) => may_join(joiner, &chars[..at], &chars[at + 1..]),
        c => !text::is_invisible(c) && (c.is_alphanumeric() || stands_on_its_script(c, &chars[..at])),
    };
    if (0..chars.len()).all(accepted) { Ok(local) } else { Err(InvalidAddress) }
}

/// RFC 5322 section 3.2.3.
fn is_ascii_atext(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c)
}

/// Whether it is a mark, such as a tone or a virama, after a letter of its own script. Generic
/// marks (such as U+0300) are accepted only if they compose with their letter.
fn stands_on_its_script(mark: char, before: &[char]) -> bool {
    let script = |c| CodePointMapData::<Script>::new().get(c);
    let own = script(mark);
    matches!(text::category(mark), GeneralCategory::NonspacingMark | GeneralCategory::SpacingMark)
        && own != Script::Common
        && before.iter().rev().map(|c| script(*c)).find(|found| *found != Script::Inherited) == Some(own)
}

const NON_JOINER: char = '\u{200c}';
const JOINER: char = '\u{200d}';

/// The canonical combining class of viramas.
const VIRAMA: u8 = 9;

/// IDNA's rules for joiners (RFC 5892 appendices A.1 and A.2), which allow them where they change
/// how text looks. `idna` checks them only in whole domain names, along with rules that do not
/// apply here.
fn may_join(joiner: char, before: &[char], after: &[char]) -> bool {
    if before.last().is_some_and(|c| canonical_combining_class(*c) == VIRAMA) {
        return true;
    }
    joiner == NON_JOINER
        && meets(before.iter().rev(), JoiningType::LeftJoining)
        && meets(after.iter(), JoiningType::RightJoining)
}

/// Whether the nearest letter joins on this side, skipping its marks.
fn meets<'a>(chars: impl Iterator<Item = &'a char>, side: JoiningType) -> bool {
    chars
        .map(|c| CodePointMapData::<JoiningType>::new().get(*c))
        .find(|kind| *kind != JoiningType::Transparent)
        .is_some_and(|kind| kind == side || kind == JoiningType::DualJoining)
}

/// The vowel AM of Thai and Lao, and its parts NIKHAHIT and AA.
const AM: [(char, char, char); 2] = [('\u{e33}', '\u{e4d}', '\u{e32}'), ('\u{eb3}', '\u{ecd}', '\u{eb2}')];

/// Writes each AM as one character. It is the only character with a compatibility form that people
/// need: keyboards have a key for it. Its two parts look the same, but NFC keeps them apart.
/// Mailbox names use the single character, so that is the canonical form and the one that e-mail
/// goes to. NIKHAHIT is drawn before the other marks of its letter, wherever it appears among them.
fn join_am(composed: impl Iterator<Item = char>) -> Vec<char> {
    let mut joined = Vec::new();
    for c in composed {
        let Some((am, nikhahit, aa)) = AM.into_iter().find(|(am, _, aa)| c == *am || c == *aa) else {
            joined.push(c);
            continue;
        };
        let is_mark = |c: &char| text::category(*c) == GeneralCategory::NonspacingMark;
        let letter = joined.iter().rposition(|c| !is_mark(c)).unwrap_or(0);
        let mut marked = joined.split_off(letter);
        let is_am = c == am || marked.contains(&nikhahit);
        marked.retain(|c| !is_am || *c != nikhahit);
        joined.append(&mut marked);
        joined.push(if is_am { am } else { aa });
    }
    joined
}

/// AM split as by compatibility normalization; other characters unchanged.
fn split_am(c: char) -> impl Iterator<Item = char> {
    let (first, second) = match AM.into_iter().find(|(am, ..)| *am == c) {
        Some((_, nikhahit, aa)) => (nikhahit, Some(aa)),
        None => (c, None),
    };
    std::iter::once(first).chain(second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_05_am_is_one_account_however_it_is_typed() {
        for (form, spellings) in [
            ("ค\u{e33}", &["ค\u{e33}", "ค\u{e4d}\u{e32}", "ค\u{e4d}\u{e33}"][..]),
            // With a tone before, between or after.
            ("น\u{e49}\u{e33}", &["น\u{e49}\u{e33}", "น\u{e4d}\u{e49}\u{e32}", "น\u{e49}\u{e4d}\u{e32}"]),
            ("ค\u{e33}.จ\u{e33}", &["ค\u{e4d}\u{e32}.จ\u{e33}", "ค\u{e33}.จ\u{e4d}\u{e32}"]),
            ("ຄ\u{eb3}", &["ຄ\u{eb3}", "ຄ\u{ecd}\u{eb2}", "ຄ\u{ecd}\u{eb3}"]),
            ("ນ\u{ec9}\u{eb3}", &["ນ\u{ec9}\u{eb3}", "ນ\u{ecd}\u{ec9}\u{eb2}", "ນ\u{ec9}\u{ecd}\u{eb2}"]),
            // A mark above and one below swap places when NIKHAHIT is removed.
            ("ก\u{e38}\u{e49}\u{e33}", &["ก\u{e49}\u{e4d}\u{e38}\u{e32}", "ก\u{e38}\u{e49}\u{e4d}\u{e32}"]),
        ] {
            for typed in spellings {
                assert_eq!(normalize(typed).as_deref(), Ok(form), "{typed:?}");
            }
        }
    }

    #[test]
    fn mail_05_nikhahit_and_aa_that_are_no_am_stay() {
        for typed in ["ก\u{e32}", "ก\u{e4d}", "ก\u{e4d}ก\u{e32}", "ก\u{e32}\u{e4d}", "ກ\u{eb2}", "ก\u{e4d}.\u{e32}"]
        {
            assert_eq!(normalize(typed).as_deref(), Ok(typed), "{typed:?}");
        }
    }

    #[test]
    fn mail_08_joiners_are_accepted_where_they_change_the_text_and_nowhere_else() {
        for typed in [
            "می\u{200c}خواهم",
            "نامه\u{200c}ها",
            // Past marks on both letters.
            "ب\u{64e}\u{200c}\u{64e}ب",
            "क्\u{200d}ष",
            "क्\u{200c}ष",
            "श्\u{200d}री.क्\u{200c}ष",
            "ශ්\u{200d}රී",
            "ന്\u{200d}",
            "user+می\u{200c}خواهم_1",
        ] {
            assert_eq!(normalize(typed).as_deref(), Ok(typed), "{typed:?}");
        }
        for typed in [
            "a\u{200c}b",
            "a\u{200d}b",
            "\u{200c}",
            "\u{200d}a",
            "می\u{200d}خواهم",
            "می\u{200c}\u{200c}خواهم",
            "می\u{200c}",
            "\u{200c}خواهم",
            "می\u{200c}.خواهم",
            "می\u{200c}a",
            // Waw and alef do not join to the next letter.
            "و\u{200c}و",
            "ا\u{200c}ب",
            "क\u{200d}ष",
            "क\u{200c}ष",
            "क्\u{200d}\u{200d}ष",
            "क्\u{200c}\u{200d}ष",
            "ค\u{200d}\u{e33}",
        ] {
            assert_eq!(normalize(typed), Err(InvalidAddress), "{typed:?}");
        }
    }

    #[test]
    fn mail_08_a_mark_stands_on_a_letter_of_its_script() {
        for typed in ["हिन्दी", "ज\u{93c}", "เก็บ", "จันทร์", "น\u{e49}อง", "ນ\u{ec9}ອງ", "தமிழ்", "שָׁלוֹם"]
        {
            assert_eq!(normalize(typed), Ok(typed.nfc().collect()), "{typed:?}");
        }
        for typed in ["\u{e49}", "a\u{e49}", "ก.\u{e49}", "1\u{e49}", "ກ\u{e49}", "a\u{94d}b", "x\u{301}", "a\u{20dd}"]
        {
            assert_eq!(normalize(typed), Err(InvalidAddress), "{typed:?}");
        }
    }

    /// What is accepted, by general rules that do not depend on the code above, and stays unchanged
    /// when parsed again.
    #[test]
    fn mail_08_t12_t13_t14_every_character_alone_in_a_name() {
        for c in '\u{80}'..=char::MAX {
            let Ok(local) = normalize(&format!("a{c}b")) else {
                continue;
            };
            assert_eq!(normalize(&local).as_ref(), Ok(&local), "{c:?}");
            // Some letters carry their mark in every form, and NFC knows one other form of an ASCII
            // character.
            let plain = |c: char| c.is_ascii() || c.is_alphanumeric() || canonical_combining_class(c) != 0;
            assert!(local.chars().all(plain), "{c:?}");
            assert!(!local.chars().any(text::is_blank), "{c:?}");
            let am = ['\u{e33}', '\u{eb3}'].contains(&c);
            assert_eq!(am, local.nfkc().ne(local.chars()), "{c:?}");
        }
    }

    #[test]
    fn mail_08_ascii_is_that_of_a_dot_atom() {
        for c in '\0'..'\u{80}' {
            let accepted = c == '.' || c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
            assert_eq!(normalize(&format!("a{c}b")).is_ok(), accepted, "{c:?}");
        }
    }

    /// All combinations of a few characters that interact.
    #[test]
    fn mail_05_normalising_twice_changes_nothing() {
        let parts = ['ก', '\u{e32}', '\u{e33}', '\u{e38}', '\u{e3a}', '\u{e49}', '\u{e4d}', '\u{200c}', '.', 'a'];
        let mut accepted = 0;
        for number in 0..parts.len().pow(5) {
            let digit = |place| parts[number / parts.len().pow(place) % parts.len()];
            let typed: String = (0..5).map(digit).collect();
            let Ok(local) = normalize(&typed) else {
                continue;
            };
            accepted += 1;
            assert_eq!(normalize(&local).as_ref(), Ok(&local), "{typed:?}");
            let split: String = local.chars().flat_map(split_am).collect();
            assert_eq!(normalize(&split), Ok(local), "{typed:?}");
        }
        assert!(accepted > 1_000);
    }
}

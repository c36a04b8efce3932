//! What people paste around a code or address, and digits of any script. The character properties
//! come from Unicode.

use icu_properties::props::{Dash, DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};

/// The text without invisible characters and spaces at its ends.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches(is_blank)
}

/// Whether nothing is visible: any space (`White_Space`), or [invisible](is_invisible).
pub(crate) fn is_blank(c: char) -> bool {
    c.is_whitespace() || is_invisible(c)
}

/// Whether displayed text ignores it (`Default_Ignorable_Code_Point`): zero-width characters,
/// direction marks, joiners, variation selectors.
pub(crate) fn is_invisible(c: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}

/// Whether it is a hyphen, dash or minus sign (`Dash`), or the sound mark that Japanese keyboards
/// produce instead.
pub(crate) fn is_dash(c: char) -> bool {
    CodePointSetData::new::<Dash>().contains(c) || matches!(c, '\u{30fc}' | '\u{ff70}')
}

pub(crate) fn category(c: char) -> GeneralCategory {
    CodePointMapData::new().get(c)
}

/// The ASCII digit with the value of a decimal digit of any script (`Decimal_Number`).
pub(crate) fn digit(c: char) -> Option<char> {
    let is_decimal = |c| CodePointMapData::<GeneralCategory>::new().get32(c) == GeneralCategory::DecimalNumber;
    let c = u32::from(c);
    if !is_decimal(c) {
        return None;
    }
    // Unicode assigns such digits ten consecutive code points in the order of their values. Several
    // scripts may be adjacent.
    let before = (1..=c).take_while(|back| is_decimal(c - back)).count();
    u32::try_from(before % 10).ok().and_then(|value| char::from_digit(value, 10))
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_normalization::UnicodeNormalization;

    fn every_char() -> impl Iterator<Item = char> {
        '\0'..=char::MAX
    }

    #[test]
    fn ux_02_the_digits_of_every_script_have_their_value() {
        for zero in [
            '0',
            '\u{660}',
            '\u{6f0}',
            '\u{7c0}',
            '\u{966}',
            '\u{9e6}',
            '\u{e50}',
            '\u{1040}',
            '\u{1090}',
            '\u{17e0}',
            '\u{1a80}',
            '\u{1a90}',
            '\u{ff10}',
            '\u{104a0}',
            '\u{116d0}',
            '\u{116da}',
            '\u{1d7ce}',
            '\u{1d7d8}',
            '\u{1d7e2}',
            '\u{1d7ec}',
            '\u{1d7f6}',
            '\u{1e950}',
            '\u{1fbf0}',
        ] {
            for value in 0..10 {
                let c = char::from_u32(u32::from(zero) + value).unwrap();
                assert_eq!(digit(c), char::from_digit(value, 10), "{c:?}");
            }
        }
    }

    #[test]
    fn every_decimal_digit_has_nine_companions_and_no_other_character_is_one() {
        let mut counts = [0; 10];
        for c in every_char() {
            let Some(found) = digit(c) else {
                assert_ne!(category(c), GeneralCategory::DecimalNumber, "{c:?}");
                continue;
            };
            assert_eq!(category(c), GeneralCategory::DecimalNumber, "{c:?}");
            counts[found.to_digit(10).unwrap() as usize] += 1;
            // If Unicode itself names the ASCII digit, it is the same one.
            let compatible: String = c.to_string().nfkc().collect();
            assert!(compatible == c.to_string() || compatible == found.to_string(), "{c:?}");
        }
        assert!(counts[0] >= 70);
        assert_eq!(counts, [counts[0]; 10]);
    }

    #[test]
    fn other_numbers_are_not_digits() {
        for c in ['²', '₂', '½', '①', '⑴', '➊', 'Ⅳ', '三', '〇', 'a', '-', ' '] {
            assert_eq!(digit(c), None, "{c:?}");
        }
    }

    #[test]
    fn every_direction_mark_and_zero_width_character_is_blank() {
        for c in "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}\
                  \u{200b}\u{200c}\u{200d}\u{2060}\u{feff}\u{ad}\u{34f}\u{180e}\u{fe0f}\u{e0100}\u{3164}"
            .chars()
        {
            assert!(is_invisible(c) && is_blank(c), "{c:?}");
        }
        for c in " \t\r\n\u{b}\u{c}\u{85}\u{a0}\u{1680}\u{2000}\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}".chars()
        {
            assert!(is_blank(c), "{c:?}");
        }
        for c in ['\0', '\u{7f}', 'a', '0', '.', '-', '@', '\u{fffd}'] {
            assert!(!is_blank(c), "{c:?}");
        }
    }

    #[test]
    fn dashes_are_those_of_unicode() {
        for c in
            "-\u{2010}\u{2011}\u{2012}–—\u{2015}\u{2053}\u{207b}\u{208b}\u{2212}\u{fe58}\u{ff0d}\u{301c}ーｰ".chars()
        {
            assert!(is_dash(c), "{c:?}");
        }
        // A minus with a special meaning is still a minus, and so is any punctuation dash.
        for c in every_char().filter(|c| category(*c) == GeneralCategory::DashPunctuation) {
            assert!(is_dash(c), "{c:?}");
        }
        for c in ['_', '+', '~', '.', '\u{b7}', '/'] {
            assert!(!is_dash(c), "{c:?}");
        }
    }
}

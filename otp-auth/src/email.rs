//! Addresses. Only this file normalizes and checks them.
//!
//! Two spellings that mail systems deliver to one mailbox have one canonical form. Nothing else is
//! merged. In particular, Unicode compatibility forms are not folded: the e-mail would go to the
//! look-alike, but the account would be the other one. (The vowel AM of Thai and Lao is the
//! exception; there, the e-mail goes to the canonical form.)

mod alias;
mod local_part;

use crate::secret::redacted;
use crate::text;

/// Whether the part before the `@` is case-sensitive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalPartCase {
    /// `A@x.com` and `a@x.com` are one account (ASCII letters only).
    Lower,
    /// They are two accounts, as RFC 5321 section 2.4 permits.
    Preserve,
}

/// The text is not an accepted address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an e-mail address")]
#[non_exhaustive]
pub struct InvalidAddress;

/// A checked address: as typed, and in the form that identifies the account.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    deliver_to: String,
    canonical: String,
}

/// RFC 5321 section 4.5.3.1.3: a path of 256 octets, less its brackets.
const MAX_ADDRESS_BYTES: usize = 254;

impl Address {
    /// Normalizes, then checks.
    ///
    /// Accepts a bare addr-spec with a dot-atom local part and a domain name of at least two
    /// labels. Drops surrounding spaces and invisible characters, and one dot after the domain.
    /// Rejects quoted local parts, comments, display names, address literals and lists. In the
    /// local part, also rejects whatever Unicode compatibility normalization would change (except
    /// the vowel AM of Thai and Lao, which becomes one character) and invisible characters (except
    /// joiners where IDNA allows them).
    ///
    /// # Errors
    ///
    /// [`InvalidAddress`], without a reason, which would only help an attacker who probes.
    pub fn parse(typed: &str, case: LocalPartCase) -> Result<Self, InvalidAddress> {
        // Longer than any valid spelling, even with every character of the domain in its longest
        // form. This bounds the work below.
        if typed.len() > 4 * MAX_ADDRESS_BYTES {
            return Err(InvalidAddress);
        }
        let (local, domain) = text::trim(typed).rsplit_once('@').ok_or(InvalidAddress)?;
        let local = local_part::normalize(local)?;
        let ascii_domain = domain_name(domain)?;

        let deliver_to = if domain.is_ascii() {
            format!("{local}@{}", domain.strip_suffix('.').unwrap_or(domain))
        } else {
            format!("{local}@{ascii_domain}")
        };
        let canonical = match case {
            LocalPartCase::Lower => format!("{}@{ascii_domain}", local.to_ascii_lowercase()),
            LocalPartCase::Preserve => format!("{local}@{ascii_domain}"),
        };
        // Lower case changes no length, so `deliver_to` is as long.
        if canonical.len() > MAX_ADDRESS_BYTES {
            return Err(InvalidAddress);
        }
        Ok(Self { deliver_to, canonical })
    }

    /// Where e-mail goes: the address as typed, without surrounding characters that are dropped. An
    /// internationalized domain is in its ASCII form.
    #[must_use]
    pub fn deliver_to(&self) -> &str {
        &self.deliver_to
    }

    /// The form that identifies the account: in the user table and in comparisons.
    #[must_use]
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// What all addresses of one mailbox have in common, as far as is known. For budgets only.
    pub(crate) fn folded(&self) -> String {
        alias::fold(&self.canonical)
    }
}

/// The domain in ASCII (UTS 46), in lower case, without a trailing dot.
fn domain_name(typed: &str) -> Result<String, InvalidAddress> {
    let domain = typed.strip_suffix('.').unwrap_or(typed);
    let ascii = idna::domain_to_ascii_strict(domain).map_err(|_| InvalidAddress)?;
    let last = ascii.rsplit('.').next().unwrap_or_default();
    // A numeric last label means an IP address (WHATWG URL 3.5).
    if !ascii.contains('.') || last.is_empty() || last.bytes().all(|b| b.is_ascii_digit()) {
        return Err(InvalidAddress);
    }
    Ok(ascii)
}

redacted!(Address);

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(typed: &str) -> Option<String> {
        Address::parse(typed, LocalPartCase::Lower).ok().map(|address| address.canonical)
    }

    #[test]
    fn mail_01_mail_04_rate_12_spellings_of_one_mailbox_are_one_account() {
        for typed in
            ["a@example.com", "A@example.com", "a@EXAMPLE.com", " a@example.com ", "a@example.com.", "a@example.com\n"]
        {
            assert_eq!(canonical(typed).as_deref(), Some("a@example.com"), "{typed:?}");
        }
        for typed in ["u@münchen.de", "u@xn--mnchen-3ya.de", "u@MÜNCHEN.de", "u@mu\u{308}nchen.de"] {
            assert_eq!(canonical(typed).as_deref(), Some("u@xn--mnchen-3ya.de"), "{typed:?}");
        }
    }

    #[test]
    fn ux_02_spaces_and_invisible_characters_around_an_address_are_dropped() {
        for c in ('\0'..=char::MAX).filter(|c| text::is_blank(*c)) {
            for typed in [format!("a@x.com{c}"), format!("{c}a@x.com"), format!("{c}{c} a@x.com. {c}")] {
                let address = Address::parse(&typed, LocalPartCase::Lower).unwrap();
                assert_eq!((address.deliver_to(), address.canonical()), ("a@x.com", "a@x.com"), "{c:?}");
            }
            assert_eq!(canonical(&format!("a{c}b@x.com")), None, "{c:?}");
            assert_eq!(canonical(&format!("a{c}@x.com")), None, "{c:?}");
        }
        assert_eq!(canonical("\u{202a}\u{200e}a@x.com\u{202c}\u{a0}").as_deref(), Some("a@x.com"));
        // Dashes are part of the name.
        assert_eq!(canonical("-a@x.com").as_deref(), Some("-a@x.com"));
        assert_eq!(canonical("a@x.com-"), None);
    }

    #[test]
    fn mail_02_the_case_of_the_local_part_follows_the_setting() {
        let preserved = Address::parse("Ab@X.com", LocalPartCase::Preserve).unwrap();
        assert_eq!(preserved.canonical(), "Ab@x.com");
        assert_eq!(canonical("Ab@X.com").as_deref(), Some("ab@x.com"));
    }

    #[test]
    fn mail_03_mail_goes_to_the_address_as_typed() {
        let address = Address::parse(" Ann.Lee@Example.COM ", LocalPartCase::Lower).unwrap();
        assert_eq!(address.deliver_to(), "Ann.Lee@Example.COM");
        let address = Address::parse("Ann@münchen.de", LocalPartCase::Lower).unwrap();
        assert_eq!(address.deliver_to(), "Ann@xn--mnchen-3ya.de");
    }

    #[test]
    fn mail_05_composed_and_decomposed_local_parts_are_one_account() {
        assert_eq!(canonical("jos\u{e9}@x.com"), canonical("jose\u{301}@x.com"));
        assert!(canonical("jos\u{e9}@x.com").is_some());
    }

    /// If two spellings look the same, e-mail must go to the one that identifies the account.
    #[test]
    fn mail_05_am_is_delivered_to_the_form_that_names_the_account() {
        for (typed, form) in [
            ("ค\u{e33}@x.com", "ค\u{e33}@x.com"),
            ("ค\u{e4d}\u{e32}@x.com", "ค\u{e33}@x.com"),
            ("ຄ\u{ecd}\u{eb2}@x.com", "ຄ\u{eb3}@x.com"),
        ] {
            let address = Address::parse(typed, LocalPartCase::Lower).unwrap();
            assert_eq!((address.deliver_to(), address.canonical()), (form, form));
        }
    }

    #[test]
    fn mail_06_dots_and_tags_are_part_of_the_name() {
        assert_ne!(canonical("a.b@gmail.com"), canonical("ab@gmail.com"));
        assert_eq!(canonical("a+b@x.com").as_deref(), Some("a+b@x.com"));
    }

    #[test]
    fn mail_07_lengths_are_those_of_rfc_5321() {
        let domain = "x.com";
        assert!(canonical(&format!("{}@{domain}", "a".repeat(64))).is_some());
        assert!(canonical(&format!("{}@{domain}", "a".repeat(65))).is_none());
        let long = format!("{}@{}.com", "a".repeat(64), vec!["b".repeat(61); 3].join("."));
        assert_eq!(long.len(), 254);
        assert!(canonical(&long).is_some());
        assert!(canonical(&long.replace(".com", ".comm")).is_none());
        assert!(canonical(&format!("{}@x.com", "a".repeat(1_000_000))).is_none());
        // With what is dropped around it.
        let padded = |bytes: usize| format!("{:bytes$}", "a@x.com");
        assert!(canonical(&padded(4 * 254)).is_some());
        assert!(canonical(&padded(4 * 254 + 1)).is_none());
    }

    #[test]
    fn mail_08_mail_09_t12_t13_t14_everything_but_one_plain_address_is_refused() {
        for typed in [
            "",
            "@",
            "a",
            "a@",
            "@x.com",
            "a@b",
            "a@localhost",
            "a@x..com",
            "a@.x.com",
            ".a@x.com",
            "a.@x.com",
            "a..b@x.com",
            "a@x.com,b@y.com",
            "a@x.com;b@y.com",
            "a@x.com b@y.com",
            "a@b@x.com",
            "Bob <bob@x.com>",
            "<bob@x.com>",
            "\"e@attacker\"@x.com",
            "\"a\"@x.com",
            "a(c)@x.com",
            "a@x.com(c)",
            "a\r\nBcc:b@y.com@x.com",
            "a@x.com\r\nBcc: b@y.com",
            "a\0@x.com",
            "a@x\0.com",
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            "a@1.2",
            "a\u{ff20}x.com",
            "a\u{ff20}b@x.com",
            "\u{ff41}dmin@x.com",
            "ad\u{200b}min@x.com",
            "a@x.com..",
            "a@-x.com",
            "a@x_y.com",
            "a b@x.com",
            "a@x.com\u{0}",
            "\u{fb01}@x.com",
            "a@\u{202e}x.com",
            "a\u{7f}@x.com",
        ] {
            assert_eq!(canonical(typed), None, "{typed:?}");
        }
    }

    #[test]
    fn db_04_sql_in_an_address_is_plain_text() {
        assert_eq!(canonical("a'--@x.com").as_deref(), Some("a'--@x.com"));
    }

    #[test]
    fn canonicalising_twice_changes_nothing() {
        for typed in [
            "A.b+c@Ex-ample.ORG",
            "é@münchen.de",
            "o'neil@x.co.uk",
            "น\u{e4d}\u{e49}\u{e32}@ค\u{e33}.com",
            "A.می\u{200c}خواهم@x.com",
        ] {
            let once = canonical(typed).unwrap();
            assert_eq!(canonical(&once), Some(once));
        }
    }
}

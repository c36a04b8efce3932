//! Addresses that reach one mailbox, as far as a rule can tell. Only budgets use this: an account
//! keeps its own address, and so does an e-mail.

/// A canonical address without what its owner can vary at will: upper case, a `+tag`, and at Gmail
/// also dots and the second name of the domain.
///
/// Rules of other providers are not folded: tags after `-`, subdomains as tags, dots at Google
/// Workspace, and domains that accept every name.
pub(super) fn fold(canonical: &str) -> String {
    let (local, domain) = canonical.rsplit_once('@').unwrap_or((canonical, ""));
    let local = local.to_lowercase();
    let untagged = match local.split_once('+') {
        Some((name, _tag)) if !name.is_empty() => name,
        _ => local.as_str(),
    };
    match domain {
        "gmail.com" | "googlemail.com" => format!("{}@gmail.com", untagged.replace('.', "")),
        _ => format!("{untagged}@{domain}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Address, LocalPartCase};

    fn folded(typed: &str) -> String {
        Address::parse(typed, LocalPartCase::Preserve).unwrap().folded()
    }

    #[test]
    fn rate_12_t33_a_tag_and_the_dots_of_gmail_are_folded_and_nothing_else() {
        for (typed, expected) in [
            ("ann@x.com", "ann@x.com"),
            ("Ann@X.com", "ann@x.com"),
            ("ÉMILE@x.com", "émile@x.com"),
            ("ann+1@x.com", "ann@x.com"),
            ("ann+1+2@x.com", "ann@x.com"),
            ("ann+@x.com", "ann@x.com"),
            ("a.nn+1@x.com", "a.nn@x.com"),
            ("+1@x.com", "+1@x.com"),
            ("+1+2@x.com", "+1+2@x.com"),
            ("ann-1@x.com", "ann-1@x.com"),
            ("ann@1.x.com", "ann@1.x.com"),
            ("A.n.N+shop@gmail.com", "ann@gmail.com"),
            ("ann@googlemail.com", "ann@gmail.com"),
            ("a.nn@mail.gmail.com", "a.nn@mail.gmail.com"),
            ("+1.2@gmail.com", "+12@gmail.com"),
        ] {
            assert_eq!(folded(typed), expected, "{typed}");
            assert_eq!(folded(expected), expected);
        }
    }

    #[test]
    fn rate_12_every_spelling_of_an_account_folds_alike() {
        for [one, other] in [["ann+1@münchen.de", "ann@xn--mnchen-3ya.de"], ["jos\u{e9}+1@x.com", "jose\u{301}@x.com"]]
        {
            assert_eq!(folded(one), folded(other));
        }
    }
}

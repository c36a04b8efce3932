//! An e-mail address as typed: what is accepted is one plain address, and the canonical form is
//! its own canonical form.
#![no_main]

use libfuzzer_sys::fuzz_target;
use otp_auth::config::LocalPartCase;
use otp_auth::fuzzing;
use otp_auth::user::Address;

fuzz_target!(|typed: &str| {
    for case in [LocalPartCase::Lower, LocalPartCase::Preserve] {
        let Ok(address) = Address::parse(typed, case) else { continue };
        for form in [address.deliver_to(), address.canonical()] {
            assert_plain(form);
            let again = Address::parse(form, case).expect("what is accepted is accepted again");
            assert_eq!(again.canonical(), address.canonical());
        }
        let domain = domain(address.canonical());
        assert!(!domain.bytes().any(|byte| byte.is_ascii_uppercase()));
        assert_eq!(domain.to_ascii_lowercase(), self::domain(address.deliver_to()).to_ascii_lowercase());
        assert_folded(&address, case);
    }
    // The cases of the local part differ in nothing else.
    let [lower, preserved] = [LocalPartCase::Lower, LocalPartCase::Preserve].map(|case| Address::parse(typed, case));
    assert_eq!(lower.is_ok(), preserved.is_ok());
    if let (Ok(lower), Ok(preserved)) = (lower, preserved) {
        assert_eq!(lower.canonical(), preserved.canonical().to_ascii_lowercase());
        assert_eq!(lower.deliver_to(), preserved.deliver_to());
        assert_eq!(fuzzing::folded(&lower), fuzzing::folded(&preserved));
    }
});

/// One address, without anything that a mail system could read as another one or as a header.
fn assert_plain(form: &str) {
    let (local, domain) = form.rsplit_once('@').expect("an @");
    assert!(!local.is_empty() && local.len() <= 64 && form.len() <= 254);
    assert!(!form.contains(|c: char| c.is_control() || c.is_whitespace() || ",;:<>()[]\"\\".contains(c)));
    assert!(!local.contains('@') && !local.split('.').any(str::is_empty));
    assert!(domain.split('.').count() >= 2);
    for label in domain.split('.') {
        assert!((1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-'));
        assert!(label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
    }
}

fn domain(form: &str) -> &str {
    form.rsplit_once('@').expect("an @").1
}

/// Folding touches no domain but Gmail's, adds nothing, and changes nothing the second time.
fn assert_folded(address: &Address, case: LocalPartCase) {
    let folded = fuzzing::folded(address);
    let own = domain(address.canonical());
    let mailbox = if own == "googlemail.com" { "gmail.com" } else { own };
    assert_eq!(domain(&folded), mailbox);
    if let Ok(parsed) = Address::parse(&folded, case) {
        assert_eq!(fuzzing::folded(&parsed), folded);
    }
    let tagged = address.canonical().replacen('@', "+tag@", 1);
    if let Ok(tagged) = Address::parse(&tagged, case)
        && !address.canonical().starts_with('+')
    {
        assert_eq!(fuzzing::folded(&tagged), folded);
    }
}

//! What the compiler says: wrong attributes get answers, and the generated
//! code survives the crates that people put it into.
//!
//! `TRYBUILD=overwrite cargo test -p otp-auth-tests --test ui` writes the
//! expected answers anew.

#[test]
fn macros() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    cases.compile_fail("tests/ui/fail/*.rs");
}

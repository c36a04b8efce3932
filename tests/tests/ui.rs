//! Compiler messages: wrong attributes get helpful errors, and generated code compiles in crates of
//! any kind.
//!
//! `TRYBUILD=overwrite cargo test -p otp-auth-tests --test ui` rewrites the expected output.

#[test]
fn macros() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    cases.compile_fail("tests/ui/fail/*.rs");
}

//! TLS is rustls with its aws-lc provider.

/// Makes aws-lc the default provider of the process, unless there already is one.
///
/// A crate that names no provider gets the only one that was compiled in, and panics if there are
/// two. Without this call, we would cause that panic in an application that chose the other one.
pub(crate) fn install_provider() {
    // Fails if the application has installed one, which then stays.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use rustls::crypto::CryptoProvider;

    /// Other tests install one as well, so this one runs itself in a process of its own.
    #[test]
    fn the_process_has_a_provider() {
        if std::env::var_os("ALONE").is_some() {
            assert!(CryptoProvider::get_default().is_none());
            super::install_provider();
            assert!(CryptoProvider::get_default().is_some());
            return;
        }
        let test = "store::tls::tests::the_process_has_a_provider";
        let mut itself = Command::new(std::env::current_exe().unwrap());
        let output = itself.args(["--exact", test]).env("ALONE", "").output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(printed.contains("test result: ok. 1 passed"), "{printed}");
    }
}

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
    #[test]
    fn the_process_has_a_provider() {
        super::install_provider();
        assert!(rustls::crypto::CryptoProvider::get_default().is_some());
    }
}

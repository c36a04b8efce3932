//! TLS is rustls with its aws-lc provider.

/// Makes that provider the default of the process, where there is none yet.
///
/// A crate that names no provider gets the only one that was compiled in, and
/// panics where there are two: so it would be of our making when an
/// application has chosen the other one.
pub(crate) fn install_provider() {
    // Refused where the application has installed one: then that one stays.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

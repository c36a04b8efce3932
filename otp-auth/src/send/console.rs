//! A sender for development: it prints.

use std::io::Write;

use super::{OtpMessage, SendError, SendOtp};

/// Prints codes to standard output, for development.
///
/// Whoever reads the output of the program can sign in as anybody: do not use
/// it where that matters.
#[derive(Debug, Clone, Copy, Default)]
pub struct ConsoleSender;

impl SendOtp for ConsoleSender {
    async fn send_otp(&self, message: OtpMessage<'_>) -> Result<(), SendError> {
        // An address may hold letters of any script, but nothing that a
        // terminal would obey: `Address::parse` has refused control
        // characters.
        let minutes = message.expires_in.as_secs().div_ceil(60);
        writeln!(std::io::stdout(), "code for {}: {} (valid for {minutes} min)", message.address, message.code)
            .map_err(SendError::new)
    }
}

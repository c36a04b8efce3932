//! A sender for development that prints.

use std::io::Write;

use super::{OtpMessage, SendError, SendOtp};

/// Prints codes to standard output, for development.
///
/// Anyone who can read the output can sign in as anyone. Use it only in development.
#[derive(Debug, Clone, Copy, Default)]
pub struct ConsoleSender;

impl SendOtp for ConsoleSender {
    async fn send_otp(&self, message: OtpMessage<'_>) -> Result<(), SendError> {
        // An address may have letters of any script, but no terminal control sequences:
        // `Address::parse` rejects control characters.
        let minutes = message.expires_in.as_secs().div_ceil(60);
        writeln!(std::io::stdout(), "code for {}: {} (valid for {minutes} min)", message.address, message.code)
            .map_err(SendError::new)
    }
}

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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A process cannot read its own output, so this test runs itself.
    #[tokio::test]
    async fn the_code_is_printed() {
        if std::env::var_os("PRINT_A_CODE").is_some() {
            let message = OtpMessage::new("ann@x.com", "123456", Duration::from_secs(541));
            return ConsoleSender.send_otp(message).await.unwrap();
        }
        let test = "send::console::tests::the_code_is_printed";
        let mut itself = std::process::Command::new(std::env::current_exe().unwrap());
        let output = itself.args(["--exact", test]).env("PRINT_A_CODE", "").output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(printed.contains("code for ann@x.com: 123456 (valid for 10 min)\n"), "{printed}");
    }
}
